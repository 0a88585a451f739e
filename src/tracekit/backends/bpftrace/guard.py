"""Stops a run in the kernel, at the very event that is one too many. Pure.

It counts what all processes run into, since each costs its process the same. Several processors may miss a few
of each other's events: the run stops some events later then. What was kept until it stopped is whole, since an
event is either before all of it or not kept at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.backends.window import Window
from tracekit.values import frozen


@frozen
class Guard:
    """What a script has for it.

    Attributes:
        window: when to stop; None for never.
    """

    window: Window | None

    @property
    def begin(self) -> tuple[str, ...]:
        """Statements for BEGIN."""
        if self.window is None:
            return ()
        return (
            "@began = nsecs;",
            "@since = nsecs;",
            *(f"@{name} = (uint64)0;" for name in ("window", "over")),
        )

    @property
    def form(self) -> str:
        """What the result's first line says, as a format: the time; and as ``window.overload_of`` takes it."""
        return "%llu" if self.window is None else "%llu %llu %llu %llu %llu"

    @property
    def told(self) -> str:
        """What belongs into that format."""
        if self.window is None:
            return "nsecs"
        return "nsecs, @over, @began, @since, @window"

    def around(self, body: Sequence[str]) -> list[str]:
        """Statements of an event, and around them those that stop the run."""
        if self.window is None:
            return list(body)
        ended = f"nsecs - @since > (uint64){self.window.nanoseconds}"
        return [
            "if (@over == 0) {",
            f"  if ({ended}) {{ @since = nsecs; @window = (uint64)0; }}",
            "  @window++;",
            *(f"  {line}" for line in body),
            f"  if (@window > (uint64){self.window.events}) {{ @over = nsecs; exit(); }}",
            "}",
        ]
