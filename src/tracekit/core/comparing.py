"""Whether two histograms differ by more than chance, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Final

from tracekit.core.buckets import Range
from tracekit.core.histogram import Histogram, Quantile
from tracekit.errors import UsageError
from tracekit.values import frozen

QUANTILES: Final = (Fraction(1, 2), Fraction(9, 10), Fraction(99, 100))


@frozen
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


@frozen
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


@frozen
class Contrast:
    """The edge between buckets where two histograms differ most clearly.

    Attributes:
        edge: the edge; values below it are on one side.
        before: the share of the first histogram's values that are below it.
        after: the share of the second's.
        chance: an upper bound of how often two samples of one distribution differ as much, at any edge.
    """

    edge: int
    before: Fraction
    after: Fraction
    chance: float


@frozen
class Comparison:
    """Two histograms beside each other.

    Attributes:
        before: the first.
        after: the second.
        rows: the buckets that one of them has, ascending.
        shifts: their quantiles; empty if one has no values in buckets.
        contrast: where they differ most clearly; None if one has no values, or both have one bucket.
    """

    before: Histogram
    after: Histogram
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    contrast: Contrast | None


def compare(before: Histogram, after: Histogram) -> Comparison:
    """Compares two histograms that have the same buckets.

    At each edge between two buckets, the values below and above it make a table of two by two. Fisher's exact
    test says of the one with the clearest difference how often chance makes it (R. A. Fisher, "On the
    interpretation of χ² from contingency tables", Journal of the Royal Statistical Society 85, 1922), times the
    number of edges, since any of them could have been it (Bonferroni). So what has changed at the far end is
    found as well as in the middle. It takes the values of a run as independent of one another: a program that
    does the same in rounds differs by less than it seems.

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
        return Comparison(before, after, rows, (), None)
    shifts = tuple(Shift(q, before.quantile(q), after.quantile(q)) for q in QUANTILES)
    return Comparison(before, after, rows, shifts, _contrast(rows))


def _contrast(rows: Sequence[Row]) -> Contrast | None:
    m, n = sum(row.before for row in rows), sum(row.after for row in rows)
    below = list(
        zip(accumulate(row.before for row in rows), accumulate(row.after for row in rows), strict=True)
    )
    del below[-1]  # all are below the last edge
    if not below:
        return None

    def clearness(at: int) -> Fraction:
        """The square of the difference of the shares, in units of its variance."""
        a, b = below[at]
        pooled = (a + b) * (m + n - a - b)
        return Fraction((a * n - b * m) ** 2, m * n * pooled)

    at = max(range(len(below)), key=clearness)
    a, b = below[at]
    edge = rows[at].range.hi
    assert edge is not None  # there is a bucket above
    chance = min(1.0, 2 * len(below) * _tail(a, b, m, n))
    return Contrast(edge, Fraction(a, m), Fraction(b, n), chance)


def _tail(a: int, b: int, m: int, n: int) -> float:
    """How often, of ``a + b`` drawn from ``m + n``, so many more than expected are of ``m``, or fewer."""
    drawn = a + b
    if a * (m + n) < drawn * m:  # by symmetry, the other colour has more than expected
        a, b, m, n = b, a, n, m
    log = _choices(m, a) + _choices(n, b) - _choices(m + n, drawn)
    term = total = 1.0  # in units of the first
    while a < min(m, drawn) and term > total * 1e-17:
        term *= (m - a) * (drawn - a) / ((a + 1) * (n - drawn + a + 1))
        total += term
        a += 1
    return math.exp(min(0.0, log + math.log(total)))


def _choices(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
