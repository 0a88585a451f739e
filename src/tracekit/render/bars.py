"""The rows of a histogram, with the labels and bars that users of bpftrace know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tracekit.core.buckets import Linear, Log2, LogLinear, Range, Scheme
from tracekit.core.histogram import Bucket, Histogram

MAX_EMPTY_ROWS: Final = 20
"""Longer runs of empty buckets are left out, and ``...`` stands for them."""

_SUFFIXES: Final = ("", "K", "M", "G", "T", "P", "E")
_MIN_LABEL, _MIN_COUNT, _MIN_BAR = 16, 8, 10
_BAR_START, _BAR_END = "\x1b[32m", "\x1b[0m"


def rows(histogram: Histogram) -> Iterator[Bucket | None]:
    """The buckets from the first to the last that has a count, the empty ones between them too.

    Yields:
        A bucket, perhaps with a count of 0; None for a run of empty ones that is too long to be shown.
    """
    scheme = histogram.scheme
    if scheme is None:
        return
    previous: int | None = None
    for bucket in histogram.buckets:
        if previous is not None and bucket.lo is not None:
            yield from _between(scheme, previous, bucket.lo)
        yield bucket
        previous = bucket.hi


def _between(scheme: Scheme, start: int, end: int) -> list[Bucket | None]:
    empty: list[Bucket | None] = []
    while start < end:
        if len(empty) == MAX_EMPTY_ROWS:
            return [None]
        found = scheme.bucket(start)
        assert found.hi is not None  # there is a bucket above
        empty.append(Bucket(found.lo, found.hi, 0))
        start = found.hi
    return empty


def draw(histogram: Histogram, *, width: int, colour: bool) -> Iterator[str]:
    """The lines of a histogram's rows.

    As bpftrace draws them: a label, a count, and a bar whose length is the count's share of the greatest
    one, rounded down. At a width of 80 the bar has bpftrace's 52 columns; the last column stays free.

    Args:
        histogram: what to draw.
        width: the columns of the terminal. Labels, counts, and a bar of 10 take what they need.
        colour: whether bars are coloured.
    """
    yield from draw_rows(list(rows(histogram)), histogram.scheme, width=width, colour=colour)


def draw_rows(
    found: Sequence[Bucket | None], scheme: Scheme | None, *, width: int, colour: bool
) -> Iterator[str]:
    """The lines of some rows; see ``draw``."""
    shown = [(None if row is None else label(row.range, scheme), row) for row in found]
    if not shown:
        return
    most = max(row.count for row in found if row is not None)
    label_width = max(_MIN_LABEL, *(len(text or "") for text, _ in shown))
    count_width = max(_MIN_COUNT, len(str(most)) + 1)
    bar_width = max(_MIN_BAR, width - label_width - count_width - 4)
    for text, row in shown:
        if row is None:
            yield "..."
            continue
        bar = "@" * (row.count * bar_width // most)
        blank = " " * (bar_width - len(bar))
        if colour and bar:
            bar = f"{_BAR_START}{bar}{_BAR_END}"
        yield f"{text:<{label_width}}{row.count:>{count_width}} |{bar}{blank}|"


def interval(lo: int | None, hi: int | None) -> str:
    """The interval ``[lo, hi)`` with plain numbers; ``...`` for a bound that isn't known."""
    return _upward(Range(lo, hi), str)


def label(range_: Range, scheme: Scheme | None) -> str:
    """A bucket as bpftrace labels it: ``[3]``, ``[1K, 2K)``, ``(..., 0)``, ``[100, ...)``.

    The mirrored buckets of negative values, which bpftrace doesn't have, are ``(-2K, -1K]``. The rules for
    suffixes are those of bpftrace 0.27 (``TextOutput::hist_index_label`` and ``lhist_index_label``); a
    number with a suffix is always exact.
    """
    match scheme:
        case Log2(bits):
            return _mirrored(range_, lambda bound: _log2_number(bound, bits))
        case Linear(step=step):
            return _upward(range_, str if step % 1024 else _linear_number)
        case LogLinear():
            return _mirrored(range_, str)
        case None:
            return _upward(range_, str)


def _upward(range_: Range, number: Callable[[int], str]) -> str:
    lo, hi = range_.lo, range_.hi
    if lo is None:
        return "(..., ...)" if hi is None else f"(..., {number(hi)})"
    if hi is None:
        return f"[{number(lo)}, ...)"
    return f"[{number(lo)}]" if hi - lo == 1 else f"[{number(lo)}, {number(hi)})"


def _mirrored(range_: Range, number: Callable[[int], str]) -> str:
    lo, hi = range_.lo, range_.hi
    if lo is not None and (lo >= 0 or hi == lo + 1):
        return _upward(range_, number)
    assert hi is not None  # only a bucket of positive values has no upper bound
    below = "..." if lo is None else number(lo - 1)
    # Buckets below 0 have their upper bound inside; the middle one of log-linear reaches above 0.
    return f"({below}, {number(hi)})" if hi > 0 else f"({below}, {number(hi - 1)}]"


def _log2_number(bound: int, bits: int) -> str:
    shift = max(0, abs(bound).bit_length() - 1 - bits)
    decade = min(shift // 10, len(_SUFFIXES) - 1)
    return f"{bound // (1 << 10 * decade)}{_SUFFIXES[decade]}"


def _linear_number(bound: int) -> str:
    for decade in (2, 1):
        if bound and bound % (1 << 10 * decade) == 0:
            return f"{bound >> 10 * decade}{_SUFFIXES[decade]}"
    return str(bound)
