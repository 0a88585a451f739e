"""Which buckets the labels of dtrace's histograms mean. Pure.

Labels are the least magnitude of a bucket, and rows follow one another without a gap, so a scheme fits if the
labels are a part of its own in the same order. ``llquantize()`` of Linux cuts labels to 15 characters, so that
10**15 and 10**16 look alike: then the order alone tells which is which, or nothing does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from tracekit.backends.dtrace.saved_factors import candidates
from tracekit.backends.dtrace.saved_model import Rows, refused
from tracekit.core.buckets import Linear, Log2, LogLinear, Range, Scheme
from tracekit.errors import EngineError, UsageError

CUT: Final = 15
"""How many characters of a label ``llquantize()`` of Linux prints."""

_POWER: Final = 1 << 62
_LOWEST: Final = Range(-2 * _POWER, 1 - _POWER)
"""The least row of ``quantize()``: it has the values of two buckets, since -2**63 is in it."""


class Place(NamedTuple):
    """A row that a scheme has, by the labels that it can have."""

    labels: tuple[str, ...]
    range: Range


class Division(NamedTuple):
    """How the rows of an aggregation are buckets of a scheme.

    Attributes:
        scheme: the buckets.
        ranges: for each histogram, the interval of each row.
    """

    scheme: Scheme
    ranges: tuple[tuple[Range, ...], ...]


def divide(histograms: Sequence[Rows], scheme: Scheme, what: str) -> Division:
    """The rows as buckets of a known scheme.

    Args:
        histograms: those of all keys of an aggregation.
        scheme: the program's.
        what: the aggregation, for messages.

    Raises:
        EngineError: if a row is none of its buckets, or could be several.
    """
    divisions = _divisions(histograms, scheme)
    if not divisions:
        raise refused(
            f"the rows of {what} are no buckets of the program's {described(scheme)}",
            "Give the program that made this output, and no other; or none.",
        )
    return _only(divisions, histograms, what)


def infer(histograms: Sequence[Rows], what: str) -> tuple[Division, str]:
    """The rows as buckets of a scheme that isn't known.

    Returns:
        The division, and what couldn't be told, or the empty string.

    Raises:
        EngineError: if no scheme has such rows, or several that differ in where the values are.
    """
    found = [d for d in (_log2(histograms), _linear(histograms)) if d is not None]
    cut = any(len(row.label) == CUT for rows in histograms for row in rows)
    for scheme in candidates(histograms):
        if fitting := _divisions(histograms, scheme):
            found += fitting
            if not cut:
                break  # all that fit put the values into the same intervals: those from label to label
    if not found:
        raise refused(
            f"the rows of {what} are those of no quantize(), lquantize() or llquantize()",
            "If they are of an llquantize() with an unusual factor, give the program; "
            "or import dtrace's own output alone, all of it.",
        )
    division = _only(found, histograms, what)
    if isinstance(division.scheme, Log2):
        return division, ""
    return (
        division,
        f"{what}: without the program, the bounds are those of the rows, {described(division.scheme)}",
    )


def undivided(scheme: Scheme, place: Range) -> str:
    """Where values are that dtrace doesn't divide as the scheme does; the empty string if it does."""
    if place == _LOWEST and isinstance(scheme, Log2):
        return "of -2**62 and below"
    if isinstance(scheme, LogLinear) and place.lo is None and place.hi is not None and place.hi > 0:
        return f"below {place.hi}"
    return ""


def described(scheme: Scheme) -> str:
    """A scheme in dtrace's words."""
    match scheme:
        case Log2():
            return "quantize()"
        case Linear(lo, hi, step):
            return f"lquantize(…, {lo}, {hi}, {step})"
        case LogLinear(factor, low, high, steps):
            return f"llquantize(…, {factor}, {low}, {high}, {steps})"


def _only(divisions: Sequence[Division], histograms: Sequence[Rows], what: str) -> Division:
    """The first division, if all others put the values into the same intervals."""
    first, *others = divisions
    for other in others:
        if any(
            _occupied(rows, one) != _occupied(rows, two)
            for rows, one, two in zip(histograms, first.ranges, other.ranges, strict=True)
        ):
            raise _ambiguous(first.scheme, other.scheme, what)
    return first


def _occupied(rows: Rows, ranges: tuple[Range, ...]) -> tuple[Range, ...]:
    """The intervals that have values."""
    return tuple(place for row, place in zip(rows, ranges, strict=True) if row.number)


