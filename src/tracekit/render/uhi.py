"""Results as documents of UHI, the histogram format of scikit-hep."""

from __future__ import annotations

import json
from typing import Any

from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult, Result
from tracekit.errors import UsageError


def render_uhi(result: Result) -> str:
    """A JSON list of UHI documents, one for each entry that has buckets, on one line of ASCII.

    A document's ``metadata`` says which map and keys it is of, has the exact figures, and whether the result
    is the whole truth.

    Raises:
        UsageError: if nothing has buckets, without which a histogram has no UHI form.
    """
    documents = [
        histogram.to_uhi() | {"metadata": _metadata(result, map_, keys, histogram)}
        for map_ in result.maps
        for keys, histogram in map_.entries.items()
        if histogram.buckets
    ]
    if not documents:
        raise UsageError("nothing in the run has buckets, without which there is no UHI form")
    return json.dumps(documents, allow_nan=False) + "\n"


def _metadata(result: Result, map_: MapResult, keys: tuple[Key, ...], histogram: Histogram) -> dict[str, Any]:
    figures = {"count": histogram.count, "sum": histogram.sum, "min": histogram.min, "max": histogram.max}
    return {
        "map": map_.name,
        "complete": result.whole,
        "key_names": ", ".join(map(printable, map_.key_names)),
        **{f"key{n}": key if isinstance(key, int) else printable(key) for n, key in enumerate(keys, 1)},
        **{word: value for word, value in figures.items() if value is not None},
    }
