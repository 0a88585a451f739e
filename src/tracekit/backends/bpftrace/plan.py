"""What a compiled script's output means: the bridge from the compiler to the parser.

A map of the program becomes up to five maps of the script, named by a letter and the map's number:

====  ==================================================================================
name  holds
====  ==================================================================================
``b``  by keys and bucket: how many events
``c``  by keys: how many events
``s``  by keys: the values' sum modulo 2**64
``n``  by keys and sign bit: the greatest of ``2**63 - 1 - low``, ``low`` being the low 63 bits
``x``  by keys and sign bit: the greatest of ``low``
====  ==================================================================================

Engines differ in signed and unsigned extremes, and 0.17's ``min`` and ``max`` are wrong for large and for
negative values; of the low 63 bits, which are never negative, ``max`` is right everywhere.
``t`` and a clause's number is the clause's total, one number that no full map can lose; ``e`` and ``r`` are
the entries and the returns of functions that a clause has seen.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Scheme
from tracekit.core.types import INT64, IntType

UNCOUNTED: Final = 1 << 31
"""What stands for the size of a string that has none, where others of the map have one: a NUL ends it."""


class KeyKind(enum.Enum):
    """How a key of the program stands in the script's maps."""

    INTEGER = "integer"
    STRING = "string"
    COUNTED = "counted"
    FUNCTION = "function"


@attrs.frozen
class KeyPlan:
    """One key.

    Attributes:
        text: the key's expression, for people.
        kind: integers stand as int64; strings raw, followed by the nonce as a key of its own, and by how many
            bytes they have, as another one, if a size and no NUL ends them; a function as its index in the
            plan's table.
        type: an integer's type, int64 or uint64.
        size: how many bytes a string read from memory holds at most, its NUL included; 0 for others.
    """

    text: str
    kind: KeyKind
    type: IntType = INT64
    size: int = 0


@attrs.frozen
class MapPlan:
    """One map of the program.

    Attributes:
        name: the program's name for it.
        function: the aggregation's word.
        number: what its maps in the script are numbered.
        keys: its keys.
        parts: the letters of the maps in the script that there are.
        scheme: its buckets, if it has any.
        type: the value's type; None for ``count()``.
        totals: numbers of the clauses that feed it, one for each aggregate.
    """

    name: str
    function: str
    number: int
    keys: tuple[KeyPlan, ...]
    parts: str
    scheme: Scheme | None = None
    type: IntType | None = None
    totals: tuple[int, ...] = ()


@attrs.frozen
class Plan:
    """A script's output protocol.

    Attributes:
        nonce: a random number that marks our lines and ends each string key; no target can know it.
        maps: the program's maps in its order.
        clauses: how many clauses count a total.
        returns: numbers of the clauses at functions' returns, whose entries are counted too.
        functions: the names that ``func`` keys stand for.
        max_keys: how many entries a map of the script holds.
    """

    nonce: int
    maps: tuple[MapPlan, ...]
    clauses: int
    returns: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    max_keys: int = 16384

    @property
    def script_maps(self) -> tuple[str, ...]:
        """The names of all maps that the script prints, without ``@``."""
        return (
            *(f"t{n}" for n in range(self.clauses)),
            *(f"{letter}{n}" for n in self.returns for letter in "er"),
            *(f"{part}{m.number}" for m in self.maps for part in m.parts),
        )


def parts_of(function: Aggregation, exact: bool) -> str:
    """The letters of the maps that an aggregation needs.

    Args:
        function: the aggregation.
        exact: whether count, sum, min and max are to be known whatever was asked.
    """
    match function:
        case Count():
            return "c"
        case Distribution():
            return "bcsnx" if exact else "b"
        case Scalar(Moment.STATS):
            return "csnx"
        case Scalar(moment):
            if exact:
                return "csnx"
            # A row whose greatest value is 0 is missing in 0.17: only both tell which signs there were.
            return "cs" if moment in (Moment.SUM, Moment.AVG) else "cnx"
