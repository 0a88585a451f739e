"""The scalars that an argument consists of, and their values at a function's entry."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from tracekit.calibration.samples import Hit, value_at
from tracekit.core.calibration import Argument
from tracekit.core.location import Piece, part
from tracekit.core.source import Array, Base, Encoding, Enumeration, Field, Pointer, Record, TypeId, Types
from tracekit.values import frozen

_MOST: Final = 256
_MOST_SEEN: Final = 10_000
"""Types that are gone through: arrays of arrays of empty records have no scalar, and no end."""

_FLOATS: Final = {2: "<e", 4: "<f", 8: "<d"}


@frozen
class Leaf:
    """A scalar in an argument.

    Attributes:
        path: its name in the source, such as ``value.len``.
        type: its type.
        encoding: what its bits mean; an address is unsigned.
        bit_offset: bits from the argument's start to its first.
        bits: how many it has.
    """

    path: str
    type: TypeId
    encoding: Encoding
    bit_offset: int
    bits: int

    @property
    def offset(self) -> int:
        """Bytes from the argument's start to the first byte that has bits of it."""
        return self.bit_offset // 8

    @property
    def size(self) -> int:
        """How many bytes have bits of it."""
        return (self.bit_offset + self.bits + 7) // 8 - self.offset

    def raw(self, data: bytes) -> int:
        """Its bits, as an unsigned number, in its bytes."""
        return int.from_bytes(data, "little") >> self.bit_offset % 8 & (1 << self.bits) - 1

    def number(self, raw: int) -> int | float | None:
        """The number that its bits are; None if they are none that can be compared."""
        match self.encoding:
            case Encoding.SIGNED:
                return raw - (raw >> self.bits - 1 << self.bits)
            case Encoding.FLOAT:
                form = _FLOATS.get(self.bits // 8)
                return struct.unpack(form, raw.to_bytes(self.bits // 8, "little"))[0] if form else None
            case Encoding.COMPLEX:
                return None
            case _:
                return raw

    def raw_at(self, hit: Hit, pieces: Iterable[Piece]) -> int | None:
        """Its bits at an entry; None if they weren't seen.

        Args:
            hit: the entry.
            pieces: where the argument is.
        """
        own = part(pieces, self.offset, self.size)
        data = value_at(hit, own, self.size) if own else None
        return None if data is None else self.raw(data)


def leaves(argument: Argument, types: Types) -> tuple[Leaf, ...]:
    """The scalars of an argument, in the order of their places; the first 256 of more.

    What a Rust enum holds depends on its variant, so only the number that tells the variants apart counts.
    """
    found = []
    for leaf in islice(_walk(argument.name, argument.type, 0, None, types, 8), _MOST_SEEN):
        if leaf is not None and leaf.bits:
            found.append(leaf)
        if len(found) == _MOST:
            break
    return tuple(sorted(found, key=lambda leaf: leaf.bit_offset))


def _walk(
    path: str, type_: TypeId, at: int, width: int | None, types: Types, depth: int
) -> Iterator[Leaf | None]:
    """The scalars of a type; None for each type on the way, of which there may be far more."""
    if not depth:
        return
    yield None
    match types.resolved(type_):
        case Base(_, size, encoding):
            yield Leaf(path, type_, encoding, at, width or 8 * size)
        case Enumeration(size=size, signed=signed):
            encoding = Encoding.SIGNED if signed else Encoding.UNSIGNED
            yield Leaf(path, type_, encoding, at, width or 8 * size)
        case Pointer(size=size):
            yield Leaf(path, type_, Encoding.UNSIGNED, at, 8 * size)
        case Array(element, count, stride) if count:
            for index in range(min(count, _MOST)):
                yield from _walk(f"{path}[{index}]", element, at + 8 * stride * index, None, types, depth - 1)
        case Record(fields=fields, discriminant=discriminant):
            for field in (*fields, *([discriminant] if discriminant else ())):
                inner = _inner(path, field)
                yield from _walk(inner, field.type, at + field.bit_offset, field.bit_size, types, depth - 1)


def _inner(path: str, field: Field) -> str:
    """A member's path: those of base classes and anonymous members are the record's own."""
    return path if field.base or not field.name else f"{path}.{field.name}"
