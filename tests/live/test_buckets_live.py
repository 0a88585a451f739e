"""Histograms of values at every edge, as real engines make them, against ``Histogram.of``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from tests.evaluator import convert
from tests.live.harness import OWN, trace
from tools.engines import Engine

from tracekit.backends.base import Options
from tracekit.core.aggregation import Distribution
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import Arg, Cast, Expr
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.result import LossKind
from tracekit.core.types import INT64, INT_TYPES, UINT64, IntType

pytestmark = pytest.mark.live

SCHEMES: list[Scheme] = [
    *(Log2(bits) for bits in range(6)),
    Linear(0, 16384, 128),
    Linear(0, 10, 3),
    Linear(-100, 100, 7),
    Linear(-1, 1, 1),
    Linear(2**31 - 2, 2**31 + 2, 1),
    Linear(-(2**63) + 1, 2**63, 2**60),
    Linear(2**63 - 3, 2**63 + 3, 1),
    Linear(0, 2**64 - 1, 2**59),
    Linear(2**64 - 5, 2**64 - 1, 2),
    Linear(-(2**63) + 1, -(2**63) + 9, 4),
    LogLinear(2, 0, 62, 2),
    LogLinear(2, 3, 62, 16),
    LogLinear(10, 0, 18, 10),
    LogLinear(10, 2, 5, 20),
    LogLinear(16, 1, 14, 4),
    LogLinear(3, 0, 0, 1),
]
VALUES = sorted(
    {s * (2**n + d) for n in range(64) for d in (-1, 0, 1) for s in (1, -1)}
    | {0, -(2**63), 2**63 - 1, 2**64 - 1}
    | {-99, -93, 100, 127, 128, 129, 999, 1000, 1001, 10**18, 10**18 - 1, 10**19 - 1}
    | {scheme.lo + d for scheme in SCHEMES if isinstance(scheme, Linear) for d in (-1, 0, 1)}
    | {scheme.top + d for scheme in SCHEMES if isinstance(scheme, Linear) for d in (-1, 0, 1)}
)
IN_A_CLAUSE = 11
"""Five maps in the script for each one, and a program can have 64."""


def program_of(schemes: dict[str, Distribution]) -> Program:
    """All of them, in as many clauses as the kernel needs."""
    aggregates = [Aggregate(name, function) for name, function in schemes.items()]
    probe = Uprobe("calls", FunctionName("value"))
    starts = range(0, len(aggregates), IN_A_CLAUSE)
    return Program([Clause(probe, aggregates=aggregates[at : at + IN_A_CLAUSE]) for at in starts])


def fits(scheme: Scheme, type_: IntType) -> bool:
    """Whether a program may have a scheme for a type: ``core.program.check`` refuses others."""
    return not isinstance(scheme, Linear) or type_.minimum <= scheme.lo < scheme.top <= type_.maximum


@pytest.mark.parametrize("type_", [INT64, UINT64], ids=lambda t: t.name)
def test_every_scheme_on_values_at_every_edge(
    any_engine: Engine, binaries: Callable[[str], Path], type_: IntType
) -> None:
    """Buckets, counts, sums and extremes are exact for 64-bit values of either sign, whatever the scheme."""
    value: Expr = Cast(UINT64, Arg(0)) if type_ == UINT64 else Arg(0)
    schemes = [s for s in SCHEMES if any_engine is not OWN or fits(s, type_)]
    named = {f"h{n}": Distribution(value, scheme) for n, scheme in enumerate(schemes)}
    numbers = [f"{value % 2**64:x}" for value in VALUES]
    run = trace(any_engine, program_of(named), binaries("calls"), ["values", *numbers])
    expected = [convert(value, (64, type_.signed)) for value in VALUES]
    for name, distribution in named.items():
        whole = Histogram.of(expected, distribution.scheme)
        # So many such values have many sums that agree in their low 64 bits, and bpftrace has no more.
        wanted = whole if any_engine is OWN else attrs.evolve(whole, sum=None)
        assert run[name].entries == {(): wanted}, distribution.scheme
    unknown = [] if any_engine is OWN else list(named)
    assert [(loss.kind, loss.map) for loss in run.reading.losses] == [(LossKind.OVERFLOW, n) for n in unknown]
    assert run.losses == () and run.reading.notes == ()


@pytest.mark.parametrize(
    "values",
    [
        [-(2**63)],
        [2**63 - 1] * 3,
        [-(2**63)] * 5,
        [-1, 0, 1, -(2**31), 2**31, 2**32],
        [2**62, 2**62 + 2**61, 2**62 + 1],
        [-(2**63) + n for n in range(50)],
    ],
    ids=str,
)
def test_sums_beyond_64_bits(any_engine: Engine, binaries: Callable[[str], Path], values: list[int]) -> None:
    """Sums are exact beyond 64 bits as well, if the values' range tells what was cut off."""
    program = "uprobe:calls:value { @s = stats(arg0); @u = stats((uint64)arg0); @h = lhist(arg0, -10, 10, 1) }"
    numbers = [f"{value % 2**64:x}" for value in values]
    run = trace(any_engine, program, binaries("calls"), ["values", *numbers])
    assert run["s"].entries == {(): Histogram.of(values)}
    assert run["h"].entries == {(): Histogram.of(values, Linear(-10, 10, 1))}
    unsigned = Histogram.of([value % 2**64 for value in values])
    if any_engine is not OWN and min(values) < 0 <= max(values):
        unsigned = attrs.evolve(unsigned, sum=None)
    assert run["u"].entries == {(): unsigned}


