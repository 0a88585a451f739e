"""The metrics of a run that goes on: the same series from its start to its end, and not too many of them.

A series that appears only when its first event comes has no past: what it counted until then is no increase to
whoever stores it, and would be missing from every rate. So a histogram has all bounds from the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Final

import attrs

from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.result import Key, Loss, LossKind, MapResult, Result
from tracekit.errors import UsageError
from tracekit.render.metrics import Frame, Kind, Metric, Point, label, metrics_of
from tracekit.values import define, frozen

_BESIDE: Final = 8
"""How many series a key has at most beside those of its buckets: sums, counts and extremes."""


@frozen
class Shape:
    """What is known of a map before its first event.

    Attributes:
        specimen: the map with an entry that makes it have every metric that it can have.
        bounds: those of its histograms; None if it has no buckets.
    """

    specimen: MapResult
    bounds: tuple[int, ...] | None

    @property
    def series(self) -> int:
        """How many series one of its keys has at most."""
        return _BESIDE + (0 if self.bounds is None else len(self.bounds) + 1)


def specimen(map_: MapResult) -> MapResult:
    """A map with an entry that makes it have every metric that it can have."""
    keys = tuple("x" for _ in map_.key_names)
    (histogram,) = map_.entries.values()
    buckets: tuple[Bucket, ...] = ()
    if histogram.scheme is not None:
        found = histogram.scheme.bucket(-1)
        buckets = (Bucket(found.lo, found.hi, 1),)
    full = Histogram(histogram.scheme, buckets, count=2, sum=0, min=-1, max=1)
    return attrs.evolve(map_, entries={keys: full})


@define
class _Shelf:
    """The keys of a map that have series of their own: once one has them, it keeps them."""

    room: int
    keys: dict[tuple[Key, ...], None] = attrs.field(factory=dict)

    def sort(self, map_: MapResult) -> tuple[MapResult, list[Histogram]]:
        """The map with these keys alone, and the histograms of the others."""
        new = [keys for keys in map_.entries if keys not in self.keys]
        new.sort(key=lambda keys: -map_.entries[keys].count)
        self.keys |= dict.fromkeys(new[: self.room - len(self.keys)])
        own = {keys: h for keys, h in map_.entries.items() if keys in self.keys}
        return attrs.evolve(map_, entries=own), [h for k, h in map_.entries.items() if k not in self.keys]


class Feed:
    """Makes metrics of what is known of a run at one moment after the other.

    Attributes:
        left_out: by the names of maps, how many of their keys have no series of their own.
    """

    def __init__(self, shapes: Mapping[str, Shape], most: int) -> None:
        """Share out the series.

        Args:
            shapes: by the maps' names.
            most: how many series there may be together.

        Raises:
            UsageError: if there isn't room for one key of each map, and for all others together.
        """
        self.left_out: dict[str, int] = {}
        self._shapes = shapes
        keyed = {name: bool(shape.specimen.key_names) for name, shape in shapes.items()}
        least = sum(shape.series * (1 + keyed[name]) for name, shape in shapes.items())
        if least > most:
            raise UsageError(
                f"the program's maps need at least {least:,} series, and there may be {most:,}",
                "Use fewer or wider buckets, or raise --max-series.",
            )
        spare = (most - least) // len(shapes)
        # What was set aside for all others together is on top of this.
        self._shelves = {name: _Shelf(1 + spare // shape.series) for name, shape in shapes.items()}

    def metrics(self, result: Result, at: datetime, *, ended: bool) -> tuple[Metric, ...]:
        """The metrics of what is known at one moment.

        Args:
            result: what is known then.
            at: the moment.
            ended: whether it is the run's result.
        """
        maps, frames = [], {}
        for map_ in result.maps:
            shape = self._shapes[map_.name]
            own, others = self._shelves[map_.name].sort(map_ if ended else _settled(map_, result.losses))
            rest = None
            for histogram in others:
                rest = histogram if rest is None else rest.merge(histogram)
            self.left_out[map_.name] = len(others)
            maps.append(own)
            frames[map_.name] = Frame(shape.bounds, rest)
        found = metrics_of(
            maps, result.provenance, complete=result.complete, losses=result.losses, frames=frames
        )
        return (*found, *self._of_run(result, at, ended=ended))

    def specimens(self, result: Result) -> tuple[Metric, ...]:
        """Every metric that there can be, of a result without maps."""
        names = tuple(self._shapes)
        every = attrs.evolve(
            result,
            maps=tuple(self._shapes[name].specimen for name in names),
            losses=(Loss(LossKind.EVENTS, "", 1),),
        )
        return Feed(self._shapes, 1 << 62).metrics(every, datetime.fromtimestamp(0).astimezone(), ended=True)

    def _of_run(self, result: Result, at: datetime, *, ended: bool) -> Iterator[Metric]:
        yield _gauge("run.ended", "1 if tracing is over, so that the numbers are the last, else 0", int(ended))
        seconds = Fraction(round(at.timestamp() * 1000), 1000)
        yield _gauge("snapshot.timestamp_seconds", "when the numbers were read", seconds)
        keyed = [map_.name for map_ in result.maps if map_.key_names]
        points = tuple(Point((label(name),), self.left_out[name]) for name in keyed)
        if points:
            about = "how many keys have no series of their own"
            yield Metric("keys_left_out", Kind.GAUGE, about, "", ("map",), points)
        if (load := result.provenance.load) is not None:
            hits = (Point(("target",), load.events), Point(("others",), load.others))
            about = "how often a process ran into a probe; those of others count in no other metric"
            yield Metric("probe_hits", Kind.COUNTER, about, "", ("of",), hits)


def _gauge(name: str, about: str, value: int | Fraction) -> Metric:
    return Metric(name, Kind.GAUGE, about, "", (), (Point((), value),))


def _settled(map_: MapResult, losses: tuple[Loss, ...]) -> MapResult:
    """A map of a run that goes on, as of the moment when its buckets were read.

    Its count was read a little later, and may be of more events, which is no sign that some are in no bucket.
    In a map that was full, some are.
    """
    if any(loss.kind is LossKind.KEYS and loss.map == map_.name for loss in losses):
        return map_
    entries = {
        keys: histogram
        if histogram.scheme is None
        else attrs.evolve(histogram, count=sum(bucket.count for bucket in histogram.buckets))
        for keys, histogram in map_.entries.items()
    }
    return attrs.evolve(map_, entries=entries)
