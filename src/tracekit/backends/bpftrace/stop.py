"""Ends bpftrace so that it tells its result.

Before 0.19 it notices a SIGINT only while it waits for events, and forgets one that comes while it handles
an event (``BPFtrace::poll_perf_events``). A second one could be worse: in every version, one that comes
between the end of the probes and the end of the result makes it drop the result. So the first is sent while
it waits, and a second one only if it goes on waiting as if nothing had been sent.
"""

from __future__ import annotations

import re
from time import monotonic, sleep
from typing import Final

from tracekit.process import Engine

_WAITS: Final = re.compile("ep_?poll")
_PATIENCE: Final = 0.5
"""Seconds of silence after which to look; what bpftrace waits for with its probes gone takes 0.1 s."""


class Stop:
    """A SIGINT to a bpftrace whose probes are in place, and what it tells then."""

    def __init__(self, engine: Engine) -> None:
        """Send it, in a moment in which it will be noticed if there is one within a second."""
        self._engine = engine
        self._until(waits=True, seconds=1.0)
        engine.interrupt()

    def read(self, timeout: float) -> bytes | None:
        """What bpftrace has printed since the last call.

        Args:
            timeout: for how many seconds to wait for it to print something.

        Returns:
            As ``Engine.read``.
        """
        deadline = monotonic() + timeout
        while True:
            left = deadline - monotonic()
            data = self._engine.read(max(0.0, min(left, _PATIENCE)))
            if data is not None or left <= _PATIENCE:
                return data
            if not self._until(waits=False, seconds=_PATIENCE):
                self._engine.interrupt(again=True)

    def _until(self, *, waits: bool, seconds: float) -> bool:
        """Watch until it waits for events, or doesn't; say whether that came. Unknown counts as hoped for."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            if self._waits() in (waits, None):
                return True
            sleep(0.001)
        return False

    def _waits(self) -> bool | None:
        """Whether it waits for events; None if that can't be known."""
        try:
            with open(f"/proc/{self._engine.pid}/stat", "rb") as stat:
                sleeps = stat.read().rpartition(b")")[2].split()[0] == b"S"
            with open(f"/proc/{self._engine.pid}/wchan", encoding="ascii") as wchan:
                where = wchan.read()
        except OSError:
            return None
        if not sleeps:
            return False
        return None if where == "0" else _WAITS.search(where) is not None
