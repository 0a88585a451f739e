"""Probe points: the places in programs, or in time, at which a clause fires."""

from __future__ import annotations

import enum
import re
from typing import Final

import attrs

from tracekit.errors import UsageError, check_encodable
from tracekit.values import frozen


def _text(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Refuse names that no program can have: empty ones, and those with control characters."""
    if not value:
        raise UsageError(f"the probe's {attribute.name} is empty")
    check_encodable(value, f"the probe's {attribute.name}")
    if any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise UsageError(
            f"the probe's {attribute.name} {value!r} has a control character",
            "Names and paths with newlines or other control characters are refused, "
            "since engines would read them as something else.",
        )


def _not_negative(_instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise UsageError(f"the probe's {attribute.name} {value} is negative")


def _positive(_instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value <= 0:
        raise UsageError(f"the probe's {attribute.name} {value} is not positive")


_IN_FILE: Final = re.compile(
    r"""([^:*"()<>\[\]{}]+\.(?:c|h|cc|cpp|cxx|hpp|rs|go|m|mm|s|S)):(?!:)(.+)""", re.DOTALL
)


@frozen
class FunctionName:
    """How a probe names functions of a binary.

    Attributes:
        text: a source name, a mangled name, or an address such as ``0x1139``; before a name there may be
            a source file: ``net/a.c:parse``.
        exact: True if ``*`` in ``text`` is a star (a quoted name), False if it is the wildcard.
    """

    text: str = attrs.field(validator=_text)
    exact: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether the name can stand for several functions."""
        return not self.exact and "*" in self.text

    @property
    def in_file(self) -> tuple[str, str] | None:
        """The source file and the function, of a name such as ``net/a.c:parse``; None of another."""
        found = _IN_FILE.fullmatch(self.text)
        return (found[1], found[2]) if found else None

    @property
    def address(self) -> int | None:
        """The virtual address, if the name is an unquoted ``0x…`` number."""
        if self.exact or not self.text.lower().startswith("0x"):
            return None
        try:
            return int(self.text, 16)
        except ValueError:
            return None


@frozen
class Uprobe:
    """The entry of a function of a binary, or an instruction ``offset`` bytes after it."""

    binary: str = attrs.field(validator=_text)
    function: FunctionName
    offset: int = attrs.field(default=0, validator=_not_negative)


@frozen
class Uretprobe:
    """The return of a function of a binary."""

    binary: str = attrs.field(validator=_text)
    function: FunctionName


@frozen
class Usdt:
    """A statically defined tracepoint that a binary carries."""

    binary: str = attrs.field(validator=_text)
    provider: str = attrs.field(validator=_text)
    name: str = attrs.field(validator=_text)


class Side(enum.Enum):
    """The two ends of a system call."""

    ENTRY = "entry"
    RETURN = "return"


@frozen
class Syscall:
    """A system call's entry or return, by its name without any prefix (``read``)."""

    name: str = attrs.field(validator=_text)
    side: Side


INTERVAL_UNITS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000}
"""Units of ``interval`` probes, in nanoseconds."""


@frozen
class Interval:
    """A timer that fires on one processor every ``count`` units (``s``, ``ms`` or ``us``)."""

    unit: str
    count: int = attrs.field(validator=_positive)

    def __attrs_post_init__(self) -> None:
        if self.unit not in INTERVAL_UNITS:
            raise UsageError(f"interval has no unit {self.unit!r}", "Use s, ms or us.")


PROFILE_UNITS: Final = ("hz", "s", "ms", "us")
"""Units of ``profile`` probes: a rate, or a period."""


@frozen
class Profile:
    """A timer that fires on every processor, ``count`` times a second or every ``count`` units."""

    unit: str
    count: int = attrs.field(validator=_positive)

    def __attrs_post_init__(self) -> None:
        if self.unit not in PROFILE_UNITS:
            raise UsageError(f"profile has no unit {self.unit!r}", "Use hz, s, ms or us.")


FunctionProbe = Uprobe | Uretprobe
"""Probes that name a function of a binary."""

Probe = Uprobe | Uretprobe | Usdt | Syscall | Interval | Profile
"""Where a clause fires."""
