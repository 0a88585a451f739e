"""Binaries of macOS, made here by Go, clang and LLVM's linker: their functions and debug information."""

import os
import random
import shutil
import subprocess

import pytest
from tests.symbols.dwarf.asking import places, spelled
from tests.symbols.dwarf.programs import GO_SAMPLE
from tests.symbols.programs import tool

from tracekit.core.listed import Kind, listed
from tracekit.core.signature import Language
from tracekit.errors import BinaryError, TracekitError
from tracekit.symbols import declarations, listing
from tracekit.symbols.dwarf import DebugInfoError
from tracekit.symbols.image import open_image
from tracekit.symbols.macho import open_macho

TEXT = """
struct pair { long data; unsigned len; };
struct wide { long a[5]; };
volatile long sink;
static __attribute__((noinline)) long hidden(long x) { return sink += x; }
__attribute__((noinline)) long take(int k, struct pair value, struct wide wide, double d)
{ sink += k + value.data + value.len + wide.a[1] + (long)d; return hidden(sink); }
int main(int c, char **v)
{ struct pair p = {c, 2}; struct wide w = {{c}}; return (int)(take(c, p, w, 1.5) + hidden(c)) & 0; }
"""
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


def skip(package):
    """What is missing, and how to get it."""
    pytest.skip(f"a tool for macOS is missing: apt-get install {package}")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """``build(machine, *flags, link=False)`` gives the path of an object file, or of a linked program."""

    def run(machine, *flags, link=False):
        folder = tmp_path_factory.mktemp("macho")
        (folder / "take.c").write_text(TEXT)
        command = [tool("clang"), "-target", f"{machine}-apple-macos12", "-c", *flags, "take.c", "-o", "take.o"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        if not link:
            return str(folder / "take.o")
        linker = shutil.which("ld64.lld") or shutil.which("ld64.lld-14") or skip("lld")
        command = [linker, "-arch", machine, "-platform_version", "macos", "12", "12", "-e", "_main",
                   "-undefined", "dynamic_lookup", "take.o", "-o", "take"]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        return str(folder / "take")

    return run


@pytest.fixture(scope="module")
def build_go(tmp_path_factory):
    """``build_go(architecture, *flags)`` gives the path of the Go program for macOS."""

    def run(architecture, *flags):
        folder = tmp_path_factory.mktemp("go")
        (folder / "main.go").write_text(GO_SAMPLE)
        (folder / "go.mod").write_text("module sample\ngo 1.18\n")
        environment = os.environ | {
            "GOOS": "darwin", "GOARCH": architecture, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local",
            "GOFLAGS": "-buildvcs=false",
        }  # fmt: skip
        command = [tool("go"), "build", *flags, "-o", "program", "."]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
        return str(folder / "program")

    return run


def signature(binary, name):
    """The signature of a function."""
    (function,) = binary.function(name)
    return binary.debug_info().signature(function.address, name, local=function.local)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("machine", MACHINES)
def test_object_files(machine, version, build):
    """Of an optimised object file, functions, their types and their places at the entry are known."""
    binary = open_macho(build(machine, "-O1", f"-gdwarf-{version}"), machine)
    assert binary.machine == MACHINES[machine]
    take = signature(binary, "take")
    assert (take.language, take.name) == (Language.C, "take")
    assert spelled(take) == ["k: int", "value: pair", "wide: wide", "d: double"]
    found = places(take)
    if machine == "arm64":
        # The other half is masked first, and so has no place at the entry.
        assert found == {"k": "0+4:x0", "value": "0+8:x1", "wide": "0+40:[x3+0]", "d": "0+8:v0"}
    else:
        assert found == {"k": "0+4:rdi", "value": "0+8:rsi 8+4:rdx", "wide": None, "d": "0+8:xmm0"}
    assert binary.debug_info().is_unoptimised(take.address) is False
    assert [f.name for f in binary.functions if f.local] == ["hidden"]


@pytest.mark.parametrize("machine", MACHINES)
def test_bundles(machine, build):
    """The debug information of a linked program is in dsymutil's bundle, which alone will do, too."""
    path = build(machine, "-O0", "-g", link=True)
    with pytest.raises(DebugInfoError, match=r"there is no .*take\.dSYM that belongs to it") as caught:
        open_macho(path, machine).debug_info()
    assert "dsymutil" in caught.value.hint
    subprocess.run([tool("dsymutil"), path], check=True, capture_output=True)
    for name in (path, f"{path}.dSYM"):
        binary = open_macho(name, machine)
        assert len(binary.build_id) == 32
        take = signature(binary, "take")
        assert spelled(take) == ["k: int", "value: pair", "wide: wide", "d: double"]
        assert not any(places(take).values())
        debug = binary.debug_info()
        assert debug.is_unoptimised(take.address) is True
        assert take.address < debug.prologue_end(take.address) < take.address + binary.function("take")[0].size


def test_functions_are_listed(build):
    """An index has its functions too, with their declarations."""
    path = build("arm64", "-O0", "-g", link=True)
    subprocess.run([tool("dsymutil"), path], check=True, capture_output=True)
    binary = open_macho(path, "arm64")
    debug = binary.debug_info()
    while listing.advance(binary, lambda _: debug, 10.0) < listing.DONE:
        pass
    found = {f.name: f for f in map(listed, listing.lines(binary, 0).splitlines()[1:])}
    take = found["take"]
    assert (take.kind, take.address) == (Kind.FUNCTION, binary.function("take")[0].address)
    (told,) = declarations.details(binary, lambda _: debug, (take,))
    assert "take(int k, struct pair value, struct wide wide, double d)" in told.signature


def test_a_bundle_of_another_build_is_not_used(build):
    """A bundle with another UUID than the program's is not used."""
    path, other = build("arm64", "-O0", "-g", link=True), build("arm64", "-O1", "-g", link=True)
    subprocess.run([tool("dsymutil"), other, "-o", f"{path}.dSYM"], check=True, capture_output=True)
    os.rename(f"{path}.dSYM/Contents/Resources/DWARF/take", f"{path}.dSYM/Contents/Resources/DWARF/other")
    with pytest.raises(DebugInfoError, match="has no debug information"):
        open_macho(path, "arm64").debug_info()


@pytest.mark.parametrize(
    ("architecture", "first"), [("arm64", "0+8:x0 8+8:x1 16+8:x2"), ("amd64", "0+8:rax 8+8:rbx 16+8:rcx")]
)
def test_go(architecture, first, build_go):
    """Of a Go program for macOS, compressed debug information included, all is known that is on Linux."""
    binary = open_macho(build_go(architecture), architecture)
    insert = signature(binary, "main.Cache.Insert")
    assert spelled(insert)[:2] == ["c: main.Cache", "ctx: context.Context"]
    assert (places(insert)["c"], places(insert)["key"]) == (first, "0+32:stack+8")
    assert [r.name for r in insert.results] == ["~r0", "~r1"]
    assert binary.function("main.(*Cache).Put")


def test_fat_binaries(build, tmp_path):
    """Of a binary for several processors, the part is read that is asked for; others are refused by name."""
    paths = [build(machine, "-O1", "-g") for machine in MACHINES]
    fat = str(tmp_path / "fat")
    lipo = shutil.which("llvm-lipo") or shutil.which("llvm-lipo-14") or skip("llvm")
    subprocess.run([lipo, "-create", *paths, "-output", fat], check=True, capture_output=True)
    assert places(signature(open_macho(fat, "arm64"), "take"))["k"] == "0+4:x0"
    assert places(signature(open_macho(fat, "x86_64"), "take"))["k"] == "0+4:rdi"
    with pytest.raises(BinaryError, match="has no part for riscv64; it has those for"):
        open_macho(fat, "riscv64")


def test_others_are_refused(build, tmp_path):
    """What is missing, no Mach-O, or for another processor, is refused; Mach-O is still refused for tracing."""
    path = build("arm64", "-O1", "-g")
    with pytest.raises(BinaryError, match="is for aarch64, not for x86_64"):
        open_macho(path, "x86_64")
    with pytest.raises(BinaryError, match="can't be opened"):
        open_macho(str(tmp_path / "missing"), "arm64")
    with pytest.raises(BinaryError, match="is not a 64-bit Mach-O binary"):
        open_macho(tool("true"), "x86_64")
    with pytest.raises(BinaryError, match=r"is no \.dSYM bundle"):
        open_macho(str(tmp_path), "arm64")
    with pytest.raises(BinaryError, match="is a macOS binary"):
        open_image(path)


def test_damaged_binaries(build, tmp_path):
    """However headers, commands and symbols are damaged, the answer is one or a refusal."""
    with open(build("arm64", "-O1", "-g"), "rb") as file:
        content = file.read()
    answers = refusals = 0
    for seed in range(300):
        chance = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(1500 if chance.random() < 0.7 else len(damaged))] = chance.randrange(256)
        path = tmp_path / "damaged"
        path.write_bytes(damaged[: chance.randrange(len(damaged))] if chance.random() < 0.1 else damaged)
        try:
            binary = open_macho(str(path), "arm64")
            for function in binary.functions:
                binary.debug_info().signature(function.address, function.name, local=function.local)
                answers += 1
        except TracekitError:
            refusals += 1
    assert answers > 20
    assert refusals > 20
