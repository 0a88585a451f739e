"""Maps and histograms in JSON, whose form there differs from their fields.

The entries of a map are a list, since JSON has only strings for keys. The buckets of a histogram are a
document of UHI's JSON schema, version 1, beside the figures that UHI has no place for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tracekit.core.buckets import Scheme
from tracekit.core.histogram import Histogram, buckets_of_uhi
from tracekit.core.result import Key, MapResult
from tracekit.values import frozen

if TYPE_CHECKING:
    from cattrs import Converter


@frozen
class _Entry:
    key: tuple[Key, ...]
    histogram: Histogram


@frozen
class _Label:
    value: int
    name: str


@frozen
class _Map:
    name: str
    function: Literal["count", "sum", "min", "max", "avg", "stats", "hist", "lhist", "llquantize", "value"]
    key_names: tuple[str, ...]
    key_labels: tuple[tuple[_Label, ...], ...]
    entries: tuple[_Entry, ...]


@frozen
class _Axis:
    type: Literal["variable"]
    edges: tuple[int, ...]
    underflow: bool
    overflow: bool
    circular: bool


@frozen
class _Storage:
    type: Literal["int"]
    index: tuple[tuple[int, ...], ...]
    values: tuple[int, ...]


@frozen
class _Uhi:
    uhi_schema: int
    axes: tuple[_Axis, ...]
    storage: _Storage


@frozen
class _Histogram:
    scheme: Scheme | None
    count: int
    sum: int | None
    min: int | None
    max: int | None
    uhi: _Uhi | None


def register(converter: Converter) -> None:
    """Teach a converter these forms."""

    def read_map(value: object, _: object) -> MapResult:
        found = converter.structure(value, _Map)
        entries = {entry.key: entry.histogram for entry in found.entries}
        if len(entries) < len(found.entries):
            raise ValueError("two entries have the same key")
        labels = tuple({label.value: label.name for label in of_key} for of_key in found.key_labels)
        return MapResult(found.name, found.function, found.key_names, entries, labels)

    def write_map(value: MapResult) -> dict[str, Any]:
        entries = tuple(_Entry(*entry) for entry in value.entries.items())
        labels = tuple(tuple(_Label(*label) for label in of_key.items()) for of_key in value.key_labels)
        written: dict[str, Any] = converter.unstructure(
            _Map(value.name, value.function, value.key_names, labels, entries)  # type: ignore[arg-type]
        )
        return written

    def read_histogram(value: Any, _: object) -> Histogram:
        found = converter.structure(value, _Histogram)
        buckets = () if found.uhi is None else buckets_of_uhi(value["uhi"])
        histogram = Histogram(found.scheme, buckets, found.count, found.sum, found.min, found.max)
        # What is written again must be what was read: this finds edges that don't belong to the scheme,
        # repeated and negative indexes, and buckets without a count.
        if _uhi(histogram) != value["uhi"]:
            raise ValueError("the UHI histogram does not fit the scheme")
        return histogram

    def write_histogram(value: Histogram) -> dict[str, Any]:
        return {
            "scheme": converter.unstructure(value.scheme),
            "count": value.count,
            "sum": value.sum,
            "min": value.min,
            "max": value.max,
            "uhi": _uhi(value),
        }

    converter.register_structure_hook(MapResult, read_map)
    converter.register_unstructure_hook(MapResult, write_map)
    converter.register_structure_hook(Histogram, read_histogram)
    converter.register_unstructure_hook(Histogram, write_histogram)


def _uhi(histogram: Histogram) -> dict[str, Any] | None:
    return histogram.to_uhi() if histogram.buckets else None
