"""One result of several runs of the same program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from tracekit.core.histogram import Histogram
from tracekit.core.result import Engine, Key, Machine, MapResult, Provenance, Result, TargetRecord
from tracekit.errors import UsageError

T = TypeVar("T")


def merge(results: Sequence[Result]) -> Result:
    """The result of all the runs' events together.

    Maps are matched by their names. What is missing from a run is missing from the whole: its losses and notes
    are those of all. ``merged`` has each run's provenance; in ``provenance`` stands what they have in common.

    Raises:
        UsageError: if there is no result, a run is there twice, or maps of one name differ in what they are
            (the aggregation, its buckets, the keys) or are single numbers that are not known to be sums.
    """
    if not results:
        raise UsageError("there is no run to merge")
    if len(results) == 1:
        return results[0]
    found: dict[str, MapResult] = {}
    for result in results:
        for map_ in result.maps:
            found[map_.name] = _together(found[map_.name], map_) if map_.name in found else map_
    sources = tuple(source for result in results for source in (result.merged or (result.provenance,)))
    if any(source.started is not None and sources.count(source) > 1 for source in sources):
        raise UsageError("a run is there twice", "Merge each run once.")
    every = [loss for result in results for loss in result.losses]
    return Result(
        maps=tuple(found.values()),
        provenance=_common(sources),
        complete=all(result.complete for result in results),
        # The same sentence without a count says the same of all; one with a count is about its own run.
        losses=tuple(loss for loss in every if loss.count is not None)
        + tuple(dict.fromkeys(loss for loss in every if loss.count is None)),
        notes=tuple(dict.fromkeys(note for result in results for note in result.notes)),
        merged=sources,
    )


def _together(one: MapResult, other: MapResult) -> MapResult:
    for what, first, second in (
        ("is", one.function, other.function),
        ("has the keys", one.key_names, other.key_names),
        ("names its keys' values", one.key_labels, other.key_labels),
    ):
        if first != second:
            raise UsageError(
                f"the map @{one.name} {what} {_said(first)} in one run and {_said(second)} in another",
                "Merge runs of the same program.",
            )
    if one.function == "value":
        raise UsageError(f"the values of @{one.name} can't be merged: it isn't known what they are")
    entries: dict[tuple[Key, ...], Histogram] = dict(one.entries)
    for keys, histogram in other.entries.items():
        entries[keys] = entries[keys].merge(histogram) if keys in entries else histogram
    if len({histogram.scheme for histogram in entries.values()}) > 1:
        raise UsageError(
            f"the map @{one.name} has other buckets in one run than in another",
            "Merge runs of the same program.",
        )
    return attrs.evolve(one, entries=entries)


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return ", ".join(map(str, value)) or "none"


def _common(sources: Sequence[Provenance]) -> Provenance:
    """What the runs have in common, from the first's start to the last's end; the rest is empty."""

    def shared(of: Callable[[Provenance], T], otherwise: T) -> T:
        first, *rest = map(of, sources)
        return first if all(other == first for other in rest) else otherwise

    starts = [source.started for source in sources if source.started is not None]
    ends = [source.ended for source in sources if source.ended is not None]
    return Provenance(
        program=shared(lambda source: source.program, None),
        text=shared(lambda source: source.text, ""),
        engine=shared(lambda source: source.engine, Engine("")),
        target=shared(lambda source: source.target, TargetRecord()),
        machine=shared(lambda source: source.machine, Machine()),
        started=min(starts) if len(starts) == len(sources) else None,
        ended=max(ends) if len(ends) == len(sources) else None,
        binaries=tuple(dict.fromkeys(binary for source in sources for binary in source.binaries)),
        tracekit=shared(lambda source: source.tracekit, ""),
        resolutions=tuple(dict.fromkeys(known for source in sources for known in source.resolutions)),
        imported=shared(lambda source: source.imported, None),
    )
