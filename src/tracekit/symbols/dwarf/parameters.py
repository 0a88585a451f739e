"""The parameters of a function, with the places that its debug information gives for its entry.

Source: DWARF 5, 3.3 and 4.1; calling code of Go's results: ``DW_AT_variable_parameter`` (4.1.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from tracekit.core.location import InRegister, Piece
from tracekit.core.signature import Home, Language
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.expressions import Frame, pieces
from tracekit.symbols.dwarf.lists import locations
from tracekit.symbols.dwarf.producers import is_gnu
from tracekit.symbols.dwarf.reader import Unit
from tracekit.symbols.dwarf.reasons import BY_REGISTER, EMPTY, GONE, KNOWN, LATER, POINTED, STRANGE, Unusable
from tracekit.symbols.dwarf.records import plain
from tracekit.symbols.dwarf.registers import REGISTERS
from tracekit.symbols.dwarf.skipping import signed_leb
from tracekit.values import frozen

_PARAMETER: Final = "DW_TAG_formal_parameter"
_PACK: Final = "DW_TAG_GNU_formal_parameter_pack"
_CFA: Final = b"\x9c"
"""``DW_OP_call_frame_cfa``."""

_CONSTS: Final = b"\x11"
_PLUS: Final = b"\x22"
_FBREG: Final = b"\x91"
_REGISTER_OPERATIONS: Final = range(0x50, 0x70)
"""``DW_OP_reg0`` … ``DW_OP_reg31``."""

_INTEGERS: Final = (0x01, 0x02, 0x05, 0x06, 0x07, 0x08, 0x10)


@frozen
class Declared:
    """A parameter's entries.

    Attributes:
        die: that of the code; the abstract one if the code has none.
        concrete: whether the code has one.
    """

    die: Die
    concrete: bool = True

    def says(self, flag: str) -> bool:
        """Whether one of its entries has a flag."""
        return any(one.flag(flag) for one in self.die.origins())


def declared(function: Die) -> tuple[Declared, ...]:
    """A function's parameters in the source's order.

    A concrete function's entry may leave out parameters that the optimiser removed; the abstract one that it
    was made from has all. But that one also has parameters that only some forms of a constructor take.
    """
    chain = list(function.origins())
    own = _parameters(function)
    listed = next((found for one in chain[1:] if (found := _parameters(one))), [])
    abstract = function.has("DW_AT_abstract_origin")
    if not own:
        return tuple(Declared(die, concrete=False) for die in listed)
    if not abstract:
        return tuple(map(Declared, own))
    meant = {origin.key: die for die in own if (origin := die.reference("DW_AT_abstract_origin")) is not None}
    result = []
    for die in listed:
        if die.key in meant:
            result.append(Declared(meant.pop(die.key)))
        elif not (absent := Declared(die, concrete=False)).says("DW_AT_artificial"):
            result.append(absent)
    ordered = {one.die.key for one in result}
    return (*result, *(Declared(die) for die in own if die.key not in ordered))


def _parameters(function: Die) -> list[Die]:
    found: list[Die] = []
    for child in function.children(_PARAMETER, _PACK):
        found += [child] if child.tag == _PARAMETER else child.children(_PARAMETER)
    return found


def kind(die: Die) -> Die | None:
    """The type's entry of a parameter or function; None for none."""
    for one in die.origins():
        if (found := one.reference("DW_AT_type")) is not None:
            return found
    return None


def all_in_frame(function: Die) -> bool:
    """Whether a function has parameters, and each has one place relative to its frame."""
    blocks = [die.block("DW_AT_location") or b"" for die in _parameters(function)]
    return bool(blocks) and all(block[:1] == _FBREG for block in blocks)


def early_in_frame(function: Die, entry: int) -> bool:
    """Whether one of a function's first three parameters, which take registers, has one place in the frame.

    And whether nothing speaks of an optimiser: a parameter that is gone, or is in a register at the entry.
    """
    listed = _parameters(function)
    blocks = [die.block("DW_AT_location") or b"" for die in listed[:3]]
    return any(block[:1] == _FBREG for block in blocks) and not any(_is_optimised(die, entry) for die in listed)


def _is_optimised(die: Die, entry: int) -> bool:
    if not die.has("DW_AT_location"):
        return True
    start = None if die.block("DW_AT_location") is not None else die.number("DW_AT_location")
    return start is not None and any(low <= entry < high for low, high, _ in locations(die.unit, start))


