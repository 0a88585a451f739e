"""Where debug information may be: in the binary, beside it, by build-id, shared; and why there is none."""

import os
import shutil
import subprocess

import pytest
from tests.symbols.dwarf.asking import spelled
from tests.symbols.programs import tool

from tracekit.core.probe import FunctionName
from tracekit.symbols.debugfile import FOLDERS
from tracekit.symbols.dwarf import DebugInfoError, open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.root import Root

INSERT = ["k: int", "value: pair"]


def run(*command, cwd=None):
    """Run a tool that must succeed."""
    subprocess.run([tool(command[0]), *command[1:]], check=True, capture_output=True, cwd=cwd)


def parameters(path):
    """The first two parameters of the sample's function."""
    return parameters_of(open_image(path))


def parameters_of(image):
    """The same of an image."""
    (function,) = find(image, FunctionName("take"))
    return spelled(open_debug_info(image).signature(function.address, "take", local=False))[:2]


@pytest.fixture
def program(c_sample, tmp_path):
    """A copy of the program, with a build-id."""
    path = str(tmp_path / "program")
    shutil.copy(c_sample("gcc", "-O2", "-g", "-Wl,--build-id"), path)
    return path


@pytest.fixture
def split(program):
    """The program without debug information, and the path of the file that has it."""
    run("objcopy", "--only-keep-debug", program, f"{program}.debug")
    run("objcopy", "--strip-debug", program)
    return program, f"{program}.debug"


def link(program, debug):
    """Make the program name its file of debug information."""
    run("objcopy", f"--add-gnu-debuglink={os.path.basename(debug)}", program, cwd=os.path.dirname(debug))


@pytest.mark.parametrize("how", ["zlib", "zlib-gnu", "none"])
def test_compressed_sections(how, program):
    """Sections that are compressed in the new and in the old way are read."""
    run("objcopy", f"--compress-debug-sections={how}", program)
    assert parameters(program) == INSERT


def test_zstd_is_refused(program):
    """Of sections compressed by zstd, the error says that, and how to have others."""
    run("objcopy", "--compress-debug-sections=zlib", program)
    section = open_image(program).section(b".debug_info")
    with open(program, "r+b") as file:
        file.seek(section.offset)
        file.write((2).to_bytes(4, "little"))
    with pytest.raises(DebugInfoError, match="compressed by zstd") as caught:
        parameters(program)
    assert "objcopy --compress-debug-sections=zlib" in caught.value.hint


@pytest.mark.parametrize("folder", ["", ".debug"])
def test_debug_link(folder, split):
    """A file that the binary names is found beside it and in .debug."""
    program, debug = split
    link(program, debug)
    target = os.path.join(os.path.dirname(program), folder)
    os.makedirs(target, exist_ok=True)
    shutil.move(debug, os.path.join(target, "moved"))
    os.rename(os.path.join(target, "moved"), os.path.join(target, os.path.basename(debug)))
    assert parameters(program) == INSERT


def test_debug_link_of_a_relative_path(split, tmp_path, monkeypatch):
    """The file is looked for beside the binary, also if the program works in another folder by now."""
    program, debug = split
    link(program, debug)
    monkeypatch.chdir(os.path.dirname(program))
    image = open_image(os.path.basename(program))
    monkeypatch.chdir(tmp_path.parent)
    assert parameters_of(image) == INSERT


def test_debug_link_below_a_folder(split, tmp_path, monkeypatch):
    """A file that the binary names is found below a folder, under the path of the binary's own folder."""
    program, debug = split
    link(program, debug)
    base = str(tmp_path / "store")
    target = base + os.path.dirname(os.path.realpath(program))
    os.makedirs(target)
    shutil.move(debug, target)
    monkeypatch.setenv(FOLDERS, f"/nowhere:{base}")
    assert parameters(program) == INSERT


def test_build_id_folder(split, tmp_path, monkeypatch):
    """Without a link, the file is found by its build-id."""
    program, debug = split
    digits = open_image(program).build_id
    folder = tmp_path / "store" / ".build-id" / digits[:2]
    folder.mkdir(parents=True)
    shutil.move(debug, folder / f"{digits[2:]}.debug")
    monkeypatch.setenv(FOLDERS, str(tmp_path / "store"))
    assert parameters(program) == INSERT


def test_a_file_of_another_build_is_refused(split, c_sample, tmp_path, monkeypatch):
    """A file with another build-id or another checksum isn't used, and the error says so."""
    program, debug = split
    link(program, debug)
    run("objcopy", "--only-keep-debug", c_sample("gcc", "-O0", "-g", "-Wl,--build-id"), debug)
    with pytest.raises(DebugInfoError, match="has another build-id"):
        parameters(program)
    run("objcopy", "--remove-section=.note.gnu.build-id", debug)
    with pytest.raises(DebugInfoError, match="has another checksum than its link says"):
        parameters(program)


def test_a_named_file_that_is_missing(split):
    """If the file that the binary names is nowhere, the error names it and the build-id."""
    program, debug = split
    link(program, debug)
    os.remove(debug)
    with pytest.raises(DebugInfoError, match=r"the file program\.debug that it names is not there") as caught:
        parameters(program)
    assert open_image(program).build_id in caught.value.hint
    assert "-dbgsym" in caught.value.hint


