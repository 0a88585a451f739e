"""A descriptor that is readable when it is time to look at a run: timerfd_create(2)."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress
from time import CLOCK_MONOTONIC, monotonic
from types import TracebackType
from typing import Final, Self

_FLAGS: Final = 0o4000 | 0o2000000  # TFD_NONBLOCK | TFD_CLOEXEC, include/uapi/linux/timerfd.h


class Clock:
    """Becomes readable at a snapshot's time, and more often where limits are to be looked after."""

    def __init__(self, interval: float | None, look: float | None) -> None:
        """Start it.

        Args:
            interval: seconds between snapshots; None for none.
            look: seconds after which limits are looked at; None if there are none.

        Raises:
            OSError: if the kernel has no descriptor left.
        """
        self._interval = interval
        self._next = monotonic() + (interval or 0)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._timer: int = self._libc.timerfd_create(CLOCK_MONOTONIC, _FLAGS)
        if self._timer < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._set(min((s for s in (interval, look) if s is not None), default=0.0))

    def _set(self, seconds: float) -> None:
        whole, rest = divmod(round(seconds * 1e9), 10**9)
        self._libc.timerfd_settime(self._timer, 0, struct.pack("=qqqq", whole, rest, whole, rest), None)

    def fileno(self) -> int:
        """The descriptor."""
        return self._timer

    def due(self) -> bool:
        """Whether a snapshot is due; the descriptor is no longer readable then."""
        with suppress(BlockingIOError):
            os.read(self._timer, 8)
        if self._interval is None or monotonic() < self._next:
            return False
        self._next = max(self._next + self._interval, monotonic())
        return True

    def stop(self) -> None:
        """It is never time any more."""
        self._interval = None
        self._set(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._timer)
