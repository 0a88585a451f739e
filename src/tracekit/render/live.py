"""A run that goes on, as one screen of text: what is largest, as far as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
from rich.text import Text

from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, Loss, MapResult
from tracekit.render.bars import draw_rows
from tracekit.render.fitted import fitted
from tracekit.render.text import figures, heading, quantiles, scalar
from tracekit.values import frozen

_Name = tuple[str, tuple[Key, ...]]

_LEAST_ROWS: Final = 3
_BESIDE_ROWS: Final = 4
"""Lines of a histogram besides its rows: its name, two of figures, an empty one."""
_MOST_WARNINGS: Final = 3
_EMPTY: Final = Histogram(None)


@frozen
class Moment:
    """What there is to be shown; all text in it is still as it came.

    Attributes:
        head: what is traced, and with what.
        seconds: for how long.
        maps: the latest snapshot's.
        rates: values a second of each entry, as far as known.
        losses: what is missing by now.
        alerts: what the reader should know first, such as that the engine has died.
        said: the last line that the command printed; empty if there is none.
        foot: how it ends.
    """

    head: str
    seconds: float
    maps: tuple[MapResult, ...] = ()
    rates: Mapping[_Name, float] = attrs.field(factory=dict)
    losses: tuple[Loss, ...] = ()
    alerts: tuple[str, ...] = ()
    said: str = ""
    foot: str = ""


@frozen
class _Entry:
    map_: MapResult
    keys: tuple[Key, ...]
    histogram: Histogram

    @property
    def name(self) -> _Name:
        return self.map_.name, self.keys

    @property
    def has_rows(self) -> bool:
        return self.histogram.scheme is not None and bool(self.histogram.buckets)


def render_live(moment: Moment, rows: int, columns: int) -> list[Text]:
    """The lines of a screen, each no wider and all no more than there is room for.

    Args:
        moment: what is to be shown.
        rows: of the terminal.
        columns: of the terminal.
    """
    top = [*_head(moment), *_warnings(moment, columns)]
    bottom = [Text(text, style="dim") for text in _foot(moment)]
    body = _body(moment, max(0, rows - len(top) - len(bottom)), columns)
    blank = [Text()] * max(0, rows - len(top) - len(body) - len(bottom))
    lines = [*top, *body, *blank, *bottom][:rows]
    for line in lines:
        line.truncate(columns, overflow="ellipsis")
    return lines


def rates(before: Sequence[MapResult], now: Sequence[MapResult], seconds: float) -> dict[_Name, float]:
    """How many values a second each entry had between two moments."""
    earlier = {entry.name: entry.histogram.count for entry in _entries(before)}
    return {e.name: (e.histogram.count - earlier.get(e.name, 0)) / seconds for e in _entries(now)}


def _head(moment: Moment) -> Iterator[Text]:
    total = sum(map_.total for map_ in moment.maps)
    rate = f", {sum(moment.rates.values()):,.0f}/s" if moment.rates else ""
    yield Text(f"{moment.seconds:.0f} s   {total:,} values{rate}   {printable(moment.head)}", style="bold")


def _warnings(moment: Moment, columns: int) -> Iterator[Text]:
    for alert in moment.alerts:
        yield from _wrapped(printable(alert), columns, "bold yellow")
    for loss in moment.losses[:_MOST_WARNINGS]:
        yield Text(f"warning: {printable(loss.message)}", style="yellow")
    if (more := len(moment.losses) - _MOST_WARNINGS) > 0:
        yield Text(f"{more} more warnings", style="yellow")
    yield Text()


def _wrapped(text: str, columns: int, style: str) -> Iterator[Text]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > columns:
            yield Text(line, style=style)
            line = "  " + word
        else:
            line = f"{line} {word}" if line else word
    yield Text(line, style=style)


def _foot(moment: Moment) -> Iterator[str]:
    if moment.said:
        yield f"printed: {printable(moment.said)}"
    yield printable(moment.foot)


def _body(moment: Moment, lines: int, columns: int) -> list[Text]:
    ranked = _ranked(moment.maps)
    count = _fitting(ranked, lines)
    shown, hidden = ranked[:count], ranked[count:]
    left = lines - bool(hidden) - sum(map(_least, shown))
    found: list[Text] = []
    for entry in shown:
        block = list(_block(entry, moment, _LEAST_ROWS + max(0, left), columns))
        left -= max(0, len(block) - _least(entry))
        found += block
    if hidden:
        values = sum(entry.histogram.count for entry in hidden)
        of = sum(entry.histogram.count for entry in ranked)
        rest = f"not shown: {len(hidden)} of {len(ranked)} entries, with {values:,} of {of:,} values"
        found[max(0, lines - 1) :] = [Text(rest, style="dim")]
    return found


def _entries(maps: Sequence[MapResult]) -> Iterator[_Entry]:
    for map_ in maps:
        for keys, histogram in (map_.entries or {(): _EMPTY}).items():
            yield _Entry(map_, keys, histogram)


def _ranked(maps: Sequence[MapResult]) -> list[_Entry]:
    """All entries: first the greatest of each map, then the others, the greatest first."""

    def rank(entry: _Entry) -> tuple[object, ...]:
        by_key = tuple((isinstance(key, str), key) for key in entry.keys)
        return -entry.histogram.count, by_key

    first, others = [], []
    for map_ in maps:
        ordered = sorted(_entries([map_]), key=rank)
        first += ordered[:1]
        others += ordered[1:]
    return [*first, *sorted(others, key=lambda entry: -entry.histogram.count)]


def _least(entry: _Entry) -> int:
    """How many lines an entry takes at least."""
    return _LEAST_ROWS + _BESIDE_ROWS if entry.has_rows else 1


def _fitting(ranked: Sequence[_Entry], lines: int) -> int:
    """How many of the first entries have room, with a line for what has none; at least one."""
    room = lines - (sum(map(_least, ranked)) > lines)
    for count, entry in enumerate(ranked):
        room -= _least(entry)
        if room < 0:
            return max(1, count)
    return len(ranked)


def _block(entry: _Entry, moment: Moment, most: int, columns: int) -> Iterator[Text]:
    histogram = entry.histogram
    rate = moment.rates.get(entry.name)
    shown = "" if rate is None else f", {rate:,.0f}/s"
    title = heading(entry.map_, entry.keys)
    if not entry.has_rows:
        value = "no events" if not histogram.count else scalar(entry.map_.function, histogram)
        yield _titled(title, f": {value}{shown}", columns)
        return
    yield _titled(title, f": {histogram.count:,} values{shown}", columns)
    found, left_out = fitted(histogram, most)
    for line in draw_rows(found, histogram.scheme, width=columns, colour=False):
        text = Text(line)
        if (bar := line.find("|")) >= 0:
            text.stylize("green", bar + 1, len(line) - 1)
        yield text
    # That a few have no bucket yet means nothing: engines tell counts and buckets one after the other.
    remarks = [f"{left_out} values are in other rows"] if left_out else []
    yield Text(", ".join([*(f"{word} {value}" for word, value in figures(histogram)[1:]), *remarks]))
    yield Text("  ".join(f"{word} {value}" for word, value in quantiles(histogram)))
    yield Text()


def _titled(title: str, rest: str, columns: int) -> Text:
    """A name, which is cut if need be so that what stands after it is seen."""
    text = Text(title, style="bold")
    text.truncate(max(8, columns - len(rest)), overflow="ellipsis")
    return text.append(rest, style="not bold")
