"""Prints of maps as the model has them, as far as the output and the program tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from tracekit.backends.bpftrace.saved_buckets import Division, infer
from tracekit.backends.bpftrace.saved_keys import split_keys
from tracekit.backends.bpftrace.saved_model import Age, Average, Print, Stats, Value, refused
from tracekit.backends.saved import UNKNOWN_FUNCTION
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar, value_of
from tracekit.core.buckets import Linear
from tracekit.core.expr import Cast, type_of
from tracekit.core.histogram import Histogram
from tracekit.core.program import Aggregate
from tracekit.core.result import Loss, MapResult
from tracekit.core.types import INT64, UINT64, IntType
from tracekit.errors import EngineError, UsageError
from tracekit.syntax import function_name
from tracekit.values import define

_SPACES: Final = "from 0.24 on, bpftrace leaves spaces and outer parentheses out of keys in JSON"
_DEFAULT_ENTRIES: Final = 4096
"""What fits a map unless a limit is set, a histogram's bucket being one. 0.17 is silent when a map is full."""

_INT32_MAX: Final = (1 << 31) - 1
_HINT: Final = "Give the program that made this output, and no other; or none."


@define
class MapReader:
    """Gives prints of maps their meaning.

    Attributes:
        age: which versions the output can come from.
        json: whether keys stand as in ``-f json``.
        notes: what a reader should know of what was read, each sentence once.
        losses: what is missing from the histograms that were read.
    """

    age: Age
    json: bool
    notes: dict[str, None]
    losses: list[Loss] = attrs.field(factory=list)

    def read(self, found: Print, aggregate: Aggregate | None) -> MapResult | None:
        """What a map holds.

        Args:
            found: its last print.
            aggregate: the program's word for it; None if the program isn't known or doesn't have it.

        Returns:
            The map; None, with a note, if it holds what the model can't.

        Raises:
            EngineError: if it isn't what the program says, or contradicts itself.
        """
        if found.earlier:
            self._note(found, f"was printed {found.earlier + 1} times; only the last print is kept")
        values = list(found.values.values())
        kinds = {type(value) for value in values}
        if len(kinds) > 1 and type(None) not in kinds:
            raise refused(
                f"@{found.name} has values of several kinds", "Take out what isn't bpftrace's output."
            )
        if kinds and aggregate is not None and found.keyed != bool(aggregate.keys):
            raise _mismatch(found, aggregate)
        if reason := _unfit(values, kinds, aggregate):
            self._note(found, f"{reason}, and is left out")
            return None
        if kinds == {tuple}:
            function, histograms = self._distributions(found, aggregate)
        else:
            function, histograms = self._numbers(found, values, aggregate)
        occupied = sum(max(len(histogram.buckets), 1) for histogram in histograms)
        if occupied == _DEFAULT_ENTRIES:
            self._note(
                found, f"has {occupied} entries, as many as maps hold by default, so that others may be missing"
            )
        names, keys, doubt = split_keys(found, aggregate, json=self.json)
        if doubt:
            self.notes[doubt] = None
        if (
            self.json
            and self.age.before(0, 24) is False
            and any(isinstance(k, str) for key in keys for k in key)
        ):
            self.notes[_SPACES] = None
        return MapResult(found.name, function, names, dict(zip(keys, histograms, strict=True)))

    def _note(self, found: Print, text: str) -> None:
        self.notes[f"@{found.name} {text}"] = None

    def _distributions(self, found: Print, aggregate: Aggregate | None) -> tuple[str, list[Histogram]]:
        rows = [value for value in found.values.values() if isinstance(value, tuple)]
        if aggregate is None:
            scheme, doubt = infer(found.name, [row for part in rows for row in part])
            if doubt:
                self.notes[doubt] = None
            function = "lhist" if isinstance(scheme, Linear) else "hist"
        elif isinstance(aggregate.function, Distribution):
            scheme, function = aggregate.function.scheme, function_name(aggregate.function)
        else:
            raise _mismatch(found, aggregate)
        if isinstance(scheme, Linear) and scheme.hi > _INT32_MAX:
            raise refused(
                f"@{found.name} is an lhist() with a bound over {_INT32_MAX}, which bpftrace cuts to 32 bits, "
                "so that its counts are wrong",
                "Trace again with tracekit, which computes such buckets itself.",
            )
        type_ = _value_type(aggregate)
        unsigned = None if type_ is None else type_ == UINT64
        division = Division(found.name, scheme, unsigned, saturates=self.age.before(0, 20))
        histograms = [division.histogram(part) for part in rows]
        self.losses.extend(division.losses())
        return function, histograms

    def _numbers(
        self, found: Print, values: Sequence[Value], aggregate: Aggregate | None
    ) -> tuple[str, list[Histogram]]:
        make = _maker(isinstance(values[0], Stats), aggregate)
        if aggregate is not None and (make is None or _negative_count(aggregate, values)):
            raise _mismatch(found, aggregate)
        assert make is not None  # without the program, anything goes
        histograms = list(map(make, values))
        if aggregate is None:
            return "stats" if isinstance(values[0], Stats) else UNKNOWN_FUNCTION, histograms
        match aggregate.function:
            case Scalar(Moment.MIN) if self.age.before(0, 20):
                self._note(found, "leaves out values above 2**32 - 1, as min() does before bpftrace 0.20")
            case Scalar(Moment.MAX) if self.age.before(0, 20):
                self._note(found, "is 0 at least, as max() is before bpftrace 0.20")
            case Scalar(Moment.MIN | Moment.MAX, operand) if not isinstance(operand, Cast):
                self._note(
                    found, "may compare values as unsigned ones, as bpftrace does with arguments without a cast"
                )
        return function_name(aggregate.function), histograms