def test_a_link_cant_lead_elsewhere(split, tmp_path):
    """A link with a path in it isn't followed."""
    program, debug = split
    content = b"../../etc/evil\0\0" + b"\0\0\0\0"
    (tmp_path / "link").write_bytes(content)
    run("objcopy", f"--add-section=.gnu_debuglink={tmp_path}/link", program)
    os.remove(debug)
    with pytest.raises(DebugInfoError, match="has no debug information\n"):
        parameters(program)


@pytest.mark.parametrize("how", ["relative", "absolute"])
def test_shared_parts(how, c_sample, tmp_path):
    """What dwz moved from several files to one that they share is found, under both kinds of paths."""
    for name in ("one", "two"):
        shutil.copy(c_sample("gcc", "-O2", "-g", "-gdwarf-4", "-Wl,--build-id"), tmp_path / name)
    shared = str(tmp_path / "shared")
    run("dwz", "-m", shared, *(["-M", shared] if how == "absolute" else ["-r"]), "one", "two", cwd=tmp_path)
    assert os.path.exists(shared)
    assert parameters(str(tmp_path / "one")) == INSERT
    os.remove(shared)
    with pytest.raises(DebugInfoError, match=r"shares debug information with .*shared, which is missing"):
        parameters(str(tmp_path / "one"))


def test_split_dwarf_is_refused(build, tmp_path):
    """Of code whose debug information is in .dwo files, the error says so, and how to have it elsewhere."""
    path = build("int take(int k) { return k + 1; } int main(void) { return take(1); }", "-g", "-gsplit-dwarf")
    with pytest.raises(DebugInfoError, match=r"in a \.dwo file") as caught:
        parameters(path)
    assert "-gsplit-dwarf" in caught.value.hint


def test_no_debug_information(c_sample):
    """Without -g, the error says so."""
    with pytest.raises(DebugInfoError, match="has no debug information") as caught:
        parameters(c_sample("gcc", "-O2"))
    assert "-g" in caught.value.hint


def test_a_function_without_debug_information(build):
    """Of a function from a file that was compiled without -g, the error says so."""
    path = build(
        "int main(void) { return 0; }", "-g", "-Wl,--defsym=take=main+1",
        more=('__asm__(".text\\n.globl other\\n.type other,%function\\nother: ret\\n.size other, 1");',),
    )  # fmt: skip
    image = open_image(path)
    (function,) = find(image, FunctionName("other"))
    with pytest.raises(DebugInfoError, match="has no debug information on other"):
        open_debug_info(image).signature(function.address, "other", local=False)


def test_other_machines_are_refused(build, tmp_path):
    """Registers of machines that aren't known aren't guessed."""
    path = build("int main(void) { return 0; }", "-g")
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[18:20] = (243).to_bytes(2, "little")
    (tmp_path / "riscv").write_bytes(content)
    with pytest.raises(DebugInfoError, match="is for riscv64, whose registers are not known here"):
        open_debug_info(open_image(str(tmp_path / "riscv")))


def test_the_source_file(build):
    """The file that a function is declared in tells two static functions of one name apart."""
    text = (
        "static __attribute__((noinline)) int twin(int x) { return x + %d; } int %s(int x) { return twin(x); }"
    )
    path = build(
        text % (1, "first") + "int second(int); int main(int c, char **v) { return first(c) + second(c); }",
        "-O1", "-g",
        more=(text % (2, "second"),),
    )  # fmt: skip
    image = open_image(path)
    debug = open_debug_info(image)
    rows = {row[4] for table in image.symbols for row in table if table.name(row) == b"twin"}
    assert {os.path.basename(debug.declared_in(address)) for address in rows} == {"part0.c", "part1.c"}


@pytest.mark.parametrize(
    ("place", "build_id", "found"),
    [("inside", True, True), ("outside", True, True), ("inside", False, True), ("outside", False, False)],
)
def test_in_a_container(place, build_id, found, split, tmp_path, monkeypatch):
    """A container's binary has its file there, by the paths there; one out here must have its build-id."""
    program, debug = split
    if not build_id:
        for path in split:
            run("objcopy", "--remove-section=.note.gnu.build-id", path)
    link(program, debug)
    inside, outside = tmp_path / "root", tmp_path / "store"
    (inside / "srv").mkdir(parents=True)
    shutil.move(program, inside / "srv/real")
    (inside / "program").symlink_to("/srv/real")
    base = {"inside": inside / "usr/lib/debug", "outside": outside}[place] / "srv"
    base.mkdir(parents=True)
    shutil.move(debug, base)
    monkeypatch.setenv(FOLDERS, str(outside))
    root = Root(str(inside), "process 1")
    descriptor = root.open("/program")
    image = open_image(descriptor, "/program", root)
    os.close(descriptor)
    (function,) = find(image, FunctionName("take"))
    if found:
        assert spelled(open_debug_info(image).signature(function.address, "take", local=False))[:2] == INSERT
    else:
        with pytest.raises(DebugInfoError, match="lies outside of the container"):
            open_debug_info(image)
