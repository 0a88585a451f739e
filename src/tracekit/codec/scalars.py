"""The simple values of the model in JSON: numbers, text, moments, choices.

cattrs would convert what it finds, ``"3"`` to 3 and 1 to true. A run file that says such a thing is broken,
so here a value must be right already. The functions that read have cattrs' form of a hook: the value, and
the type that is wanted; what they raise is a ValueError.
"""

from __future__ import annotations

import enum
import functools
from datetime import MAXYEAR, MINYEAR, datetime
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from tracekit.core.result import Key
from tracekit.core.types import INT_TYPES, IntType
from tracekit.errors import UsageError


def integer(value: object, _: object) -> int:
    """Read an integer; ``true`` and ``1.0`` are none."""
    if type(value) is not int:
        raise wrong("an integer", value)
    return value


def boolean(value: object, _: object) -> bool:
    """Read ``true`` or ``false``."""
    if type(value) is not bool:
        raise wrong("true or false", value)
    return value


def text(value: object, _: object) -> str:
    """Read a string of any bytes, see ``text_to_json``."""
    if isinstance(value, dict) and value.keys() == {"bytes"} and isinstance(value["bytes"], str):
        found = bytes.fromhex(value["bytes"]).decode("utf-8", "surrogateescape")
    elif isinstance(value, str):
        found = value
    else:
        raise wrong("a string", value)
    if text_to_json(found) != value:
        raise wrong("a string, or bytes if they are not UTF-8", value)
    return found


def text_to_json(value: str) -> str | dict[str, str]:
    """Give a string as it is, or its bytes in hexadecimal if they aren't UTF-8.

    Raises:
        UsageError: if it has a surrogate that isn't ``surrogateescape``'s.
    """
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"the text {value!r} is neither Unicode nor bytes") from None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"bytes": raw.hex()}


def moment(value: object, _: object) -> datetime:
    """Read a moment as ``moment_to_json`` writes it."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else None
    # Of the first and the last year not every moment has a form in every time zone.
    at_end = found is not None and not MINYEAR < found.year < MAXYEAR
    if found is None or found.tzinfo is None or found.isoformat() != value or at_end:
        raise wrong("a moment such as 2025-01-31T23:59:59+00:00", value)
    return found


def moment_to_json(value: datetime) -> str:
    """Give a moment by ISO 8601.

    Raises:
        UsageError: if it has no time zone, without which it says little.
    """
    if value.tzinfo is None:
        raise UsageError(f"the moment {value} has no time zone")
    return value.isoformat()


def key(value: object, _: object) -> Key:
    """Read a map's key, an integer or a string."""
    return integer(value, int) if isinstance(value, int | float) else text(value, str)


def int_type(value: object, _: object) -> IntType:
    """Read the name of an integer type."""
    if not isinstance(value, str) or value not in INT_TYPES:
        raise wrong(f"one of {' '.join(INT_TYPES)}", value)
    return INT_TYPES[value]


def choice(value: object, cls: Any) -> Any:
    """Read a member of an enumeration, a literal type, or a union of literal types."""
    choices = _choices(cls)
    if not isinstance(value, str) or value not in choices:
        raise wrong(f"one of {' '.join(choices)}", value)
    return choices[value]


def is_choice(cls: Any) -> bool:
    """Whether a type is for ``choice``."""
    if isinstance(cls, type):
        return issubclass(cls, enum.Enum)
    return get_origin(cls) is Literal or (is_union(cls) and all(map(is_choice, get_args(cls))))


def is_union(cls: Any) -> bool:
    """Whether a type is a union."""
    return get_origin(cls) in (Union, UnionType)


@functools.cache
def _choices(cls: Any) -> dict[str, Any]:
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        return {member.value: member for member in cls}
    if get_origin(cls) is Literal:
        return {value: value for value in get_args(cls)}
    return {name: value for part in get_args(cls) for name, value in _choices(part).items()}


def wrong(expected: str, value: object) -> ValueError:
    """The error that says what stands in a place and what should; not too long of it."""
    found = repr(value)
    return ValueError(f"expected {expected}, not {found if len(found) <= 40 else f'{found[:40]}…'}")
