"""Comparing histograms: the distance by hand and by definition, and how often chance alone gives it."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.core.buckets import Linear, Log2, Range
from tracekit.core.comparing import Row, compare
from tracekit.core.histogram import Histogram
from tracekit.errors import UsageError

TENS = Linear(0, 100, 10)
values = st.lists(st.integers(-20, 120), min_size=1, max_size=50)


def test_by_hand() -> None:
    """Three of four in [0, 10) before, one of two after: they are a quarter apart."""
    found = compare(Histogram.of([1, 2, 3, 55], TENS), Histogram.of([4, 99], TENS))
    assert found.rows == (
        Row(Range(0, 10), 3, 1),
        Row(Range(50, 60), 1, 0),
        Row(Range(90, 100), 0, 1),
    )
    assert found.distance == Fraction(1, 2)
    assert [(shift.before.lo, shift.after.lo) for shift in found.shifts] == [(1, 4), (50, 90), (50, 90)]
    assert found.chance == pytest.approx(0.8928, abs=0.001)


@given(values, values)
def test_the_distance_is_that_of_the_definition(one: list[int], other: list[int]) -> None:
    """It is the greatest difference of the shares below any edge, and the same the other way round."""
    found = compare(Histogram.of(one, TENS), Histogram.of(other, TENS))
    differences = [
        abs(Fraction(sum(v < edge for v in one), len(one)) - Fraction(sum(v < edge for v in other), len(other)))
        for edge in range(0, 101, 10)
    ]
    assert found.distance == max(differences)
    back = compare(Histogram.of(other, TENS), Histogram.of(one, TENS))
    assert (back.distance, back.chance) == (found.distance, found.chance)


@given(values)
def test_one_and_the_same(one: list[int]) -> None:
    """Nothing is at no distance from itself by more than chance."""
    found = compare(Histogram.of(one, TENS), Histogram.of(one, TENS))
    assert (found.distance, found.chance) == (0, 1.0)


def test_chance_alone() -> None:
    """Samples of one distribution differ 'by at most 5% chance' in at most about 5 of 100 pairs."""
    random_ = random.Random(7)

    def sample(n: int, top: int) -> Histogram:
        return Histogram.of([random_.randrange(top) for _ in range(n)], Linear(0, 1000, 5))

    chances = [compare(sample(300, 1000), sample(200, 1000)).chance for _ in range(200)]
    assert sum(chance is not None and chance <= 0.05 for chance in chances) <= 20
    assert sum(chance is not None and chance <= 0.5 for chance in chances) > 60
    moved = compare(sample(3000, 1000), sample(3000, 900)).chance
    assert moved is not None and moved < 1e-6


def test_nothing_to_compare() -> None:
    """Without values on a side there is no distance, but the rows."""
    found = compare(Histogram.of([], TENS), Histogram.of([5], TENS))
    assert (found.distance, found.chance, found.shifts) == (None, None, ())
    assert found.rows == (Row(Range(0, 10), 0, 1),)


def test_other_buckets() -> None:
    """They can't be compared."""
    with pytest.raises(UsageError, match="can't compare"):
        compare(Histogram.of([1], TENS), Histogram.of([1], Log2(0)))
