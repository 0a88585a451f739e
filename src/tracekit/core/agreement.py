"""Whether a second count of the same events agrees with the first, which began before it and ended after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from tracekit.core.buckets import Range
from tracekit.core.escape import quoted
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult
from tracekit.values import frozen

_EVENTS: Final = "events"
_NOTHING: Final = Histogram(None)

_Entries = Mapping[tuple[Key, ...], Histogram]


@frozen
class Moments:
    """What the first has counted by four moments; where no event came between two, they are equal.

    Attributes:
        before: before the second began to place its probes.
        begun: when it had placed all.
        ending: before it began to take them away.
        after: when they were gone; the first one's result.
    """

    before: Sequence[MapResult]
    begun: Sequence[MapResult]
    ending: Sequence[MapResult]
    after: Sequence[MapResult]

    @property
    def bounds(self) -> tuple[int, int]:
        """How many values the second must have at least, and at most."""
        before, begun, ending, after = (
            sum(m.total for m in maps) for maps in (self.before, self.begun, self.ending, self.after)
        )
        return max(0, ending - begun), after - before


def differences(first: Moments, second: Sequence[MapResult], counted: Collection[str]) -> Iterator[str]:
    """What the second has counted otherwise than it can be, a part of a sentence each.

    What it has of an entry or a bucket is at least what the first has got there between ``begun`` and
    ``ending``, and at most what it has got between ``before`` and ``after``. Where no event came at the edges,
    that is one number, and sum, least and greatest must be the same, too.

    Args:
        first: the first one's counts.
        second: the second one's result.
        counted: the names of the maps whose events are compared, but not their values.
    """
    found = {m.name: m.entries for m in second}
    for maps in zip(first.before, first.begun, first.ending, first.after, strict=True):
        name = maps[0].name
        before, begun, ending, after = (m.entries for m in maps)
        entries = found.get(name, {})
        for keys in dict.fromkeys((*after, *entries)):
            shown = ", ".join(quoted(k) if isinstance(k, str) else str(k) for k in keys)
            where = f"@{name}" + (f"[{shown}]" if keys else "")
            four = [e.get(keys, _NOTHING) for e in (before, begun, ending, after)]
            for what in _entry(four, entries.get(keys, _NOTHING), values=name not in counted):
                yield f"{where}{what}"


def _entry(first: Sequence[Histogram], second: Histogram, *, values: bool) -> Iterator[str]:
    before, begun, ending, after = (_counts(h, values=values) for h in first)
    counts = _counts(second, values=values)
    same = True
    for place in dict.fromkeys((*after, *counts)):
        least = max(0, ending.get(place, 0) - begun.get(place, 0))
        most = after.get(place, 0) - before.get(place, 0)
        count = counts.get(place, 0)
        same = same and least == count == most
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            yield f" {_named(place)}: {count}, not {wanted}"
    if values and same:
        yield from _figures(first[0], first[3], second)


def _figures(before: Histogram, after: Histogram, second: Histogram) -> Iterator[str]:
    """Of an entry that has the same events in both."""
    if None not in (after.sum, second.sum) and (before.sum is not None or not before.count):
        wanted = (after.sum or 0) - (before.sum or 0)
        if second.sum != wanted:
            yield f" sum: {second.sum}, not {wanted}"
    if before.count:
        return  # what was the least or the greatest then is not the second's
    for name, wanted_one, found in (("min", after.min, second.min), ("max", after.max, second.max)):
        if found != wanted_one:
            yield f" {name}: {found}, not {wanted_one}"


def _counts(histogram: Histogram, *, values: bool) -> dict[str | Range, int]:
    found: dict[str | Range, int] = {_EVENTS: histogram.count}
    if values:
        found.update((b.range, b.count) for b in histogram.buckets)
    return found


def _named(place: str | Range) -> str:
    if isinstance(place, str):
        return place
    lo, hi = ("..." if bound is None else bound for bound in (place.lo, place.hi))
    return f"in [{lo}, {hi})"
