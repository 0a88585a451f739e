"""Functions that are looked for, their index, and their signatures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.installed import needed

from tracekit.calibration.fields import fields
from tracekit.core.found import FoundFunction
from tracekit.core.target import Pids
from tracekit.errors import BinaryError, FunctionNotFoundError, TracekitError, UsageError
from tracekit.render.functions import render_functions
from tracekit.render.signature import render_signature
from tracekit.workflow.functions import find_functions
from tracekit.workflow.functions import functions as find
from tracekit.workflow.signature import signature

LIBRARY = """
int in_library(int x) { return x; }
static int one(int x) { return x + 1; }
static int (*choose(void))(int) { return one; }
int chosen(int x) __attribute__((ifunc("choose")));
"""

SOURCE = """
#include <stdint.h>
#include <unistd.h>
struct view { const char *data; uint64_t len; };
struct request {
  int id; struct { uint16_t len; } hdr; uint32_t urgent : 1; struct request *next; char name[16];
};
int in_library(int);
static inline __attribute__((always_inline)) int tiny(int x) { __asm__ volatile("nop" : "+r"(x)); return x; }
__attribute__((noinline)) int cache_insert(struct request *req, struct view value, double price) {
  __asm__ volatile("" : : "r"(value.data), "r"(value.len), "x"(price), "r"(req));
  return tiny(req->id);
}
int main(int argc, char **argv) {
  struct request r = {argc};
  if (argc > 1) { char c = 'r'; write(1, &c, 1); pause(); }
  return cache_insert(&r, (struct view){argv[0], 7}, 1.5) + in_library(argc);
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with a library, with and without debug information and symbols."""
    needed("objcopy")
    folder = tmp_path_factory.mktemp("functions")
    (folder / "a.c").write_text(SOURCE)
    (folder / "view.c").write_text(LIBRARY)
    for command in (
        "gcc -O2 -g -shared -fPIC -o libview.so view.c",
        "gcc -O2 -g -o fast a.c ./libview.so",
        "gcc -O2 -o bare a.c ./libview.so",
        "strip -o stripped fast",
    ):
        subprocess.run(command.split(), check=True, cwd=folder)
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs are in the working folder."""
    monkeypatch.chdir(folder)


@pytest.fixture
def indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of indexes for a test alone."""
    monkeypatch.setenv("TRACEKIT_INDEXES", str(tmp_path / "indexes"))
    return tmp_path / "indexes"


def found(*words: str) -> tuple[FoundFunction, ...]:
    """The functions that words stand for."""
    return find_functions(words).functions


def test_a_function() -> None:
    """A function is told with all that can be known of it."""
    (insert,) = found("./fast", "cins")
    assert insert.address is not None
    assert insert.size > 0
    assert (insert.name, insert.symbol, insert.kind) == ("cache_insert", "cache_insert", "function")
    assert (insert.traceable, insert.why, insert.inlined) == (True, "", 0)
    assert insert.signature == "int cache_insert(struct request *req, struct view value, double price)"
    assert (insert.language, insert.file, insert.line) == ("C", "a.c", 10)


@pytest.mark.parametrize(
    ("name", "kind", "traceable", "why"),
    [
        ("tiny", "inlined", False, "inlined in one place: probe the functions that have its calls"),
        ("in_library", "imported", False, "it is another file's: probe the library that defines it"),
    ],
)
def test_what_can_be_traced_and_why_not(name: str, kind: str, traceable: bool, why: str) -> None:
    """Of each function it is told what it is, whether it can be traced, and why not."""
    (function,) = found("./fast", name)
    assert (function.kind, function.traceable, function.why) == (kind, traceable, why)


def test_an_indirect_function() -> None:
    """It can be traced, and isn't shown with the parameters of the code that chooses."""
    (chosen,) = found("./libview.so", "chosen")
    assert (chosen.kind, chosen.traceable, chosen.signature) == ("ifunc", True, "chosen")
    assert chosen.why.startswith("IFUNC: ")


def test_the_text_fits_into_80_columns() -> None:
    """No line is longer than a terminal is wide; what can be traced and has a source comes first."""
    text = render_functions(find("./fast", limit=None))
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith(
        "int cache_insert(struct request *req, struct view value, double price)\n    a.c:10, C\n"
    )
    assert re.search(r"^\d+ functions of ./fast\n\Z", text, re.MULTILINE)
    assert "    a.c:9, C, not traceable: inlined in one place" in text


def test_at_most_so_many() -> None:
    """The best ones are given, and how many there are is told."""
    some = find("./fast", limit=2)
    assert len(some.functions) == 2 < some.matched
    assert f"the best 2 of {some.matched} functions of ./fast" in render_functions(some)


def test_nothing_fits() -> None:
    """Where nothing fits, the names that come nearest are suggested: by their parts, too."""
    for slip in ("cash_inserd", "insrt_"):
        with pytest.raises(FunctionNotFoundError) as caught:
            find("./fast", slip)
        assert "cache_insert" in caught.value.near


def test_no_debug_information() -> None:
    """Without it names are found all the same, and what is missing is said."""
    bare = find("./bare", "insert")
    assert [f.signature for f in bare.functions] == ["cache_insert"]
    (note,) = bare.notes
    assert "inlined functions aren't known: ./bare has no debug information" in note


def test_the_index_is_used(indexes: Path) -> None:
    """What is asked a second time comes from the index; one that is damaged or old is made anew."""
    find("./fast")
    (path,) = indexes.iterdir()
    first, whole = path.stat().st_ino, path.read_bytes()
    find("./fast")
    assert path.stat().st_ino == first
    version = whole.replace(b"tracekit-functions 1", b"tracekit-functions 0")
    for damage in (
        b"",
        whole[:-1],
        b"x" + whole,
        version,
        whole.replace(b"\nmain\t", b"\nmaim\t"),
        b"[" * 10_000,
    ):
        path.write_bytes(damage)
        assert find("./fast", "main").functions[0].name == "main"
        assert path.read_bytes() == whole


def test_old_indexes_are_forgotten(indexes: Path) -> None:
    """So many are kept, the newest; the folder doesn't grow for ever."""
    indexes.mkdir()
    for number in range(70):
        (indexes / f"{number:03}.functions").write_text("")
        os.utime(indexes / f"{number:03}.functions", (number, number))
    (indexes / "another file").write_text("")
    find("./fast")
    left = sorted(p.name for p in indexes.iterdir())
    assert len(left) == 65
    assert left[0] == "007.functions" and "another file" in left


def test_a_stripped_copy_has_an_index_of_its_own(indexes: Path) -> None:
    """Its build-id is the same, and its symbols are gone: what the whole file says doesn't count for it."""
    assert found("./fast", "cache_insert")
    for pattern in ("cache_insert", ""):
        with pytest.raises(BinaryError, match=r"\./stripped names no functions of its own"):
            find("./stripped", pattern)
    assert len(list(indexes.iterdir())) == 2


def test_debug_symbols_that_come_and_go(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index is made anew when debug symbols are installed, and when they are taken away."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(folder / "stripped", "program")
    subprocess.run(["objcopy", "--only-keep-debug", folder / "fast", "program.debug"], check=True)
    subprocess.run(["objcopy", "--add-gnu-debuglink=program.debug", "program"], check=True)
    for there in (False, True, False):
        Path("program.debug" if not there else "away").rename("away" if not there else "program.debug")
        if not there:
            with pytest.raises(BinaryError, match=r"\./program names no functions of its own"):
                find("./program", "cache_insert")
            continue
        (insert,) = found("./program", "cache_insert")
        assert (insert.kind, insert.traceable) == ("no symbol", True)
        assert insert.why == f"it has no symbol: name it by its address, {insert.address:#x}"


def test_indexes_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written, functions are found all the same."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRACEKIT_INDEXES", str(tmp_path / "file"))
    assert found("./fast", "cache_insert")


def test_a_process(folder: Path) -> None:
    """Of a process, its program is meant, or what it has under a name."""
    with subprocess.Popen([folder / "fast", "wait"], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"r"
            one = Pids((process.pid,))
            for words, target in (
                (("cins",), one), (("./fast", "cins"), one), ((str(process.pid), "cins"), None),
            ):  # fmt: skip
                (insert,) = find_functions(words, target).functions
                assert insert.name == "cache_insert"
            assert find_functions(("./libview.so", "lib"), one).functions[0].name == "in_library"
            assert find_functions((), one).binary == str(folder / "fast")
            assert signature(("cache_insert",), one).calibration.name == "cache_insert"
        finally:
            process.kill()


@pytest.mark.parametrize("odd", ["\x1b[31m", "\t", "\n", "\x9b", "\u202e"])
def test_hostile_names(odd: str, tmp_path: Path) -> None:
    """A name that would change the terminal, or that would end its line in the index, isn't shown."""
    source = "void _____zebra(void) {} int main(void) { return 0; }"
    (tmp_path / "h.c").write_text(source)
    subprocess.run(["gcc", "-o", tmp_path / "h", tmp_path / "h.c"], check=True)
    name = odd.encode().ljust(5, b"_") + b"zebra"
    (tmp_path / "h").write_bytes((tmp_path / "h").read_bytes().replace(b"_____zebra", name))
    listed = find(str(tmp_path / "h"), limit=None)
    assert listed.notes[-1] == "one function is left out, with names that are too long or can't be shown"
    text = render_functions(listed)
    assert "zebra" not in text
    assert text.replace("\n", "").isprintable()
    assert "\nmain\n" in text


def test_a_signature() -> None:
    """Each argument stands with its type, bytes and place, and so do its fields and those behind a pointer."""
    shown = signature(("./fast", "cache_insert"))
    text = render_signature(shown.calibration, shown.declaration)
    lines = [re.sub(r" (high|good)\Z", "", " ".join(line.split())) for line in text.splitlines()]
    assert lines[:16] == [
        "int cache_insert(struct request *req, struct view value, double price)",
        "cache_insert at a.c:10, C, x86_64",
        "",
        "name type bytes at the entry verdict",
        "req request * 8 rdi",
        "req->id int 4 at 0 memory at rdi+0",
        "req->hdr.len uint16_t 2 at 4 memory at rdi+4",
        "req->urgent uint32_t 1 bit at 6 memory at rdi+6",
        "req->next request * 8 at 8 memory at rdi+8",
        "req->name[0…15] char 1 at 16 memory at rdi+16",
        "value view 16 rsi and rdx",
        "value.data const char * 8 at 0 rsi",
        "*value.data const char 1 at 0 memory at rsi+0",
        "value.len uint64_t 8 at 8 rdx",
        "price double 8 xmm0",
        "",
    ]


def test_each_path_of_a_signature_is_one_that_a_program_can_name() -> None:
    """What a signature lists compiles to a script, each at the place that is shown."""
    from tracekit.syntax import parse
    from tracekit.workflow.compiling import compile_program

    shown = signature(("./fast", "cache_insert"))
    paths = [f.path for f in fields(shown.calibration) if not f.at_return and f.path not in ("value", "price")]
    assert len(paths) > 20
    program = "; ".join(f"@m{number} = max({path})" for number, path in enumerate(paths))
    assert compile_program(parse(f"uprobe:./fast:cache_insert {{ {program} }}")).text


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (("./fast",), UsageError, "there is no function"),
        (("./fast", "a", "b"), UsageError, "there are several functions"),
        (("./fast", "cache_inser"), FunctionNotFoundError, "./fast has no function 'cache_inser'"),
        (("./bare", "cache_insert"), BinaryError, "./bare has no debug information"),
        (("./libview.so", "chosen"), TracekitError, "tracekit signature can't do the arguments of an indirect"),
    ],
)
def test_signatures_that_are_refused(words: tuple[str, ...], kind: type[TracekitError], message: str) -> None:
    """What can't be shown is refused in a sentence."""
    with pytest.raises(kind) as caught:
        signature(words)
    assert caught.value.message.startswith(message)


def test_patterns_that_are_refused() -> None:
    """What can't be meant is refused in a sentence."""
    with pytest.raises(UsageError, match="there is no binary"):
        find_functions(())
    with pytest.raises(UsageError, match="several patterns"):
        find_functions(("./fast", "a", "b"))
    with pytest.raises(TracekitError, match="999999999"):
        find_functions(("a",), Pids((999999999,)))
