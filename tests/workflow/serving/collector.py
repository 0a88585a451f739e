"""A small collector: it takes OpenTelemetry's metrics over HTTP, and can be ended and started again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric


class Collector:
    """What was sent, and what is answered.

    Attributes:
        status: the answer's status.
        response: the answer.
        headers: the answer's.
        answering: whether it answers; until then it only takes what is sent.
        requests: what came, decoded.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.status = 200
        self.response = ExportMetricsServiceResponse()
        self.headers: dict[str, str] = {}
        self.answering = threading.Event()
        self.answering.set()
        self.requests: list[ExportMetricsServiceRequest] = []
        self._port = port
        self._came = threading.Condition()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Within the block it is reached."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/metrics"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with collector._came:
                    collector.requests.append(ExportMetricsServiceRequest.FromString(body))
                    collector._came.notify_all()
                collector.answering.wait()
                self.send_response(collector.status)
                for name, value in collector.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(collector.response.SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", self._port), Handler, bind_and_activate=False) as server:
            server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            server.server_bind()
            server.server_activate()
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()

    def wait(self, more: int = 1) -> None:
        """Wait until so many further requests have come."""
        with self._came:
            enough = len(self.requests) + more
            assert self._came.wait_for(lambda: len(self.requests) >= enough, 60), "nothing came"

    @property
    def last(self) -> dict[str, Metric]:
        """The metrics of the last request by their names."""
        (resource,) = self.requests[-1].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """A collector that doesn't run yet, on a port that is its own until the end of the block."""
    with socket.socket() as held:
        # It never listens: whoever comes while the collector doesn't run is refused.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield Collector(held.getsockname()[1])
