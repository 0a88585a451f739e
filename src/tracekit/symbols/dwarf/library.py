"""pyelftools' reader over sections, made to read no more than is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from elftools.dwarf.abbrevtable import AbbrevDecl, AbbrevTable
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.dwarf.lineprogram import LineProgram
from elftools.dwarf.structs import DWARFStructs

from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf.sections import Section

_NAMES: Final = (
    "debug_info", "debug_aranges", "debug_abbrev", "debug_frame", "debug_str", "debug_loc", "debug_ranges",
    "debug_line", "debug_pubtypes", "debug_pubnames", "debug_addr", "debug_str_offsets", "debug_line_str",
    "debug_loclists", "debug_rnglists", "debug_sup", "debug_types",
)  # fmt: skip


class _Abbreviations(AbbrevTable):
    """A table that is read only as far as it is needed: units' first entries have the first abbreviation."""

    def _parse_abbrev_table(self) -> dict[int, AbbrevDecl]:
        return {}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._at = self.offset

    def get_abbrev(self, code: int) -> AbbrevDecl:
        while code not in self._abbrev_map:
            self.stream.seek(self._at)
            number = self.structs.the_Dwarf_uleb128.parse_stream(self.stream)
            if not number:
                raise DebugInfoError(f"the debug information is corrupt: abbreviation {code} is missing")
            declared = self.structs.Dwarf_abbrev_declaration.parse_stream(self.stream)
            self._abbrev_map.setdefault(number, AbbrevDecl(number, declared))
            self._at = self.stream.tell()
        return self._abbrev_map[code]


class Library(DWARFInfo):
    """pyelftools' reader of a file's debug information."""

    def line_table(self, offset: int, *, wide: bool) -> LineProgram:
        """The line table at an offset, which may be of another format than the unit that refers to it.

        Args:
            offset: where it is in its section.
            wide: whether it is of the 64-bit format.
        """
        structs = DWARFStructs(
            little_endian=self.config.little_endian, dwarf_format=64 if wide else 32, address_size=8
        )
        return self._parse_line_program_at_offset(offset, structs)

    def get_abbrev_table(self, offset: int) -> AbbrevTable:
        table = self._abbrevtable_cache.get(offset)
        if table is None:
            assert self.debug_abbrev_sec is not None
            table = _Abbreviations(self.structs, self.debug_abbrev_sec.stream, offset)
            self._abbrevtable_cache[offset] = table
        return table


def library(sections: Mapping[str, Section], order: str, supplementary: DWARFInfo | None) -> Library:
    """A file's debug information as pyelftools sees it.

    Args:
        sections: by name.
        order: ``<`` or ``>``, the byte order in the words of ``struct``.
        supplementary: the view of the file that it shares parts with.
    """
    wanted = {f"{name}_sec": _descriptor(sections.get(f".{name}")) for name in _NAMES}
    config = DwarfConfig(little_endian=order == "<", machine_arch="", default_address_size=8)
    info = Library(config, **wanted, eh_frame_sec=None, gnu_debugaltlink_sec=None)
    info.supplementary_dwarfinfo = supplementary
    return info


def _descriptor(section: Section | None) -> DebugSectionDescriptor | None:
    if section is None:
        return None
    return DebugSectionDescriptor(section.stream, section.name, 0, section.size, 0)
