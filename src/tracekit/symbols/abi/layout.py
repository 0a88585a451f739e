"""What conventions ask of types: their leaves, their alignment, and whether there is anything in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as counter
from itertools import pairwise
from typing import Final

from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Enumeration,
    Field,
    Pointer,
    Record,
    SourceType,
    TypeId,
    Types,
    Void,
)
from tracekit.errors import BinaryError
from tracekit.values import frozen

WORD: Final = 8
"""Bytes of a pointer and of a general register."""

_DEEPEST: Final = 32
"""More records inside one another than any program has: deeper ones are cycles of a corrupt binary."""

_MOST: Final = 1 << 16
"""More members and elements than a type of up to 64 bytes has, even a union of a thousand of them."""


@frozen
class Leaf:
    """A member that has no members of its own.

    Attributes:
        bit_offset: bits from the outermost record's start.
        type: what it is, without aliases.
        bit_size: a bit-field's width; None for a member that is none.
    """

    bit_offset: int
    type: SourceType
    bit_size: int | None = None

    @property
    def offset(self) -> int:
        """Bytes from the outermost record's start to its first byte."""
        return self.bit_offset // 8


def leaves(types: Types, number: TypeId) -> Iterator[Leaf]:
    """The leaves of a type, in the order of the debug information; of a union those of all its members.

    Args:
        types: the types.
        number: which one. The caller has bounded its size, by 64 bytes, and with it the number of leaves.

    Raises:
        BinaryError: if there are more than its size has room for, as only a corrupt binary says.
    """
    return _leaves(types, number, 0, 0, counter())


def _leaves(types: Types, number: TypeId, bit_offset: int, depth: int, steps: Iterator[int]) -> Iterator[Leaf]:
    if next(steps) > _MOST:
        raise BinaryError(
            "the debug information is corrupt: it has a type with more members than there is room for in it",
            "Give another build of the binary.",
        )
    if depth > _DEEPEST:
        return
    match types.resolved(number):
        case Record() as record:
            for field in members(record):
                at = bit_offset + field.bit_offset
                if field.bit_size is None:
                    yield from _leaves(types, field.type, at, depth + 1, steps)
                else:
                    yield Leaf(at, types.resolved(field.type), field.bit_size)
        case Array(element, count, stride, vector=False):
            for index in range(count or 0 if stride else 0):
                yield from _leaves(types, element, bit_offset + 8 * stride * index, depth + 1, steps)
        case leaf:
            yield Leaf(bit_offset, leaf)


def parts(types: Types, number: TypeId) -> Iterator[SourceType]:
    """The types without members that a type is made of, each once, in the order of the debug information."""
    seen: set[TypeId] = set()
    waiting = [number]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        match types.resolved(number):
            case Record() as record:
                waiting += reversed([field.type for field in members(record)])
            case Array(element, count, stride, vector=False):
                waiting += [element] if count and stride else []
            case part:
                yield part


def members(record: Record) -> Iterator[Field]:
    """A record's members, those of a Rust enum's variants and its discriminant too."""
    yield from record.fields
    if record.discriminant is not None:
        yield record.discriminant
    for variant in record.variants:
        yield variant.field


def is_empty(types: Types, number: TypeId, depth: int = 0) -> bool:
    """Whether a type has no leaf: a record without members, an array of length 0, and records of those."""
    match types.resolved(number):
        case Record() as record:
            return depth > _DEEPEST or all(is_empty(types, f.type, depth + 1) for f in members(record))
        case Array(element, count, _, vector=False):
            return not count or is_empty(types, element, depth + 1)
        case _:
            return False


def size_of(kind: SourceType) -> int:
    """Bytes of a type without members, or of a vector; 0 if not known."""
    match kind:
        case Base(size=size) | Pointer(size=size) | Enumeration(size=size) | Record(size=size):
            return size
        case Array(_, count, stride):
            return (count or 0) * stride
        case Void(name) if "nullptr" in name:
            return WORD
        case _:
            return 0


