"""Metrics as opentelemetry-sdk hands them to its exporters.

The SDK's own instruments can't be used: they take one value at a time, and count it themselves, while an engine
has counted all of them already. So what they would collect is made here, and the SDK's exporter sends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tracekit.core.escape import printable
from tracekit.core.result import Key, Provenance
from tracekit.errors import ExtraMissingError
from tracekit.render.metrics import Kind, Metric, Point, Spread, label
from tracekit.render.otlp import INT64, nanoseconds, resource

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData, NumberDataPoint
    from opentelemetry.sdk.metrics.export import Metric as SdkMetric


def metrics_data(metrics: Iterable[Metric], provenance: Provenance, at: datetime) -> MetricsData:
    """What an exporter of the SDK is given.

    Args:
        metrics: what is exported; counts are since the run's start.
        provenance: where they come from, which becomes the resource.
        at: when they were so.

    Raises:
        ExtraMissingError: if the SDK isn't installed.
    """
    needed()
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    times = {"start_time_unix_nano": nanoseconds(provenance.started), "time_unix_nano": nanoseconds(at)}
    scope = InstrumentationScope("tracekit", printable(provenance.tracekit))
    found = [_metric(metric, times) for metric in metrics]
    attributes = {word: _attribute(value) for word, value in resource(provenance).items()}
    return MetricsData([ResourceMetrics(Resource(attributes), [ScopeMetrics(scope, found, "")], "")])


def needed() -> None:
    """Refuse what needs the SDK and its exporter where they aren't.

    Raises:
        ExtraMissingError: if they aren't installed.
    """
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk.metrics.export  # noqa: F401, only whether it is there
    except ImportError as error:
        raise ExtraMissingError(
            "metrics for OpenTelemetry need the packages opentelemetry-sdk and "
            "opentelemetry-exporter-otlp-proto-http",
            "Run: pip install 'tracekit[export]'",
        ) from error


def _metric(metric: Metric, times: dict[str, Any]) -> SdkMetric:
    from opentelemetry.sdk.metrics import export

    data: export.DataT
    cumulative = export.AggregationTemporality.CUMULATIVE
    match metric.kind:
        case Kind.HISTOGRAM:
            spreads = [_spread(point, metric.labels, times) for point in metric.points]
            data = export.Histogram(spreads, cumulative)
        case Kind.COUNTER:
            numbers = [_number(point, metric.labels, times) for point in metric.points]
            data = export.Sum(numbers, cumulative, is_monotonic=True)
        case Kind.GAUGE:
            data = export.Gauge([_number(point, metric.labels, times) for point in metric.points])
    return export.Metric(f"tracekit.{metric.name}", metric.about, metric.unit, data)


def _number(point: Point, labels: tuple[str, ...], times: dict[str, Any]) -> NumberDataPoint:
    from opentelemetry.sdk.metrics.export import NumberDataPoint

    value = point.value
    assert not isinstance(value, Spread)
    whole = not isinstance(value, Fraction) and -INT64 <= value < INT64
    attributes = _attributes(labels, point.keys)
    return NumberDataPoint(attributes, **times, value=int(value) if whole else float(value))


def _spread(point: Point, labels: tuple[str, ...], times: dict[str, Any]) -> HistogramDataPoint:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint

    value = point.value
    assert isinstance(value, Spread)
    # The SDK always knows a sum and extremes; here what isn't known is left out of the message.
    figures: Any = {"sum": value.sum, "min": value.min, "max": value.max}
    return HistogramDataPoint(
        _attributes(labels, point.keys),
        **times,
        count=sum(value.counts),
        bucket_counts=value.counts,
        explicit_bounds=value.bounds,
        **figures,
    )


def _attributes(labels: tuple[str, ...], keys: tuple[Key, ...]) -> dict[str, Any]:
    return {name: _attribute(key) for name, key in zip(labels, keys, strict=True)}


def _attribute(value: Key | list[str]) -> Any:
    if isinstance(value, list):
        return list(map(label, value))
    if isinstance(value, str):
        return label(value)
    return value if -INT64 <= value < INT64 else str(value)
