"""What is read from saved output of dtrace before it is known what it means: entries of aggregations."""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from tracekit.backends import saved
from tracekit.core.result import Key
from tracekit.values import frozen

refused = partial(saved.refused, "dtrace")
"""The error for output of dtrace that can't be understood."""

HINT: Final = (
    "Import dtrace's own output alone: its -o FILE keeps it apart from what the target prints. "
    "If such lines are only what the script or the target printed, --printed leaves them out."
)


class Row(NamedTuple):
    """A row of a histogram: its label without spaces around it, and the number."""

    label: str
    number: int


Rows = tuple[Row, ...]

Layout = tuple[str, ...]
"""What the keys of an entry are: ``s`` a string, ``stack`` a stack, or an integer's column width."""


@frozen
class Entry:
    """What was printed for one key of an aggregation.

    Attributes:
        line: the number of the line where it begins, from 1.
        keys: the keys, for each way in which they can be read.
        value: a number, or a histogram's rows.
        name: the name that the script printed before it; None if it printed none.
        fresh: whether a blank line before it says that another print begins.
    """

    line: int
    keys: dict[Layout, tuple[Key, ...]]
    value: int | Rows
    name: str | None = None
    fresh: bool = False

    @property
    def keyed(self) -> bool:
        """Whether it has keys."""
        return () not in self.keys