def scalar_alignment(kind: SourceType) -> int:
    """Bytes that a number, pointer or vector is aligned to.

    System V AMD64 ABI 1.0, figure 3.1, and AAPCS64, 5.1 and 5.9, say the same of the types that both have: what
    has no parts is aligned to its size, a complex number to its parts' size.
    """
    match kind:
        case Base(_, size, encoding):
            part = size // 2 if encoding is Encoding.COMPLEX else size
            return _power(min(part, 16)) or 1
        case Pointer():
            return WORD
        case Enumeration(size=size):
            return _power(size) if size else 1
        case Array(vector=True):
            return _power(size_of(kind)) or 1
        case _:
            return 1


def alignment(types: Types, number: TypeId, depth: int = 0) -> int:
    """Bytes that values of a type are aligned to.

    Debug information has it for types that the source aligns, and for Rust's. Of others it is the most that
    the offsets of the members and the size allow, so that packed records show.
    """
    match types.resolved(number):
        case Record(align=int(align)) if align > 0:
            return align
        case Record() as record:
            return _of_members(types, record, depth) if depth <= _DEEPEST else 1
        case Array(element, _, _, vector=False):
            return alignment(types, element, depth + 1) if depth <= _DEEPEST else 1
        case kind:
            return scalar_alignment(kind)


def natural_alignment(types: Types, number: TypeId) -> int:
    """As ``alignment``, without what the source asked for at the record itself: that of its members."""
    match types.resolved(number):
        case Record() as record:
            return _of_members(types, record, 0)
        case _:
            return alignment(types, number)


def _of_members(types: Types, record: Record, depth: int) -> int:
    fields = [(f.bit_offset // 8, _as_placed(types, f, depth)) for f in members(record) if f.bit_size is None]
    align = max((a for _, a in fields), default=1)
    for field in members(record):
        if field.bit_size is not None:
            align = max(align, alignment(types, field.type, depth + 1))
    while align > 1 and (record.size % align or any(offset % min(a, align) for offset, a in fields)):
        align //= 2
    return align


def _as_placed(types: Types, field: Field, depth: int) -> int:
    """A member's alignment; less for a record that isn't aligned, which must be packed itself."""
    align = alignment(types, field.type, depth + 1)
    kind = types.resolved(field.type)
    while isinstance(kind, Array) and not kind.vector and depth < _DEEPEST:
        kind = types.resolved(kind.element)
        depth += 1
    match kind:
        case Record(align=None):
            while field.bit_offset // 8 % align:
                align //= 2
    return align


def has_misplaced_record(types: Types, number: TypeId, bit_offset: int = 0, depth: int = 0) -> bool:
    """Whether a record that is a member somewhere in a type isn't where its alignment asks for."""
    match types.resolved(number):
        case Record() as record if depth <= _DEEPEST:
            if bit_offset // 8 % alignment(types, number):
                return True
            return any(
                has_misplaced_record(types, f.type, bit_offset + f.bit_offset, depth + 1)
                for f in members(record)
                if f.bit_size is None
            )
        case Array(element, int(), stride, vector=False) if depth <= _DEEPEST:
            return any(
                has_misplaced_record(types, element, bit_offset + 8 * at, depth + 1) for at in (0, stride)
            )
        case _:
            return False


def has_unmarked_bits(types: Types, number: TypeId, depth: int = 0) -> bool:
    """Whether a member that isn't where its alignment asks for may be a bit-field as wide as its type.

    clang doesn't mark those. One follows another bit-field without a gap.
    """
    match types.resolved(number):
        case Record(fields=fields) if depth <= _DEEPEST:
            for before, field in pairwise(fields):
                end = before.bit_offset + (before.bit_size or 0)
                follows = before.bit_size and field.bit_size is None and field.bit_offset == end
                if follows and field.bit_offset // 8 % alignment(types, field.type):
                    return True
            return any(has_unmarked_bits(types, f.type, depth + 1) for f in fields)
        case Array(element, vector=False) if depth <= _DEEPEST:
            return has_unmarked_bits(types, element, depth + 1)
        case _:
            return False


def _power(number: int) -> int:
    """The least power of two that is no less."""
    return 1 << max(0, number - 1).bit_length() if number else 0