def _unfit(values: Sequence[Value], kinds: set[type], aggregate: Aggregate | None) -> str:
    """Why the model can't hold a map; the empty string if it can."""
    moment = aggregate.function.moment if aggregate and isinstance(aggregate.function, Scalar) else None
    if type(None) in kinds:
        return "holds what is neither a number nor a histogram"
    if not kinds:
        return "is empty"
    if Average in kinds or moment is Moment.AVG:
        return "is an average of an unknown number of values"
    type_ = _value_type(aggregate)
    if moment in (Moment.MIN, Moment.MAX) and type_:
        for value in values:
            if isinstance(value, int) and value != type_.wrap(value):
                return f"has {value}, which is no {type_.name}, so that values were compared as of another type"
    return ""


def _maker(stats: bool, aggregate: Aggregate | None) -> Callable[[Any], Histogram] | None:
    """What makes a histogram of a map's number; None if the program has no such map."""
    type_ = _value_type(aggregate)
    wrap = int if type_ is None else type_.wrap
    match stats, None if aggregate is None else aggregate.function:
        case True, None | Scalar(Moment.STATS):
            return lambda value: Histogram(None, count=value.count, sum=wrap(value.total))
        case False, None | Scalar(Moment.SUM):
            return lambda number: Histogram(None, sum=wrap(number))
        case False, Count():
            return lambda number: Histogram(None, count=number)
        case False, Scalar(Moment.MIN):
            return lambda number: Histogram(None, min=number)
        case False, Scalar(Moment.MAX):
            return lambda number: Histogram(None, max=number)
    return None


def _negative_count(aggregate: Aggregate, values: Sequence[Value]) -> bool:
    return isinstance(aggregate.function, Count) and any(isinstance(v, int) and v < 0 for v in values)


def _value_type(aggregate: Aggregate | None) -> IntType | None:
    """The type that a map's values are widened to; None if it isn't known."""
    value = None if aggregate is None else value_of(aggregate.function)
    if value is None:
        return None
    try:
        return UINT64 if type_of(value) == UINT64 else INT64
    except UsageError:
        return None


def _mismatch(found: Print, aggregate: Aggregate) -> EngineError:
    value = next(iter(found.values.values()))
    kind = "a histogram" if isinstance(value, tuple) else "a number" if isinstance(value, int) else "stats"
    return refused(
        f"@{found.name} is {kind} {'with' if found.keyed else 'without'} keys in the output, "
        f"but {function_name(aggregate.function)}() with {len(aggregate.keys)} keys in the program",
        _HINT,
    )
