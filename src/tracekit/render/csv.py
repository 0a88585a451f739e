"""Results as comma-separated values, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, Result
from tracekit.render.text import number, ordered

_COLUMNS: Final = ("row", "complete", "map", "function")
_FIGURES: Final = ("lo", "hi", "count", "sum", "mean", "min", "max")
_FORMULA: Final = tuple("=+-@|%")
"""What makes a spreadsheet take text for a formula if it comes first."""


def render_csv(result: Result) -> str:
    """A row for each entry, with its exact figures, and one for each of its buckets.

    Columns are ``row`` (``entry`` or ``bucket``), ``complete`` (whether the result is the whole truth),
    ``map``, ``function``, one for each key, then ``lo``, ``hi``, ``count`` and an entry's ``sum``, ``mean``,
    ``min`` and ``max``. What isn't known, and a bound that a bucket doesn't have, is empty. Text that a
    spreadsheet would take for a formula has a ``'`` in front.

    Returns:
        A line of headings, and lines in bpftrace's order.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    width = max((len(map_.key_names) for map_ in result.maps), default=0)
    writer.writerow((*_COLUMNS, *_key_columns(result, width), *_FIGURES))
    for map_ in result.maps:
        for keys, histogram in ordered(map_):
            shown = (*map(_cell, keys), *[""] * (width - len(keys)))
            head = ("yes" if result.whole else "no", _cell(map_.name), _cell(map_.function), *shown)
            for kind, figures in _rows(histogram):
                writer.writerow((kind, *head, *figures))
    return written.getvalue()


def _key_columns(result: Result, width: int) -> list[str]:
    """What the keys are, if that is the same in all maps; else ``key1``, ``key2`` ….

    A key is never called as another column is.
    """
    keyed = [map_ for map_ in result.maps if map_.key_names]
    names = [f"key{n}" for n in range(1, width + 1)]
    if len({map_.key_names for map_ in keyed}) == 1:
        own = [str(_cell(name)) for name in keyed[0].key_names]
        if len({*own, *_COLUMNS, *_FIGURES}) == len(own) + len(_COLUMNS) + len(_FIGURES):
            return own
    return names


def _rows(histogram: Histogram) -> Iterator[tuple[str, tuple[object, ...]]]:
    exact = (histogram.sum, number(histogram.mean), histogram.min, histogram.max)
    yield "entry", (None, None, histogram.count, *exact)
    for bucket in histogram.buckets:
        yield "bucket", (bucket.lo, bucket.hi, bucket.count, None, None, None, None)


def _cell(value: Key) -> Key:
    if isinstance(value, int):
        return value
    shown = printable(value)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
