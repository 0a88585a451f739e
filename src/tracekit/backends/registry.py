"""Backends by name; a backend's module is imported when it is asked for.

Third parties' backends come through entry points of the group ``tracekit.backends``, whose values are
classes as those below. They are looked for only when no backend of ours has the name, since
reading the installed packages takes longer than all else at start.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from tracekit.backends.base import Backend
from tracekit.errors import UsageError

_OURS: Final = {
    "bpf": "tracekit.backends.bpf.backend:BpfBackend",
    "bpftrace": "tracekit.backends.bpftrace.backend:BpftraceBackend",
    "dtrace": "tracekit.backends.dtrace.backend:DtraceBackend",
    "gdb": "tracekit.backends.gdb.backend:GdbBackend",
}

ORDER: Sequence[str] = tuple(_OURS)
"""In which order they are asked where the choice is ours: bpf needs nothing installed, and costs least."""


def backend_names() -> tuple[str, ...]:
    """The names of tracekit's own backends."""
    return tuple(_OURS)


def load_ahead(name: str) -> None:
    """Import what a backend of ours runs programs with, which it does itself when it is asked to."""
    if name in _OURS:
        import_module(f"tracekit.backends.{name}.run")


def backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        UsageError: if there is none, or several packages bring one.
        EngineError: if another package brings it, and it can't be loaded or is no backend.
    """
    if name in _OURS:
        module, _, attribute = _OURS[name].partition(":")
        found: Backend = getattr(import_module(module), attribute)()
        return found
    from tracekit.backends.foreign import foreign

    if (third_party := foreign(name)) is not None:
        return third_party
    raise UsageError(f"there is no backend {name!r}", f"There is {', '.join(_OURS)}.")
