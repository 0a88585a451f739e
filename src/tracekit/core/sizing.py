"""How many entries a cache may hold, from the distribution of an entry's size.

An entry costs its size and a fixed overhead (its key, pointers, the allocator's rounding). Of the memory, a
share stays free (headroom). Three readings of "how many fit" are given, since each answers another question:

* *mean*: N entries cost about N times the mean. It is exact for the entries seen; how far N others may be from
  it is a prediction interval (normal approximation), with the greatest variance that the buckets allow.
* *percentile*: if every entry were as large as the one at this percentile. Buckets and the finite sample make
  it an interval, whatever the distribution is (W. Hoeffding, "Probability inequalities for sums of bounded
  random variables", Journal of the American Statistical Association 58, 1963, theorem 1).
* *worst*: if every entry were as large as the greatest that was seen.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from tracekit.core.histogram import Histogram
from tracekit.errors import UsageError
from tracekit.values import frozen

PERCENTILES: Final = (50, 90, 99)


@frozen
class Between:
    """An interval, both ends in it.

    Attributes:
        lo: the least that it may be.
        hi: the greatest that it may be; None if nothing bounds it.
    """

    lo: int
    hi: int | None


@frozen
class Percentile:
    """What a plan says of one percentile.

    Attributes:
        percent: which one: 90 means that 90 of 100 entries are no larger.
        size: where it is, with the plan's confidence; bytes.
        answer: entries that fit, or bytes that are needed, if every entry had this size.
    """

    percent: int
    size: Between
    answer: Between


@frozen
class CachePlan:
    """What memory and entries have to do with each other; docs/sizing.md has the arithmetic.

    Where memory was given, an answer is how many entries fit; where entries were, how many bytes they need.

    Attributes:
        samples: how many sizes were seen.
        memory: the memory in bytes, if that was given; else None.
        entries: the number of entries, if that was given; else None.
        overhead: what an entry costs beside its size; bytes.
        headroom: the share of the memory that stays free; from 0 to less than 1.
        confidence: with which the intervals hold; between 0 and 1.
        mean: the mean size in bytes, from and to; both are the same where the sum is known.
        by_mean: the answer if N entries cost N times the mean.
        surely: the same with the confidence: so many fit, or so many bytes are enough; None without a
            greatest size.
        percentiles: the answers if every entry were as large as a percentile; empty without buckets.
        greatest: the greatest size seen; None if it isn't known.
        worst: the answer if every entry were as large as that; None likewise.
        larger: with the confidence, no greater a share of entries to come is larger than all that were seen.
    """

    samples: int
    memory: int | None
    entries: int | None
    overhead: int
    headroom: Fraction
    confidence: Fraction
    mean: tuple[Fraction, Fraction]
    by_mean: Between
    surely: int | None
    percentiles: tuple[Percentile, ...]
    greatest: int | None
    worst: int | None
    larger: float

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must be true for the numbers to hold, in sentences."""
        free = f"{float(self.headroom * 100):g}% of the memory stays free. " if self.headroom else ""
        return (
            f"Entries to come are like the {self.samples} that were seen; no size depends on another.",
            f"Each costs its size and {self.overhead} bytes. {free}Nothing else takes of it.",
            "What an entry took is free at once when it goes.",
        )


