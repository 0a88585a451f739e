"""A limit for what must end, however slow the machine is."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_SECONDS = 120


@contextlib.contextmanager
def ends() -> Iterator[None]:
    """Fails, instead of hanging, if the block takes time without end: two minutes for what takes an instant."""

    def hangs(number: int, frame: object) -> None:
        raise AssertionError(f"it did not end in {_SECONDS} s")

    former = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
