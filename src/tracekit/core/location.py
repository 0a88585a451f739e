"""Where a value lives at the moment when a function is entered, before its first instruction runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from tracekit.values import frozen


@frozen
class InRegister:
    """Bytes of a general register.

    Attributes:
        name: its name in the architecture's manual, at full width: ``rdx``, ``x2``.
        shift: bytes of the register below the value's first one.
    """

    name: str
    shift: int = 0


@frozen
class InVector:
    """Bytes of a floating-point or vector register.

    Attributes:
        name: ``xmm0`` … on x86-64, ``v0`` … on arm64.
        shift: bytes of the register below the value's first one.
    """

    name: str
    shift: int = 0


@frozen
class InX87:
    """A register of the x87 stack, of 80 bits; only results of ``long double`` are there.

    Attributes:
        index: 0 for ``st(0)``.
    """

    index: int


@frozen
class OnStack:
    """Bytes on the stack.

    Attributes:
        offset: bytes from where the stack pointer points at the function's entry. On x86-64 the return
            address is at 0 and the first argument on the stack at 8; on arm64 that one is at 0.
    """

    offset: int


@frozen
class Behind:
    """Bytes in memory that a hidden pointer points at, as C++ passes some classes and Rust large structs.

    Attributes:
        pointer: where the pointer is.
        offset: bytes from where it points.
    """

    pointer: InRegister | OnStack
    offset: int = 0


Location = InRegister | InVector | InX87 | OnStack | Behind
"""A place that a value's bytes can be in."""


@frozen
class Piece:
    """A part of a value, and where it is.

    Attributes:
        offset: bytes from the value's start.
        size: how many bytes.
        location: where the first of them is; the others follow.
    """

    offset: int
    size: int
    location: Location

    @property
    def end(self) -> int:
        """Bytes from the value's start to this part's end."""
        return self.offset + self.size


def moved(location: Location, by: int) -> Location:
    """The place some bytes further on in the same register or memory.

    Args:
        location: where the first byte is.
        by: how many bytes further; may be negative.
    """
    match location:
        case InRegister(name, shift):
            return InRegister(name, shift + by)
        case InVector(name, shift):
            return InVector(name, shift + by)
        case OnStack(offset):
            return OnStack(offset + by)
        case Behind(pointer, offset):
            return Behind(pointer, offset + by)
        case InX87():
            return location
        case _:
            assert_never(location)


def part(pieces: Iterable[Piece], offset: int, size: int) -> tuple[Piece, ...] | None:
    """Where some bytes of a value are.

    Args:
        pieces: where the value is; they don't overlap, and may leave gaps.
        offset: bytes from the value's start to the first byte that is wanted.
        size: how many are wanted.

    Returns:
        The pieces of those bytes, sorted, their offsets counted from the first one; None if they aren't all
        there.
    """
    found = []
    at, end = offset, offset + size
    for piece in sorted(pieces, key=lambda p: p.offset):
        if piece.end <= at or piece.offset >= end:
            continue
        if piece.offset > at:
            return None
        last = min(piece.end, end)
        location = moved(piece.location, at - piece.offset)
        found.append(Piece(at - offset, last - at, location))
        at = last
    return tuple(found) if at == end else None
