"""Values on the way from a name to an expression: where they are, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final

import attrs

from tracekit.calibration.words import place_in_words
from tracekit.core.arch import Architecture
from tracekit.core.calibration import Argument, Known
from tracekit.core.expr import Arg, Binary, Cast, Expr, Float, Int, Load, Reg
from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece, part
from tracekit.core.source import Array, Base, Encoding, Enumeration, Pointer, Record, TypeId, Types
from tracekit.core.types import INT64, UINT64, IntType
from tracekit.core.verdict import Verdict
from tracekit.errors import UnresolvedError
from tracekit.values import frozen


@frozen
class Passed:
    """A part of an argument where the call has put it: in registers, perhaps several.

    Attributes:
        argument: the whole argument.
        type: the part's type.
        bit_offset: bits from the argument's start to the part's.
        bit_size: a bit-field's width; None for what is none.
    """

    argument: Argument
    type: TypeId
    bit_offset: int = 0
    bit_size: int | None = None


@frozen
class InMemory:
    """A value in memory.

    Attributes:
        address: where, as a uint64.
        type: its type.
        bit_offset: bits from there to the value's first; not 0 only for a bit-field, and below 8.
        bit_size: a bit-field's width; None for what is none.
    """

    address: Expr
    type: TypeId
    bit_offset: int = 0
    bit_size: int | None = None


@frozen
class Computed:
    """A number that is computed from others, such as a length.

    Attributes:
        expression: the number.
    """

    expression: Expr


Value = Passed | InMemory | Computed
"""A value that a path names."""

_CHUNKS: Final = (8, 4, 2, 1)


def inside(value: Passed | InMemory, type_: TypeId, bit_offset: int, bit_size: int | None = None) -> Value:
    """A part of a value.

    Args:
        value: the whole.
        type_: the part's type.
        bit_offset: bits from the whole's start to the part's.
        bit_size: a bit-field's width; None for what is none.
    """
    at = value.bit_offset + bit_offset
    if isinstance(value, Passed):
        return Passed(value.argument, type_, at, bit_size)
    rest = at % 8 if bit_size is not None else 0
    return InMemory(_plus(value.address, at // 8), type_, rest, bit_size)


class Reader:
    """Makes expressions of values.

    Attributes:
        arch: where registers and arguments are.
        types: the types of the function's signature.
        c_arguments: whether ``argN`` stands for the registers of arguments, as in C.
        verdicts: how well the places are known that were read so far.
        places: those places in words, so far.
    """

    def __init__(self, arch: Architecture, types: Types, *, c_arguments: bool, stack: int = 0) -> None:
        """Start with nothing read; ``stack`` is how far the stack pointer is above its place at the entry."""
        self.arch, self.types, self.c_arguments = arch, types, c_arguments
        self.verdicts: list[Verdict] = []
        self.evidence: list[str] = []
        self.places: list[str] = []
        self._stack = stack

    def address(self, value: Value) -> Expr | None:
        """Where a value is in memory, if it is there as a whole; what that rests on is noted."""
        match value:
            case InMemory(address, bit_size=None):
                return address
            case Passed(argument, type_, bit_offset, None):
                found = _covering(argument.known, bit_offset // 8, max(1, self.types.size(type_)))
                if found is None or len(found) > 1:
                    return None
                where = self._memory(found[0][1].location)
                if where is not None:
                    self._note(found)
                return where
            case _:
                return None

    def read(self, value: Value, what: str) -> Expr:
        """The number that a value is.

        Args:
            value: where it is.
            what: its name in the program, for messages.

        Raises:
            UnresolvedError: if it is no number, or is not known well enough.
        """
        if isinstance(value, Computed):
            return value.expression
        match self.types.resolved(value.type):
            case Base(name, size, Encoding.FLOAT):
                if size not in (4, 8):
                    raise UnresolvedError(
                        f"{what} is a {name} of {8 * size} bits, which no engine reads",
                        "Only floats of 32 and 64 bits can be.",
                    )
                return Float(8 * size, self._bits(value, size, what))
            case Base(name, _, Encoding.COMPLEX):
                raise UnresolvedError(f"{what} is a {name}", f"Name {what}.real or {what}.imag.")
            case Base(name, size, encoding):
                return self._integer(value, size, encoding is Encoding.SIGNED, name, what)
            case Enumeration(name, size, signed):
                return self._integer(value, size, signed, name, what)
            case Pointer(size=8):
                return self._integer(value, 8, False, "pointer", what)
            case Record(name, fields=fields):
                names = ", ".join(f.name for f in fields if f.name)
                raise UnresolvedError(
                    f"{what} is {name or 'a structure'}, not a number",
                    f"Name one of its fields: {names}." if names else "It has no fields that are known.",
                )
            case Array():
                raise UnresolvedError(f"{what} is an array, not a number", f"Name an element: {what}[0].")
            case other:
                raise UnresolvedError(
                    f"{what} is {self.types.spelled(value.type)}, whose values are not known here",
                    "The debug information doesn't define that type." if other else "",
                )

    def _integer(self, value: Value, size: int, signed: bool, name: str, what: str) -> Expr:
        assert not isinstance(value, Computed)
        if size not in _CHUNKS:
            raise UnresolvedError(
                f"{what} is a {name} of {8 * size} bits; engines compute with 64",
                f"Take its low half: (uint64){what}." if size == 16 else "",
            )
        type_ = IntType(8 * size, signed)
        if value.bit_size is None:
            return converted(type_, self._bits(value, size, what))
        return self._bit_field(value, value.bit_size, signed, what)

    def low_word(self, value: Value, what: str) -> Expr | None:
        """The low 64 bits of an integer of 128; None if it is none."""
        if isinstance(value, Computed):
            return None
        match self.types.resolved(value.type):
            case Base(_, 16, Encoding.SIGNED | Encoding.UNSIGNED):
                return self._bits(value, 8, what)
            case _:
                return None

    def _bit_field(self, value: Passed | InMemory, width: int, signed: bool, what: str) -> Expr:
        first, last = value.bit_offset // 8, (value.bit_offset + width - 1) // 8
        size = last - first + 1
        if size > 8:
            raise UnresolvedError(f"{what} is a bit-field across 9 bytes, which is not read")
        inner = value.bit_offset % 8
        whole = attrs.evolve(value, bit_offset=8 * first, bit_size=None)
        bits = self._bits(whole, size, what)
        if width + inner == 64 and inner == 0:
            return converted(INT64 if signed else UINT64, bits)
        left = Binary("<<", converted(UINT64, bits), Int(64 - width - inner))
        return Binary(">>", converted(INT64 if signed else UINT64, left), Int(64 - width))

    def _bits(self, value: Passed | InMemory, size: int, what: str) -> Expr:
        """The first bytes of a value as an unsigned number."""
        if isinstance(value, InMemory):
            return _load(value.address, value.bit_offset // 8, size)
        found = _covering(value.argument.known, value.bit_offset // 8, size)
        if found is None:
            reason = value.argument.reason or "nothing says so"
            raise UnresolvedError(f"where {what} is can't be told: {reason}", value.argument.remedy)
        self._note(found)
        parts = [
            _shifted(self._piece(piece, what), 8 * piece.offset)
            for _, piece in sorted(found, key=lambda pair: pair[1].offset)
        ]
        return reduce(lambda a, b: Binary("|", a, b), parts)

    def _piece(self, piece: Piece, what: str) -> Expr:
        match piece.location:
            case InRegister(name, shift):
                register = self.register(name)
                moved = register if not shift else Binary(">>", converted(UINT64, register), Int(8 * shift))
                return moved if piece.size + shift == 8 else _low(moved, piece.size)
            case InVector(name, shift):
                if shift + piece.size > 8:
                    raise UnresolvedError(f"{what} is in the upper half of {name}, which no engine reads")
                register = Reg(name)
                moved = register if not shift else Binary(">>", register, Int(8 * shift))
                return moved if piece.size + shift == 8 else _low(moved, piece.size)
            case InX87():
                raise UnresolvedError(f"{what} is in an x87 register, which no engine reads")
            case location:
                address = self._memory(location)
                assert address is not None
                return _load(address, 0, piece.size)

    def register(self, name: str) -> Expr:
        """A register, as ``argN`` where that is what people call it."""
        if self.c_arguments and name in self.arch.arguments:
            return Arg(self.arch.arguments.index(name))
        return Reg(name)

    def _memory(self, location: Location) -> Expr | None:
        match location:
            case OnStack(offset):
                return _plus(Reg(self.arch.stack_pointer), offset - self._stack)
            case Behind(InRegister(name), offset):
                return _plus(converted(UINT64, self.register(name)), offset)
            case Behind(OnStack(slot), offset):
                return _plus(_load(Reg(self.arch.stack_pointer), slot - self._stack, 8), offset)
            case _:
                return None

    def _note(self, found: Sequence[tuple[Known, Piece]]) -> None:
        for known, piece in found:
            self.verdicts.append(known.verdict)
            self.evidence += [e for e in known.evidence if e not in self.evidence]
            words = place_in_words(piece, self.arch, c_arguments=self.c_arguments)
            if words not in self.places:
                self.places.append(words)


def _covering(known: Sequence[Known], offset: int, size: int) -> list[tuple[Known, Piece]] | None:
    """The pieces of some bytes, each with what is known of it; None if they aren't all known."""
    found: list[tuple[Known, Piece]] = []
    wanted = part([k.piece for k in known], offset, size)
    if wanted is None:
        return None
    for piece in wanted:
        owner = next(k for k in known if k.piece.offset <= offset + piece.offset < k.piece.end)
        found.append((owner, piece))
    return found


