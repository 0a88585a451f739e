"""Any text at all is a program or a syntax error, in time that grows with its length."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hang import ends
from tests.strategies import programs

from tracekit.errors import ProgramSyntaxError
from tracekit.syntax import (
    parse,
    parse_aggregates,
    parse_expression,
    parse_filter,
    parse_function,
    parse_keys,
    print_program,
)
from tracekit.syntax.tokens import MAX_DEPTH

READERS = (parse, parse_aggregates, parse_expression, parse_filter, parse_function, parse_keys)

FRAGMENTS = (
    "uprobe:", "usdt:", "syscall:", "interval:s:", "cpp:", "a", "f", "+5", "0x", "1e9", "9" * 30, "K", "é",
    "/", "{", "}", "@", "=", "count()", "hist(", "(", ")", "[", "]", '"', "\\", "\\x4", "*", "-", "--", "?",
    ":", "::", ",", ";", "\n", "//", "/*", "*/", "#!", "$x", "pid", "str(", "reg(", "args.", "->", ".", "(int)",
    "(uint32*)", "operator", "<", ">", ".(*T).", "\0", "\x1b", "\udc80", "\ud800", "\u202e", " ",
)  # fmt: skip


def refusal(reader, text: str) -> ProgramSyntaxError | None:
    """The syntax error that a reader raises for a text; every other exception goes through."""
    try:
        reader(text)
    except ProgramSyntaxError as refused:
        return refused
    return None


def read(text: str) -> None:
    """Reads a text as everything that it could be; an error has a sentence, and a place in the text."""
    for refused in (refusal(reader, text) for reader in READERS):
        if refused is not None:
            assert 0 <= refused.offset <= len(text)
            assert refused.length >= 1
            assert refused.message
            assert str(refused)


@given(st.text(st.characters()))
def test_any_text(text: str) -> None:
    """Any characters, lone surrogates and NUL among them, are read or refused."""
    read(text)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_any_sequence_of_fragments(text: str) -> None:
    """The language's own signs in any order are read or refused."""
    read(text)


@given(programs(), st.data())
def test_damaged_programs(program, data) -> None:
    """A valid program with a part cut out and something else put in is read or refused.

    What is read can be printed and read again.
    """
    text = print_program(program)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 5)))
        other = data.draw(st.sampled_from(FRAGMENTS) | st.text(st.characters(), max_size=2))
        text = text[:start] + other + text[end:]
    read(text)
    if refusal(parse, text) is None:
        damaged = parse(text)
        assert parse(print_program(damaged)) == damaged


REPEATED = (
    "(", "-", "- ", "!", "a+", "a||", "a==", "a?", "a?b:", "a-(", "a+(b[", "-(", "str(", "str(a,", "a[", "a.",
    "a->", "*", "*(int*)", "(int)", "(int*)", "a,", '"', "1", "1_", "1e", "0x1", "reg(", "args.", "a/", "/",
    "/*", "//\n", "\\", "@", "@[", "hist(", "<", "[", "{", "::{", "::", ".(*T)", "operator", "operator<", "+5",
    "\\x41", "\\*", ":", "cpp:", "->", "(*", "str(a,1+1+", "u:a:f,", "a||b&&c|d^e&f==g<h<<i+j*(",
)  # fmt: skip

PLACES = (
    "{}",
    "u:a:f /{}/ {{ @ = count() }}",
    "u:a:f {{ @[{}] = sum({}) }}",
    "u:a:f {{ @ = hist(a, {}) }}",
    "u:{}:f {{ @ = count() }}",
    "u:a:{} {{ @ = count() }}",
    'u:a:"{}" {{ @ = count() }}',
    "usdt:{}",
    "{} u:a:f {{ @ = count() }}",
)


@pytest.mark.parametrize("piece", REPEATED)
def test_no_repetition_overflows_the_stack(piece: str) -> None:
    """Whatever is repeated without end, wherever it stands, is refused or read, and soon."""
    with ends():
        for place in PLACES:
            for end in ("", "a"):
                repeated = piece * 2_000 + end
                read(place.format(repeated, repeated))


@pytest.mark.parametrize(
    ("opening", "closing", "levels"),
    [
        ("-(", "+1)", 2),
        ("a-(", ")", 1),
        ("str(", ")", 1),
        ("a[", "]", 1),
        ("!", "", 1),
        ("a||", "", 1),
        ("a?b:", "", 1),
    ],
)
def test_depth_limit(opening: str, closing: str, levels: int) -> None:
    """An expression of as many levels as are allowed is read, printed and compared; one more is refused."""
    times = (MAX_DEPTH - 1) // levels
    text = opening * times + "a" + closing * times
    assert parse_expression(text) == parse_expression(text)
    with pytest.raises(ProgramSyntaxError, match="too many levels"):
        parse_expression(opening * (times + 1) + "a" + closing * (times + 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "u:a:f /pid == 1/ { @x[pid] = hist(arg0) }\n" * n,
        lambda n: f"u:a:f {{ {'; '.join(f'@x{i} = count()' for i in range(n))} }}",
        lambda n: f"u:a:f {{ {'; '.join(f'@x{i} = count()' for i in range(n))}; @y = sum(retval) }}",
        lambda n: f"{', '.join(['u:a:main.(*T).M'] * n)} {{ @ = count() }}",
        lambda n: f"{'/* c */ // d' + chr(10)}" * n + "u:a:f { @ = count() }",
    ],
    ids=["clauses", "aggregates", "a wrong aggregate", "probes", "comments"],
)
def test_work_grows_with_length(make) -> None:
    """A text eight times as long takes about eight times as many calls to read, not sixty-four times."""

    def calls(text: str) -> int:
        made = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal made
            made += 1

        sys.setprofile(count)
        try:
            refused = refusal(parse, text)
        finally:
            sys.setprofile(None)
        assert refused is None or "retval" in refused.message
        return made

    assert calls(make(2000)) < 12 * calls(make(250))
