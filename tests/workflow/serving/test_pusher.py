"""Sending metrics to a collector that comes, goes and refuses."""

from __future__ import annotations

import contextlib
import queue
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import attrs
import pytest
from tests.render.hostile import RESULT as HOSTILE
from tests.render.run_file_sample import RESULT
from tests.workflow.serving.collector import Collector, collector

from tracekit.core import result as rs
from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Bucket, Histogram
from tracekit.errors import ExtraMissingError, UsageError
from tracekit.render.metrics import metrics_of
from tracekit.render.otlp_sdk import metrics_data
from tracekit.workflow.serving.pusher import Data, Pusher

NOW = datetime(2025, 1, 2, 3, 5, tzinfo=UTC)
NANOSECONDS = 1_735_787_100_000_000_000


@pytest.fixture
def there() -> Iterator[Collector]:
    """A collector that doesn't run yet."""
    with collector() as found:
        yield found


def data(result: rs.Result) -> Data:
    metrics = tuple(metrics_of(result.maps, result.provenance, complete=result.complete, losses=result.losses))
    return partial(metrics_data, metrics, result.provenance, NOW)


def counted(number: int) -> Data:
    map_ = rs.MapResult("n", "count", (), {(): Histogram(None, count=number)})
    return data(attrs.evolve(RESULT, maps=(map_,), losses=()))


@contextlib.contextmanager
def pusher(url: str, every: float = 0.02) -> Iterator[tuple[Pusher, queue.Queue[str]]]:
    """A pusher at work, and what it tells."""
    told: queue.Queue[str] = queue.Queue()
    found = Pusher(url, every, told.put)
    found.start()
    try:
        yield found, told
    finally:
        found.close()


def value(there: Collector) -> int:
    (point,) = there.last["tracekit.n"].sum.data_points
    number: int = point.as_int
    return number


def test_what_is_sent(there: Collector) -> None:
    """Bounds, counts and figures are exact, times are the run's start and the moment, keys are attributes."""
    entries = {(1, "a"): Histogram.of([3, 5], Log2()), (2, "b"): Histogram.of([0], Log2())}
    maps = (
        rs.MapResult("sizes", "hist", ("pid", "str(arg0)"), entries),
        rs.MapResult("calls", "count", (), {(): Histogram(None, count=(1 << 63) - 1)}),
        rs.MapResult("mean", "avg", (), {(): Histogram.of([1, 2])}),
        rs.MapResult("sums", "sum", (), {(): Histogram(None, count=2, sum=1 << 64)}),
        rs.MapResult("low", "hist", (), {(): Histogram.of([-5], Log2())}),
        rs.MapResult("rest", "lhist", (), {(): Histogram(Linear(0, 8, 4), (Bucket(0, 4, 2),), count=5)}),
    )
    with there.running(), pusher(there.url) as (pusher_, _):
        pusher_.send(data(attrs.evolve(RESULT, maps=maps, losses=())))
        there.wait()
    found = there.last
    histogram = found["tracekit.sizes"].histogram
    point = histogram.data_points[0]
    assert histogram.aggregation_temporality == 2
    assert list(point.explicit_bounds) == [-1, 0, 1, 3, 7][1:] and list(point.bucket_counts) == [0, 0, 1, 1, 0]
    assert (point.count, point.sum, point.min, point.max) == (2, 8, 3, 5)
    assert [(a.key, a.value.int_value or a.value.string_value) for a in point.attributes] == [
        ("pid", 1), ("str_arg0", "a"),
    ]  # fmt: skip
    assert point.time_unix_nano == NANOSECONDS
    assert point.start_time_unix_nano == 1_735_787_045_000_006_000
    (calls,) = found["tracekit.calls"].sum.data_points
    assert calls.as_int == (1 << 63) - 1 and found["tracekit.calls"].sum.is_monotonic
    assert found["tracekit.mean"].gauge.data_points[0].as_double == 1.5
    assert found["tracekit.sums"].gauge.data_points[0].as_double == 2.0**64
    for name in ("tracekit.low", "tracekit.rest"):
        assert not found[name].histogram.data_points[0].HasField("sum")
    of = {a.key: a.value for a in there.requests[-1].resource_metrics[0].resource.attributes}
    assert of["service.name"].string_value == "itest.test"
    assert [v.string_value for v in of["process.command_args"].array_value.values] == ["./itest.test"]


