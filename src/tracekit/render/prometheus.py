"""Metrics in Prometheus's text form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tracekit.core.result import Provenance, Result
from tracekit.errors import ExtraMissingError, UsageError
from tracekit.render.facts import origin
from tracekit.render.metrics import Kind, Metric, Spread, label, metrics_of

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

_START: Final = "tracekit_run_start_timestamp_seconds"
_END: Final = "tracekit_run_end_timestamp_seconds"
_SUFFIXES: Final = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}


def render_prometheus(result: Result) -> str:
    """A result's metrics, with ``tracekit_run_info`` for where they come from.

    Raises:
        ExtraMissingError: if prometheus_client isn't installed.
        UsageError: if two metrics would have the same name.
    """
    metrics = metrics_of(result.maps, result.provenance, complete=result.complete, losses=result.losses)
    return exposition(metrics, result.provenance).decode()


def exposition(metrics: Iterable[Metric], provenance: Provenance) -> bytes:
    """Metrics as a server of Prometheus reads them, with ``tracekit_run_info`` for where they come from.

    Raises:
        ExtraMissingError: if prometheus_client isn't installed.
        UsageError: if two metrics would have the same name.
    """
    needed()
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Once(Collector):
        def collect(self) -> Iterator[Family]:
            yield from families(metrics)
            yield from _run(provenance)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return generate_latest(registry)


def families(metrics: Iterable[Metric]) -> Iterator[Family]:
    """Metrics as prometheus_client has them, for a collector.

    Buckets are bounded by the greatest value in them, which is exact for whole numbers.

    Raises:
        ExtraMissingError: if prometheus_client isn't installed.
        UsageError: if two metrics would have the same name.
    """
    needed()
    taken = {"tracekit_run_info", _START, _END}
    for metric in metrics:
        name = f"tracekit_{metric.name.replace('.', '_')}"
        names = {name + suffix for suffix in (*_SUFFIXES[metric.kind], "")}
        if names & taken:
            raise UsageError(
                f"the metric {min(names & taken)} would be there twice, since maps have names that are alike",
                "Export one map at a time, with --map.",
            )
        taken |= names
        yield _family(metric, name)


def _family(metric: Metric, name: str) -> Family:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    about = metric.about + (", in nanoseconds" if metric.unit == "ns" else "")
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, about, labels=metric.labels)
        for point in metric.points:
            assert isinstance(point.value, Spread)
            bounds = (*map(str, point.value.bounds), "+Inf")
            below = list(zip(bounds, accumulate(point.value.counts), strict=True))
            keys = list(map(str, point.keys))
            # Without the sum, since this would leave out sum and count wherever a bound is below 0.
            histogram.add_metric(keys, below, sum_value=None)
            labels = dict(zip(metric.labels, keys, strict=True))
            histogram.add_sample(f"{name}_count", labels, below[-1][1])
            if point.value.sum is not None:
                histogram.add_sample(f"{name}_sum", labels, point.value.sum)
        return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(name, about, labels=metric.labels)
    for point in metric.points:
        assert not isinstance(point.value, Spread)
        family.add_metric(list(map(str, point.keys)), float(point.value))
    return family


def _run(provenance: Provenance) -> Iterator[Family]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    known = {word: label(text) for word, text in origin(provenance)}
    words = ("engine", "command", "machine", "tracekit")
    yield InfoMetricFamily(
        "tracekit_run", "where the metrics come from", {word: known[word] for word in words if word in known}
    )
    for name, word, at in ((_START, "start", provenance.started), (_END, "end", provenance.ended)):
        if at is not None:
            yield GaugeMetricFamily(name, f"when the run's {word} was", at.timestamp())


def needed() -> None:
    """Refuse what needs prometheus_client where it isn't.

    Raises:
        ExtraMissingError: if it isn't installed.
    """
    try:
        import prometheus_client  # noqa: F401, only whether it is there
    except ImportError as error:
        raise ExtraMissingError(
            "metrics for Prometheus need the package prometheus_client",
            "Run: pip install 'tracekit[export]'",
        ) from error
