"""Which implementation an indirect function (IFUNC) has."""

import os
import subprocess

import pytest
from tests.symbols.names import ambiguous, one
from tests.symbols.programs import tool

from tracekit.core.probe import FunctionName
from tracekit.errors import BinaryError
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.indirect import (
    check_library,
    implementations,
    read_implementation,
    resolver_command,
)  # fmt: skip

LIBRARY = r"""
volatile int sink;
__attribute__((noinline)) int quick_fast(int x) { return sink += x; }
__attribute__((noinline)) int quick_plain(int x) { return sink -= x; }
static void *choose(void) { return quick_fast; }
int quick(int x) __attribute__((ifunc("choose")));
__attribute__((visibility("hidden"))) int inner(int x) __attribute__((ifunc("choose")));
int use(int x) { return inner(x); }
static void *abroad(void) { extern int puts(const char *); return puts; }
int away(int x) __attribute__((ifunc("abroad")));
"""

PROGRAM = r"""
#include <string.h>
#include <stdio.h>
void *volatile chosen[2];
void stop(void) { __asm__ volatile(""); }
int main(void) { chosen[0] = (void *)strlen; chosen[1] = (void *)strchr; stop(); return 0; }
"""


@pytest.fixture(scope="module")
def library(build):
    """A library with indirect functions of its own."""
    return build(LIBRARY, "-O1", "-shared", "-fPIC")


def resolved(path, name):
    """The implementation that the command finds."""
    done = subprocess.run(resolver_command(path, name), check=False, capture_output=True)
    return read_implementation(done.stdout, open_image(path), name)


def test_a_library_of_our_own(library):
    """The implementation is the one that the resolver returns."""
    image = open_image(library)
    indirect = one(image, "quick")
    assert indirect.indirect
    check_library(image, indirect)
    assert resolved(library, "quick") == one(image, "quick_fast")


@pytest.mark.parametrize("name", ["strlen", "strchr"])
def test_libc_agrees_with_gdb(build, name):
    """For libc's functions it is the code that a running program has, as gdb shows it."""
    program = build(PROGRAM, "-O0", "-g", "-fno-builtin")
    index = ["strlen", "strchr"].index(name)
    commands = ["set debuginfod enabled off", "set startup-with-shell off", "break stop", "run"]
    commands += [f'printf "chosen %lx\\n", chosen[{index}]', "info proc mappings"]
    arguments = [part for command in commands for part in ("-ex", command)]
    said = subprocess.run(
        [tool("gdb"), "-nx", "-batch", *arguments, program], check=True, capture_output=True, text=True
    ).stdout
    chosen = next(int(line.split()[1], 16) for line in said.splitlines() if line.startswith("chosen "))
    libc = next(line.split() for line in said.splitlines() if "/libc.so" in line)
    path, start = libc[-1], int(libc[0], 16)
    assert one(open_image(path), name).indirect
    assert resolved(path, name).address == chosen - start


def test_code_elsewhere(library):
    """An implementation in another library or in the kernel's vDSO is refused, and not taken for an address."""
    with pytest.raises(BinaryError, match=r"away of .* goes to code outside of it"):
        resolved(library, "away")


def test_functions_that_nothing_can_ask_for(library):
    """A hidden function, a command that failed and nonsense are refused with possible implementations."""
    with pytest.raises(BinaryError, match=r"inner of .* is not exported"):
        resolved(library, "inner")
    image = open_image(library)
    for output in (b"", b"0x", b"0x1\n", b"-0x5", b"\xff", b"1" * 5000, b"0x7fffffffffff\n"):
        with pytest.raises(BinaryError, match="could not be found out") as caught:
            read_implementation(output, image, "quick")
        assert "one of quick_fast, quick_plain" in caught.value.hint


def test_a_library_that_ends_the_process(build):
    """A resolver that crashes is refused, and harms only the process that asked."""
    text = """static void *choose(void) { __builtin_trap(); } int f(int) __attribute__((ifunc("choose")));"""
    path = build(text, "-shared", "-fPIC", "-w")
    with pytest.raises(BinaryError, match="could not be found out"):
        resolved(path, "f")


@pytest.mark.parametrize("flags", [("-static",), ("-pie", "-fPIE"), ("-no-pie",)])
def test_programs(build, flags):
    """In a program only the program knows; the error lists the implementations by their names."""
    text = """__attribute__((target_clones("avx2", "default"), noinline)) int f(int x) { return x * 3; }
    int foo(int x) { return x; } int main(int c, char **v) { return f(c) + foo(c); }"""
    if os.uname().machine != "x86_64":
        pytest.skip("other processors have no avx2")
    image = open_image(build(text, "-O1", *flags))
    indirect = one(image, "f")
    assert indirect.indirect
    with pytest.raises(BinaryError, match="only the running program knows") as caught:
        check_library(image, indirect)
    names = sorted(f.name for f in implementations(image, "f"))
    assert [name.split(".")[1] for name in names] == ["avx2", "default"]
    assert all(name in caught.value.hint for name in names)


def test_old_versions(build, tmp_path):
    """Of two versions, the one that new programs don't get is refused: asking would find the other's."""
    versions = tmp_path / "versions"
    versions.write_text("V1 { global: f; local: *; };\nV2 { global: f; } V1;\n")
    text = """static int one(void) { return 1; } static int two(void) { return 2; }
    static void *first(void) { return one; } static void *second(void) { return two; }
    int old(void) __attribute__((ifunc("first"))); int new(void) __attribute__((ifunc("second")));
    __asm__(".symver old, f@V1"); __asm__(".symver new, f@@V2");"""
    path = build(text, "-shared", "-fPIC", f"-Wl,--version-script={versions}", "-s")
    image = open_image(path)
    places = {
        place: int(line.split()[0], 16)
        for line in ambiguous(image, "f").candidates
        for place in [line.split(" ", 1)[1]]
    }
    (old,), (new,) = (
        find(image, FunctionName(hex(places[f"({which})"])))
        for which in ("an old version", "the current version")
    )
    with pytest.raises(BinaryError, match="an old version"):
        check_library(image, old)
    check_library(image, new)
    assert resolved(path, "f").address not in (old.address, new.address)
