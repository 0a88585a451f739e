"""Types of the values that an expression can have."""

from __future__ import annotations

import enum
from typing import Final

import attrs

from tracekit.values import frozen


@frozen
class IntType:
    """An integer of a fixed width.

    Attributes:
        bits: 8, 16, 32 or 64.
        signed: whether it is a two's complement number.
    """

    bits: int = attrs.field(validator=attrs.validators.in_((8, 16, 32, 64)))
    signed: bool = True

    @property
    def name(self) -> str:
        """The type's name in tracekit's language, as in bpftrace: ``int32``, ``uint8``."""
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def minimum(self) -> int:
        """The least value of the type."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The greatest value of the type."""
        return (1 << (self.bits - self.signed)) - 1

    def wrap(self, value: int) -> int:
        """Reduce any integer to this type as C's conversion does: modulo 2 to the ``bits``."""
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if value > self.maximum else value


INT64: Final = IntType(64)
UINT64: Final = IntType(64, signed=False)

INT_TYPES: Final[dict[str, IntType]] = {
    t.name: t for bits in (8, 16, 32, 64) for t in (IntType(bits), IntType(bits, signed=False))
}
"""The integer types by their names in the language."""


@frozen
class FloatType:
    """A floating-point number, computed with in double precision."""


FLOAT: Final = FloatType()


class OtherType(enum.Enum):
    """The types that are no numbers: they can be keys, and strings can be compared."""

    STRING = "string"
    STACK = "stack"


Type = IntType | FloatType | OtherType
"""What an expression's value is."""
