"""What a user expects a value to be: ``NAME=VALUE``, ``NAME=LO..HI`` or ``NAME=@FILE``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tracekit.errors import UsageError
from tracekit.syntax.literals import number
from tracekit.values import frozen

_FORMS: Final = "Write NAME=VALUE, NAME=LO..HI, or NAME=@FILE with one number in each line of the file."
_NAME: Final = re.compile(r"\S+")
_CALL: Final = re.compile(r"(len|cap)\(\s*([^()\s]+)\s*\)")
_TELLING: Final = 4
"""Values below this are in many registers at any time, so that one alone tells nothing."""
_LARGEST_FILE: Final = 16 << 20


@frozen
class Expectation:
    """What a value may be at every entry of the function.

    Attributes:
        name: the value's name in the source, such as ``value.len``.
        values: the integers that it may be.
    """

    name: str
    values: frozenset[int] | range

    def __str__(self) -> str:
        match self.values:
            case range(start=start, stop=stop):
                return f"{self.name}={start}..{stop - 1}"
            case values if len(values) == 1:
                return f"{self.name}={min(values)}"
            case values:
                return f"{self.name}={min(values)}..{max(values)} ({len(values)} values)"


def parse_expectation(text: str) -> Expectation:
    """An expectation from its text; a file that it names is read.

    Numbers are written as in tracekit's language (``512``, ``0x200``, ``4K``), and may have a sign. ``len(x)``
    and ``cap(x)`` stand for the fields ``x.len`` and ``x.cap``. ``LO..HI`` includes both.

    Raises:
        UsageError: if the text, or the file, has another form.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value or not _NAME.fullmatch(name):
        raise UsageError(f"the expectation {text!r} has no NAME=VALUE", _FORMS)
    if call := _CALL.fullmatch(name):
        name = f"{call[2]}.{call[1]}"
    if value.startswith("@"):
        return Expectation(name, _read(value[1:]))
    low, dots, high = value.partition("..")
    if not dots:
        return Expectation(name, frozenset((_number(value, text),)))
    first, last = _number(low, text), _number(high, text)
    if last < first:
        raise UsageError(f"the expectation {text!r} ends below its start", "Write it as LO..HI.")
    return Expectation(name, range(first, last + 1))


def fits(number: float | None, expected: Iterable[Expectation]) -> bool:
    """Whether a number is one of those that are expected."""
    if isinstance(number, float) and not number.is_integer():
        return any(isinstance(e.values, range) and e.values[0] <= number <= e.values[-1] for e in expected)
    return number is not None and any(int(number) in e.values for e in expected)


def telling(values: set[int]) -> bool:
    """Whether values that are as expected say anything: if they vary, or are none that is everywhere."""
    return len(values) > 1 or min(values, default=0) >= _TELLING


def _number(text: str, whole: str) -> int:
    text = text.strip()
    try:
        return -number(text[1:]) if text.startswith("-") else number(text)
    except UsageError as error:
        raise UsageError(f"the expectation {whole!r} can't be read: {error.message}", _FORMS) from None


def _read(path: str) -> frozenset[int]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LARGEST_FILE + 1)
    except UnicodeDecodeError:
        raise UsageError(f"the expected values in {path} are no text", _FORMS) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the expected values in {path!r} can't be read: {reason}", _FORMS) from None
    if len(text) > _LARGEST_FILE:
        raise UsageError(f"the expected values in {path} are more than {_LARGEST_FILE >> 20} MiB")
    found = set()
    for count, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.add(_number(line, line))
            except UsageError:
                raise UsageError(f"line {count} of {path} is no integer: {line[:40]!r}", _FORMS) from None
    if not found:
        raise UsageError(f"{path} has no number", _FORMS)
    return frozenset(found)
