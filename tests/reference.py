"""Bucket rules written a second time, as the engines' sources state them, to test tracekit's against.

Each gives the half-open interval ``(lo, hi)`` that a value falls into; None stands for no bound. They were
checked against the output of bpftrace 0.17, 0.23 and 0.27 and of DTrace 2.0.7 for Linux.
"""

from __future__ import annotations

import bisect

Interval = tuple[int | None, int | None]


def hist(x: int, k: int = 0) -> Interval:
    """bpftrace's ``hist(x, k)`` from 0.20 on, which has one bucket for all negative values."""
    if x < 0:
        return (None, 0)
    if x < (1 << k):
        return (x, x + 1)
    e = x.bit_length() - 1 - k
    lo = x >> e << e
    return (lo, lo + (1 << e))


def lhist(x: int, lo: int, hi: int, step: int) -> Interval:
    """bpftrace's ``lhist`` and dtrace's ``lquantize``."""
    top = lo + (hi - lo) // step * step
    if x < lo:
        return (None, lo)
    if x >= top:
        return (top, None)
    low = lo + (x - lo) // step * step
    return (low, low + step)


def quantize(x: int) -> Interval:
    """dtrace's ``quantize`` of a signed 64-bit value: the least value shares the bucket above its own."""
    if x == 0:
        return (0, 1)
    e = abs(x).bit_length() - 1
    if x > 0:
        return (1 << e, 2 << e)
    if e >= 62:
        return (-(1 << 63), -(1 << 62) + 1)
    return (-(2 << e) + 1, -(1 << e) + 1)


def log_linear(x: int, k: int) -> Interval:
    """``quantize`` with every power divided into ``2 ** k`` parts, without the limits of a word."""
    m = abs(x)
    e = max(0, m.bit_length() - 1 - k)
    lo = m >> e << e
    hi = lo + (1 << e)
    return (lo, hi) if x >= 0 else (-hi + 1, -lo + 1)


def llquantize_bounds(factor: int, low: int, high: int, steps: int) -> list[int]:
    """Where the buckets of positive values begin in dtrace's ``llquantize``; the last is the one above."""
    bounds = set()
    for magnitude in range(low, high + 1):
        least, most = factor**magnitude, factor ** (magnitude + 1)
        bounds.add(least)
        bounds.update(
            n * most // steps
            for n in range(1, steps + 1)
            if n * most % steps == 0 and least <= n * most // steps < most
        )
    return [*sorted(bounds), factor ** (high + 1)]


def llquantize(x: int, bounds: list[int]) -> Interval:
    """dtrace's ``llquantize``."""
    m = abs(x)
    if m < bounds[0]:
        return (-bounds[0] + 1, bounds[0])
    if m >= bounds[-1]:
        return (bounds[-1], None) if x > 0 else (None, -bounds[-1] + 1)
    at = bisect.bisect_right(bounds, m) - 1
    lo, hi = bounds[at], bounds[at + 1]
    return (lo, hi) if x > 0 else (-hi + 1, -lo + 1)
