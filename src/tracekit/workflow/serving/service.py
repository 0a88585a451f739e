"""A run that goes on, as metrics: for Prometheus to fetch, and sent to OpenTelemetry's collector."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tracekit.core.program import Program
from tracekit.core.result import Engine, Machine, Provenance, Result, TargetRecord
from tracekit.errors import UsageError
from tracekit.render.live_metrics import Feed
from tracekit.render.metrics import Metric
from tracekit.values import frozen
from tracekit.workflow.serving.listener import Listener
from tracekit.workflow.serving.pusher import Pusher
from tracekit.workflow.serving.shapes import shapes_of
from tracekit.workflow.session import Session

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

LISTEN: Final = "127.0.0.1:9464"
"""Where metrics are by default: the port that is OpenTelemetry's for Prometheus."""

SERIES: Final = 10_000
"""How many series there are at most by default."""


@frozen
class _Standing:
    """What is known at a moment, ready to be given away in other threads."""

    metrics: tuple[Metric, ...]
    provenance: Provenance
    at: datetime


class Service:
    """Gives the latest of what it is shown to whoever asks.

    Where it listens, the port is taken at once, and whoever comes waits until ``begin``. Nothing is asked of
    the target or the engine for it: it is what was shown last.

    Attributes:
        url: where the metrics are; None if it doesn't listen.
        notes: what should be told before it begins.
    """

    def __init__(
        self,
        program: Program,
        *,
        listen: str | None = LISTEN,
        otlp: str | None = None,
        max_series: int = SERIES,
        every: float = 5.0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Refuse what can't be, and take the port.

        Args:
            program: what will be traced.
            listen: the address to serve on; None for none.
            otlp: the URL of a collector to send to; None for none.
            max_series: how many series there may be at most.
            every: seconds after which a collector that failed is tried again.
            tell: is told, in another thread, what a person should know of the collector.

        Raises:
            UsageError: if an address makes no sense, or the program's maps don't go as metrics.
            OutputError: if the port can't be had.
            ExtraMissingError: if a package isn't installed.
        """
        if listen is None and otlp is None:
            raise UsageError("there is nobody to give the metrics to", "Give --listen or --otlp.")
        self._most = max_series
        self._feed = Feed(shapes_of(program), max_series)
        self._told_left_out: set[str] = set()
        self._stack = ExitStack()
        self._latest: _Standing | None = None
        self._page: tuple[_Standing | None, bytes] = (None, b"")
        self.notes: tuple[str, ...] = ()
        self._listener: Listener | None = None
        self._pusher: Pusher | None = None
        try:
            if otlp is not None:
                self._pusher = Pusher(otlp, every, tell)
            if listen is not None:
                self._listen(listen)
        except BaseException:
            self._stack.close()
            raise

    def _listen(self, address: str) -> None:
        from tracekit.render.prometheus import exposition

        empty = Provenance(None, "", Engine(""), TargetRecord(), Machine(), None, None)
        # Refuses names that are alike: later would be too late.
        exposition(self._feed.specimens(Result((), empty)), empty)
        self._listener = Listener(address)
        self._stack.callback(self._listener.close)
        if not self._listener.loopback:
            self.notes += (
                f"whoever reaches {self._listener.url} can read the metrics, without password or encryption",
            )

    @property
    def url(self) -> str | None:
        """Where the metrics are; None if it doesn't listen."""
        return self._listener.url if self._listener else None

    @property
    def collector(self) -> str | None:
        """Where they are sent; None if they aren't."""
        return self._pusher.url if self._pusher else None

    def begin(self, session: Session) -> None:
        """Begin to give metrics of a run: its names are resolved, so that the types of values are known."""
        self._feed = Feed(shapes_of(session.program), self._most)
        self.show(session.standing())
        if self._listener:
            self._listener.serve(self._exposition)
        if self._pusher:
            self._pusher.start()

    def show(self, result: Result, *, ended: bool = False) -> tuple[str, ...]:
        """Give these numbers from now on.

        Args:
            result: what is known: ``Session.standing()``, or the result.
            ended: whether it is the result.

        Returns:
            What a reader should know, and hasn't been told yet.
        """
        at = datetime.now(UTC)
        standing = _Standing(self._feed.metrics(result, at, ended=ended), result.provenance, at)
        self._latest = standing
        if self._pusher:
            self._pusher.send(partial(_otlp, standing))
        new = {name for name, keys in self._feed.left_out.items() if keys} - self._told_left_out
        self._told_left_out |= new
        return tuple(
            f"@{name} has more keys than --max-series {self._most} has room for; later ones are served together"
            for name in sorted(new)
        )

    @property
    def done(self) -> bool:
        """Whether the collector has all that there was to send, if there is one."""
        return self._pusher is None or self._pusher.done

    def close(self) -> bool:
        """Stop; whether the collector has the last numbers, if there is one."""
        self._stack.close()
        return self._pusher is None or self._pusher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _exposition(self) -> bytes:
        """The page; made once for all who ask for the same, and only in the thread that serves it."""
        from tracekit.render.prometheus import exposition

        standing, (made_of, page) = self._latest, self._page
        if standing is not None and standing is not made_of:
            page = exposition(standing.metrics, standing.provenance)
            self._page = (standing, page)
        return page


def _otlp(standing: _Standing) -> MetricsData:
    from tracekit.render.otlp_sdk import metrics_data

    return metrics_data(standing.metrics, standing.provenance, standing.at)
