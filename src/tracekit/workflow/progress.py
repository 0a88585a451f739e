"""Work that may take a while, told to whoever wants to show it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final

Listener = Callable[[str, bool], AbstractContextManager[None]]
"""What shows some work as long as a block lasts: its name, and whether a command runs and prints meanwhile."""

_LISTENER: Final[ContextVar[Listener | None]] = ContextVar("listener", default=None)


@contextlib.contextmanager
def doing(what: str, *, beside_command: bool = False) -> Iterator[None]:
    """Tell that the block may take a while.

    Args:
        what: what is done, such as ``placing probes``.
        beside_command: whether a command of the user's runs meanwhile, which may print to the same terminal.
    """
    listener = _LISTENER.get()
    with contextlib.nullcontext() if listener is None else listener(what, beside_command):
        yield


@contextlib.contextmanager
def shown_by(listener: Listener) -> Iterator[None]:
    """Within the block, have somebody told of such work."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
