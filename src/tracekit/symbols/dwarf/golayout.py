"""Where the parts of a Go value are in it, which its debug information doesn't say.

Go's compiler writes one ``DW_OP_piece`` for each scalar of a value, and none for the padding between them
(``cmd/compile/internal/ssa/debug.go``, up to Go 1.27): counted one after the other, all parts behind a hole
would be too low.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from tracekit.core.location import Piece
from tracekit.core.source import Array, Base, Encoding, Enumeration, Pointer, Record, TypeId, Types

_MOST: Final = 1024


def spread(pieces: Sequence[Piece], types: Types, number: TypeId) -> tuple[Piece, ...] | None:
    """Pieces as they are in a value, from pieces that are counted one after the other.

    Args:
        pieces: as the debug information has them.
        types: the types of the value's signature.
        number: its type.

    Returns:
        The pieces; None if they aren't scalars of the value.
    """
    if len(pieces) == 1 and pieces[0].offset == 0 and pieces[0].size == types.size(number):
        return tuple(pieces)
    places: dict[int, tuple[int, int]] = {}
    at = 0
    for offset, size in _scalars(types, number, 0):
        if len(places) >= _MOST:
            return None
        places[at] = offset, size
        at += size
    found = []
    for piece in pieces:
        offset, size = places.get(piece.offset, (0, 0))
        if size != piece.size:
            return None
        found.append(attrs.evolve(piece, offset=offset))
    return tuple(found)


def _scalars(types: Types, number: TypeId, at: int, depth: int = 32) -> Iterator[tuple[int, int]]:
    """The scalars of a value: the offset and size of each, in bytes."""
    match types.resolved(number):
        case Base(_, size, Encoding.COMPLEX):
            yield from ((at, size // 2), (at + size // 2, size // 2))
        case Base(size=size) | Pointer(size=size) | Enumeration(size=size):
            yield at, size
        case Record(fields=fields) if depth:
            for field in fields:
                yield from _scalars(types, field.type, at + field.bit_offset // 8, depth - 1)
        case Array(element, count, stride) if depth:
            for n in range(min(count or 0, _MOST)):
                yield from _scalars(types, element, at + n * stride, depth - 1)
        case _:
            return
