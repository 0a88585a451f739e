"""Rows, labels and bars."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results_strategies import SCHEMES, histograms

from tracekit.core.buckets import Linear, Log2, LogLinear, Range, Scheme
from tracekit.core.histogram import Bucket, Histogram
from tracekit.render.bars import MAX_EMPTY_ROWS, draw, interval, label, rows

SUFFIXES = {"": 1} | {s: 1024**n for n, s in enumerate("KMGTPE", start=1)}
NUMBER = r"-?\d+[KMGTPE]?"
LABEL = re.compile(
    rf"\[(?P<one>{NUMBER})\]"
    rf"|(?P<open>[\[(])(?P<lo>{NUMBER}|\.\.\.), (?P<hi>{NUMBER}|\.\.\.)(?P<close>[\])])"
)


def drawn(values: list[int], scheme: Scheme, width: int = 80) -> list[str]:
    return list(draw(Histogram.of(values, scheme), width=width, colour=False))


def number(text: str) -> int | None:
    """The exact number that a bound in a label stands for."""
    if text == "...":
        return None
    digits = text.rstrip("KMGTPE")
    return int(digits) * SUFFIXES[text[len(digits) :]]


def read_label(text: str) -> Range:
    """The integers that a label stands for, by the common meaning of brackets."""
    found = LABEL.fullmatch(text)
    assert found, text
    if found["one"]:
        one = number(found["one"])
        assert one is not None
        return Range(one, one + 1)
    lo, hi = number(found["lo"]), number(found["hi"])
    if lo is not None and found["open"] == "(":
        lo += 1
    if hi is not None and found["close"] == "]":
        hi += 1
    return Range(lo, hi)


@given(histograms(SCHEMES))
def test_a_label_says_exactly_which_values(histogram: Histogram) -> None:
    """A label read as the interval it shows, with K for 1024, is the bucket."""
    for bucket in histogram.buckets:
        assert read_label(label(bucket.range, histogram.scheme)) == bucket.range


@given(histograms(SCHEMES))
def test_rows_have_no_unmarked_gap(histogram: Histogram) -> None:
    """All counts are shown in order; between two rows nothing is missing, or it is marked as left out."""
    found = list(rows(histogram))
    assert tuple(b for b in found if b is not None and b.count) == histogram.buckets
    for one, other in pairwise(found):
        if one is not None and other is not None:
            assert one.hi == other.lo
    if found:
        assert found[0] == histogram.buckets[0]
        assert found[-1] == histogram.buckets[-1]


@pytest.mark.parametrize(
    ("gap", "shown"), [(0, 2), (MAX_EMPTY_ROWS, MAX_EMPTY_ROWS + 2), (MAX_EMPTY_ROWS + 1, 3)]
)
def test_long_runs_of_empty_rows_are_left_out(gap: int, shown: int) -> None:
    """Twenty empty rows are shown; of more, only a mark."""
    found = drawn([0, gap + 1], Linear(0, 60_000, 1))
    assert len(found) == shown
    assert ("..." in found) == (gap > MAX_EMPTY_ROWS)


@given(histograms(SCHEMES), st.integers(0, 200), st.booleans())
def test_bars_are_the_shares_of_the_greatest(histogram: Histogram, width: int, colour: bool) -> None:
    """All bars have the same room, the greatest count fills it, and the others their share rounded down."""
    lines = [line for line in draw(histogram, width=width, colour=colour) if line != "..."]
    shown = [row for row in rows(histogram) if row is not None]
    most = max((row.count for row in shown), default=0)
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert len({len(line) for line in plain}) <= 1
    for line, row in zip(plain, shown, strict=True):
        text, bar = line[:-1].split("|")
        assert text.split()[-1] == str(row.count)
        assert len(bar) >= 10
        assert bar.rstrip() == "@" * (row.count * len(bar) // most)
        assert len(line) == max(width - 1, len(text) + 12)


@given(histograms(SCHEMES))
def test_colour_is_only_in_bars(histogram: Histogram) -> None:
    """Without its colours a coloured histogram is the plain one; colours begin and end inside the bar."""
    plain = list(draw(histogram, width=80, colour=False))
    coloured = list(draw(histogram, width=80, colour=True))
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in coloured] == plain
    assert not any("\x1b" in line for line in plain)
    for line in coloured:
        assert "\x1b" not in re.sub(r"\|\x1b\[32m@+\x1b\[0m *\|$", "", line)


def test_hist_looks_like_bpftraces() -> None:
    """The rows of ``hist(x)`` are byte for byte those of bpftrace."""
    values = [0, 1, 2, 3, 4, 5, 7, 8, 512, 1023, 1024, 1025]
    assert drawn(values, Log2()) == [
        "[0]                    1 |@@@@@@@@@@@@@@@@@                                   |",
        "[1]                    1 |@@@@@@@@@@@@@@@@@                                   |",
        "[2, 4)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
        "[4, 8)                 3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[8, 16)                1 |@@@@@@@@@@@@@@@@@                                   |",
        "[16, 32)               0 |                                                    |",
        "[32, 64)               0 |                                                    |",
        "[64, 128)              0 |                                                    |",
        "[128, 256)             0 |                                                    |",
        "[256, 512)             0 |                                                    |",
        "[512, 1K)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
        "[1K, 2K)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
    ]


def test_lhist_looks_like_bpftraces() -> None:
    """The rows of ``lhist()`` are byte for byte those that bpftrace 0.27 prints for the same values."""
    values = [0, 512, 1023, 1024, 1536, 2000, 524288, 1048576, 4194304]
    assert drawn(values, Linear(0, 4194304, 524288)) == [
        "[0, 512K)              6 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[512K, 1M)             1 |@@@@@@@@                                            |",
        "[1M, 1536K)            1 |@@@@@@@@                                            |",
        "[1536K, 2M)            0 |                                                    |",
        "[2M, 2560K)            0 |                                                    |",
        "[2560K, 3M)            0 |                                                    |",
        "[3M, 3584K)            0 |                                                    |",
        "[3584K, 4M)            0 |                                                    |",
        "[4M, ...)              1 |@@@@@@@@                                            |",
    ]
    assert drawn([-1, -9, 0, 9, 10, 50, 99, 100, 101, 1 << 62], Linear(0, 100, 10)) == [
        "(..., 0)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
        "[0, 10)                2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
        "[10, 20)               1 |@@@@@@@@@@@@@@@@@                                   |",
        "[20, 30)               0 |                                                    |",
        "[30, 40)               0 |                                                    |",
        "[40, 50)               0 |                                                    |",
        "[50, 60)               1 |@@@@@@@@@@@@@@@@@                                   |",
        "[60, 70)               0 |                                                    |",
        "[70, 80)               0 |                                                    |",
        "[80, 90)               0 |                                                    |",
        "[90, 100)              1 |@@@@@@@@@@@@@@@@@                                   |",
        "[100, ...)             3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
    ]


@pytest.mark.parametrize(
    ("scheme", "value", "shown"),
    [
        # As bpftrace 0.27 labels them: the suffix follows the width of a bucket, not the bound alone.
        (Log2(), 1 << 62, "[4E, 8E)"),
        (Log2(2), 1000, "[896, 1024)"),
        (Log2(2), 1024, "[1024, 1280)"),
        (Log2(2), 1 << 53, "[8P, 10P)"),
        (Log2(2), 1023 << 50, "[896P, 1024P)"),
        (Log2(2), (1 << 62) - 1, "[3584P, 4E)"),
        (Linear(0, 3000, 1000), 1500, "[1000, 2000)"),
        (Linear(512, 5120, 1024), 600, "[512, 1536)"),
        (Linear(0, 16384, 128), 1024, "[1024, 1152)"),
        (Linear(0, 100, 1), 7, "[7]"),
        # What bpftrace doesn't have.
        (Log2(), -1, "[-1]"),
        (Log2(), -2, "(-4, -2]"),
        (Log2(), -1500, "(-2K, -1K]"),
        (Log2(), 1 << 70, "[1024E, 2048E)"),
        (Linear(-4096, 4096, 2048), -4096, "[-4K, -2K)"),
        (Linear(-4096, 4096, 2048), -5000, "(..., -4K)"),
        (LogLinear(10, 0, 3, 10), 1024, "[1000, 2000)"),
        (LogLinear(10, 0, 3, 10), -1024, "(-2000, -1000]"),
        (LogLinear(10, 0, 3, 10), -10_000, "(..., -10000]"),
        (LogLinear(10, 0, 3, 10), 10_000, "[10000, ...)"),
        (LogLinear(2, 3, 9, 8), -7, "(-8, 8)"),
        (LogLinear(2, 0, 9, 2), 0, "[0]"),
    ],
)
def test_known_labels(scheme: Scheme, value: int, shown: str) -> None:
    """Labels of bpftrace's where it has the bucket, and their like where it doesn't."""
    assert label(scheme.bucket(value), scheme) == shown


@pytest.mark.parametrize(
    ("lo", "hi", "shown"),
    [
        (1024, 2048, "[1024, 2048)"),
        (5, 6, "[5]"),
        (None, 0, "(..., 0)"),
        (0, None, "[0, ...)"),
        (None, None, "(..., ...)"),
    ],
)
def test_intervals_are_plain(lo: int | None, hi: int | None, shown: str) -> None:
    """An interval that is no bucket has plain numbers."""
    assert interval(lo, hi) == shown


def test_wide_labels_and_counts_keep_their_columns() -> None:
    """Labels and counts wider than bpftrace's columns move all rows alike."""
    found = drawn([10**15, 2 * 10**15], LogLinear(10, 15, 17, 10))
    assert [line.index(" 1 |") for line in found] == [len("[1000000000000000, 2000000000000000)") + 6] * 2
    many = Histogram(Log2(), (Bucket(0, 1, 123_456_789),), 123_456_789)
    assert list(draw(many, width=40, colour=False)) == ["[0]              123456789 |@@@@@@@@@@|"]
    assert list(draw(Histogram(Log2()), width=80, colour=False)) == []
