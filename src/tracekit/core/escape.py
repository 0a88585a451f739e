"""Keys and names of a traced program, made fit for a terminal; see ``tracekit.escape``."""

from __future__ import annotations

from tracekit.escape import printable

__all__ = ["printable", "quoted"]


def quoted(text: str) -> str:
    r"""The text in double quotes, so that no two texts look the same: ``\`` and ``"`` are escaped too."""
    return '"' + printable(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'
