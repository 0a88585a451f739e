"""Results as metrics: for Prometheus, and in OpenTelemetry's protocol."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

import attrs
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from tests.render.hostile import RESULT as HOSTILE
from tests.render.hostile import WORDS
from tests.render.run_file_sample import RESULT
from tests.results_strategies import RESULTS, SCHEMES

from tracekit.core import result as rs
from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Bucket, Histogram
from tracekit.errors import ExtraMissingError, UsageError
from tracekit.render.metrics import spreads
from tracekit.render.otlp import render_otlp
from tracekit.render.prometheus import render_prometheus


def of(*maps: rs.MapResult, **more: Any) -> rs.Result:
    """A whole result of these maps."""
    return attrs.evolve(RESULT, maps=maps, losses=(), **more)


def samples(result: rs.Result) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What Prometheus's own reader finds, by name and labels."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(render_prometheus(result)):
        for sample in family.samples:
            place = (sample.name, tuple(sorted(sample.labels.items())))
            assert place not in found
            found[place] = sample.value
    return found


def metrics(result: rs.Result) -> dict[str, Any]:
    """What OpenTelemetry's own message type makes of the request, by the metrics' names."""
    text = render_otlp(result)
    assert text.isascii() and text.count("\n") == 1
    message = json_format.Parse(text, ExportMetricsServiceRequest())
    (resource,) = message.resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


@settings(max_examples=50)
@given(st.lists(st.integers(-(1 << 54), 1 << 54), min_size=1, max_size=20), SCHEMES)
def test_no_value_is_on_the_wrong_side(values: list[int], scheme: Any) -> None:
    """Up to each bound there are as many values as there are, and bounds are exact as numbers of JSON."""
    (spread,) = spreads({(): Histogram.of(values, scheme)}).values()
    below = 0
    for bound, count in zip(spread.bounds, spread.counts, strict=False):
        assert int(float(bound)) == bound
        below += count
        assert below == sum(value <= bound for value in values)
    assert sum(spread.counts) == len(values)


def test_prometheus() -> None:
    """A histogram has the buckets' greatest values as bounds, a sum and a count, and keys as labels."""
    entries = {(1, "a"): Histogram.of([3, 5], Log2()), (2, "b"): Histogram.of([0], Log2())}
    keyed = rs.MapResult("sizes", "hist", ("pid", "str(arg0)"), entries)
    found = samples(of(keyed))
    a, b = (("pid", "1"), ("str_arg0", "a")), (("pid", "2"), ("str_arg0", "b"))
    buckets = {place[1]: n for place, n in found.items() if place[0] == "tracekit_sizes_bucket"}
    assert {dict(labels)["le"]: n for labels, n in buckets.items() if dict(labels)["pid"] == "1"} == {
        "0": 0, "1": 0, "3": 1, "7": 2, "+Inf": 2,
    }  # fmt: skip
    assert found["tracekit_sizes_sum", a] == 8 and found["tracekit_sizes_count", b] == 1
    assert found["tracekit_sizes_max", a] == 5
    assert found["tracekit_complete", ()] == 1
    assert ("tracekit_losses", (("kind", "lost-events"), ("map", ""))) not in found


def test_values_below_0_have_no_sum() -> None:
    """A sum that can go down is none to Prometheus and OpenTelemetry: it is a gauge of its own."""
    result = of(rs.MapResult("d", "hist", entries={(): Histogram.of([-5, 3], Log2())}))
    found = samples(result)
    assert ("tracekit_d_sum", ()) not in found and found["tracekit_d_signed_sum", ()] == -2
    assert found["tracekit_d_bucket", (("le", "-4"),)] == 1
    point = metrics(result)["tracekit.d"].histogram.data_points[0]
    assert not point.HasField("sum") and point.min == -5


def test_values_in_no_bucket_are_apart() -> None:
    """They count in no bucket, not even the last, and there is no sum that would have them."""
    histogram = Histogram(Linear(0, 8, 4), (Bucket(0, 4, 2),), count=5, sum=90, min=0, max=50)
    result = of(rs.MapResult("d", "lhist", entries={(): histogram}))
    found = samples(result)
    assert found["tracekit_d_bucket", (("le", "+Inf"),)] == 2 and found["tracekit_d_unbucketed", ()] == 3
    assert ("tracekit_d_sum", ()) not in found
    assert metrics(result)["tracekit.d"].histogram.data_points[0].count == 2


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("count", {"tracekit_m_total": 3}),
        ("sum", {"tracekit_m": 6}),
        ("min", {"tracekit_m": 1}),
        ("max", {"tracekit_m": 3}),
        ("avg", {"tracekit_m": 2}),
        ("stats", {f"tracekit_m_{n}": v for n, v in {"events_total": 3, "sum": 6, "min": 1, "max": 3}.items()}),
    ],
)  # fmt: skip
def test_single_figures(function: str, expected: dict[str, float]) -> None:
    """A count is a counter, every other figure a gauge."""
    found = samples(of(rs.MapResult("m", function, entries={(): Histogram.of([1, 2, 3])})))
    assert {name: n for (name, _), n in found.items() if name.startswith("tracekit_m")} == expected


def test_otlp() -> None:
    """OpenTelemetry's own message type reads it: figures exact, keys with their types, provenance, losses."""
    found = metrics(RESULT)
    point = found["tracekit.bytes"].histogram.data_points[0]
    assert list(point.explicit_bounds) == [7, 15] and list(point.bucket_counts) == [2, 1, 1]
    assert (point.count, point.sum, point.min, point.max) == (4, 57, 3, 40)
    assert point.start_time_unix_nano == 1735787045_000006_000 and point.time_unix_nano == 1735787046_000000_000
    one, two = found["tracekit.n"].gauge.data_points
    assert [(a.key, a.value.int_value or a.value.string_value) for a in two.attributes] == [
        ("pid", 2),
        ("comm", "b"),
    ]
    assert one.attributes[0].value.string_value == "ONE" and two.as_int == 5
    assert found["tracekit.lost_events"].gauge.data_points[0].as_int == 3
    resource = json.loads(render_otlp(RESULT))["resourceMetrics"][0]["resource"]["attributes"]
    assert {"key": "service.name", "value": {"stringValue": "itest.test"}} in resource


def test_nothing_of_the_target_is_unescaped() -> None:
    """Each hostile key is one label, all differ, and no character isn't visible."""
    text = render_prometheus(HOSTILE)
    assert all(c.isprintable() or c == "\n" for c in text)
    keys = {dict(labels).get("comm") for name, labels in samples(HOSTILE) if name == "tracekit_bytes_count"}
    assert len(keys) == len(WORDS) and "\\x1b[2J\\x07" in keys
    assert metrics(HOSTILE)


@settings(max_examples=40)
@given(RESULTS)
def test_every_result_has_metrics(result: rs.Result) -> None:
    """Whatever a result has, both forms can be read; only names that are alike are refused."""
    assert metrics(result)
    with contextlib.suppress(UsageError):
        assert list(text_string_to_metric_families(render_prometheus(result)))


def test_names_that_are_alike_are_refused() -> None:
    """Two maps that would be one metric are an error, which says how to get both."""
    one = rs.MapResult("a.b", "count", entries={(): Histogram.of([1])})
    with pytest.raises(UsageError, match="the metric tracekit_a_b would be there twice"):
        render_prometheus(of(one, attrs.evolve(one, name="a_b")))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prometheus_client isn't installed, the error has the command that installs it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'tracekit\[export\]'"):
        render_prometheus(RESULT)
