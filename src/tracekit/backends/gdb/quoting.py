"""How text becomes part of a Python script: the only place where it does."""

from __future__ import annotations

from typing import Final

BACKEND: Final = "gdb"


def quote(text: str) -> str:
    """A literal of Python's for any text, as bytes; what isn't visible ASCII is an escape."""
    return repr(text.encode("utf-8", "surrogateescape"))


def comment(text: str) -> str:
    """A line for people that can't end before its text does: Python also ends one at a carriage return."""
    return "# " + "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
