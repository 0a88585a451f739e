"""Bucket schemes: every integer is in exactly one bucket, the one that the engines say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import reference
from tests.results_strategies import INTEGERS, LINEAR, LOG2, SCHEMES, log_linear_parameters

from tracekit.core.buckets import (
    MAX_LINEAR_BUCKETS,
    MAX_LOG_BITS,
    Linear,
    Log2,
    LogLinear,
    Range,
    Scheme,
)
from tracekit.core.types import INT64, UINT64
from tracekit.errors import UsageError


def pair(found: Range) -> tuple[int | None, int | None]:
    return (found.lo, found.hi)


@given(SCHEMES, INTEGERS)
def test_a_value_is_in_its_bucket(scheme: Scheme, value: int) -> None:
    """The bucket that a value is said to fall into contains it."""
    assert value in scheme.bucket(value)


@given(SCHEMES, INTEGERS)
def test_buckets_tile_the_integers(scheme: Scheme, value: int) -> None:
    """Next to a bucket's bounds the neighbours begin: no gap, no overlap."""
    found = scheme.bucket(value)
    if found.hi is not None:
        assert scheme.bucket(found.hi).lo == found.hi
        assert scheme.bucket(found.hi - 1) == found
    if found.lo is not None:
        assert scheme.bucket(found.lo - 1).hi == found.lo
        assert scheme.bucket(found.lo) == found


@given(SCHEMES, INTEGERS, INTEGERS)
def test_a_value_is_in_one_bucket_only(scheme: Scheme, one: int, other: int) -> None:
    """Two values share a bucket exactly when either's bucket contains the other."""
    assert (scheme.bucket(one) == scheme.bucket(other)) == (one in scheme.bucket(other))


@given(SCHEMES, INTEGERS)
def test_log_schemes_are_mirrored(scheme: Scheme, value: int) -> None:
    """A negative value's bucket is its magnitude's, mirrored, for all schemes but the linear one."""
    if isinstance(scheme, Linear):
        return
    lo, hi = pair(scheme.bucket(value))
    assert pair(scheme.bucket(-value)) == (None if hi is None else 1 - hi, None if lo is None else 1 - lo)


@given(LOG2, INTEGERS.filter(lambda v: v >= 0))
def test_log2_is_bpftraces_hist(scheme: Log2, value: int) -> None:
    """From 0 on, ``hist(x, k)`` has bpftrace's buckets."""
    assert pair(scheme.bucket(value)) == reference.hist(value, scheme.bits)


@given(LOG2, INTEGERS)
def test_log2_is_mirrored_log_linear(scheme: Log2, value: int) -> None:
    """For every value, ``hist(x, k)`` has the buckets of the portable log-linear computation."""
    assert pair(scheme.bucket(value)) == reference.log_linear(value, scheme.bits)


@given(st.integers(INT64.minimum + 1, INT64.maximum) | INTEGERS.map(INT64.wrap))
def test_log2_is_dtraces_quantize(value: int) -> None:
    """``hist(x)`` has dtrace's buckets for all of int64 but its least value."""
    found = pair(Log2().bucket(value))
    if value == INT64.minimum:
        assert found == (-(1 << 64) + 1, -(1 << 63) + 1)
    elif -value >= 1 << 62:
        # dtrace puts the least value into this bucket too; here it has one of its own.
        assert (found, reference.quantize(value)) == (
            (-(1 << 63) + 1, -(1 << 62) + 1),
            (-(1 << 63), -(1 << 62) + 1),
        )
    else:
        assert found == reference.quantize(value)


@given(LINEAR, INTEGERS, st.integers(-3, 203))
def test_linear_is_lhist(scheme: Linear, value: int, steps: int) -> None:
    """``lhist`` has bpftrace's and dtrace's buckets, also where the step doesn't divide the range."""
    for v in (value, scheme.lo + steps * scheme.step, scheme.lo + steps * scheme.step - 1):
        assert pair(scheme.bucket(v)) == reference.lhist(v, scheme.lo, scheme.hi, scheme.step)


