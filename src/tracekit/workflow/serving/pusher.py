"""Sends a run's numbers to an OpenTelemetry collector, again and again until it has taken the last ones.

All numbers are since the run's start. So what a collector has missed comes with the next ones too, and nothing
is lost with a collector that is restarted.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from tracekit.core.escape import printable
from tracekit.errors import UsageError
from tracekit.render.otlp_sdk import needed

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

SECONDS: Final = 5.0
"""How long a collector may take to answer."""

_LONGEST: Final = 200

Data = Callable[[], "MetricsData"]
"""Makes what is to be sent; in the thread that sends it."""


class Pusher:
    """Sends in a thread of its own, so that nobody waits for a collector.

    Attributes:
        url: where to, without what is secret in it.
    """

    def __init__(self, endpoint: str, every: float, tell: Callable[[str], None]) -> None:
        """Prepare it; nothing is sent yet.

        Args:
            endpoint: the URL of a collector; without a path it is that of OTLP over HTTP.
            every: seconds between two tries where one failed.
            tell: is told when the collector can't be reached, and when it can again.

        Raises:
            UsageError: if the endpoint is no URL.
            ExtraMissingError: if the SDK isn't installed.
        """
        whole, self.url = _parsed(endpoint)
        needed()
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        # It would say on standard error what is said here in one sentence.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        logging.getLogger("opentelemetry").propagate = False
        self._watch = watched_session()
        self._exporter = OTLPMetricExporter(whole, timeout=SECONDS, session=self._watch)
        self._every, self._tell = every, tell
        self._change = threading.Condition()
        self._next: Data | None = None
        self._stopping = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="pusher", daemon=True)

    def start(self) -> None:
        """Begin to send what ``send`` is given."""
        self._thread.start()

    def send(self, data: Data) -> None:
        """Send this next, in place of what wasn't taken yet."""
        with self._change:
            self._next = data
            self._change.notify()

    @property
    def done(self) -> bool:
        """Whether the collector has taken the last that there was to send."""
        with self._change:
            return self._next is None

    def close(self) -> bool:
        """Try once more to send what is left, and stop; whether the collector has all of the last numbers."""
        if self._thread.is_alive():
            with self._change:
                self._stopping = True
                self._change.notify()
            # Tries may take twice the time of one: that of a first answer, and that of a last.
            self._thread.join(4 * SECONDS)
        return self.done and not self._trouble

    def _run(self) -> None:
        last = False
        while not last:
            with self._change:
                if self._trouble and not self._stopping:
                    self._change.wait_for(lambda: self._stopping, self._every)
                self._change.wait_for(lambda: self._next is not None or self._stopping)
                data, last = self._next, self._stopping
            if data is not None:
                self._push(data)
        self._exporter.shutdown()

    def _push(self, data: Data) -> None:
        import requests
        from opentelemetry.sdk.metrics.export import MetricExportResult

        self._watch.failure, self._watch.refusal = "they can't be encoded", ""
        taken = False
        with contextlib.suppress(requests.RequestException):  # older exporters let it through
            taken = self._exporter.export(data()) is MetricExportResult.SUCCESS
        failed = not taken or self._watch.failure != ""
        if failed:
            trouble = f"{self.url} takes no metrics: {self._watch.failure}; it is tried again"
        elif self._watch.refusal:
            trouble = f"{self.url} has refused {self._watch.refusal}"
        else:
            trouble = ""
        with self._change:
            changed, self._trouble = trouble != self._trouble, trouble
            # What it has refused it would refuse again.
            if not failed and self._next is data:
                self._next = None
        if changed:
            self._tell(trouble or f"{self.url} takes all metrics again")


def watched_session() -> Any:
    """A ``requests.Session`` that remembers why its last request failed, and what of it was refused."""
    import requests
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    class Watched(requests.Session):
        failure = refusal = ""

        def request(self, *arguments: Any, **settings: Any) -> requests.Response:
            try:
                # Where a redirection leads to, the numbers might not come along.
                response = super().request(*arguments, **settings | {"allow_redirects": False})
            except requests.RequestException as error:
                self.failure = _reason(error)
                # Of connection errors the exporter would make tries of its own, while the end of the run waits.
                raise requests.RequestException(self.failure) from error
            good = response.status_code // 100 == 2
            self.failure = "" if good else _short(f"it answers {response.status_code} {response.reason}")
            with contextlib.suppress(DecodeError):
                part = ExportMetricsServiceResponse.FromString(response.content).partial_success
                if good and part.rejected_data_points:
                    self.refusal = _short(f"{part.rejected_data_points} points: {part.error_message}")
            return response

    found = Watched()
    found.headers["Connection"] = "close"  # one that is kept looks like a failure after the collector's restart
    return found


def _reason(error: BaseException) -> str:
    """What is at the bottom of an error that libraries have wrapped."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return _short(error.strerror.lower())
    return "it took too long" if isinstance(error, TimeoutError) else _short(str(error) or type(error).__name__)


def _short(text: str) -> str:
    return printable(text)[:_LONGEST]


def _parsed(endpoint: str) -> tuple[str, str]:
    """The URL to send to, and the same without user and password."""
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[!-~]+", endpoint):
        raise UsageError(
            "what --otlp names is no URL of a collector",
            "Give that of OTLP over HTTP, such as http://127.0.0.1:4318.",
        )
    if parts.path in ("", "/"):
        parts = parts._replace(path="/v1/metrics")
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    return urlunsplit(parts), urlunsplit(shown)
