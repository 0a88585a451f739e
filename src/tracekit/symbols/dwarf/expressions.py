"""From a location's expression to where a value is when its function is entered.

What an expression computes is followed symbolically, as far as it says that bytes are in a register or in
memory. All else is refused with its reason: a guessed location would be right often enough to be believed.

Source: DWARF 5, 2.5 and 2.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs

from tracekit.core.location import Behind, InRegister, InVector, Location, OnStack, Piece
from tracekit.symbols.dwarf.reasons import (
    BELOW,
    BY_REGISTER,
    CALLER,
    COMPUTED,
    GONE,
    KEPT,
    KNOWN,
    STRANGE,
    TOO_LARGE,
    TWICE,
    Unusable,
)
from tracekit.symbols.dwarf.registers import Registers
from tracekit.values import frozen

_WORD: Final = 8


@frozen
class Frame:
    """What a function's locations are relative to.

    Attributes:
        registers: the architecture's.
        kept: the registers in which no argument can come.
        canonical: whether its frame base is the canonical frame address, which is known at the entry.
        moved: whether offsets from the stack pointer count from where it is after the function has set up its
            frame, as LLVM's do even in a list that begins at the entry.
        type_size: gives the bytes of a base type by its offset in the unit; None if it is no integer.
    """

    registers: Registers
    kept: frozenset[str]
    canonical: bool
    moved: bool
    type_size: Callable[[int], int | None]


@frozen
class _Register:
    """A general register's value, a number added to it."""

    name: str
    plus: int = 0
    shift: int = 0
    bits: int = 64


@frozen
class _Stack:
    """An address on the stack, in bytes from the stack pointer at the entry."""

    offset: int


@frozen
class _Loaded:
    """A word from the stack, a number added to it."""

    slot: int
    plus: int = 0
    bits: int = 64


@frozen
class _Number:
    value: int


_Term = _Register | _Stack | _Loaded | _Number