@given(st.sampled_from(log_linear_parameters()), INTEGERS)
def test_log_linear_is_llquantize(parameters: tuple[int, int, int, int], value: int) -> None:
    """``llquantize`` has dtrace's buckets."""
    bounds = reference.llquantize_bounds(*parameters)
    assert list(LogLinear(*parameters).bounds) == bounds
    assert pair(LogLinear(*parameters).bucket(value)) == reference.llquantize(value, bounds)


@pytest.mark.parametrize("bits", range(MAX_LOG_BITS + 1))
@given(value=INTEGERS)
def test_hist_with_bits_is_a_llquantize(bits: int, value: int) -> None:
    """``hist(x, k)`` is ``llquantize(x, 2, k, 62, 2 ** (k + 1))`` for magnitudes from 2**k below 2**63."""
    if not 1 << bits <= abs(value) < 1 << 63:
        return
    assert Log2(bits).bucket(value) == LogLinear(2, bits, 62, 2 ** (bits + 1)).bucket(value)


@pytest.mark.parametrize(
    ("parameters", "bounds"),
    [
        # As dtrace 2.0.7 prints them.
        ((10, 0, 3, 10), [*range(1, 10), *range(10, 100, 10), *range(100, 1000, 100)]),
        ((2, 3, 5, 8), [8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64]),
        ((10, 2, 2, 5), [100, 200, 400, 600, 800, 1000]),
        ((3, 0, 1, 3), [1, 2, 3, 6, 9]),
    ],
)
def test_known_bounds(parameters: tuple[int, int, int, int], bounds: list[int]) -> None:
    """The bounds of some ``llquantize`` calls, worked out by hand."""
    assert list(LogLinear(*parameters).bounds[: len(bounds)]) == bounds


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Log2(-1), "-1 bits"),
        (lambda: Log2(6), "6 bits"),
        (lambda: Linear(0, 10, 0), "step of 0"),
        (lambda: Linear(0, 10, -2), "step of -2"),
        (lambda: Linear(10, 10, 1), "empty range"),
        (lambda: Linear(10, 0, 1), "empty range"),
        (lambda: Linear(0, 10, 11), "step wider"),
        (lambda: Linear(INT64.minimum, 0, 1 << 50), "64 bits"),
        (lambda: Linear(0, UINT64.maximum + 1, 1 << 50), "64 bits"),
        (lambda: Linear(0, MAX_LINEAR_BUCKETS + 1, 1), f"{MAX_LINEAR_BUCKETS + 1} buckets"),
        (lambda: LogLinear(1, 0, 3, 10), "factor below 2"),
        (lambda: LogLinear(10, -1, 3, 10), "range of powers"),
        (lambda: LogLinear(10, 4, 3, 10), "empty range"),
        (lambda: LogLinear(10, 0, 3, 0), "no steps"),
        (lambda: LogLinear(10, 0, 19, 10), "64 bits"),
        (lambda: LogLinear(65_536, 0, 1, 65_536), "64 bits"),
        (lambda: LogLinear(10, 0, 6, 3), "evenly"),
        (lambda: LogLinear(10, 0, 6, 15), "evenly"),
        (lambda: LogLinear(10, 0, 6, 40), "evenly"),
    ],
)
def test_bad_parameters_are_refused(make: object, says: str) -> None:
    """Parameters that no engine takes are refused in a sentence that names what is wrong."""
    with pytest.raises(UsageError, match=says):
        make()  # type: ignore[operator]


def test_as_many_buckets_as_fit() -> None:
    """The greatest number of buckets is allowed, and the step that the refusal suggests is enough."""
    assert Linear(0, MAX_LINEAR_BUCKETS, 1).size == MAX_LINEAR_BUCKETS
    with pytest.raises(UsageError) as caught:
        Linear(-7, 1_000_000, 1)
    step = int("".join(filter(str.isdigit, caught.value.hint)))
    assert Linear(-7, 1_000_000, step).size <= MAX_LINEAR_BUCKETS
    with pytest.raises(UsageError):
        Linear(-7, 1_000_000, step - 1)