def _ambiguous(one: Scheme, other: Scheme, what: str) -> EngineError:
    if one == other:
        detail = "its labels are cut to 15 characters, and the rows are not enough to tell which they are"
    else:
        detail = f"{described(one)} and {described(other)} print such rows for different values"
    return refused(f"the rows of {what} can be read in several ways: {detail}", "Give the program.")


def _divisions(histograms: Sequence[Rows], scheme: Scheme) -> list[Division]:
    """The ways in which the rows are buckets of a scheme: none, one, or two that differ."""
    places = list(_places(scheme))
    first, other = [], []
    for rows in histograms:
        ways = {_occupied(rows, ranges): ranges for ranges in _aligned(rows, places)}
        if not ways:
            return []
        first.append(next(iter(ways.values())))
        other.append(list(ways.values())[-1])
    found = [Division(scheme, tuple(first))]
    return found if first == other else [*found, Division(scheme, tuple(other))]


def _aligned(rows: Rows, places: Sequence[Place]) -> Iterator[tuple[Range, ...]]:
    for start in range(len(places) - len(rows) + 1):
        part = places[start : start + len(rows)]
        # dtrace prints a row of zero before the first value, and one after the last, if there are such rows.
        if (rows[0].number and start and not rows[0].label.startswith("< ")) or (
            rows[-1].number and start + len(rows) < len(places)
        ):
            continue
        if all(row.label in place.labels for row, place in zip(rows, part, strict=True)):
            yield tuple(
                _below_all(place) if row.label.startswith("< ") else place.range
                for row, place in zip(rows, part, strict=True)
            )


def _below_all(place: Place) -> Range:
    """MacOS has all values below the first power in one row, the negative ones too."""
    return Range(None, place.range.hi)


def _places(scheme: Scheme) -> Iterator[Place]:
    """All rows that a scheme has, in their order."""
    match scheme:
        case Log2(0):
            yield Place((str(-_POWER),), _LOWEST)
            powers = [1 << n for n in range(63)]
            for value in (*(-p for p in reversed(powers[:-1])), 0, *powers):
                yield Place((str(value),), scheme.bucket(value))
        case Log2():
            return  # dtrace has none
        case Linear(lo, _, step):
            yield Place((f"< {lo}",), Range(None, lo))
            for value in range(lo, scheme.top, step):
                yield Place((str(value),), Range(value, value + step))
            yield Place((f">= {scheme.top}",), Range(scheme.top, None))
        case LogLinear():
            *bounds, top = scheme.bounds
            yield Place(_cut(f"<= -{top}"), scheme.bucket(-top))
            for bound in reversed(bounds):
                yield Place(_cut(f"-{bound}"), scheme.bucket(-bound))
            first = bounds[0]
            centre = "0" if first == 1 else f"abs() < {first}"
            yield Place((*_cut(centre), *_cut(f"< {first}")), scheme.bucket(0))
            for bound in bounds:
                yield Place(_cut(str(bound)), scheme.bucket(bound))
            yield Place(_cut(f">= {top}"), scheme.bucket(top))


def _cut(label: str) -> tuple[str, ...]:
    """A label as macOS and as Linux print it."""
    return (label,) if len(label) <= CUT else (label, label[:CUT])


def _log2(histograms: Sequence[Rows]) -> Division | None:
    return next(iter(_divisions(histograms, Log2())), None)


def _linear(histograms: Sequence[Rows]) -> Division | None:
    """The ``lquantize()`` that prints such rows, with no more buckets than they show; None if there is none."""
    below: set[int] = set()
    above: set[int] = set()
    inside: set[int] = set()
    steps: set[int] = set()
    for rows in histograms:
        edges = []
        for row in rows:
            sign, _, number = row.label.rpartition(" ")
            if sign not in ("", "<", ">="):
                return None
            (below if sign == "<" else above if sign else inside).add(int(number))
            edges += [int(number)] if sign != "<" else []
        steps |= {high - low for low, high in pairwise(edges)}
    if len(below) > 1 or len(above) > 1 or len(steps) > 1 or not inside:
        return None
    step = steps.pop() if steps else 1
    lo, hi = min(inside | below), max(above or {max(inside) + step})
    if step > (1 << 16) - 1 or lo < -(1 << 31) or hi >= 1 << 31:
        return None
    try:
        return next(iter(_divisions(histograms, Linear(lo, hi, step))), None)
    except UsageError:
        return None