@frozen
class Placement:
    """How a function's debug information counts places.

    Attributes:
        entry: its first address.
        frame: for locations that hold in a part of it.
        throughout: for those that hold in all of it.
        by_register: the number of the register that its frame base is; None if it isn't one.
        from_frame: bytes from the canonical frame address to its frame base, where LLVM counts from that; None
            where it doesn't.
    """

    entry: int
    frame: Frame
    throughout: Frame
    by_register: int | None
    from_frame: int | None


def placement(function: Die, entry: int, machine: str, language: Language) -> Placement:
    """What a function's locations are relative to.

    Args:
        function: the entry of its code.
        entry: its first address.
        machine: the architecture.
        language: the source's language.
    """
    registers = REGISTERS[machine]
    base = function.block("DW_AT_frame_base") or b""
    frame = Frame(
        registers=registers,
        kept=registers.kept_by_go if language is Language.GO else registers.kept,
        canonical=base == _CFA,
        moved=not is_gnu(function.unit),
        type_size=lambda offset: _integer_size(function.unit, offset),
    )
    by_register = base[0] - 0x50 if len(base) == 1 and base[0] in _REGISTER_OPERATIONS else None
    # What holds everywhere can't count from a stack pointer that moves.
    return Placement(entry, frame, attrs.evolve(frame, moved=True), by_register, _from_frame(base))


def _from_frame(base: bytes) -> int | None:
    """The number that a frame base adds to the canonical frame address, as LLVM 22 writes it."""
    if base[:2] != _CFA + _CONSTS or base[-1:] != _PLUS:
        return None
    number, end = signed_leb(base, 2)
    return number if end == len(base) - 1 else None


@frozen
class Located:
    """What is said of where a parameter is.

    Attributes:
        pieces: where it is at the entry; None if nothing usable is said of that.
        unusable: why not; empty if something is.
        home: where it is later.
    """

    pieces: tuple[Piece, ...] | None
    unusable: str = ""
    home: Home | None = None


def place(parameter: Declared, size: int, where: Placement) -> Located:
    """Where a parameter is at the entry, or why nothing usable is said of that.

    Args:
        parameter: its entries.
        size: bytes that it takes.
        where: what its function's locations are relative to.
    """
    try:
        operations, frame = _operations(parameter, size, where)
    except Unusable as unusable:
        return Located(None, str(unusable))
    try:
        return Located(pieces(operations, size, frame))
    except Unusable as unusable:
        home = _home(operations, where) if str(unusable) == BY_REGISTER else None
        return Located(None, POINTED if home is not None and home.pointer else str(unusable), home)


def _operations(parameter: Declared, size: int, where: Placement) -> tuple[Sequence[Any], Frame]:
    """The location's expression that holds at the entry."""
    die = parameter.die
    if not parameter.concrete or not die.has("DW_AT_location"):
        raise Unusable(KNOWN if die.has("DW_AT_const_value") else GONE)
    if size <= 0:
        raise Unusable(EMPTY)
    expression = die.block("DW_AT_location")
    if expression is not None:
        return _parsed(die.unit, expression), where.throughout
    start = die.number("DW_AT_location")
    if start is None:
        raise Unusable(STRANGE)
    valid = {e for low, high, e in locations(die.unit, start) if low <= where.entry < high}
    if len(valid) != 1:
        raise Unusable(STRANGE if valid else LATER)
    return _parsed(die.unit, valid.pop()), where.frame


def _parsed(unit: Unit, expression: bytes) -> Sequence[Any]:
    if not expression:
        raise Unusable(GONE)
    try:
        operations: Sequence[Any] = unit.expressions.parse_expr(expression)
    except KeyError:  # pyelftools's way to say that it doesn't know an operation
        raise Unusable(STRANGE) from None
    return operations


def _home(operations: Sequence[Any], where: Placement) -> Home | None:
    """The place in a frame that an expression gives, if that is all it gives."""
    first, *rest = operations
    name = str(first.op_name).removeprefix("DW_OP_")
    pointer = [str(one.op_name) for one in rest] == ["DW_OP_deref"]
    if rest and not pointer:
        return None
    if name == "fbreg" and where.from_frame is not None:
        return Home("", where.frame.registers.frame + where.from_frame + int(first.args[0]), pointer)
    number = where.by_register if name == "fbreg" else int(name[4:]) if name[4:].isdigit() else None
    match where.frame.registers.places.get(-1 if number is None else number):
        case InRegister(register):
            return Home(register, int(first.args[0]), pointer)
    return None


def _integer_size(unit: Unit, offset: int) -> int | None:
    base = plain(unit.die(unit.start + offset))
    return base.number("DW_AT_byte_size") if base.number("DW_AT_encoding") in _INTEGERS else None
