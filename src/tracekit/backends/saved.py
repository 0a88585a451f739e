"""What saved output of any engine tells; parsers of such output share these words. Pure."""

from __future__ import annotations

from typing import Final

from tracekit.core.result import Loss, MapResult
from tracekit.errors import EngineError
from tracekit.values import frozen

UNKNOWN_FUNCTION: Final = "value"
"""The word for a number that may be a count, a sum, an extreme, an average, or an assigned value."""


@frozen
class Saved:
    """What saved output tells.

    Attributes:
        maps: those of the program in its order, then others in theirs. Where the program isn't known, a map of
            numbers has the function ``value`` and each number as the sum of an entry, a map's keys are named
            ``key`` or ``key1``, ``key2`` …
        losses: what is missing from them, as far as the engine said so.
        notes: what a reader should know, such as what couldn't be told from the output.
        other: what the script printed besides maps: lines of text, or the data of JSON's records.
    """

    maps: tuple[MapResult, ...]
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


def key_names(number: int) -> tuple[str, ...]:
    """The names of so many keys of a map whose program isn't known."""
    return ("key",) if number == 1 else tuple(f"key{n}" for n in range(1, number + 1))


def refused(engine: str, message: str, hint: str, line: str = "") -> EngineError:
    """The error for output that can't be understood.

    Args:
        engine: whose output it is.
        message: one sentence that says what and where.
        hint: the way out.
        line: the line that it is about.
    """
    return EngineError(message=message, hint=hint, engine=engine, output=line[:2000])


def shown(text: str, limit: int = 80) -> str:
    """Text for a message: on one line, printable, and not too much of it."""
    return repr(text if len(text) <= limit else f"{text[:limit]}…")
