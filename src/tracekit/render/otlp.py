"""Metrics in OpenTelemetry's protocol, as JSON."""

from __future__ import annotations

import json
import os.path
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from tracekit.core.escape import printable
from tracekit.core.result import Key, Provenance, Result
from tracekit.render.metrics import Kind, Metric, Point, Spread, label, metrics_of

_CUMULATIVE: Final = 2
INT64: Final = 1 << 63


def render_otlp(result: Result) -> str:
    """A result as an ``ExportMetricsServiceRequest``: OTLP/JSON on one line of ASCII.

    It can be posted to a collector's ``/v1/metrics`` as it is.
    """
    metrics = metrics_of(result.maps, result.provenance, complete=result.complete, losses=result.losses)
    imported = result.provenance.imported
    ended = result.provenance.ended or (imported.at if imported is not None else None)
    return json.dumps(request(metrics, result.provenance, ended), allow_nan=False) + "\n"


def request(metrics: Iterable[Metric], provenance: Provenance, at: datetime | None) -> dict[str, Any]:
    """An ``ExportMetricsServiceRequest`` as JSON values.

    Args:
        metrics: what is exported; counts are since the run's start.
        provenance: where they come from, which becomes the resource's attributes.
        at: when they were so; None if it isn't known.
    """
    times = {"startTimeUnixNano": _nanoseconds(provenance.started), "timeUnixNano": _nanoseconds(at)}
    times = {word: text for word, text in times.items() if text}
    scope = {
        "scope": {"name": "tracekit", "version": printable(provenance.tracekit)},
        "metrics": [_metric(metric, times) for metric in metrics],
    }
    of = {"attributes": _attributes(resource(provenance).items())}
    return {"resourceMetrics": [{"resource": of, "scopeMetrics": [scope]}]}


def _metric(metric: Metric, times: dict[str, str]) -> dict[str, Any]:
    points = [
        times | {"attributes": _attributes(zip(metric.labels, point.keys, strict=True))} | _value(point)
        for point in metric.points
    ]
    told = {"name": f"tracekit.{metric.name}", "description": metric.about, "unit": metric.unit}
    match metric.kind:
        case Kind.HISTOGRAM:
            return told | {"histogram": {"dataPoints": points, "aggregationTemporality": _CUMULATIVE}}
        case Kind.COUNTER:
            counted = {"dataPoints": points, "aggregationTemporality": _CUMULATIVE, "isMonotonic": True}
            return told | {"sum": counted}
        case Kind.GAUGE:
            return told | {"gauge": {"dataPoints": points}}


def _value(point: Point) -> dict[str, Any]:
    value = point.value
    if isinstance(value, Spread):
        figures = {"sum": value.sum, "min": value.min, "max": value.max}
        return {
            "count": str(sum(value.counts)),
            "bucketCounts": list(map(str, value.counts)),
            "explicitBounds": list(value.bounds),
            **{word: figure for word, figure in figures.items() if figure is not None},
        }
    if isinstance(value, Fraction) or not -INT64 <= value < INT64:
        return {"asDouble": float(value)}
    return {"asInt": str(value)}


def resource(provenance: Provenance) -> dict[str, Key | list[str]]:
    """What the metrics are of, in OpenTelemetry's words; text among it may be anything yet."""
    target, machine, engine = provenance.target, provenance.machine, provenance.engine
    paths = [*target.argv[:1], *(binary.path for binary in provenance.binaries)]
    known: dict[str, Key | list[str]] = {
        "service.name": os.path.basename(paths[0]) if paths else "unknown_service",
        "host.name": machine.node,
        "host.arch": machine.architecture,
        "os.type": machine.system.lower(),
        "os.version": machine.release,
        "process.command_args": list(target.argv),
        "process.pid": target.pids[0] if len(target.pids) == 1 else "",
        "tracekit.program": provenance.text,
        "tracekit.engine.name": engine.name,
        "tracekit.engine.version": engine.version,
    }
    return {word: value for word, value in known.items() if value not in ("", [])}


def _attributes(pairs: Iterable[tuple[str, Key | list[str]]]) -> list[dict[str, Any]]:
    return [{"key": word, "value": _any_value(value)} for word, value in pairs]


def _any_value(value: Key | list[str]) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": list(map(_any_value, value))}}
    if isinstance(value, str):
        return {"stringValue": label(value)}
    return {"intValue": str(value)} if -INT64 <= value < INT64 else {"stringValue": str(value)}


def _nanoseconds(at: datetime | None) -> str:
    return str(nanoseconds(at) or "")


def nanoseconds(at: datetime | None) -> int:
    """Since 1970, exactly: a float has no room for them. 0 is unknown, as moments that the protocol hasn't."""
    if at is None:
        return 0
    since = at - datetime.fromtimestamp(0, at.tzinfo)
    found = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    return found if 0 < found < 2 * INT64 else 0
