"""What a unit's line table says: the names of source files, and where a function's prologue ends.

Source: DWARF 4 and 5, 6.2.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, Final

from elftools.dwarf.constants import DW_LNE, DW_LNS
from elftools.dwarf.enums import DW_FORM_raw2name

from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf.reader import Unit
from tracekit.symbols.dwarf.sections import Section
from tracekit.symbols.dwarf.skipping import LEB, leb, merged, skip, step

_LARGEST: Final = 64 << 20
"""Bytes of a table; at some 5 MB/s, more would take too long."""

_CORRUPT: Final = "the debug information is corrupt: its line table has a wrong header"


def file_name(unit: Unit, number: int) -> str:
    """A source file's path as the compiler was given it; empty if the table has none of that number.

    Raises:
        DebugInfoError, struct.error, IndexError: if the table is corrupt.
    """
    table = _table(unit)
    if table is None:
        return ""
    # Before DWARF 5 files count from 1 and folders from 1, 0 being the one that it was compiled in.
    new = table["version"] >= 5
    files, folders = table["file_entry"], table["include_directory"]
    index = number - (not new)
    if not 0 <= index < len(files):
        return ""
    folder = files[index].dir_index or 0
    place = folder - (not new)
    start = folders[place] if folder and 0 <= place < len(folders) else b""
    return os.path.join(_text(start), _text(files[index].name))


def prologue_end(unit: Unit, low: int, high: int) -> int | None:
    """Where a function's prologue ends, as a debugger breaks there; None if its line table doesn't say.

    That is the row with the flag for it, else the second row (``skip_prologue_using_sal`` in gdb).

    Args:
        unit: the function's.
        low: its first address.
        high: the one after its last.

    Raises:
        DebugInfoError, struct.error, IndexError: if the table is corrupt.
    """
    table = _table(unit)
    starts: list[int] = []
    begins = False
    for address, flagged in () if table is None else _rows(unit, table):
        if low <= address < high:
            if flagged:
                return address
            begins = begins or address == low
            starts += [address] if address > low else []
    return min(starts, default=None) if begins else None


def _rows(unit: Unit, table: Any) -> Iterator[tuple[int, bool]]:
    """The addresses of a line table's rows, with whether each is marked as the end of a prologue (6.2.5).

    pyelftools takes a second for the table of a C++ unit of 130 KB, of which mostly the first part is needed.
    """
    data = unit.source.sections[".debug_line"].read(
        table.program_start_offset, table.program_end_offset - table.program_start_offset
    )
    header = table.header
    base, width, by = header["opcode_base"], header["line_range"], header["minimum_instruction_length"]
    operands = header["standard_opcode_lengths"]
    at = address = 0
    flagged = False
    while at < len(data):
        opcode = data[at]
        at += 1
        if opcode >= base:
            address += (opcode - base) // width * by
            yield address, flagged
            flagged = False
        elif opcode == 0:
            size, at = leb(data, at)
            if data[at] == DW_LNE.end_sequence:
                address, flagged = 0, False
            elif data[at] == DW_LNE.set_address:
                (address,) = struct.unpack_from(unit.source.order + "Q", data, at + 1)
            at += size
        elif opcode == DW_LNS.copy:
            yield address, flagged
            flagged = False
        elif opcode == DW_LNS.advance_pc:
            advance, at = leb(data, at)
            address += advance * by
        elif opcode == DW_LNS.const_add_pc:
            address += (255 - base) // width * by
        elif opcode == DW_LNS.fixed_advance_pc:
            (advance,) = struct.unpack_from(unit.source.order + "H", data, at)
            address += advance
            at += 2
        else:
            flagged = flagged or opcode == DW_LNS.set_prologue_end
            at = skip(data, at, (LEB,) * operands[opcode - 1])


def _table(unit: Unit) -> Any:
    start = unit.top.number("DW_AT_stmt_list")
    section = unit.source.sections.get(".debug_line")
    if start is None or section is None:
        return None
    return unit.source.info.line_table(start, wide=_check(unit.source.order, section, start))


def _check(order: str, section: Section, start: int) -> bool:
    """Refuse a header from which pyelftools would read entries of no bytes without end.

    Returns:
        Whether it is of the 64-bit format; GCC's assembler writes the other one even for units of this one.
    """
    (length,) = struct.unpack(order + "I", section.read(start, 4))
    at, size = 4, 4
    if length == 0xFFFFFFFF:
        (length,) = struct.unpack(order + "Q", section.read(start + 4, 8))
        at, size = 12, 8
    if length > _LARGEST:
        raise DebugInfoError(_CORRUPT)
    data = section.read(start, at + length)
    (version,) = struct.unpack_from(order + "H", data, at)
    if not 2 <= version <= 5:
        raise DebugInfoError(_CORRUPT)
    if version < 5:
        return size == 8
    at += 4 + size + 5  # version, sizes of addresses and segments, header_length, five bytes of constants
    at += data[at]  # opcode_base and the lengths of opcodes, of which there is one less
    for _ in range(2):
        formats, at = data[at], at + 1
        steps = []
        for _ in range(formats):
            _, at = leb(data, at)
            form, at = leb(data, at)
            steps.append(step(str(DW_FORM_raw2name.get(form, form)), size, 8))
        count, at = leb(data, at)
        if count and not any(steps):
            raise DebugInfoError(_CORRUPT)
        plan = merged(steps)
        for _ in range(count):
            at = skip(data, at, plan)
            if at > len(data):
                raise DebugInfoError(_CORRUPT)
    return size == 8


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else ""