def plan_cache(
    histogram: Histogram,
    *,
    memory: int | None = None,
    entries: int | None = None,
    overhead: int = 0,
    headroom: Fraction | float = 0,
    confidence: Fraction | float = Fraction(95, 100),
) -> CachePlan:
    """How many entries fit into a memory, or the memory that a number of entries needs.

    Args:
        histogram: the sizes of entries in bytes.
        memory: the limit in bytes. Either this is given,
        entries: or the number of entries.
        overhead: bytes that an entry costs beside its size.
        headroom: the share of the memory that is to stay free, such as 0.2.
        confidence: with which intervals are to hold.

    Raises:
        UsageError: if not exactly one of memory and entries is given, something is out of range, or the
            histogram has no values, negative ones, or neither a sum nor buckets.
    """
    if (memory is None) == (entries is None):
        raise UsageError("either the memory or the number of entries has to be given")
    question = _Question(memory, entries, overhead, _exact(headroom), _exact(confidence))
    question.check()
    sizes = _Sizes(histogram, question.confidence)
    lo, hi = sizes.mean
    if memory is not None and not hi + overhead:
        raise UsageError(
            "entries of no size fit without limit", "Say what an entry costs beside its size: the overhead."
        )
    return CachePlan(
        samples=histogram.count,
        memory=memory,
        entries=entries,
        overhead=overhead,
        headroom=question.headroom,
        confidence=question.confidence,
        mean=(lo, hi),
        by_mean=question.between(lo, hi),
        surely=question.surely(sizes),
        percentiles=tuple(
            Percentile(percent, found, question.between(found.lo, found.hi))
            for percent in PERCENTILES
            if (found := sizes.percentile(percent))
        ),
        greatest=histogram.max,
        worst=None if histogram.max is None else question.answer(histogram.max),
        # All n were below it: that has a chance of (1 - share)**n.
        larger=1 - float(1 - question.confidence) ** (1 / histogram.count),
    )


def _exact(share: Fraction | float) -> Fraction:
    """By its shortest digits: the float 0.2 is meant as 1/5."""
    return Fraction(str(share))


@frozen
class _Question:
    """What is asked: a memory for entries, or entries for a memory."""

    memory: int | None
    entries: int | None
    overhead: int
    headroom: Fraction
    confidence: Fraction

    def check(self) -> None:
        for what, possible in (
            ("the memory", self.memory is None or self.memory > 0),
            ("the number of entries", self.entries is None or self.entries > 0),
            ("the overhead", self.overhead >= 0),
            ("the headroom", 0 <= self.headroom < 1),
            ("the confidence", 0 < self.confidence < 1),
        ):
            if not possible:
                raise UsageError(f"{what} is out of range")

    @property
    def usable(self) -> Fraction:
        assert self.memory is not None
        return self.memory * (1 - self.headroom)

    def answer(self, size: Fraction | int) -> int:
        """The entries that fit, or the bytes that are needed, at this size of each."""
        cost = Fraction(size) + self.overhead
        if self.entries is not None:
            return math.ceil(self.entries * cost / (1 - self.headroom))
        return math.floor(self.usable / cost)

    def between(self, lo: Fraction | int, hi: Fraction | int | None) -> Between:
        """The answers at sizes from ``lo`` to ``hi``; the larger the entries, the fewer fit."""
        if self.entries is not None:
            return Between(self.answer(lo), None if hi is None else self.answer(hi))
        return Between(0 if hi is None else self.answer(hi), self.answer(lo) if lo + self.overhead else None)

    def surely(self, sizes: _Sizes) -> int | None:
        """The answer that holds, with the confidence, for the sum of the sizes of as many entries to come."""
        if sizes.variance is None:
            return None
        if self.entries is not None:
            cost = self.entries * (sizes.mean[1] + self.overhead) + sizes.excess(self.entries)
            return math.ceil(cost / (1 - self.headroom))
        fits, too_many = 0, self.answer(sizes.mean[1]) + 1
        while too_many - fits > 1:
            tried = (fits + too_many) // 2
            if tried * (sizes.mean[1] + self.overhead) + sizes.excess(tried) <= self.usable:
                fits = tried
            else:
                too_many = tried
        return fits