def test_hostile_text_is_escaped(there: Collector) -> None:
    """What comes from the target is visible text in names, attributes and the resource."""
    long = rs.MapResult("long", "count", ("comm",), {("\n" * (1 << 20),): Histogram(None, count=1)})
    with there.running(), pusher(there.url) as (pusher_, _):
        pusher_.send(data(attrs.evolve(HOSTILE, maps=(*HOSTILE.maps, long))))
        there.wait()
    texts = str(there.requests[-1]).split("\n")
    assert len(texts) > 100 and all(text.isprintable() and len(text) < 4000 for text in texts)


def test_a_collector_that_is_restarted(there: Collector) -> None:
    """While there is none the latest numbers wait, and only they; both changes are told, once."""
    url = f"{there.url}/v1/metrics"
    with pusher(there.url) as (pusher_, told):
        with there.running():
            pusher_.send(counted(1))
            there.wait()
        pusher_.send(counted(2))
        assert told.get(timeout=60) == f"{url} takes no metrics: connection refused; it is tried again"
        pusher_.send(counted(3))
        assert not pusher_.done
        with there.running():
            assert told.get(timeout=60) == f"{url} takes all metrics again"
            assert pusher_.close()
        assert value(there) == 3 and told.empty()


def test_the_last_numbers_are_sent_at_the_end(there: Collector) -> None:
    """What is given just before the end is there after it; where it can't be, that is known."""
    with there.running(), pusher(there.url, 3600) as (pusher_, _):
        pusher_.send(counted(7))
        assert pusher_.close()
    assert value(there) == 7
    with pusher(there.url, 3600) as (pusher_, told):
        pusher_.send(counted(8))
        assert not pusher_.close()
        assert "connection refused" in told.get(timeout=60)


def test_what_comes_while_others_are_sent(there: Collector) -> None:
    """Numbers that are given before the collector has answered for the last ones are sent, too."""
    there.answering.clear()
    with there.running(), pusher(there.url) as (pusher_, _):
        pusher_.send(counted(1))
        there.wait()
        pusher_.send(counted(2))
        there.answering.set()
        assert pusher_.close()
        assert value(there) == 2


def test_a_collector_that_refuses(there: Collector) -> None:
    """A redirection, an answer that is no success and a partial success are told, and don't count as sent."""
    there.status, there.headers = 307, {"Location": f"{there.url}/v1/metrics"}
    with there.running(), pusher(there.url) as (pusher_, told):
        pusher_.send(counted(1))
        assert "takes no metrics: it answers 307 Temporary Redirect" in told.get(timeout=60)
        there.status, there.headers = 400, {}
        assert "takes no metrics: it answers 400 Bad Request" in told.get(timeout=60)
        there.response.partial_success.rejected_data_points = 2
        there.response.partial_success.error_message = "too\x1b[2J many"
        there.status = 200
        assert told.get(timeout=60).endswith("/v1/metrics has refused 2 points: too\\x1b[2J many")
        assert not pusher_.close() and pusher_.done


def test_a_collector_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing holds up nobody longer than its time."""
    monkeypatch.setattr("tracekit.workflow.serving.pusher.SECONDS", 0.2)
    with contextlib.ExitStack() as stack:
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        pusher_, told = stack.enter_context(pusher(f"http://127.0.0.1:{mute.getsockname()[1]}"))
        pusher_.send(counted(1))
        assert "takes no metrics: it took too long" in told.get(timeout=60)
        assert not pusher_.close()


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:4318", "grpc://x:1", "http://", "http://x:0", "http://x:99999", "http://[x", "http://a b"],
)
def test_what_is_no_endpoint(endpoint: str) -> None:
    """Each is refused with what one looks like."""
    with pytest.raises(UsageError, match="is no URL of a collector"):
        Pusher(endpoint, 1, print)


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/metrics"),
        ("https://user:secret@host/", "https://host/v1/metrics"),
        ("http://host/otlp/v1/metrics?token=secret", "http://host/otlp/v1/metrics"),
    ],
)
def test_where_it_is_sent(endpoint: str, shown: str) -> None:
    """Without a path it is OTLP's own; what is secret in the URL is never shown."""
    assert Pusher(endpoint, 1, print).url == shown


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK isn't installed, the error has the command that installs it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics.export", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'tracekit\[export\]'"):
        Pusher("http://127.0.0.1:4318", 1, print)