@pytest.mark.parametrize("scheme", [Log2(2), Linear(-100, 200, 10), LogLinear(10, 0, 4, 10)], ids=repr)
def test_narrow_types(any_engine: Engine, binaries: Callable[[str], Path], scheme: Scheme) -> None:
    """Values of narrower types fall into the buckets of what is left of them."""
    named = {t.name: Distribution(Cast(t, Arg(0)), scheme) for t in INT_TYPES.values() if t.bits < 64}
    numbers = [f"{value % 2**64:x}" for value in VALUES]
    run = trace(any_engine, program_of(named), binaries("calls"), ["values", *numbers])
    for name in named:
        type_ = INT_TYPES[name]
        expected = [convert(value, (type_.bits, type_.signed)) for value in VALUES]
        assert run[name].entries == {(): Histogram.of(expected, scheme)}


def test_nothing_but_zeros_and_nothing_at_all(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """A value of 0 is counted, though some engines print no row for it; and no event gives no value."""
    program = "uprobe:calls:value { @h = hist(arg0); @s = stats(arg0); @m = max(arg0) }"
    zeros = trace(any_engine, program, binaries("calls"), ["values", "0", "0"])
    assert zeros["h"].entries == {(): Histogram.of([0, 0], Log2())}
    assert zeros["s"].entries == zeros["m"].entries == {(): Histogram.of([0, 0])}
    nothing = trace(any_engine, program, binaries("calls"), ["values"])
    assert nothing["h"].entries == {(): Histogram.of([], Log2())}
    assert nothing["s"].entries == nothing["m"].entries == {(): Histogram.of([])}
    assert zeros.reading.losses == nothing.reading.losses == ()


def test_a_full_map_says_how_much_it_lacks(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """Of 1,000 keys in a map for 100, exactly those events that found no room are reported."""
    program = "uprobe:calls:value { @by[arg0] = hist(arg0) }"
    numbers = [f"{n:x}" for n in range(1000)]
    run = trace(any_engine, program, binaries("calls"), ["values", *numbers], Options(max_keys=100))
    kept = run["by"].total
    assert 0 < kept <= 100
    (loss,) = (loss for loss in run.reading.losses if loss.kind is LossKind.KEYS)
    assert loss.count == 1000 - kept and loss.map == "by"
    for (key,), histogram in run["by"].entries.items():
        assert isinstance(key, int) and histogram.count == 1
        assert histogram.buckets == Histogram.of([key], Log2()).buckets
