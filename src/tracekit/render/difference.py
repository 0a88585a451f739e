"""What has changed between two runs, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from tracekit.core.buckets import Scheme
from tracekit.core.comparing import Comparison, Row, compare
from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram, Quantile
from tracekit.core.result import Key, MapResult, Result
from tracekit.errors import UsageError
from tracekit.render.bars import interval, label
from tracekit.render.text import heading, number

_NOISE = 0.01
"""A difference that chance makes as often as this is not called one."""

_BAR = 15

Figure = int | Fraction | None


def render_difference(before: Result, after: Result, *, name: str | None = None, width: int = 80) -> str:
    """Each histogram of both results beside its other one.

    Args:
        before: the first run's.
        after: the second's.
        name: the only map to compare; None for all.
        width: the columns of the terminal; only bars adapt to it.

    Returns:
        Lines, each ended.

    Raises:
        UsageError: if the runs have no map in common, or not the one that is named, or its histograms are
            divided differently.
    """
    wanted = None if name is None else name.removeprefix("@")
    first = {map_.name: map_ for map_ in before.maps if wanted in (None, map_.name)}
    second = {map_.name: map_ for map_ in after.maps if wanted in (None, map_.name)}
    common = [key for key in first if key in second]
    if not common:
        which = "map" if wanted is None else f"map {printable('@' + wanted)}"
        raise UsageError(f"the runs have no {which} in common", "'tracekit show' has what is in them.")
    lines: list[str] = []
    for key in common:
        lines += _maps(first[key], second[key], width)
    for key in dict.fromkeys((*first, *second)):
        if key not in common:
            lines.append(f"{printable('@' + key)}: only in the {'first' if key in first else 'second'} run")
    return "".join(f"{line}\n" for line in lines)


def _maps(first: MapResult, second: MapResult, width: int) -> Iterator[str]:
    if (first.function, first.key_names) != (second.function, second.key_names):
        raise UsageError(
            f"{printable('@' + first.name)} is not the same in both runs: {printable(_what(first))} "
            f"and {printable(_what(second))}",
            "Compare runs of the same program.",
        )
    keys: dict[tuple[Key, ...], None] = dict.fromkeys((*first.entries, *second.entries))
    for key in keys:
        one, other = first.entries.get(key), second.entries.get(key)
        scheme = next(found.scheme for found in (one, other) if found is not None)
        nothing = Histogram(scheme)
        yield from _entry(first, key, compare(one or nothing, other or nothing), width)


def _what(map_: MapResult) -> str:
    return f"{map_.function}[{', '.join(map_.key_names)}]" if map_.key_names else map_.function


def _entry(map_: MapResult, key: tuple[Key, ...], found: Comparison, width: int) -> Iterator[str]:
    yield f"{heading(map_, key)}:"
    if found.before.scheme is not None:
        yield from _rows(found.rows, found.before.scheme, width)
    for name, one, other in _figures(map_.function, found):
        yield f"  {name:<6}{_number(one):>16} -> {_number(other):<16} {_change(one, other)}".rstrip()
    for shift in found.shifts:
        name = f"p{float(shift.q * 100):g}"
        yield f"  {name:<6}{_quantile(shift.before):>16} -> {_quantile(shift.after)}"
    yield from _verdict(found)
    yield ""


def _figures(function: str, found: Comparison) -> Iterator[tuple[str, Figure, Figure]]:
    """The figures that the map's aggregation is about, and that are known of a side."""
    one, other = found.before, found.after
    yield "count", one.count, other.count
    if function == "count":
        return
    figures: tuple[tuple[str, Figure, Figure], ...] = (
        ("sum", one.sum, other.sum),
        ("mean", one.mean, other.mean),
        ("min", one.min, other.min),
        ("max", one.max, other.max),
    )
    yield from (figure for figure in figures if figure[1:] != (None, None))


def _rows(rows: tuple[Row, ...], scheme: Scheme, width: int) -> Iterator[str]:
    totals = sum(row.before for row in rows) or 1, sum(row.after for row in rows) or 1
    labels = [label(row.range, scheme) for row in rows]
    wide = max([16, *map(len, labels)])
    bar = max(_BAR, (width - wide - 48) // 2)
    for row, text in zip(rows, labels, strict=True):
        shares = Fraction(row.before, totals[0]), Fraction(row.after, totals[1])
        change = shares[1] - shares[0]
        drawn = "+" * round(change * bar) if change > 0 else "-" * round(-change * bar)
        percents = " -> ".join(f"{float(share * 100):6.2f}%" for share in shares)
        yield f"{text:<{wide}}{row.before:>10} -> {row.after:<10} {percents} {drawn}".rstrip()


def _number(value: Figure) -> str:
    return "-" if value is None else number(value)


def _change(one: Figure, other: Figure) -> str:
    if not one or other is None or one == other:
        return ""
    return f"({float((Fraction(other) - Fraction(one)) / abs(Fraction(one)) * 100):+.2f}%)"


def _quantile(found: Quantile) -> str:
    return interval(found.lo, found.hi)


def _verdict(found: Comparison) -> Iterator[str]:
    contrast = found.contrast
    if contrast is None:
        return
    if contrast.before == contrast.after:
        yield "  The distributions are the same."
        return
    shares = " -> ".join(f"{float(share * 100):.2f}%" for share in (contrast.before, contrast.after))
    yield f"  Below {contrast.edge} are {shares} of the values: {_said(contrast.chance)}."


def _said(chance: float) -> str:
    if chance >= _NOISE:
        return "chance explains that"
    often = "1 of a million" if chance < 1e-6 else f"1 of {math.floor(1 / chance)}"
    return f"more than chance, which makes such a difference in less than {often} cases"
