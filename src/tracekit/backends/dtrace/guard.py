"""Stops a run in the kernel, at the very event that is one too many. Pure.

DTrace's clauses see the events of the processes that they are for, so those of others don't count here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.backends.dtrace.clauses import both, clause
from tracekit.backends.window import Window
from tracekit.values import frozen


@frozen
class Guard:
    """What a program has for it.

    Attributes:
        window: when to stop; None for never.
    """

    window: Window | None

    @property
    def begin(self) -> tuple[str, ...]:
        """Statements for BEGIN."""
        if self.window is None:
            return ()
        return ("began = timestamp;", "since = timestamp;", "inside = (uint64_t)0;", "over = (uint64_t)0;")

    @property
    def form(self) -> str:
        """What a block's first line says, as a format: the time; and as ``window.overload_of`` takes it."""
        return "%d" if self.window is None else "%d %d %d %d %d"

    @property
    def told(self) -> str:
        """What belongs into that format."""
        return "timestamp" if self.window is None else "timestamp, over, began, since, inside"

    @property
    def going_on(self) -> str:
        """The condition under which an event counts; empty if each does."""
        return "" if self.window is None else "over == 0"

    def before(self, probes: Sequence[str], predicate: str) -> Iterator[str]:
        """The clauses that an event comes to first: they count it, whatever else is made of it."""
        if self.window is None:
            yield clause(probes, predicate, ["@h0 = count();"])
            return
        ended = f"(int64_t)(timestamp - since) > {self.window.nanoseconds}"
        counts = both(predicate, self.going_on)
        yield clause(probes, both(counts, ended), ["since = timestamp;", "inside = (uint64_t)0;"])
        yield clause(probes, counts, ["inside = inside + 1;", "@h0 = count();"])

    def after(self, probes: Sequence[str], predicate: str) -> Iterator[str]:
        """The clauses that it comes to last."""
        if self.window is not None:
            enough = both(predicate, self.going_on, f"inside > {self.window.events}")
            yield clause(probes, enough, ["over = timestamp;", "exit(0);"])