class _Sizes:
    """What a histogram says of the sizes of entries to come."""

    def __init__(self, histogram: Histogram, confidence: Fraction) -> None:
        if not histogram.count:
            raise UsageError("there is no entry's size to plan with", "Trace for longer.")
        if (histogram.min is not None and histogram.min < 0) or any(
            bucket.hi is not None and bucket.hi <= 0 for bucket in histogram.buckets
        ):
            raise UsageError("sizes can't be negative", "Choose the map that has the sizes of entries.")
        self._histogram = histogram
        self._confidence = confidence
        self._bounds = self._of_buckets()
        self.mean = self._mean()
        self.variance = self._variance()

    def _of_buckets(self) -> list[tuple[int, int | None, int]] | None:
        """The least and greatest value of each bucket, and its count; None if some values are in none."""
        histogram = self._histogram
        if sum(bucket.count for bucket in histogram.buckets) < histogram.count:
            return None
        least, most = histogram.min or 0, histogram.max
        found: list[tuple[int, int | None, int]] = []
        for bucket in histogram.buckets:
            lo = least if bucket.lo is None else max(least, bucket.lo)
            hi = most if bucket.hi is None else bucket.hi - 1 if most is None else min(most, bucket.hi - 1)
            found.append((lo, hi, bucket.count))
        return found

    def _mean(self) -> tuple[Fraction, Fraction]:
        exact = self._histogram.mean
        if exact is not None:
            return exact, exact
        total_lo = total_hi = 0
        for lo, hi, count in self._bounds or ((0, self._histogram.max, self._histogram.count),):
            if hi is None:
                raise UsageError(
                    "neither the sum nor the greatest of the sizes is known",
                    "Trace with --exact, as is the default.",
                )
            total_lo += lo * count
            total_hi += hi * count
        return Fraction(total_lo, self._histogram.count), Fraction(total_hi, self._histogram.count)

    def _variance(self) -> Fraction | None:
        """No sample with these figures has a greater variance; None if they don't bound it."""
        n, (low_mean, high_mean) = self._histogram.count, self.mean
        if n < 2:
            return None
        most = self._histogram.max
        bounds = self._bounds or [(self._histogram.min or 0, most, n)]
        total = Fraction(0)
        for lo, hi, count in bounds:
            if hi is None:
                return None
            total += count * max((high_mean - lo) ** 2, (hi - low_mean) ** 2)
        if most is not None:  # of values in [0, most] with this mean (Bhatia and Davis, 2000)
            total = min(total, n * high_mean * (most - low_mean))
        return total / (n - 1)

    def excess(self, entries: int) -> int:
        """By how many bytes, at most, the sum of the sizes of entries to come exceeds that many means.

        Both sums vary: that of the entries to come, and that of the sample, from which the mean is.
        """
        from statistics import NormalDist

        assert self.variance is not None
        z = Fraction(NormalDist().inv_cdf(float(self._confidence)))
        square = z * z * self.variance * (entries + Fraction(entries * entries, self._histogram.count))
        return math.isqrt(math.ceil(square)) + 1 if z > 0 else 0

    def percentile(self, percent: int) -> Between | None:
        """Where a percentile of all entries is, with the confidence; None without buckets.

        At its ends are the sample's percentiles that differ from this one by more than chance explains: of n
        samples the share that is below the true one is so far from it at most so often (Hoeffding 1963).
        """
        histogram = self._histogram
        if self._bounds is None or not histogram.buckets:
            return None
        rare = math.log(2 / (1 - float(self._confidence))) / histogram.count
        below, above = _apart(percent / 100, 0.0, rare), _apart(percent / 100, 1.0, rare)
        lo = None if below is None else histogram.quantile(below).lo
        hi = None if above is None else histogram.quantile(above).hi
        return Between(lo or 0, None if hi is None else hi - 1)


def _apart(share: float, end: float, rare: float) -> float | None:
    """The share nearest to another, towards an end, whose divergence from it is this; None if there is none."""
    if _divergence(end, share) < rare:
        return None
    near, far = share, end
    for _ in range(60):
        middle = (near + far) / 2
        near, far = (near, middle) if _divergence(middle, share) >= rare else (middle, far)
    return far


def _divergence(p: float, q: float) -> float:
    """Of Kullback and Leibler, between two shares."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a)
