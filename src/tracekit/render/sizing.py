"""Plans of caches as text."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.core.sizing import Between, CachePlan
from tracekit.render.text import number


def render_plan(plan: CachePlan) -> str:
    """What fits, or what is needed, by each reading, and what is assumed.

    Returns:
        Lines, each ended.
    """
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: CachePlan) -> Iterator[str]:
    sure = f"{float(plan.confidence * 100):g}%"
    if plan.memory is not None:
        question, unit, bound = f"{plan.memory} bytes hold", "entries", "at least"
    else:
        question, unit, bound = f"{plan.entries} entries need", "bytes", "at most"
    yield f"{question}, by the sizes of {plan.samples} entries:"
    yield ""
    yield f"  {'if every entry is of':<24}{'bytes':>20}{unit:>24}"
    mean = number(plan.mean[0])
    if plan.mean[0] != plan.mean[1]:
        mean += f" to {number(plan.mean[1])}"
    yield f"  {'the mean size':<24}{mean:>20}{_between(plan.by_mean):>24}"
    for found in plan.percentiles:
        name = f"the {found.percent}th percentile"
        yield f"  {name:<24}{_between(found.size):>20}{_between(found.answer):>24}"
    if plan.worst is not None and plan.greatest is not None:
        yield f"  {'the greatest size seen':<24}{plan.greatest:>20}{plan.worst:>24}"
    yield ""
    if plan.surely is not None:
        yield f"Entries of all sizes, as they come: with {sure} confidence {bound} {plan.surely} {unit}."
    yield f"With {sure} confidence, less than {_percent(plan.larger)} of entries are larger than all seen."
    if plan.percentiles:
        yield f"The intervals are those of the buckets and of {sure} confidence."
    yield "Assumed:"
    for sentence in plan.assumptions:
        yield f"  {sentence}"


def _between(found: Between) -> str:
    if found.hi is None:
        return f"{found.lo} or more"
    return str(found.lo) if found.lo == found.hi else f"{found.lo} to {found.hi}"


def _percent(share: float) -> str:
    return f"{float(f'{share * 100:.2g}'):.10g}%"
