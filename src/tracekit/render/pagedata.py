"""What a page's script is given: each bucket of a map once, and of each entry only numbers."""

from __future__ import annotations

import json
from functools import reduce
from operator import add
from typing import Any, Final

from tracekit.core.buckets import Range
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult, Result
from tracekit.render.bars import label
from tracekit.render.facts import described
from tracekit.render.shape import base_of, is_logarithmic
from tracekit.render.text import figures, heading, ordered, quantiles, scalar, unbucketed
from tracekit.values import frozen

FIGURES: Final = ("count", "sum", "mean", "min", "max")
QUANTILES: Final = ("p50", "p90", "p99")

_EXACT: Final = 1 << 53
"""Above this the script can't hold each integer as a number, and is given its digits."""


@frozen
class Drawn:
    """A histogram of a page.

    Attributes:
        histogram: itself.
        key: its keys as they are shown, ``[4711]``; None for all entries together.
    """

    histogram: Histogram
    key: str | None

    @property
    def exact(self) -> tuple[str, ...]:
        """Its figures, in the order of ``FIGURES``; empty where one isn't known."""
        known = dict(figures(self.histogram))
        return tuple(known.get(word, "") for word in FIGURES)

    @property
    def quantiles(self) -> tuple[str, ...]:
        """Where its quantiles are, in the order of ``QUANTILES``; none if there are none."""
        return tuple(text for _, text in quantiles(self.histogram))

    @property
    def extra(self) -> str:
        """What else is said of it."""
        return unbucketed(self.histogram)

    @property
    def labels(self) -> list[str]:
        """What its buckets are called."""
        return [label(bucket.range, self.histogram.scheme) for bucket in self.histogram.buckets]


@frozen
class PageMap:
    """A map of a page.

    Attributes:
        heading: its name.
        what: what it counts.
        function: its aggregation's word.
        drawn: its histograms, all entries together first if there are several; none without buckets.
        figures: without buckets, the keys as they are shown and what they have.
    """

    heading: str
    what: str
    function: str
    drawn: list[Drawn]
    figures: list[tuple[str, ...]]

    def name_of(self, drawn: Drawn | None) -> str:
        """What one of its histograms is called."""
        if drawn is None:
            return self.heading
        together = f", all {len(self.drawn) - 1} keys together"
        return self.heading + (together if drawn.key is None else drawn.key)


def page_maps(result: Result) -> list[PageMap]:
    """A result's maps as its page shows them, the entries with the most first."""
    return [
        PageMap(heading(map_, ()), described(result.provenance, map_), map_.function, *_entries(map_))
        for map_ in result.maps
    ]


def _entries(map_: MapResult) -> tuple[list[Drawn], list[tuple[str, ...]]]:
    found = ordered(map_)[::-1]
    if any(h.scheme is None for _, h in found):
        name = len(heading(map_, ()))
        return [], [(heading(map_, keys)[name:] or "all", scalar(map_.function, h)) for keys, h in found]
    drawn = [Drawn(h, _key(map_, keys)) for keys, h in found if h.buckets]
    if len(drawn) > 1 and len({one.histogram.scheme for one in drawn}) == 1:
        together = reduce(add, (one.histogram for one in drawn))
        drawn.insert(0, Drawn(together, None))
    return drawn, []


def _key(map_: MapResult, keys: tuple[Key, ...]) -> str:
    return heading(map_, keys)[len(heading(map_, ())) :]


def to_json(maps: list[PageMap]) -> str:
    """The data for the script, in which nothing can end the element that it stands in."""
    text = json.dumps([_map(map_) for map_ in maps], separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _map(map_: PageMap) -> dict[str, Any]:
    words = {"h": map_.heading, "w": map_.what, "f": map_.function}
    if not map_.drawn:
        return {**words, "s": True, "e": map_.figures}
    buckets: dict[tuple[Range, str], int] = {}
    entries = []
    for one in map_.drawn:
        named = zip((b.range for b in one.histogram.buckets), one.labels, strict=True)
        index = [buckets.setdefault(pair, len(buckets)) for pair in named]
        counts = [_number(b.count) for b in one.histogram.buckets]
        entries.append([one.key, one.exact, one.quantiles, one.extra, index, counts])
    first = map_.drawn[0].histogram
    return {
        **words,
        "s": False,
        "l": is_logarithmic(first),
        "b": base_of(first),
        "k": [[text, range_.lo, range_.hi] for range_, text in buckets],
        "e": entries,
    }


def _number(count: int) -> int | str:
    return count if count < _EXACT else str(count)
