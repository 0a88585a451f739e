"""What users write as expectations."""

import pytest

from tracekit.calibration.expect import Expectation, parse_expectation
from tracekit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("value.len=512", "value.len", frozenset({512})),
        ("x = -7", "x", frozenset({-7})),
        ("p->n[3]=0x200", "p->n[3]", frozenset({512})),
        ("len(value)=4K", "value.len", frozenset({4096})),
        ("x=0..16383", "x", range(16384)),
        ("x=-5 .. -1", "x", range(-5, 0)),
    ],
)
def test_forms(text, name, values):
    """A value or a range, in the numbers of the language, and with a sign."""
    assert parse_expectation(text) == Expectation(name, values)


def test_file(tmp_path):
    """A file has one number in each line; empty lines don't count."""
    path = tmp_path / "sizes"
    path.write_text("128\n\n0x100\n-1\n128\n")
    assert parse_expectation(f"value.len=@{path}") == Expectation("value.len", frozenset({128, 256, -1}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value", "has no NAME=VALUE"),
        ("=5", "has no NAME=VALUE"),
        ("x=", "has no NAME=VALUE"),
        ("a b=5", "has no NAME=VALUE"),
        ("x=five", "can't be read: 'five' is no integer"),
        ("x=1..", "can't be read"),
        ("x=9..1", "ends below its start"),
        ("x=99999999999999999999", "does not fit 64 bits"),
        ("x=@/no/such/file", "can't be read: No such file"),
    ],
)
def test_mistakes(text, message):
    """What can't be meant is refused with the forms that can."""
    with pytest.raises(UsageError, match=message) as caught:
        parse_expectation(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"), [(b"1\nx\n", "line 2 of"), (b"\n", "has no number"), (b"\xff\xfe", "are no text")]
)
def test_files_with_mistakes(tmp_path, content, message):
    """A file that isn't one number a line is refused, with the line."""
    path = tmp_path / "sizes"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        parse_expectation(f"x=@{path}")
