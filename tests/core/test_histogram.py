"""The histogram: exact figures, merging, quantiles."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.results_strategies import INTEGERS, LINEAR, SCHEMES, VALUES, histograms

from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.histogram import Bucket, Histogram, Quantile
from tracekit.errors import UsageError

SOME = st.lists(INTEGERS, min_size=1, max_size=30)


@given(VALUES, SCHEMES)
def test_of_counts_every_value(values: list[int], scheme: Scheme) -> None:
    """Each bucket's count is the number of values in it; the figures are those of the values."""
    found = Histogram.of(iter(values), scheme)
    assert all(b.count == sum(v in b.range for v in values) > 0 for b in found.buckets)
    assert sum(b.count for b in found.buckets) == found.count == len(values)
    assert (found.sum, found.min, found.max) == (
        sum(values),
        min(values, default=None),
        max(values, default=None),
    )
    assert found.mean == (Fraction(sum(values), len(values)) if values else None)


@given(VALUES, SCHEMES, st.randoms())
def test_order_does_not_matter(values: list[int], scheme: Scheme, random: object) -> None:
    """Neither the order of values nor that of buckets changes a histogram; empty buckets vanish."""
    found = Histogram.of(values, scheme)
    random.shuffle(values)  # type: ignore[attr-defined]
    assert Histogram.of(values, scheme) == found
    again = Histogram(
        scheme,
        (*reversed(found.buckets), Bucket(0, 1, 0)),
        found.count,
        found.sum,
        found.min,
        found.max,
    )
    assert again == found
    for one, other in pairwise(found.buckets):
        assert one.hi is not None and other.lo is not None and one.hi <= other.lo


@given(SCHEMES.flatmap(lambda s: st.tuples(st.just(s), VALUES, VALUES)))
def test_merging_is_having_all_values(given_: tuple[Scheme, list[int], list[int]]) -> None:
    """The merge of two histograms is the histogram of both ones' values."""
    scheme, one, other = given_
    merged = Histogram.of(one, scheme) + Histogram.of(other, scheme)
    assert merged == Histogram.of(one + other, scheme)


@given(
    (st.none() | SCHEMES).flatmap(
        lambda s: st.tuples(*[histograms(st.just(s)) | st.just(Histogram(s))] * 3),
    )
)
def test_merging_is_a_commutative_monoid(three: tuple[Histogram, Histogram, Histogram]) -> None:
    """Merging is associative and commutative, an empty histogram changes nothing; also without figures."""
    a, b, c = three
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(Histogram(a.scheme)) == Histogram(a.scheme).merge(a) == a


def test_merging_needs_one_scheme() -> None:
    """Buckets of different schemes can't be added."""
    with pytest.raises(UsageError, match="merge"):
        Histogram.of([1], Log2()).merge(Histogram.of([1], Log2(1)))


@given(SOME, SCHEMES, st.floats(0, 1))
def test_a_quantile_is_where_it_is_said_to_be(values: list[int], scheme: Scheme, q: float) -> None:
    """The interval contains the value of rank ceil(q * n), whatever figures are known."""
    true = sorted(values)[max(1, math.ceil(Fraction(str(q)) * len(values))) - 1]
    exact = Histogram.of(values, scheme)
    for histogram in (exact, Histogram(scheme, exact.buckets, exact.count)):
        found = histogram.quantile(q)
        assert (found.lo is None or found.lo <= true) and (found.hi is None or true < found.hi)
        if found.estimate is not None:
            assert found.lo is not None and found.hi is not None
            assert float(found.lo) <= found.estimate <= float(found.hi - 1)


@given(SOME, SCHEMES)
def test_the_outer_quantiles_are_the_extremes(values: list[int], scheme: Scheme) -> None:
    """With min and max known, no quantile reaches beyond them, and the outer intervals end at them."""
    found = Histogram.of(values, scheme)
    assert found.quantile(0).lo == min(values)
    assert found.quantile(1).hi == max(values) + 1


