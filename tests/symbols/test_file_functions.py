"""Functions chosen by their source file: ``net/a.c:parse``."""

import os
import subprocess

import pytest
from tests.symbols.names import ambiguous, missing, one
from tests.symbols.programs import tool

from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image

STATIC = "static __attribute__((noinline, used)) int parse(int x) { volatile int y = x; return y + %d; }"
HEADER = "static __attribute__((noinline, used)) int helper(int x) { volatile int y = x; return y; }"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A program of three files, two of one name, with a static function of one name in each."""
    folder = tmp_path_factory.mktemp("files")
    texts = {
        "net/a.c": STATIC % 1 + '\n#include "util.h"\nint net(int x) { return parse(x) + helper(x); }',
        "disk/a.c": STATIC % 2 + "\nint disk(int x) { return parse(x); }",
        "b.cc": STATIC % 3 + "\nnamespace { __attribute__((noinline, used)) int parse(char x) { return x; } }",
        "main.c": '#include "net/util.h"\nint net(int), disk(int);\n'
        "int main(int c, char **v) { return net(c) + disk(c) + helper(c); }",
        "net/util.h": HEADER,
    }
    for name, text in texts.items():
        os.makedirs(os.path.dirname(folder / name), exist_ok=True)
        (folder / name).write_text(text)
    sources = [name for name in texts if not name.endswith(".h")]
    out = str(folder / "program")
    command = [tool("g++"), "-x", "c", "-O1", "-g", "-o", out]
    command += [part for name in sources for part in ("-x", "c++" if name.endswith("cc") else "c", name)]
    subprocess.run([*command, "-x", "none"], check=True, cwd=folder)
    return out


@pytest.fixture
def image(program):
    """That program."""
    return open_image(program)


def declared(image):
    """What debug information says: the source file of the function at an address."""
    return open_debug_info(image).declared_in


def test_static_functions_by_their_file(image):
    """Of static functions of one name, the one of the file is found, in C and in C++."""
    assert one(image, "b.cc:parse(int)").name == "_ZL5parsei"
    assert one(image, "b.cc:parse(char)").name == "_ZN12_GLOBAL__N_15parseEc"
    assert {f.name for f in find(image, FunctionName("b.cc:pars*"))} == {
        "_ZL5parsei",
        "_ZN12_GLOBAL__N_15parseEc",
    }


def test_a_folder_needs_debug_information(image):
    """Two files of one name are told apart by their folders, which only debug information has."""
    assert len(ambiguous(image, "a.c:parse").candidates) == 2
    assert len(ambiguous(image, "net/a.c:parse").candidates) == 2
    ask = declared(image)
    found = {}
    for folder in ("net", "disk"):
        (found[folder],) = find(image, FunctionName(f"{folder}/a.c:parse"), ask)
        assert ask(found[folder].address) == f"{folder}/a.c"
    assert found["net"].address != found["disk"].address
    with pytest.raises(AmbiguousFunctionError) as caught:
        find(image, FunctionName("a.c:parse"), ask)
    assert all(f"({folder}/a.c)" in caught.value.hint for folder in ("net", "disk"))
    with pytest.raises(FunctionNotFoundError):
        find(image, FunctionName("et/a.c:parse"), ask)


def test_functions_of_headers(image):
    """A static function of a header is chosen by the header, or by the file that includes it."""
    ask = declared(image)
    with pytest.raises(AmbiguousFunctionError):
        find(image, FunctionName("util.h:helper"), ask)
    (of_main,) = find(image, FunctionName("main.c:helper"), ask)
    (of_net,) = find(image, FunctionName("a.c:helper"), ask)
    assert of_main.address != of_net.address
    assert {ask(f.address) for f in (of_main, of_net)} == {"net/util.h"}
    assert one(image, "main.c:helper") == of_main


def test_functions_that_all_files_can_name(image):
    """Only debug information tells the file of a global function; without it, none is guessed."""
    error = missing(image, "a.c:net")
    assert "nothing tells from which source file" in error.hint
    (found,) = find(image, FunctionName("a.c:net"), declared(image))
    assert found == one(image, "net")
    with pytest.raises(FunctionNotFoundError) as caught:
        find(image, FunctionName("b.cc:net"), declared(image))
    assert caught.value.near == ('"net/a.c:net"',)


def test_other_files(image):
    """A file without such a function is answered with the files that have one, and a slip with the name."""
    error = missing(image, "c.c:parse(int)")
    assert error.near == ('"b.cc:parse(int)"',)
    assert missing(image, "x.c:parse").near == ('"a.c:parse"',)
    assert "parse" in missing(image, "a.c:prase").near


def test_stripped_binaries(program, tmp_path):
    """Without a symbol table nothing is found in a file."""
    out = str(tmp_path / "stripped")
    subprocess.run([tool("objcopy"), "--strip-all", program, out], check=True)
    assert "no symbol table" in missing(open_image(out), "a.c:parse").hint


def test_ambiguous_names_offer_their_files(build):
    """The error for static functions of one name shows how to name them by their files, which works."""
    text = "static __attribute__((noinline)) int twin(int x) { volatile int y = x; return y + %d; }"
    other = text % 2 + " int other(int x) { return twin(x); }"
    path = build(
        text % 1 + " int other(int); int main(int c, char **v) { return twin(c) + other(c); }", more=(other,)
    )
    image = open_image(path)
    error = ambiguous(image, "twin")
    assert 'or by its file as in "part0.c:twin"' in error.hint
    assert {one(image, f"part{n}.c:twin").address for n in (0, 1)} == {
        int(c.split()[0], 16) for c in error.candidates
    }
