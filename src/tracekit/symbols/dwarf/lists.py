"""Lists of address ranges, plain ones and those of locations.

A clang unit can list 50,000 ranges, which take pyelftools more than a second, and it reads a corrupt list as
far as the section goes; so these are read here.

Source: DWARF 4, 2.6.2 and 2.17.3 (pairs of addresses); DWARF 5, 7.7.3 and 7.25 (kinds of entries).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.reader import Unit
from tracekit.symbols.dwarf.sections import Section
from tracekit.symbols.dwarf.skipping import leb

_LARGEST: Final = (1 << 64) - 1
_MOST_LOCATIONS: Final = 10_000
"""Entries of one variable; compilers' longest lists have a few hundred."""


class Located(NamedTuple):
    """A location that holds between two addresses, the second of which is beyond it."""

    low: int
    high: int
    expression: bytes


def code_ranges(die: Die) -> Iterator[tuple[int, int]]:
    """The addresses of an entry's code: first and one beyond the last of each part.

    Raises:
        DebugInfoError, IndexError, struct.error: if the list is corrupt.
    """
    low, high = die.number("DW_AT_low_pc"), die.number("DW_AT_high_pc")
    if low is not None and high is not None:
        # From DWARF 4 on, a constant is the length.
        yield low, high if die.form("DW_AT_high_pc").startswith("DW_FORM_addr") else low + high
    start = die.number("DW_AT_ranges")
    if start is not None:
        new = die.unit.version >= 5
        section = _section(die.unit, ".debug_rnglists" if new else ".debug_ranges")
        read = _new if new else _old
        for begin, end, _ in read(die.unit, section, start, plain=True):
            yield begin, end


def locations(unit: Unit, start: int) -> Iterator[Located]:
    """The entries of a location list.

    Raises:
        DebugInfoError, IndexError, struct.error: if the list is corrupt.
    """
    new = unit.version >= 5
    section = _section(unit, ".debug_loclists" if new else ".debug_loc")
    read = _new if new else _old
    for count, one in enumerate(read(unit, section, start, plain=False)):
        if count == _MOST_LOCATIONS:
            raise DebugInfoError("the debug information is corrupt: a list of locations has no end")
        yield one


def address(unit: Unit, index: int) -> int:
    """An address by its number in the unit's table (DWARF 5, 7.27).

    Raises:
        DebugInfoError, struct.error: if it isn't there.
    """
    start = unit.top.number("DW_AT_addr_base") or 0
    table = _section(unit, ".debug_addr").content
    return int(struct.unpack_from(unit.source.order + "Q", table, start + 8 * index)[0])


def _section(unit: Unit, name: str) -> Section:
    section = unit.source.sections.get(name)
    if section is None:
        raise DebugInfoError(f"the debug information is corrupt: it has no {name}")
    return section


def _old(unit: Unit, section: Section, at: int, *, plain: bool) -> Iterator[Located]:
    # Piece by piece: Go's compiler has 12 MB of them, compressed, and a function needs a few hundred bytes.
    order, base = unit.source.order, unit.base
    while True:
        low, high = struct.unpack(order + "QQ", section.read(at, 16))
        at += 16
        if low == _LARGEST:
            base = high
        elif low == high == 0:
            return
        elif plain:
            yield Located(base + low, base + high, b"")
        else:
            (size,) = struct.unpack(order + "H", section.read(at, 2))
            yield Located(base + low, base + high, section.read(at + 2, size))
            at += 2 + size


def _new(unit: Unit, section: Section, at: int, *, plain: bool) -> Iterator[Located]:
    data, base = section.content, unit.base
    order = unit.source.order

    def number() -> int:
        nonlocal at
        value, at = leb(data, at)
        return value

    def place() -> int:
        nonlocal at
        (value,) = struct.unpack_from(order + "Q", data, at)
        at += 8
        return int(value)

    while True:
        kind = data[at]
        at += 1
        # Of the two kinds of lists, only that of locations has an entry 5, for all other addresses.
        if plain and kind >= 5:
            kind += 1
        match kind:
            case 0:
                return
            case 1:
                base = address(unit, number())
                continue
            case 2:
                low, high = address(unit, number()), address(unit, number())
            case 3:
                low = address(unit, number())
                high = low + number()
            case 4:
                low, high = base + number(), base + number()
            case 5:
                low, high = 0, _LARGEST
            case 6:
                base = place()
                continue
            case 7:
                low, high = place(), place()
            case 8:
                low = place()
                high = low + number()
            case _:
                raise DebugInfoError(
                    f"the debug information is corrupt: {section.name} has an entry of kind {kind}"
                )
        size = 0 if plain else number()
        yield Located(low, high, data[at : at + size])
        at += size
