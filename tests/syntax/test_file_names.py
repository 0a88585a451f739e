"""A source file before a function's name: ``net/a.c:parse``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.core.probe import FunctionName, Uprobe
from tracekit.errors import ProgramSyntaxError
from tracekit.syntax import parse, parse_function, print_probe

SUFFIXES = ("c", "h", "cc", "cpp", "cxx", "hpp", "rs", "go", "m", "mm", "s", "S")

NAMES = {
    **{f"a.{suffix}:parse": (f"a.{suffix}", "parse") for suffix in SUFFIXES},
    "net/a.c:parse": ("net/a.c", "parse"),
    "../x+y-1.2/a.c:parse": ("../x+y-1.2/a.c", "parse"),
    "a.cc:ns::f(int, char const&)": ("a.cc", "ns::f(int, char const&)"),
    "x.rs:<A as B>::f": ("x.rs", "<A as B>::f"),
    "main.go:main.(*T).M": ("main.go", "main.(*T).M"),
    "a.m:-[NSString length:foo:]": ("a.m", "-[NSString length:foo:]"),
    "a.c:f*": ("a.c", "f*"),
}


@pytest.mark.parametrize("text", NAMES)
def test_a_file_needs_no_quotes(text: str) -> None:
    """A name with a file is read as one name, in a probe, alone, with an offset, and in quotes."""
    name, offset = parse_function(text)
    assert (name.text, name.in_file, offset) == (text, NAMES[text], 0)
    assert parse_function(f"{text}+0x10") == (name, 16)
    probe = parse(f"uprobe:./bin:{text}+8 /pid/ {{ @ = count() }}").clauses[0].probes[0]
    assert probe == Uprobe("./bin", name, 8)
    assert parse_function(f'"{text}"') == (FunctionName(text, exact=True), 0)


@pytest.mark.parametrize("text", ["a.c::f", "a.cc::b::c", "f", "ns::f", "a.c", "0x1139"])
def test_names_without_a_file(text: str) -> None:
    """A double colon, or a name that only looks like a file, has no file in it."""
    name, _ = parse_function(text)
    assert (name.text, name.in_file) == (text, None)


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("b:c", "a single ':' stands in the function's name", 1),
        ("a.txt:c", "a single ':' stands in the function's name", 5),
        ("a.c:b:c", "a single ':' stands in the function's name", 5),
        ("a.c:b.c:d", "a single ':' stands in the function's name", 7),
        ("*.c:f", "a single ':' stands in the function's name", 3),
        ("a.c:", "the FUNCTION is missing", 4),
        ("a.c:+5", "the FUNCTION is missing", 4),
    ],
)
def test_other_colons_are_errors(text: str, message: str, offset: int) -> None:
    """Only one colon, after a source file without wildcards and before a function, needs no quotes."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse_function(text)
    assert (caught.value.message, caught.value.offset) == (message, offset)


PIECES = st.sampled_from(
    ["a", "a.c", "net/", ":", "::", ".rs", "f", "*", "(", ")", " ", "\\", '"', "+5", "<", ">"]
)


@given(st.lists(PIECES, min_size=1, max_size=8).map("".join), st.booleans())
def test_names_with_colons_survive_printing(text: str, exact: bool) -> None:
    """Whatever stands round colons and files, a name is read back as it was printed."""
    probe = Uprobe("./bin", FunctionName(text, exact))
    assert parse(f"{print_probe(probe)} {{ @ = count() }}").clauses[0].probes == (probe,)
