"""From the figures that an engine kept to histograms, and what they show to be missing. Pure.

How an engine's rows become figures is its own; what the figures mean is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from tracekit.backends.plan import MapPlan, word
from tracekit.core.buckets import Range
from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.moments import WORD, exact_sum
from tracekit.core.result import Key, Loss, LossKind, MapResult
from tracekit.errors import EngineError
from tracekit.values import define, frozen

Keys = tuple[Key, ...]
"""What a group of events has in common."""

_SLACK: Final = WORD >> 3
"""How far a sum that was read at another moment may be from what the count allows: more than events add."""

_UNRETURNED: Final = (
    "They still ran when tracing ended, were made while probes were taken away, or were left by a panic, an "
    "exception, a jump or their thread's end. Of elapsed, more than --max-keys may have run at once. Where "
    "return probes of the kernel are used, they may have recursed deeper than the 64 levels of those."
)


@define
class Figures:
    """What an engine kept of one map of the program, by the keys.

    Attributes:
        buckets: how many events, by a value inside of their bucket.
        counts: how many events.
        sums: the values' sum modulo 2**64.
        least: the least value.
        most: the greatest value.
        cut: keys that may be cut, or several in one.
        full: whether the engine's map may have had no room for more.
        totals: the values' sum itself, where the engine keeps that.
    """

    buckets: Mapping[Keys, Mapping[int, int]] = attrs.field(factory=dict)
    counts: dict[Keys, int] = attrs.field(factory=dict)
    sums: dict[Keys, int] = attrs.field(factory=dict)
    least: dict[Keys, int] = attrs.field(factory=dict)
    most: dict[Keys, int] = attrs.field(factory=dict)
    cut: set[Keys] = attrs.field(factory=set)
    full: bool = False
    totals: dict[Keys, int] = attrs.field(factory=dict)


@frozen
class Told:
    """What the figures of a map come to.

    Attributes:
        result: its histograms.
        losses: what is missing from them.
        notes: what a reader should know besides.
    """

    result: MapResult
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]


def told(plan: MapPlan, figures: Figures, total: int, *, final: bool, engine: str, room: str) -> Told:
    """Make histograms of a map's figures.

    Args:
        plan: the map.
        figures: what the engine kept.
        total: how many events there were, by the totals of the clauses that feed it.
        final: whether the probes were gone. If not, each of the script's maps may have been read at another
            moment, and figures that don't go together are no sign that something is wrong.
        engine: its name.
        room: what to do about a full map.

    Raises:
        EngineError: if something was counted less than never.
    """
    in_buckets = [number for group in figures.buckets.values() for number in group.values()]
    if min(*in_buckets, *figures.counts.values(), 0, 0) < 0:
        raise EngineError(
            message=f"{engine} told a negative count of @{plan.name}",
            hint="Run it with -v to see the script, and report both.",
            engine=engine,
        )
    reader = _Reader(plan, figures, final)
    groups = [*figures.buckets, *(k for k in figures.counts if k not in figures.buckets)]
    if not plan.keys and not groups:
        groups = [()]
    # By their keys, since engines have orders of their own.
    entries = {keys: reader.histogram(keys) for keys in sorted(groups)}
    result = MapResult(plan.name, plan.function, tuple(key.text for key in plan.keys), entries)
    notes = (f"the sum of @{plan.name} was not checked for overflow of 64 bits",) if reader.unchecked else ()
    kept = sum(in_buckets if plan.scheme else figures.counts.values())
    losses = [] if kept >= total else _missing(plan.name, figures.full, total, kept, engine, room, final=final)
    if final and (kept > total or reader.contradictions):
        losses.append(
            Loss(
                LossKind.APPROXIMATE,
                f"the figures of @{plan.name} contradict each other ({kept} counted, {total} in total)",
                map=plan.name,
            )
        )
    if reader.unknown:
        losses.append(
            Loss(
                LossKind.OVERFLOW,
                f"the sum of {reader.unknown} of @{plan.name}'s entries is not known",
                map=plan.name,
                hint="Sums that can't be told from their low 64 bits, or that found no room, are left out.",
            )
        )
    if figures.cut:
        losses.append(
            Loss(
                LossKind.TRUNCATED,
                f"{len(figures.cut)} keys of @{plan.name} fill their room; they may be cut, or several in one",
                map=plan.name,
                hint="Raise --max-string, or the length in str(pointer, length).",
            )
        )
    return Told(result, tuple(losses), notes)


def _missing(
    name: str, full: bool, total: int, kept: int, engine: str, room: str, *, final: bool
) -> list[Loss]:
    if not (final or full):
        return []
    missing = f"{total - kept} of {total} events of @{name}"
    if full:
        return [Loss(LossKind.KEYS, f"{missing} found no room in the map", total - kept, name, room)]
    return [Loss(LossKind.EVENTS, f"{missing} were lost by {engine}", total - kept, name)]


def unreturned(entries: int, returns: int) -> tuple[list[Loss], list[str]]:
    """What the entries and the returns of a clause's functions show: losses, and notes."""
    if returns > entries:
        return [], [f"{returns - entries} calls returned that were entered before tracing began"]
    if entries == returns:
        return [], []
    lost = entries - returns
    message = f"{lost} of {entries} calls were entered but not seen to return"
    return [Loss(LossKind.UNRETURNED, message, count=lost, hint=_UNRETURNED)], []


class _Reader:
    """Makes the histograms of one map, and counts what doesn't go together."""

    def __init__(self, plan: MapPlan, figures: Figures, final: bool) -> None:
        self.plan, self.figures = plan, figures
        # Where the sum was read later than the count, it may be of more values.
        self.slack = 0 if final else _SLACK
        self.unchecked = False
        self.contradictions = 0
        self.unknown = 0

    def histogram(self, keys: Keys) -> Histogram:
        counts: dict[Range, int] = {}
        if self.plan.scheme is not None and self.plan.type is not None:
            wide = word(self.plan.type)
            for inside, count in self.figures.buckets.get(keys, {}).items():
                bucket = self.plan.scheme.bucket(wide.wrap(inside))
                counts[bucket] = counts.get(bucket, 0) + count
        count = max(self.figures.counts.get(keys, 0), sum(counts.values()))
        least, most = self.figures.least.get(keys), self.figures.most.get(keys)
        return Histogram(
            scheme=self.plan.scheme,
            buckets=tuple(Bucket(r.lo, r.hi, n) for r, n in counts.items()),
            count=count,
            sum=self._sum(keys, count, least, most) if "s" in self.plan.parts else None,
            min=least,
            max=most,
        )

    def _sum(self, keys: Keys, count: int, least: int | None, most: int | None) -> int | None:
        if not count:
            return 0
        if keys in self.figures.totals:
            return self.figures.totals[keys]
        # Engines may have no row for a sum of 0; a full map has none either, but then no extremes.
        residue = self.figures.sums.get(keys, 0)
        type_ = self.plan.type
        assert type_ is not None
        if "n" not in self.plan.parts:
            if type_.bits == 64:
                self.unchecked = True
                return type_.wrap(residue)
            least, most = type_.minimum, type_.maximum
        if least is None or most is None:
            self.unknown += 1
            return None
        try:
            found = exact_sum(residue % WORD, count * least - self.slack, count * most + self.slack)
        except ValueError:
            self.contradictions += 1
            return None
        if found is None:
            self.unknown += 1
        return found