def _load(address: Expr, offset: int, size: int) -> Expr:
    """An unsigned number of 1 to 8 bytes in memory."""
    parts: list[Expr] = []
    at = 0
    while at < size:
        chunk = next(c for c in _CHUNKS if c <= size - at)
        load = Load(IntType(8 * chunk, signed=False), _plus(address, offset + at))
        parts.append(_shifted(load, 8 * at))
        at += chunk
    return reduce(lambda a, b: Binary("|", a, b), parts)


def _plus(address: Expr, offset: int) -> Expr:
    match address:
        case Binary("+", left, Int(before)):
            address, offset = left, offset + before
    return Binary("+", address, Int(offset)) if offset else address


def _shifted(node: Expr, bits: int) -> Expr:
    return Binary("<<", converted(UINT64, node), Int(bits)) if bits else node


def _low(node: Expr, size: int) -> Expr:
    """The low bytes of a register, as an unsigned number."""
    if size in _CHUNKS:
        return Cast(IntType(8 * size, signed=False), node)
    return Binary("&", converted(UINT64, node), Int((1 << 8 * size) - 1))


def converted(type_: IntType, node: Expr) -> Expr:
    """A number as an integer type, with no cast that changes nothing."""
    match node:
        case Cast(inner, operand) if inner.bits == type_.bits or (
            inner.bits > type_.bits and isinstance(operand, Arg | Reg)
        ):
            return converted(type_, operand)
        case Cast(inner) | Load(inner) if inner == type_:
            return node
        case Load(inner, address) if inner.bits == type_.bits:
            return Load(type_, address)
        case Reg() if type_ == UINT64:
            return node
        case Arg() if type_ == INT64:
            return node
        case _:
            return Cast(type_, node)
