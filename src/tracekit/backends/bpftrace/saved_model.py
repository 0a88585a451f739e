"""What is read from saved output before it is known what it means: prints of maps, and hints of age."""

from __future__ import annotations

import re
from functools import partial
from typing import Final, NamedTuple

import attrs

from tracekit.backends import saved
from tracekit.errors import UsageError
from tracekit.values import define, frozen

refused = partial(saved.refused, "bpftrace")
"""The error for output of bpftrace that can't be understood."""

SATURATED: Final = 1 << 31
"""Where the last bucket of ``hist()`` begins before bpftrace 0.20; all greater values are in it."""


class Row(NamedTuple):
    """A row of a histogram: ``number`` values in ``[lo, hi)``, where None is no bound."""

    lo: int | None
    hi: int | None
    number: int


@frozen
class Stats:
    """What ``stats()`` prints, without the average, which is only their quotient cut short."""

    count: int
    total: int


@frozen
class Average:
    """A number that is known to be an average."""

    value: int


Value = int | Stats | Average | tuple[Row, ...] | None
"""What a map holds for a key; None for what is neither a number nor a histogram."""


@define
class Print:
    """A map as it was printed once.

    Attributes:
        name: the map's name without ``@``.
        keyed: whether it has keys.
        values: what it holds, by its keys as printed; by ``""`` if it has none.
        earlier: how often it was printed before.
    """

    name: str
    keyed: bool
    values: dict[str, Value] = attrs.field(factory=dict)
    earlier: int = 0


@define
class Age:
    """Which versions of bpftrace the output can come from.

    Attributes:
        since: the least version, as (major, minor).
        until: the least version that it can't be.
        fixed: whether the version was given, so that the output's form can't teach more.
    """

    since: tuple[int, int] = (0, 0)
    until: tuple[int, int] = (1 << 30, 0)
    fixed: bool = False

    @classmethod
    def of(cls, version: str) -> Age:
        """The age of a known version, such as ``0.17.0`` or ``bpftrace v0.23.2``; of any, if it is empty.

        Raises:
            UsageError: if it is no version.
        """
        if not version:
            return cls()
        found = re.search(r"(\d{1,6})\.(\d{1,6})", version)
        if found is None:
            raise UsageError(f"{version!r} is no version of bpftrace", "Give it like 0.23.2, or not at all.")
        major, minor = int(found[1]), int(found[2])
        return cls((major, minor), (major, minor + 1), fixed=True)

    def is_since(self, *version: int) -> None:
        """The output has what came with this version."""
        if not self.fixed:
            self.since = max(self.since, (version[0], version[1]))

    def is_before(self, *version: int) -> None:
        """The output has what went with this version."""
        if not self.fixed:
            self.until = min(self.until, (version[0], version[1]))

    def before(self, *version: int) -> bool | None:
        """Whether it comes from a version before this one; None if that can't be told."""
        if self.until <= version:
            return True
        return False if self.since >= version else None
