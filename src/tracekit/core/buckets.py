"""Bucket schemes: which half-open interval of the integers a value falls into.

A scheme covers every integer, without bounds of an engine's word size. Engines report a bucket by
any one value inside it; ``bucket`` turns that into the bucket's bounds, so the bounds are
computed here and nowhere else.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Final

from tracekit.core.types import INT64, UINT64
from tracekit.errors import UsageError
from tracekit.values import frozen

MAX_LINEAR_BUCKETS: Final = 65_535
"""The most steps of a linear scheme; dtrace's ``lquantize`` has 16 bits for them."""

MAX_LOG_BITS: Final = 5
"""The most bits that ``hist(x, k)`` keeps after the leading one, as in bpftrace."""


@frozen
class Range:
    """A half-open interval of the integers, ``[lo, hi)``.

    Attributes:
        lo: the least value in it; None if there is none.
        hi: the least value above it; None if there is none.
    """

    lo: int | None
    hi: int | None

    def __contains__(self, value: int) -> bool:
        return (self.lo is None or self.lo <= value) and (self.hi is None or value < self.hi)


@frozen
class Log2:
    """Powers of two, each divided into ``2 ** bits`` equal parts; mirrored for negative values.

    ``hist(x)`` has ``bits`` 0: the buckets ``[0, 1) [1, 2) [2, 4) [4, 8) …`` and
    ``(-2, -1] (-4, -2] …``, which are dtrace's ``quantize`` and, for values of 0 and more,
    bpftrace's ``hist``.
    """

    bits: int = 0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.bits <= MAX_LOG_BITS:
            raise UsageError(f"hist() with {self.bits} bits", f"The bits go from 0 to {MAX_LOG_BITS}.")

    def bucket(self, value: int) -> Range:
        """The bucket that a value falls into."""
        magnitude = abs(value)
        shift = max(0, magnitude.bit_length() - 1 - self.bits)
        low = magnitude >> shift << shift
        high = low + (1 << shift)
        return Range(low, high) if value >= 0 else Range(-high + 1, -low + 1)


@frozen
class Linear:
    """Equal steps from ``lo`` up to ``top``, one bucket below and one above.

    ``lhist(x, lo, hi, step)``. If ``step`` doesn't divide the range, the last whole step ends it, as in
    bpftrace and dtrace: values from ``top`` on are in the bucket above.
    """

    lo: int
    hi: int
    step: int

    def __attrs_post_init__(self) -> None:
        shown = f"lhist(…, {self.lo}, {self.hi}, {self.step})"
        if self.step < 1:
            raise UsageError(f"{shown} has a step of {self.step}", "Give a step of at least 1.")
        if not self.lo < self.hi:
            raise UsageError(f"{shown} has an empty range", "Give a lower bound below the upper one.")
        if self.lo <= INT64.minimum or self.hi > UINT64.maximum:
            raise UsageError(f"{shown} has a bound that does not fit 64 bits")
        if self.step > self.hi - self.lo:
            raise UsageError(f"{shown} has a step wider than its range", "Give a smaller step.")
        if self.size > MAX_LINEAR_BUCKETS:
            raise UsageError(
                f"{shown} has {self.size} buckets; the most is {MAX_LINEAR_BUCKETS}",
                f"Use a step of at least {-(-(self.hi - self.lo) // MAX_LINEAR_BUCKETS)}.",
            )

    @property
    def size(self) -> int:
        """How many buckets there are between the one below and the one above."""
        return (self.hi - self.lo) // self.step

    @property
    def top(self) -> int:
        """Where the bucket above begins."""
        return self.lo + self.size * self.step

    def bucket(self, value: int) -> Range:
        """The bucket that a value falls into."""
        if value < self.lo:
            return Range(None, self.lo)
        if value >= self.top:
            return Range(self.top, None)
        low = value - (value - self.lo) % self.step
        return Range(low, low + self.step)


@frozen
class LogLinear:
    """Powers of ``factor`` from ``factor ** low`` to ``factor ** (high + 1)``, in ``steps`` each.

    dtrace's ``llquantize(x, factor, low, high, steps)``: one bucket for magnitudes below the first
    power, one above the last, mirrored for negative values. The rules for the parameters are
    those of DTrace's compiler (``dt_cc.c``, ``dt_action_llquantize``).
    """

    factor: int
    low: int
    high: int
    steps: int

    def __attrs_post_init__(self) -> None:
        factor, low, high, steps = self.factor, self.low, self.high, self.steps
        shown = f"llquantize(…, {factor}, {low}, {high}, {steps})"
        if factor < 2 or steps < 1 or low < 0 or low > high:
            raise UsageError(
                f"{shown} has a factor below 2, no steps, or an empty range of powers",
                "Give llquantize(x, FACTOR, LOW, HIGH, STEPS) with FACTOR >= 2 and LOW <= HIGH.",
            )
        if max(factor, low, high, steps) > 65_535 or factor ** (high + 1) > UINT64.maximum:
            raise UsageError(f"{shown} reaches beyond 64 bits", "Use a smaller HIGH.")
        if steps < factor:
            fits = factor % steps == 0
        else:
            fits = steps % factor == 0 and factor ** max(low + 1, 2) % steps == 0
        if not fits:
            raise UsageError(
                f"{shown} has steps that don't divide its powers evenly",
                "Use as many steps as the factor, or a multiple that divides the factor's square.",
            )

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """Where the buckets of positive values begin, ascending; the last begins the one above."""
        found = set()
        for power in range(self.low, self.high + 1):
            low, high = self.factor**power, self.factor ** (power + 1)
            found.add(low)
            for n in range(1, self.steps + 1):
                bound, rest = divmod(n * high, self.steps)
                if not rest and low <= bound < high:
                    found.add(bound)
        return (*sorted(found), self.factor ** (self.high + 1))

    def bucket(self, value: int) -> Range:
        """The bucket that a value falls into."""
        bounds = self.bounds
        at = bisect_right(bounds, abs(value)) - 1
        if at < 0:
            return Range(1 - bounds[0], bounds[0])
        low = bounds[at]
        high = bounds[at + 1] if at + 1 < len(bounds) else None
        if value >= 0:
            return Range(low, high)
        return Range(None if high is None else 1 - high, 1 - low)


Scheme = Log2 | Linear | LogLinear
"""How values are divided into buckets."""
