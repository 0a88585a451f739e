"""From an address to the units that may have code there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from tracekit.symbols.dwarf.lists import code_ranges
from tracekit.symbols.dwarf.reader import Source, Unit

_WITHOUT_CODE: Final = ("DW_TAG_partial_unit", "DW_TAG_type_unit")


class AddressMap:
    """Which unit an address belongs to, found out as far as it is asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._scanned: list[tuple[list[tuple[int, int]], int]] = []
        self._scan = self._scanning()

    def units(self, address: int) -> Iterator[Unit]:
        """The units that say they have code at an address, those of ``.debug_aranges`` first.

        clang and Go don't write that table, and one that only some of a binary's compilers wrote has gaps. So
        then the units' own words are read, one after the other.
        """
        told = [start for low, high, start in self._aranges if low <= address < high]
        for start in told:
            yield self._source.unit(start)
        for ranges, start in self._all():
            if start not in told and any(low <= address < high for low, high in ranges):
                yield self._source.unit(start)

    @cached_property
    def _aranges(self) -> list[tuple[int, int, int]]:
        """Rows of first address, the one after the last, and the unit's place (DWARF 5, 6.1.2)."""
        section = self._source.sections.get(".debug_aranges")
        data = section.content if section else b""
        order = self._source.order
        rows = []
        at = 0
        while at + 12 <= len(data):
            (length,) = struct.unpack_from(order + "I", data, at)
            if length >= 0xFFFFFFF0:
                break  # the 64-bit format, which no compiler writes by itself: the units are asked instead
            _, start, size, segments = struct.unpack_from(order + "HIBB", data, at + 4)
            end = min(at + 4 + length, len(data))
            if size == 8 and not segments:
                pairs = data[at + 16 : end]  # the first pair is aligned by the size of a pair, as is each table
                for low, count in struct.iter_unpack(order + "QQ", pairs[: len(pairs) // 16 * 16]):
                    if count:
                        rows.append((low, low + count, start))
            at = end
        return rows

    def _all(self) -> Iterator[tuple[list[tuple[int, int]], int]]:
        at = 0
        while True:
            if at == len(self._scanned):
                found = next(self._scan, None)
                if found is None:
                    return
                self._scanned.append(found)
            yield self._scanned[at]
            at += 1

    def _scanning(self) -> Iterator[tuple[list[tuple[int, int]], int]]:
        for header in self._source.headers:
            if header.signature is None:
                unit = self._source.unit(header.start)
                if unit.top.tag not in _WITHOUT_CODE:
                    yield list(code_ranges(unit.top)), header.start
