"""Comparing histograms: by hand and by definition, and how often chance alone gives it."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.core.buckets import Linear, Log2, Range
from tracekit.core.comparing import Row, compare
from tracekit.core.histogram import Bucket, Histogram
from tracekit.errors import UsageError

TENS = Linear(0, 100, 10)
values = st.lists(st.integers(-20, 120), min_size=1, max_size=50)


def test_by_hand() -> None:
    """Three of four below 10, then none of four: 4 of 56 ways, either way round, at one of three edges."""
    found = compare(Histogram.of([1, 2, 3, 55], TENS), Histogram.of([14, 99, 98, 55], TENS))
    assert found.rows == (
        Row(Range(0, 10), 3, 0),
        Row(Range(10, 20), 0, 1),
        Row(Range(50, 60), 1, 1),
        Row(Range(90, 100), 0, 2),
    )
    assert [(shift.before.lo, shift.after.lo) for shift in found.shifts] == [(1, 50), (50, 90), (50, 90)]
    assert found.contrast is not None
    assert (found.contrast.edge, found.contrast.before, found.contrast.after) == (10, Fraction(3, 4), 0)
    assert found.contrast.chance == pytest.approx(2 * 3 * 4 / 56)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_chance_is_that_of_the_definition(a: int, b: int, c: int, d: int) -> None:
    """It is twice the sum of the hypergeometric distribution's tail, from exact binomials."""
    if not a + c or not b + d or not a + b or not c + d:
        return
    found = compare(Histogram.of([1] * a + [99] * c, TENS), Histogram.of([1] * b + [99] * d, TENS)).contrast
    assert found is not None
    m, n, drawn = a + c, b + d, a + b
    tables = {k: math.comb(m, k) * math.comb(n, drawn - k) for k in range(max(0, drawn - n), min(m, drawn) + 1)}
    greater = a * n >= b * m
    tail = sum(ways for k, ways in tables.items() if (k >= a if greater else k <= a))
    assert found.chance == pytest.approx(min(1, 2 * tail / sum(tables.values())))


@given(values, values)
def test_there_and_back(one: list[int], other: list[int]) -> None:
    """The other way round it is the same difference, with the same chance."""
    there = compare(Histogram.of(one, TENS), Histogram.of(other, TENS)).contrast
    back = compare(Histogram.of(other, TENS), Histogram.of(one, TENS)).contrast
    if there is None or back is None:
        assert there is back
        return
    assert (there.before, there.after) == (back.after, back.before)
    assert there.chance == pytest.approx(back.chance)


@given(values)
def test_one_and_the_same(one: list[int]) -> None:
    """Nothing differs from itself."""
    found = compare(Histogram.of(one, TENS), Histogram.of(one, TENS)).contrast
    assert found is None or (found.before == found.after and found.chance == 1)


def test_chance_alone() -> None:
    """Of samples of one distribution at most about 5 of 100 pairs differ by 'a chance of 5%'."""
    random_ = random.Random(7)

    def chance(*tops: int) -> float:
        one, other = (
            Histogram.of([random_.randrange(top) for _ in range(500)], Linear(0, 1000, 25)) for top in tops
        )
        found = compare(one, other).contrast
        assert found is not None
        return found.chance

    assert sum(chance(1000, 1000) <= 0.05 for _ in range(200)) <= 18
    assert chance(1000, 800) < 1e-6


def test_what_changed_at_the_far_end() -> None:
    """A twentieth of the values that is gone is more than chance, however many others are the same."""
    before = Histogram.of([10] * 500 + [30] * 452 + [90] * 48, TENS)
    found = compare(before, Histogram.of([10] * 500 + [30] * 452, TENS)).contrast
    assert found is not None
    assert (found.edge, found.after) == (40, 1)
    assert found.chance < 1e-10


def test_a_billion_values() -> None:
    """Counts of this size are compared as well."""
    before = Histogram(TENS, (Bucket(0, 10, 10**9), Bucket(10, 20, 10**9)), 2 * 10**9)
    for more, clear in ((10**4, False), (10**6, True)):
        after = Histogram(TENS, (Bucket(0, 10, 10**9 + more), Bucket(10, 20, 10**9)), 2 * 10**9 + more)
        found = compare(before, after).contrast
        assert found is not None and (found.chance < 1e-6) is clear


def test_nothing_to_compare() -> None:
    """Without values on a side there is no distance, but the rows."""
    found = compare(Histogram.of([], TENS), Histogram.of([5], TENS))
    assert (found.contrast, found.shifts) == (None, ())
    assert found.rows == (Row(Range(0, 10), 0, 1),)


def test_other_buckets() -> None:
    """They can't be compared."""
    with pytest.raises(UsageError, match="can't compare"):
        compare(Histogram.of([1], TENS), Histogram.of([1], Log2(0)))