def pieces(operations: Sequence[Any], size: int, frame: Frame) -> tuple[Piece, ...]:
    """Where the parts of a value are.

    Args:
        operations: the expression, as pyelftools takes it apart.
        size: bytes of the value.
        frame: what the function's locations are relative to.

    Returns:
        At least one piece; parts that the expression doesn't place are missing.

    Raises:
        Unusable: if the expression places no part.
    """
    found: list[Piece] = []
    reason = GONE
    at = 0
    start = 0
    for index, operation in enumerate(operations):
        if operation.op_name not in ("DW_OP_piece", "DW_OP_bit_piece"):
            continue
        bits, skipped = operation.args if operation.op_name == "DW_OP_bit_piece" else (8 * operation.args[0], 0)
        # A piece may be as large as its register, and the value's last part smaller.
        part = min(bits // 8, size - at)
        if bits % 8 or skipped % 8 or part <= 0:
            raise Unusable(STRANGE)
        try:
            if start < index:
                found.append(Piece(at, part, _location(operations[start:index], part, skipped // 8, frame)))
        except Unusable as unusable:
            reason = str(unusable)
        at += bits // 8
        start = index + 1
    if start == 0 and operations:
        return (Piece(0, size, _location(operations, size, 0, frame)),)
    if not found or start != len(operations):
        raise Unusable(STRANGE if found else reason)
    if len({piece.location for piece in found}) < len(found):
        raise Unusable(TWICE)
    return tuple(found)


def _location(operations: Sequence[Any], size: int, skipped: int, frame: Frame) -> Location:
    first = operations[0]
    number = _register_number(first.op_name, first.args)
    if number is not None:
        if len(operations) > 1:
            raise Unusable(STRANGE)
        return _in_register(number, size, skipped, frame)
    stored = operations[-1].op_name != "DW_OP_stack_value"
    term = _run(operations if stored else operations[:-1], frame)
    if not stored:
        return _value(term, size, skipped, frame)
    if skipped:
        raise Unusable(STRANGE)
    match term:
        case _Stack(offset):
            return _on_stack(offset, frame)
        case _Register(name, plus, 0, 64):
            return Behind(InRegister(_argument(name, frame)), plus)
        case _Loaded(slot, plus, 64):
            return Behind(_on_stack(slot, frame), plus)
    raise Unusable(STRANGE)


def _value(term: _Term, size: int, skipped: int, frame: Frame) -> Location:
    """Where the word is that a value was taken from unchanged."""
    match term:
        case _Register(name, 0, shift, bits) if 8 * (size + skipped) <= bits:
            return InRegister(_argument(name, frame), shift + skipped)
        case _Loaded(slot, 0, bits) if 8 * (size + skipped) <= bits:
            return _on_stack(slot + skipped, frame)
        case _Number():
            raise Unusable(KNOWN)
    raise Unusable(COMPUTED)


def _in_register(number: int, size: int, skipped: int, frame: Frame) -> Location:
    match frame.registers.places.get(number):
        case InRegister(name):
            if size + skipped > _WORD:
                raise Unusable(TOO_LARGE)
            return InRegister(_argument(name, frame), skipped)
        case InVector(name):
            return InVector(name, skipped)
    raise Unusable(STRANGE)


def _argument(name: str, frame: Frame) -> str:
    if name in frame.kept:
        raise Unusable(KEPT)
    return name


def _on_stack(offset: int, frame: Frame) -> OnStack:
    if offset < frame.registers.arguments:
        raise Unusable(BELOW)
    return OnStack(offset)


def _register_number(name: str, args: Sequence[Any]) -> int | None:
    if name.startswith("DW_OP_reg") and name[9:].isdigit():
        return int(name[9:])
    return int(args[0]) if name == "DW_OP_regx" else None


def _run(operations: Iterable[Any], frame: Frame) -> _Term:
    """The one term that an expression leaves on its stack."""
    stack: list[_Term] = []
    for operation in operations:
        name, args = str(operation.op_name).removeprefix("DW_OP_"), operation.args
        if (term := _pushed(name, args, frame)) is not None:
            stack.append(term)
            continue
        if name in ("entry_value", "GNU_entry_value"):
            raise Unusable(CALLER)
        if name in ("implicit_value", "const_type", "GNU_const_type", "addr", "addrx"):
            raise Unusable(KNOWN)
        if name in ("implicit_pointer", "GNU_implicit_pointer", "GNU_parameter_ref"):
            raise Unusable(GONE)
        if not stack:
            raise Unusable(STRANGE)
        if name in _BINARY and len(stack) > 1:
            right = stack.pop()
            stack[-1] = _combined(name, stack[-1], right)
        else:
            stack[-1] = _changed(name, args, stack[-1], frame)
    if len(stack) != 1:
        raise Unusable(STRANGE)
    return stack[0]


_BINARY: Final = ("plus", "minus", "and", "shr", "shra")


def _pushed(name: str, args: Sequence[Any], frame: Frame) -> _Term | None:
    """What an operation that takes nothing from the stack puts there; None if it isn't one."""
    registers = frame.registers
    if name == "fbreg":
        if not frame.canonical:
            raise Unusable(BY_REGISTER)
        return _Stack(registers.frame + args[0])
    if name == "call_frame_cfa":
        return _Stack(registers.frame)
    if name.startswith("breg"):
        number, offset = args if name == "bregx" else (int(name[4:]), args[0])
        return _register(number, offset, 64, frame)
    if name in ("regval_type", "GNU_regval_type"):
        return _register(args[0], 0, 8 * (frame.type_size(args[1]) or 0), frame)
    if name.startswith("lit"):
        return _Number(int(name[3:]))
    if name.startswith("const") and name[5:] in _CONSTANTS:
        return _Number(args[0])
    return None


_CONSTANTS: Final = ("u", "s", "1u", "1s", "2u", "2s", "4u", "4s", "8u", "8s")


def _register(number: int, offset: int, bits: int, frame: Frame) -> _Term:
    if number == frame.registers.stack_pointer:
        if frame.moved:
            raise Unusable(BY_REGISTER)
        return _Stack(offset)
    match frame.registers.places.get(number):
        case InRegister(name):
            return _Register(name, offset, bits=bits)
    raise Unusable(STRANGE)


def _combined(operator: str, left: _Term, right: _Term) -> _Term:
    match operator, left, right:
        case (("plus" | "minus"), _, _Number(n)):
            return _plus(left, n if operator == "plus" else -n)
        case "and", _Register(plus=0, shift=0) | _Loaded(plus=0), _Number(mask) if mask & (mask + 1) == 0:
            return attrs.evolve(left, bits=min(left.bits, mask.bit_length()))
        case (("shr" | "shra"), _Register(name, 0, 0, 64), _Number(bits)) if bits % 8 == 0 and 0 <= bits < 64:
            # The bits that come from above the register are zeros or signs: no part of it.
            return _Register(name, shift=bits // 8, bits=64 - bits)
    raise Unusable(COMPUTED)


def _changed(name: str, args: Sequence[Any], term: _Term, frame: Frame) -> _Term:
    match name, term:
        case "plus_uconst", _:
            return _plus(term, args[0])
        case "deref", _Stack(offset):
            return _Loaded(offset)
        case "deref_size", _Stack(offset) if 0 < args[0] <= _WORD:
            return _Loaded(offset, bits=8 * args[0])
        case (("convert" | "GNU_convert" | "reinterpret"), _Register() | _Loaded()):
            bits = 64 if args[0] == 0 else 8 * (frame.type_size(args[0]) or 0)
            if not bits:
                raise Unusable(COMPUTED)
            return attrs.evolve(term, bits=min(term.bits, bits))
        case "nop", _:
            return term
    raise Unusable(COMPUTED if name in _ARITHMETIC else STRANGE)


_ARITHMETIC: Final = ("neg", "not", "abs", "mul", "div", "mod", "or", "xor", "shl", "deref", "plus", "minus")


def _plus(term: _Term, number: int) -> _Term:
    match term:
        case _Register(_, plus, 0, 64) | _Loaded(_, plus, 64):
            return attrs.evolve(term, plus=plus + number)
        case _Stack(offset):
            return _Stack(offset + number)
        case _Number(value):
            return _Number(value + number)
    raise Unusable(COMPUTED)
