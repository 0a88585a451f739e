"""Compares a result with what is expected, figure by figure, and says in words what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests import reference
from tests.conformance.case import Case
from tests.conformance.expected import Expected, Keys

from tracekit.core.aggregation import Aggregation, Count, Distribution
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.histogram import Histogram
from tracekit.core.program import Program
from tracekit.core.result import Result


def differences(
    case: Case,
    engine: str,
    program: Program,
    result: Result,
    truth: Mapping[str, dict[Keys, Expected]],
    unreturned: int,
) -> Iterator[str]:
    """What is wrong in a result.

    Args:
        case: the case.
        engine: the engine's column.
        program: its program.
        result: what tracekit says.
        truth: what must be, by map and key.
        unreturned: how many calls were left otherwise than by a return.
    """
    loses = case.loses(engine)
    kinds = sorted({loss.kind.value for loss in result.losses})
    if kinds != list(loses):
        told = "; ".join(f"{loss.kind.value}: {loss.message}" for loss in result.losses)
        yield f"told losses are {kinds}, not {list(loses)} ({told})"
    ending = result.provenance.target.ending
    if not case.attach and (ending is None or ending.status != 0):
        yield f"the target ended with {ending}"
    if [m.name for m in result.maps] != list(program.maps):
        yield f"the maps are {[m.name for m in result.maps]}"
        return
    missing = _missing(program, result, truth)
    for kind, count in (("unreturned", unreturned + missing), ("full-map", missing)):
        said = sum(loss.count or 0 for loss in result.losses if loss.kind.value == kind)
        if kind in loses and said != count:
            yield f"{said} events are told as {kind}, not {count}"
    partial = missing > 0 and not {"unreturned", "full-map"}.isdisjoint(loses)
    for name, aggregate in program.maps.items():
        found = result[name].entries
        if not partial and found.keys() != truth[name].keys():
            lacks, more = truth[name].keys() - found.keys(), found.keys() - truth[name].keys()
            yield f"@{name} lacks the keys {sorted(lacks)[:9]} and has besides {sorted(more)[:9]}"
        for keys in found.keys() & truth[name].keys():
            for word in _entry(case, loses, partial, aggregate.function, found[keys], truth[name][keys]):
                yield f"@{name}[{', '.join(map(repr, keys))}]: {word}"


def _missing(program: Program, result: Result, truth: Mapping[str, dict[Keys, Expected]]) -> int:
    """How many events are in no map, or in no bucket, though they happened; each map's own."""
    missing = 0
    for name, aggregate in program.maps.items():
        in_buckets = isinstance(aggregate.function, Distribution)
        for histogram in result[name].entries.values():
            missing -= sum(b.count for b in histogram.buckets) if in_buckets else histogram.count
        missing += sum(entry.count for entry in truth[name].values())
    return missing


def _entry(
    case: Case,
    loses: tuple[str, ...],
    partial: bool,
    function: Aggregation,
    found: Histogram,
    truth: Expected,
) -> Iterator[str]:
    least = 0 if partial else truth.count
    if not least <= found.count <= truth.count + truth.extra:
        yield f"count is {found.count}, not {truth.count}"
    if isinstance(function, Count):
        if (found.sum, found.min, found.max, found.buckets) != (None, None, None, ()):
            yield "count() has more than a count"
        return
    if isinstance(function, Distribution):
        yield from _buckets(function.scheme, found, truth, partial=partial)
    if dict(case.options).get("exact") == "no" and isinstance(function, Distribution):
        if (found.sum, found.min, found.max) != (None, None, None):
            yield "figures that weren't asked for"
        return
    if found.count < truth.count:  # the figures are those of the events that there are, nobody knows which
        return
    if truth.bounds or truth.extra:
        yield from _figures_within(found, truth)
        return
    total = sum(value * times for value, times in truth.values.items())
    if found.sum != total and not (found.sum is None and "overflow" in loses):
        yield f"sum is {found.sum}, not {total}"
    extremes = (min(truth.values, default=None), max(truth.values, default=None))
    if (found.min, found.max) != extremes:
        yield f"min and max are {(found.min, found.max)}, not {extremes}"


def _buckets(scheme: Scheme, found: Histogram, truth: Expected, *, partial: bool) -> Iterator[str]:
    rows = Counter({(b.lo, b.hi): b.count for b in found.buckets})
    if truth.bounds or truth.extra:
        if rows.total() != found.count:
            yield f"the buckets have {rows.total()} of {found.count} events"
        return
    wanted: Counter[reference.Interval] = Counter()
    for value, times in truth.values.items():
        wanted[bucket(scheme, value)] += times
    if rows - wanted or (wanted - rows and not partial):
        yield f"buckets: too many in {dict(rows - wanted)}, too few in {dict(wanted - rows)}"


def bucket(scheme: Scheme, value: int) -> reference.Interval:
    """Where a value belongs, by the rules of the engines as they stand in ``tests/reference.py``."""
    match scheme:
        case Log2(bits):
            return reference.log_linear(value, bits)
        case Linear(lo, hi, step):
            return reference.lhist(value, lo, hi, step)
        case LogLinear(factor, low, high, steps):
            return reference.llquantize(value, reference.llquantize_bounds(factor, low, high, steps))


def _figures_within(found: Histogram, truth: Expected) -> Iterator[str]:
    """Times can't be known to the nanosecond from outside, but they lie between two others."""
    if found.sum is None or found.min is None or found.max is None:
        yield f"figures are missing: {found}"
        return
    if truth.extra:
        if {found.min, found.max} != truth.values.keys() or found.sum != found.count * found.min:
            yield f"sum, min and max are {(found.sum, found.min, found.max)}"
        return
    least, most = ([bound[side] for bound in truth.bounds] for side in (0, 1))
    for name, figure, low, high in (
        ("sum", found.sum, sum(least), sum(most)),
        ("min", found.min, min(least), min(most)),
        ("max", found.max, max(least), max(most)),
    ):
        if not low <= figure <= high:
            yield f"{name} is {figure}, not between {low} and {high}"
