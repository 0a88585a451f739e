"""Aggregations as the model has them, as far as the output and the program tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tracekit.backends.dtrace.saved_groups import Group
from tracekit.backends.dtrace.saved_model import Rows, refused
from tracekit.backends.dtrace.saved_schemes import divide, infer, undivided
from tracekit.backends.saved import UNKNOWN_FUNCTION, key_names
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, Range, Scheme
from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.program import Aggregate
from tracekit.core.result import Loss, LossKind, MapResult
from tracekit.errors import EngineError
from tracekit.syntax import function_name, print_expression
from tracekit.values import define


@define
class MapReader:
    """Gives aggregations their meaning.

    Attributes:
        notes: what a reader should know of what was read, each sentence once.
        losses: what is missing from the histograms that were read.
    """

    notes: dict[str, None]
    losses: list[Loss] = attrs.field(factory=list)

    def read(self, found: Group, aggregate: Aggregate | None) -> MapResult | None:
        """What an aggregation holds.

        Args:
            found: its entries.
            aggregate: the program's word for it; None if the program isn't known or doesn't have it.

        Returns:
            The map; None, with a note, if it holds what the model can't.

        Raises:
            EngineError: if it isn't what the program says, or can be read in several ways.
        """
        if not found.alone and not found.sorted:
            self.losses.append(
                Loss(
                    LossKind.APPROXIMATE,
                    f"the entries of {found.what} aren't sorted by their values, as dtrace prints them by "
                    "default: they may be of several aggregations with keys of the same kind",
                    map=found.name,
                    hint="This is right if dtrace ran with -x aggsortkey or aggsortrev; else print names, too.",
                )
            )
        width = len(found.keys[0])
        if aggregate is not None and width != len(aggregate.keys):
            raise _mismatch(found, aggregate)
        values = [entry.value for entry in found.entries]
        rows = [value for value in values if isinstance(value, tuple)]
        numbers = [value for value in values if isinstance(value, int)]
        if rows and numbers:
            raise refused(
                f"{found.what} has both numbers and histograms", "Take out what isn't dtrace's output."
            )
        if reason := _unfit(rows, aggregate):
            self.notes[f"@{found.name} {reason}, and is left out"] = None
            return None
        if rows:
            function, histograms = self._distributions(found, rows, aggregate)
        else:
            function, histograms = _numbers(found, numbers, aggregate)
        names = key_names(width) if aggregate is None else tuple(map(print_expression, aggregate.keys))
        return MapResult(found.name, function, names, dict(zip(found.keys, histograms, strict=True)))

    def _distributions(
        self, found: Group, histograms: Sequence[Rows], aggregate: Aggregate | None
    ) -> tuple[str, list[Histogram]]:
        if aggregate is None:
            division, doubt = infer(histograms, found.what)
            if doubt:
                self.notes[doubt] = None
        elif isinstance(aggregate.function, Distribution):
            division = divide(histograms, aggregate.function.scheme, found.what)
        else:
            raise _mismatch(found, aggregate)
        scheme, lost = division.scheme, dict[str, int]()
        made = [
            _histogram(scheme, rows, ranges, lost)
            for rows, ranges in zip(histograms, division.ranges, strict=True)
        ]
        for where, count in lost.items():
            self.losses.append(
                Loss(
                    LossKind.APPROXIMATE,
                    f"@{found.name}: values {where} are in no bucket, {count} in all, "
                    "since dtrace doesn't divide them",
                    count,
                    map=found.name,
                )
            )
        word = "hist" if isinstance(scheme, Log2) else "lhist" if isinstance(scheme, Linear) else "llquantize"
        return word, made


def _histogram(scheme: Scheme, rows: Rows, ranges: Sequence[Range], lost: dict[str, int]) -> Histogram:
    """The histogram of one key; ``lost`` takes what is in no bucket, by where that is."""
    buckets = []
    for row, place in zip(rows, ranges, strict=True):
        if not row.number:
            continue
        if where := undivided(scheme, place):
            lost[where] = lost.get(where, 0) + row.number
        else:
            buckets.append(Bucket(place.lo, place.hi, row.number))
    return Histogram(scheme, tuple(buckets), count=sum(row.number for row in rows))


def _numbers(found: Group, numbers: Sequence[int], aggregate: Aggregate | None) -> tuple[str, list[Histogram]]:
    match None if aggregate is None else aggregate.function:
        case None:
            return UNKNOWN_FUNCTION, [Histogram(None, sum=n) for n in numbers]
        case Count() if min(numbers) >= 0:
            return "count", [Histogram(None, count=n) for n in numbers]
        case Scalar(Moment.SUM):
            return "sum", [Histogram(None, sum=n) for n in numbers]
        case Scalar(Moment.MIN):
            return "min", [Histogram(None, min=n) for n in numbers]
        case Scalar(Moment.MAX):
            return "max", [Histogram(None, max=n) for n in numbers]
    assert aggregate is not None
    raise _mismatch(found, aggregate)


def _unfit(histograms: Sequence[Rows], aggregate: Aggregate | None) -> str:
    """Why the model can't hold an aggregation; the empty string if it can."""
    if any(row.number < 0 for rows in histograms for row in rows):
        return "has negative counts, made by negative increments"
    function = None if aggregate is None else aggregate.function
    if not histograms and isinstance(function, Scalar) and function.moment is Moment.AVG:
        return "is an average of an unknown number of values"
    return ""


def _mismatch(found: Group, aggregate: Aggregate) -> EngineError:
    width = len(found.keys[0])
    kind = "numbers" if isinstance(found.entries[0].value, int) else "histograms"
    return refused(
        f"{found.what} has {kind} with {width} keys in the output, "
        f"but is {function_name(aggregate.function)}() with {len(aggregate.keys)} keys in the program",
        "Give the program that made this output, and no other; or none.",
    )
