"""Maps as metrics: what Prometheus and OpenTelemetry have in common.

It takes maps and not only whole results, so that those of a run that goes on can be fed through it too.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Final

from tracekit.core.buckets import Scheme
from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, Loss, MapResult, Provenance
from tracekit.render.facts import described, unit
from tracekit.values import frozen

EXACT: Final = 1 << 53
"""Beyond this a bound isn't exact as a floating point number, which metrics have for bounds; it is left out."""

REST: Final = "\\other"
"""What stands for the keys that have no series of their own. No key does: their backslashes are doubled."""

_LONGEST: Final = 1000
"""Characters of a label's value; systems that store metrics refuse long ones, and not always aloud."""

_RESERVED: Final = ("", "le", "quantile")


class Kind(Enum):
    """What a metric is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@frozen
class Spread:
    """A histogram with upper bounds that belong to their buckets, as metrics have them.

    Attributes:
        bounds: the greatest value of each bucket but the last, which has no bound; ascending.
        counts: how many values each bucket has, one more than there are bounds.
        sum: the values' sum; None if it isn't known, or may go down since values may be below 0.
        min: the least value, if it is known.
        max: the greatest value, if it is known.
    """

    bounds: tuple[int, ...]
    counts: tuple[int, ...]
    sum: int | None
    min: int | None
    max: int | None


@frozen
class Point:
    """What a metric is for one set of keys; strings among them are fit to be shown."""

    keys: tuple[Key, ...]
    value: int | Fraction | Spread


@frozen
class Metric:
    """A figure of a map, for each of its keys.

    Attributes:
        name: letters, digits and underscores, in parts with dots between.
        kind: what it is.
        about: what it says.
        unit: what it is measured in, or the empty string.
        labels: what the keys are called: letters, digits and underscores.
        points: one for each set of keys.
    """

    name: str
    kind: Kind
    about: str
    unit: str
    labels: tuple[str, ...]
    points: tuple[Point, ...]


@frozen
class Frame:
    """What the metrics of a map keep through a run that goes on.

    Attributes:
        bounds: of its histograms, those of buckets to come among them; None for those of the buckets there are.
        rest: the keys that have no series of their own, together; None if all have one.
    """

    bounds: tuple[int, ...] | None = None
    rest: Histogram | None = None


def metrics_of(
    maps: Iterable[MapResult],
    provenance: Provenance,
    *,
    complete: bool = True,
    losses: Sequence[Loss] = (),
    frames: Mapping[str, Frame] = MappingProxyType({}),
) -> Iterator[Metric]:
    """The metrics of maps, and of what is missing from them.

    Args:
        maps: the maps.
        provenance: where they come from.
        complete: whether the engine told all that it had.
        losses: what is missing.
        frames: by the maps' names, what their metrics keep; nothing for those of a run that is over.

    Yields:
        For a distribution a histogram, and gauges for its least and greatest value; for other aggregations a
        counter of events, or gauges; then ``complete``, ``losses`` and ``lost_events``.
    """
    for map_ in maps:
        frame = frames.get(map_.name, Frame())
        yield from (metric for metric in _metrics(map_, provenance, frame) if metric.points)
    whole = (Point((), int(complete)),)
    yield Metric("complete", Kind.GAUGE, "1 if the engine told all that it had, else 0", "", (), whole)
    yield from _missing(losses)


def _missing(losses: Sequence[Loss]) -> Iterator[Metric]:
    number: dict[tuple[Key, ...], int] = {}
    events: dict[tuple[Key, ...], int] = {}
    for loss in losses:
        keys = (loss.kind.value, printable(loss.map or ""))
        number[keys] = number.get(keys, 0) + 1
        if loss.count is not None:
            events[keys] = events.get(keys, 0) + loss.count
    for name, about, found in (
        ("losses", "in how many ways something is missing", number),
        ("lost_events", "how many events that concerns, where it is known", events),
    ):
        if found:
            points = tuple(Point(keys, n) for keys, n in found.items())
            yield Metric(name, Kind.GAUGE, about, "", ("kind", "map"), points)


def _metrics(map_: MapResult, provenance: Provenance, frame: Frame) -> Iterator[Metric]:
    name = re.sub(r"[^A-Za-z0-9_]", "_", map_.name) or "value"
    about, labels, in_ = described(provenance, map_), _labels(map_), unit(provenance, map_)
    shown = {_values(map_, keys): histogram for keys, histogram in map_.entries.items()}
    if frame.rest is not None:
        shown[(REST,) * len(labels)] = frame.rest
    if not shown and not map_.key_names:
        shown = {(): Histogram(None)}

    def metric(part: str, kind: Kind, what: str, values: Mapping[tuple[Key, ...], object]) -> Metric:
        points = tuple(Point(k, v) for k, v in values.items() if isinstance(v, int | Fraction | Spread))
        of = f"{what} of {about}" if what else about
        counted = kind is Kind.COUNTER or part == "unbucketed"
        return Metric(f"{name}.{part}" if part else name, kind, of, "" if counted else in_, labels, points)

    def gauge(part: str, what: str, figures: Mapping[tuple[Key, ...], object]) -> Metric:
        return metric(part, Kind.GAUGE, what, figures)

    counts = {keys: h.count for keys, h in shown.items()}
    sums = {keys: h.sum if h.count else None for keys, h in shown.items()}
    least, most = ({keys: getattr(h, word) for keys, h in shown.items()} for word in ("min", "max"))
    match map_.function:
        case "count":
            yield metric("", Kind.COUNTER, "", counts)
        case "sum" | "value":
            yield gauge("", "", sums)
        case "min":
            yield gauge("", "", least)
        case "max":
            yield gauge("", "", most)
        case "avg":
            yield gauge("", "", {keys: h.mean for keys, h in shown.items()})
        case "stats":
            yield metric("events", Kind.COUNTER, "the number", counts)
            yield gauge("sum", "the sum", sums)
            yield gauge("min", "the least", least)
            yield gauge("max", "the greatest", most)
        case _:
            spread = {keys: h for keys, h in shown.items() if h.buckets or frame.bounds is not None}
            yield metric("", Kind.HISTOGRAM, "", spreads(spread, frame.bounds))
            yield gauge("min", "the least", least)
            yield gauge("max", "the greatest", most)
            if any(map(_may_be_negative, spread.values())):
                yield gauge("signed_sum", "the sum, which can go down,", sums)
            rest = {keys: h.count - sum(b.count for b in h.buckets) for keys, h in spread.items()}
            yield gauge("unbucketed", "the number in no bucket", {k: n for k, n in rest.items() if n})


def all_bounds(scheme: Scheme, least: int, most: int) -> Iterator[int]:
    """The greatest value of each bucket of a scheme, ascending, as far as there are values and it is exact."""
    value, most = max(least, -EXACT), min(most, EXACT)
    while (end := scheme.bucket(value).hi) is not None and end - 1 <= most:
        yield end - 1
        value = end


def spreads(
    histograms: Mapping[tuple[Key, ...], Histogram], bounds: tuple[int, ...] | None = None
) -> dict[tuple[Key, ...], Spread]:
    """Histograms of one map with the same bounds for all, which have no values but at their ends.

    Values are whole numbers, so the greatest of the bucket ``[lo, hi)`` is ``hi - 1``, and no value is
    counted on the wrong side of a bound.

    Args:
        histograms: by keys.
        bounds: their bounds, those of each bucket among them; None for these alone.
    """
    negative = any(map(_may_be_negative, histograms.values()))
    bounds = _ends(histograms.values(), negative) if bounds is None else bounds
    return {keys: _spread(histogram, bounds, negative) for keys, histogram in histograms.items()}


def _ends(histograms: Iterable[Histogram], negative: bool) -> tuple[int, ...]:
    ends = {
        end - 1
        for histogram in histograms
        for bucket in histogram.buckets
        for end in (bucket.lo, bucket.hi)
        if end is not None and abs(end - 1) <= EXACT and (negative or end > 0)
    }
    return tuple(sorted(ends))


def _spread(histogram: Histogram, bounds: tuple[int, ...], negative: bool) -> Spread:
    ends = [bucket.hi - 1 for bucket in histogram.buckets if bucket.hi is not None]
    totals = [0, *accumulate(bucket.count for bucket in histogram.buckets)]
    counted = totals[-1]
    below = [0, *(totals[bisect_right(ends, bound)] for bound in bounds), counted]
    known = histogram.sum if counted == histogram.count and not negative else None
    counts = tuple(upper - lower for lower, upper in pairwise(below))
    return Spread(bounds, counts, known, histogram.min, histogram.max)


def _may_be_negative(histogram: Histogram) -> bool:
    if histogram.min is not None:
        return histogram.min < 0
    return any(bucket.lo is None or bucket.lo < 0 for bucket in histogram.buckets)


def _labels(map_: MapResult) -> tuple[str, ...]:
    names: list[str] = []
    for n, text in enumerate(map_.key_names, 1):
        name = re.sub(r"[^A-Za-z0-9]+", "_", text, flags=re.ASCII).strip("_")
        if name in _RESERVED or name[0].isdigit():
            name = f"key{n}"
        names.append(f"{name}_{n}" if name in names else name)
    return tuple(names)


def _values(map_: MapResult, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Keys fit to be shown, and as different as they are."""
    labels = map_.key_labels or ({},) * len(keys)
    return tuple(_value(key, names) for key, names in zip(keys, labels, strict=False))


def _value(key: Key, names: Mapping[int, str]) -> Key:
    if not isinstance(key, int):
        return label(key.replace("\\", "\\\\"))
    if key not in names:
        return key
    alone = list(names.values()).count(names[key]) == 1
    return label(names[key].replace("\\", "\\\\") + ("" if alone else f" ({key})"))


def label(text: str) -> str:
    """A label's value: fit to be shown, and not endless; long ones that differ still do."""
    shown = printable(text[: _LONGEST + 1])
    if len(shown) <= _LONGEST:
        return shown
    return f"{shown[:_LONGEST]}\\…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
