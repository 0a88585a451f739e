"""Saved output that is printed here, damaged or random: the same again or refused; never a crash or a hang."""

from __future__ import annotations

import contextlib
from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.backends.dtrace.printed import (
    Label,
    histogram,
    keys,
    llquantize_labels,
    lquantize_labels,
    program,
    quantize_labels,
    read,
)
from tests.corpus.dtrace import cases
from tests.hang import ends
from tests.reference import quantize

from tracekit.backends.dtrace.saved import parse_saved
from tracekit.core.buckets import Linear, LogLinear
from tracekit.errors import TracekitError

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
NEAR = st.integers(-200, 200)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40).filter(
    lambda text: not text.endswith(" ") and len(text.encode()) <= 50
)

WORDS = st.from_regex(r"[a-z/.-][ a-z0-9/.-]{0,30}[a-z]", fullmatch=True)


def counted(labels: list[Label], values: list[int]) -> dict[tuple[int | None, int | None], int]:
    """How many values are in each interval."""
    intervals = [interval for _, interval in labels]

    def where(value: int) -> tuple[int | None, int | None]:
        return next(
            (lo, hi) for lo, hi in intervals if (lo is None or lo <= value) and (hi is None or value < hi)
        )

    return Counter(map(where, values))


def buckets(text: str, asked: str) -> dict[tuple[int | None, int | None], int] | str:
    """The counts of the only entry by interval, or the message with which they are refused."""
    try:
        (found,) = read(text, asked).maps
    except TracekitError as error:
        return error.message
    return {(b.lo, b.hi): b.count for b in found.entries[()].buckets}


@st.composite
def linear(draw: st.DrawFn) -> Linear:
    lo = draw(st.integers(-1000, 1000))
    step = draw(st.integers(1, 100))
    return Linear(lo, lo + step * draw(st.integers(1, 40)), step)


LOG_LINEAR = st.sampled_from(
    [LogLinear(10, 0, 6, 20), LogLinear(10, 2, 4, 100), LogLinear(2, 3, 40, 16), LogLinear(10, 0, 18, 10),
     LogLinear(3, 0, 4, 9), LogLinear(10, 0, 6, 5)]
)  # fmt: skip


@given(st.lists(INT64 | NEAR, min_size=1, max_size=20))
def test_quantize_comes_back(values: list[int]) -> None:
    """Whatever values quantize() counts, its rows are read as the buckets they are in."""
    labels = quantize_labels()
    expected = counted(labels, values)
    (found,) = read("\n" + histogram(labels, expected)).maps
    (got,) = found.entries.values()
    assert got.count == len(values)
    expected.pop(quantize(-(1 << 62)), None)
    assert {(b.lo, b.hi): b.count for b in got.buckets} == expected


@given(linear(), st.lists(INT64 | NEAR, min_size=1, max_size=20))
def test_lquantize_comes_back(scheme: Linear, values: list[int]) -> None:
    """Rows of an lquantize() are read as its buckets, or refused where others would print the same."""
    labels = lquantize_labels(scheme.lo, scheme.hi, scheme.step)
    expected = counted(labels, values)
    text = "\n" + histogram(labels, expected)
    word = f"@ = lhist(arg0, {scheme.lo}, {scheme.hi}, {scheme.step})"
    for asked in (word, ""):
        got = buckets(text, asked)
        assert got == expected or (not asked and isinstance(got, str) and "several ways" in got)


@given(LOG_LINEAR, st.lists(INT64 | NEAR, min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_llquantize_comes_back(scheme: LogLinear, values: list[int]) -> None:
    """Rows of an llquantize() are read as its buckets, also cut ones, or refused where they mean several."""
    parameters = scheme.factor, scheme.low, scheme.high, scheme.steps
    labels = llquantize_labels(*parameters)
    expected = counted(labels, values)
    text = "\n" + histogram(labels, expected)
    for asked in (f"@ = llquantize(arg0, {', '.join(map(str, parameters))})", ""):
        got = buckets(text, asked)
        assert got == expected or (isinstance(got, str) and ("several ways" in got or "of no quantize" in got))


@given(st.lists(st.tuples(WORDS, INT64, INT64), min_size=1, max_size=6, unique_by=lambda row: row[:2]))
@settings(deadline=None)
def test_plain_keys_come_back(entries: list[tuple[str, int, int]]) -> None:
    """Strings of a line that fit their columns, and numbers, are read as they were."""
    text = "\n" + "".join(keys(entry) + "\n" for entry in sorted(entries, key=lambda entry: entry[2]))
    (found,) = read(text).maps
    assert {k: h.sum for k, h in found.entries.items()} == {entry[:2]: entry[2] for entry in entries}


@given(st.lists(st.tuples(TEXTS, INT64, INT64), min_size=1, max_size=6, unique_by=lambda row: row[:2]))
@settings(deadline=None)
def test_all_keys_come_back_or_are_refused(entries: list[tuple[str, int, int]]) -> None:
    """Strings of any characters, newlines too, are read as they were, or refused where they mean two things."""
    text = "\n" + "".join(keys(entry) + "\n" for entry in sorted(entries, key=lambda entry: entry[2]))
    with contextlib.suppress(TracekitError):
        maps = read(text).maps
        assume(len(maps) == 1)
        assert {k: h.sum for k, h in maps[0].entries.items()} == {entry[:2]: entry[2] for entry in entries}


PROGRAMS = st.sampled_from(
    [None, program("@ = hist(arg0)"), program("@a[arg0] = count(); @b[arg0] = lhist(arg1, 0, 10, 5)")]
)
RECORDED = [c.output for c in cases().values() if 0 < len(c.output) < 4000]
RECORDED += [c.errors for c in cases().values() if c.errors]
PIECES = st.sampled_from(
    [b" ", b"\n", b"\n\n", b"  ", b" " * 16, b" " * 52, b"0", b"1", b"-5", b"9" * 30, b"|", b"@" * 40, b"\xff",
     b">= ", b"< ", b"<= -", b"abs() < ", b"#x\n", b'"', b"\\", b"dtrace: 1 drop on CPU 0\n", b"    [CPU 0]",
     b"           value  ------------- Distribution ------------- count    \n",
     b"              0x55e0\n", b"CPU     ID                    FUNCTION:NAME\n"]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Recorded output with pieces taken out, put in, repeated and changed."""
    data = draw(st.sampled_from(RECORDED))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        end = min(end, start + 300)
        data = data[:start] + draw(st.just(b"") | PIECES | st.just(data[start:end] * 2)) + data[end:]
    return data


@given(damaged() | st.lists(PIECES, max_size=30).map(b"".join) | st.binary(max_size=300), PROGRAMS)
@settings(max_examples=400, deadline=None)
def test_damaged_output_is_read_or_refused(data: bytes, asked: object) -> None:
    """Damaged output gives maps or an error of tracekit's."""
    with ends():
        for arguments in ({"output": data}, {"output": b"", "errors": data}):
            with contextlib.suppress(TracekitError):
                parse_saved(**arguments, program=asked)  # type: ignore[arg-type]


def test_large_garbage_takes_little_time() -> None:
    """Lines made to be read in many ways are refused or read in moments."""
    with ends():
        for line in (b"  x" * 2000, b"  1" * 2000, b"   a  1" * 1000, b" " * 100_000, b"  a\n" * 50_000):
            with contextlib.suppress(TracekitError):
                parse_saved(b"\n" + line + b"\n")