@pytest.mark.parametrize(
    ("q", "rank"),
    [(0, 1), (0.1, 1), (0.3, 3), (0.5, 5), (0.7, 7), (0.9, 9), (Fraction(9, 10), 9), (0.91, 10), (1, 10)],
)
def test_ranks_are_taken_in_decimals(q: float | Fraction, rank: int) -> None:
    """0.9 of ten values is the ninth, though the float is a little more than 9/10."""
    found = Histogram.of(range(1, 11), Linear(0, 20, 1))
    assert found.quantile(q) == Quantile(rank, rank + 1, float(rank))


def test_values_in_no_bucket_have_no_rank() -> None:
    """Quantiles are of the values in buckets, of which there may be less than the count."""
    found = Histogram(Linear(0, 10, 1), (Bucket(3, 4, 1),), count=5)
    assert found.quantile(1) == Quantile(3, 4, 3.0)


def test_an_unbounded_bucket_gives_no_estimate() -> None:
    """Where a bound isn't known, none is made up."""
    scheme = Linear(0, 10, 1)
    low = Histogram(scheme, Histogram.of([-5], scheme).buckets, count=1)
    high = Histogram(scheme, Histogram.of([99], scheme).buckets, count=1)
    assert low.quantile(0.5) == Quantile(None, 0, None)
    assert high.quantile(0.5) == Quantile(10, None, None)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan, math.inf])
def test_a_quantile_is_between_0_and_1(q: float) -> None:
    """Other shares are refused."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        Histogram.of([1], Log2()).quantile(q)


@pytest.mark.parametrize("empty", [Histogram(Log2()), Histogram.of([1, 2]), Histogram(Log2(), (), 4)])
def test_without_buckets_there_is_no_quantile(empty: Histogram) -> None:
    """A histogram without values in buckets has no quantiles."""
    with pytest.raises(UsageError, match="no value"):
        empty.quantile(0.5)


@pytest.mark.parametrize(
    ("scheme", "buckets", "count"),
    [
        (Log2(), (Bucket(1, 2, 3),), 2),
        (Log2(), (Bucket(1, 2, -1),), 2),
        (None, (Bucket(1, 2, 1),), 1),
        (Log2(), (Bucket(1, 3, 1),), 1),
        (Log2(), (Bucket(None, None, 1),), 1),
        (Log2(), (Bucket(None, 0, 1),), 1),
        (Log2(), (Bucket(1, 2, 1), Bucket(1, 2, 1)), 2),
        (Linear(0, 10, 5), (Bucket(10, 15, 1),), 1),
        (Linear(0, 10, 5), (Bucket(None, 0, 1), Bucket(None, 0, 1)), 2),
        (LogLinear(10, 0, 2, 10), (Bucket(0, 2, 1),), 1),
    ],
)
def test_impossible_histograms_are_refused(
    scheme: Scheme | None, buckets: tuple[Bucket, ...], count: int
) -> None:
    """Buckets must be the scheme's, each once, and have no more than the count."""
    with pytest.raises(ValueError, match="a histogram"):
        Histogram(scheme, buckets, count)


@given(LINEAR, VALUES)
def test_linear_edges_are_those_of_the_scheme(scheme: Linear, values: list[int]) -> None:
    """All histograms of one linear scheme have the same axis, whatever values they have."""
    found = Histogram.of(values, scheme)
    expected = tuple(range(scheme.lo, scheme.top + 1, scheme.step)) if values else ()
    assert found.edges == expected


@given(SOME, SCHEMES)
def test_edges_are_the_schemes_bounds(values: list[int], scheme: Scheme) -> None:
    """Two neighbouring edges are a bucket of the scheme; every bound of a bucket is an edge."""
    found = Histogram.of(values, scheme)
    edges = found.edges
    assert len(edges) >= 2
    for lo, hi in pairwise(edges):
        assert (scheme.bucket(lo).lo, scheme.bucket(lo).hi) == (lo, hi)
    assert {bound for b in found.buckets for bound in (b.lo, b.hi) if bound is not None} <= set(edges)
