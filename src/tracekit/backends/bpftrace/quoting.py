"""How text becomes part of a script: the only place where it does."""

from __future__ import annotations


def quote(text: str) -> str:
    """A string literal of bpftrace's for any text: the only place where a user's string becomes script.

    Quotes and backslashes are escaped, control characters are octal escapes, and nothing else has a
    meaning inside quotes. Bytes that aren't UTF-8 stay as ``surrogateescape`` has them.
    """
    return '"' + "".join(_escaped(c) for c in text) + '"'


def comment(text: str) -> str:
    """A line for people that can't end before its text does."""
    return "// " + "".join(c if c.isprintable() else "?" for c in text)


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return f"\\{ord(c):03o}" if ord(c) < 32 or ord(c) == 127 else c
