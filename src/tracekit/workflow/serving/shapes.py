"""What is known of a program's maps before their first event."""

from __future__ import annotations

from tracekit.backends.plan import kept_type
from tracekit.core.aggregation import Aggregation, Distribution
from tracekit.core.histogram import Histogram
from tracekit.core.program import Program, is_named
from tracekit.core.result import MapResult
from tracekit.core.types import INT64, UINT64
from tracekit.render.live_metrics import Shape, specimen
from tracekit.render.metrics import all_bounds
from tracekit.syntax import function_name, print_expression


def shapes_of(program: Program) -> dict[str, Shape]:
    """The shapes of a program's maps by their names; of values whose type isn't known yet, the widest."""
    found = {}
    for name, aggregate in program.maps.items():
        function = aggregate.function
        scheme = function.scheme if isinstance(function, Distribution) else None
        texts = tuple(map(print_expression, aggregate.keys))
        empty = MapResult(name, function_name(function), texts, {(): Histogram(scheme)})
        found[name] = Shape(specimen(empty), _bounds(function))
    return found


def _bounds(function: Aggregation) -> tuple[int, ...] | None:
    if not isinstance(function, Distribution):
        return None
    if is_named(function.value):
        least, most = INT64.minimum, UINT64.maximum
    else:
        type_ = kept_type(function.value)
        least, most = type_.minimum, type_.maximum
    return tuple(all_bounds(function.scheme, least, most))
