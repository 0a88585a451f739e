"""Whether two histograms differ by more than chance, and where."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate
from typing import Final

import attrs

from tracekit.core.buckets import Range
from tracekit.core.histogram import Histogram, Quantile
from tracekit.errors import UsageError

QUANTILES: Final = (Fraction(1, 2), Fraction(9, 10), Fraction(99, 100))


@attrs.frozen
class Row:
    """One bucket of both.

    Attributes:
        range: its bounds.
        before: the first histogram's count.
        after: the second's.
    """

    range: Range
    before: int
    after: int


@attrs.frozen
class Shift:
    """One quantile of both.

    Attributes:
        q: which one, between 0 and 1.
        before: the first histogram's.
        after: the second's.
    """

    q: Fraction
    before: Quantile
    after: Quantile


@attrs.frozen
class Comparison:
    """Two histograms beside each other.

    Attributes:
        before: the first.
        after: the second.
        rows: the buckets that one of them has, ascending.
        shifts: their quantiles; empty if one has no values in buckets.
        distance: the greatest difference between the shares of values below an edge: from 0 (the same shape)
            to 1 (nothing in common). None if one has no values in buckets.
        chance: how often two samples of one distribution are at least so far apart. None without a distance.
    """

    before: Histogram
    after: Histogram
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    distance: Fraction | None
    chance: float | None


def compare(before: Histogram, after: Histogram) -> Comparison:
    """Compares two histograms that have the same buckets.

    The test is that of Kolmogorov and Smirnov for two samples, on the shares below the buckets' edges (N.
    Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of Mathematical
    Statistics 19, 1948). Taking a bucket's values as equal only makes it more careful. It takes the values of a
    run as independent of one another: a program that does the same in batches differs by less than it seems.

    Raises:
        UsageError: if the histograms are divided differently.
    """
    if before.scheme != after.scheme:
        raise UsageError(f"can't compare buckets of {before.scheme} with those of {after.scheme}")
    first = {bucket.range: bucket.count for bucket in before.buckets}
    second = {bucket.range: bucket.count for bucket in after.buckets}
    ranges = sorted({*first, *second}, key=lambda found: -math.inf if found.lo is None else found.lo)
    rows = tuple(Row(found, first.get(found, 0), second.get(found, 0)) for found in ranges)
    if not first or not second:
        return Comparison(before, after, rows, (), None, None)
    shifts = tuple(Shift(q, before.quantile(q), after.quantile(q)) for q in QUANTILES)
    sizes = sum(first.values()), sum(second.values())
    below = zip(accumulate(row.before for row in rows), accumulate(row.after for row in rows), strict=True)
    distance = max(abs(Fraction(a, sizes[0]) - Fraction(b, sizes[1])) for a, b in below)
    return Comparison(before, after, rows, shifts, distance, _chance(distance, *sizes))


def _chance(distance: Fraction, m: int, n: int) -> float:
    """Kolmogorov's distribution, above what was found."""
    square = float(distance * distance * m * n / (m + n))
    if square < 0.04:  # the sum below converges slowly there, and is 1 to 10 digits
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * square) for k in range(1, 40))
    return min(1.0, 2 * math.fsum(terms))
