"""The shape of a histogram's picture: where bars and ticks are, in a plot that is 1 wide and 1 high.

``page/page.js`` has the same rules, for the page whose axes can be changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from tracekit.core.buckets import Linear, LogLinear
from tracekit.core.histogram import Bucket, Histogram
from tracekit.values import frozen

OPEN: Final = 0.035
"""How wide the bar of a bucket without end is."""

GAP: Final = 0.012
"""How far it is from the others."""

_TICKS: Final = 8
_ROOM: Final = 1.04
_SUFFIXES: Final = ("", "K", "M", "G", "T", "P", "E")


@frozen
class Bar:
    """A bucket's bar.

    Attributes:
        bucket: whose it is.
        left: where it begins.
        right: where it ends.
        height: how high it is.
    """

    bucket: Bucket
    left: float
    right: float
    height: float


@frozen
class Tick:
    """A mark on an axis: where, and what is said there."""

    at: float
    text: str


@frozen
class Shape:
    """Bars, and the ticks of both axes."""

    bars: tuple[Bar, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]


def shape(histogram: Histogram) -> Shape:
    """A histogram's picture, its values on a logarithmic axis if its buckets are; for one with buckets."""
    buckets = histogram.buckets
    ends = [bound for b in buckets for bound in (b.lo, b.hi) if bound is not None]
    low, high = min(ends), max(ends)
    logarithmic, base = is_logarithmic(histogram), base_of(histogram)
    if not logarithmic and 0 < low <= high / 4:
        low = 0
    left = OPEN + GAP if buckets[0].lo is None else 0.0
    right = 1 - OPEN - GAP if buckets[-1].hi is None else 1.0
    start, end = (place(bound, logarithmic) for bound in (low, high))

    def at(value: float) -> float:
        return left + (right - left) * (place(value, logarithmic) - start) / ((end - start) or 1)

    most = max(b.count for b in buckets)
    bars = tuple(
        Bar(
            b,
            0.0 if b.lo is None else right + GAP if b.hi is None else at(b.lo),
            OPEN if b.lo is None else 1.0 if b.hi is None else at(b.hi),
            b.count / most / _ROOM,
        )
        for b in buckets
    )
    marks = powers(low, high, base) if logarithmic else multiples(low, high, base)
    return Shape(
        bars,
        tuple(Tick(at(value), tick_text(value, base)) for value in marks),
        tuple(Tick(n / most / _ROOM, tick_text(n, 10)) for n in multiples(0, most, 10, ticks=5)),
    )


def is_logarithmic(histogram: Histogram) -> bool:
    """Whether its buckets grow with the values."""
    return not isinstance(histogram.scheme, Linear)


def base_of(histogram: Histogram) -> int:
    """Whether its buckets go by powers of 2 or by decimal numbers, and so its ticks: 2 or 10."""
    scheme = histogram.scheme
    if isinstance(scheme, Linear):
        return 2 if scheme.step >= 16 and scheme.step & (scheme.step - 1) == 0 else 10
    factor = scheme.factor if isinstance(scheme, LogLinear) else 2
    return 2 if factor & (factor - 1) == 0 else 10


def place(value: float, logarithmic: bool) -> float:
    """Where a value is, before the axis is scaled: 0 and 1 are one apart, and so is each double from there."""
    if not logarithmic:
        return value
    size = abs(value)
    return math.copysign(size if size < 1 else 1 + math.log2(size), value)


def multiples(low: int, high: int, base: int, ticks: int = _TICKS) -> Iterator[int]:
    """At most so many round numbers from ``low`` to ``high``, evenly apart."""
    step = next(s for s in _round_steps(base) if (high - low) // s < ticks)
    return iter(range(-(-low // step) * step, high + 1, step))


def _round_steps(base: int) -> Iterator[int]:
    step = 1
    while True:
        yield from (step,) if base == 2 else (step, 2 * step, 5 * step)
        step *= base


def powers(low: int, high: int, base: int) -> list[int]:
    """At most so many powers of the base from ``low`` to ``high``, evenly apart, also below 0, and 0."""
    most = max(abs(low), abs(high), 1)
    count = int(math.log(most, base)) + 2 if low <= 0 else int(math.log(most / low, base)) + 1
    every = -(-count * (2 if low < 0 < high else 1) // _TICKS)
    sizes = []
    exponent = 0
    while base**exponent <= most:
        sizes.append(base**exponent)
        exponent += every
    return [value for value in (*(-s for s in reversed(sizes)), 0, *sizes) if low <= value <= high]


def tick_text(value: int, base: int) -> str:
    """A number on an axis: whole, or as a power; ``K`` is 1024 here as in the labels of buckets."""
    size, sign = abs(value), "\N{MINUS SIGN}" if value < 0 else ""
    if base == 2:
        decade = 0
        while decade < len(_SUFFIXES) - 1 and size and size % 1024 == 0:
            size, decade = size // 1024, decade + 1
        return f"{sign}{size}{_SUFFIXES[decade]}"
    digits = str(size)
    if len(digits) > 6 and not digits.rstrip("0")[1:]:
        exponent = str(len(digits) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{sign}{'' if digits[0] == '1' else digits[0] + '·'}10{exponent}"
    return sign + digits
