"""The headers of units, which lead from one unit to the next.

Source: DWARF 4, 7.5.1; DWARF 5, 7.5.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf.sections import Section

_TYPE_UNITS: Final = (2, 6)
"""``DW_UT_type`` and ``DW_UT_split_type``."""

_SKELETONS: Final = (4, 5)
"""``DW_UT_skeleton`` and ``DW_UT_split_compile``, which have a number more."""


class Header(NamedTuple):
    """What is read of a unit's header before anything else.

    Attributes:
        start: where it is in its section.
        first: where the unit's first entry is.
        end: where the unit ends.
        signature: of a unit that holds one type, by what others refer to it; else None.
        type: where that type is.
    """

    start: int
    first: int
    end: int
    signature: int | None = None
    type: int = 0


def headers(section: Section, order: str) -> Iterator[Header]:
    """The headers of all units in a section.

    Raises:
        DebugInfoError: if one is corrupt.
    """
    at = 0
    while at < section.size:
        header = read_header(section, order, at)
        yield header
        at = header.end


def read_header(section: Section, order: str, start: int) -> Header:
    """The header at ``start`` of a section.

    Raises:
        DebugInfoError: if it is corrupt.
    """
    data = section.read(start, min(40, section.size - start)).ljust(40, b"\0")
    (length,) = struct.unpack_from(order + "I", data)
    wide = length == 0xFFFFFFFF
    at = 4
    if wide:
        (length,) = struct.unpack_from(order + "Q", data, 4)
        at = 12
    end = start + at + length
    (version,) = struct.unpack_from(order + "H", data, at)
    size = 8 if wide else 4
    kind = data[at + 2] if version >= 5 else 0
    at += 2 + (version >= 5) + size + 1
    if end > section.size or not 2 <= version <= 5:
        raise DebugInfoError(
            f"the debug information is corrupt, or new: a unit of version {version} is not known"
        )
    if (version >= 5 and kind in _TYPE_UNITS) or section.name == ".debug_types":
        signature, place = struct.unpack_from(order + ("QQ" if wide else "QI"), data, at)
        return Header(start, start + at + 8 + size, end, signature, place)
    return Header(start, start + at + (8 if kind in _SKELETONS else 0), end)
