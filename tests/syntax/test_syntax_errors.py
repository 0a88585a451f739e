"""Wrong programs: every error has its place and one sentence, and no text raises anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracekit.errors import ProgramSyntaxError
from tracekit.syntax import parse, parse_aggregates, parse_expression, parse_filter, parse_function, parse_keys

TABLE = [
    tuple(block.split("\n=>\n"))
    for block in (Path(__file__).parent / "errors.txt")
    .read_text(encoding="utf-8")
    .removesuffix("\n")
    .split("\n---\n")
]


@pytest.mark.parametrize(("program", "expected"), TABLE)
def test_error_text(program: str, expected: str) -> None:
    """The whole text of an error, with its place and its hint, is that of the table."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(program)
    assert str(caught.value) == expected
    assert caught.value.exit_code == 2


def test_table_is_large() -> None:
    """The table was read as a table: it has all its rows, each of them once."""
    assert len(TABLE) >= 100
    assert len({program for program, _ in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    ("reader", "text", "message", "offset"),
    [
        (parse_aggregates, "", "expected an aggregation, found the end of the text", 0),
        (parse_aggregates, "arg0", "expected an aggregation, found 'arg0'", 0),
        (parse_aggregates, "lhits(arg0)", "there is no aggregation 'lhits'", 0),
        (parse_aggregates, "count() }", "expected the end of the text, found '}'", 8),
        (parse_aggregates, "count(); ; sum(a)", "expected an aggregation, found ';'", 9),
        (parse_filter, "", "expected an expression, found the end of the text", 0),
        (parse_filter, "/pid == 3/", "the filter begins with '/'", 0),
        (parse_filter, "pid = 3", "expected the end of the text, found '='", 4),
        (parse_filter, "pid == 3/", "expected an expression, found the end of the text", 9),
        (parse_keys, "pid,", "expected an expression, found the end of the text", 4),
        (parse_keys, "pid tid", "expected the end of the text, found 'tid'", 4),
        (parse_function, "", "the FUNCTION is missing", 0),
        (parse_function, "operator new", "expected the end of the text, found 'new'", 9),
        (parse_function, "f(char*)", "this * can be a star or the wildcard", 6),
        (parse_expression, "a b", "expected the end of the text, found 'b'", 2),
    ],
)
def test_errors_of_parts(reader, text: str, message: str, offset: int) -> None:
    """The parts of the short form have errors of their own, at their places."""
    with pytest.raises(ProgramSyntaxError) as caught:
        reader(text)
    assert (caught.value.message, caught.value.offset) == (message, offset)


@pytest.mark.parametrize(
    ("program", "message", "offset"),
    [
        ("u:a:f\0g { @ = count() }", "'\\x00' has no meaning here", 5),
        ("u:a:\x1b[31m { @ = count() }", "the FUNCTION is missing", 4),
        ('u:a:"\x1b[31m" { @ = count() }', "control character", 4),
        ('u:"a\\x00":f { @ = count() }', "control character", 0),
        ('u:a:f { @["\0"] = count() }', "NUL", 10),
        ('u:a:f { @["\\x00"] = count() }', "NUL", 10),
        ('u:a:f { @[p."\\n"] = count() }', "control character", 12),
        ("u:a:f { @ = sum(a\0) }", "'\\x00' has no meaning here", 17),
        ("u:a:f { @ = sum(a\u00a0) }", "'\\xa0' has no meaning here", 17),
        ("u:a:\ud800 { @ = count() }", "lone surrogate", 4),
        ("// \udfff", "lone surrogate", 3),
        ("u:a:f { @ = sum(\udc80) }", "'\\udc80' has no meaning here", 16),
    ],
)
def test_characters_that_no_name_has(program: str, message: str, offset: int) -> None:
    """NUL, control characters and lone surrogates are refused where they stand."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(program)
    assert message in caught.value.message
    assert caught.value.offset == offset


def test_long_words_are_cut_in_messages() -> None:
    """A misspelled word of a million letters is shown by its beginning, and compared with nothing."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse("u" * 1_000_000 + ":a:f { @ = count() }")
    assert caught.value.message == f"there is no probe type '{'u' * 30}…'"
    assert caught.value.length == 1_000_000
