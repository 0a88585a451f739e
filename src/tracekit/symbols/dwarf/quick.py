"""Some attributes of an entry, decoded without pyelftools: an index asks for 100,000 entries' names.

What isn't understood here (a reference into another unit, a rare form) is left out, or left to ``Die``.

Source: DWARF 5, 7.5.4 to 7.5.6.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tracekit.symbols.dwarf.reader import Unit
from tracekit.symbols.dwarf.skipping import Steps, leb, merged, skip, step

LINKED: Final = ("DW_AT_linkage_name", "DW_AT_MIPS_linkage_name")
_ORIGINS: Final = ("DW_AT_abstract_origin", "DW_AT_specification")
_WANTED: Final = ("DW_AT_name", *LINKED, *_ORIGINS, "DW_AT_decl_line", "DW_AT_external", "DW_AT_high_pc")
_NUMBERS: Final = {"DW_FORM_data1": 1, "DW_FORM_data2": 2, "DW_FORM_data4": 4, "DW_FORM_data8": 8}
_REFERENCES: Final = {"DW_FORM_ref1": 1, "DW_FORM_ref2": 2, "DW_FORM_ref4": 4, "DW_FORM_ref8": 8}
_LONGEST_CHAIN: Final = 8
_LONGEST: Final = 1 << 16
"""Bytes of a string; what is longer is no name, and is left out."""


class _Value(NamedTuple):
    """How an attribute is read: the steps to it, its form, and its value if the abbreviation has that."""

    name: str
    before: Steps
    form: str
    implicit: int


class Facts(NamedTuple):
    """What an entry says of a function, by itself or by what it was made from.

    Attributes:
        name: its name, without scopes but for Go.
        linked: the name that linkers see, if it is said.
        line: where it is declared; 0 if that isn't said.
        external: whether other files can name it.
        size: bytes of its code, if it is in one part; else 0.
        origin: the entry that stands for the function itself: of a copy's code, what it is a copy of.
        declared: the entry that stands where the function is declared, among its scope's.
    """

    name: str
    linked: str
    line: int
    external: bool
    size: int
    origin: int
    declared: int


class Quick:
    """Reads entries of one unit."""

    def __init__(self, unit: Unit, strings: dict[tuple[str, int], str]) -> None:
        """Use a unit, and a place for the strings that units share."""
        self._unit = unit
        self._strings = strings
        self._scopes: dict[int, list[str]] = {}
        self._plans: dict[int, tuple[_Value, ...]] = {}
        self._wide = unit.raw.structs.dwarf_format // 8

    def facts(self, entry: int) -> Facts:
        """What the entry at a place in the unit says.

        Raises:
            IndexError, ValueError, DebugInfoError: if it is corrupt.
        """
        name = linked = ""
        line = size = 0
        external = False
        origin = at = entry
        for _ in range(_LONGEST_CHAIN):
            following = 0
            for value in self._plan(at):
                found = self._read(at, value)
                if value.name in _ORIGINS and isinstance(found, int):
                    following = found
                    origin = found if value.name == _ORIGINS[0] else origin
                elif value.name == "DW_AT_name" and isinstance(found, str):
                    name = name or found
                elif value.name in LINKED and isinstance(found, str):
                    linked = linked or found
                elif value.name == "DW_AT_decl_line" and isinstance(found, int):
                    line = line or found
                elif value.name == "DW_AT_external":
                    external = external or bool(found)
                elif value.name == "DW_AT_high_pc" and isinstance(found, int) and at == entry:
                    size = found
            if not following:
                break
            at = following
        return Facts(name, linked, line, external, size, origin, at)

    def scopes(self, entry: int) -> list[str]:
        """The names of the scopes around an entry, the outermost first; empty for those without one."""
        around = self._unit.outline.around(entry)
        if around < 0:
            return []
        if around not in self._scopes:
            self._scopes[around] = [*self.scopes(around), self.facts(around).name]
        return self._scopes[around]

    def _plan(self, entry: int) -> tuple[_Value, ...]:
        code, _ = leb(self._unit.data, entry)
        if code not in self._plans:
            declared = self._unit.raw.get_abbrev_table().get_abbrev(code)
            specs = [(str(s.name), str(s.form), s.value) for s in declared["attr_spec"]]
            steps = [step(form, self._wide, 8) for _, form, _ in specs]
            self._plans[code] = tuple(
                _Value(name, merged(steps[:i]), form, value if isinstance(value, int) else 0)
                for i, (name, form, value) in enumerate(specs)
                if name in _WANTED
            )
        return self._plans[code]

    def _read(self, entry: int, value: _Value) -> int | str | None:
        data = self._unit.data
        _, at = leb(data, entry)
        at = skip(data, at, value.before)
        form = value.form
        if form in _REFERENCES or form in _NUMBERS:
            width = _REFERENCES.get(form) or _NUMBERS[form]
            return int.from_bytes(data[at : at + width], "little")
        match form:
            case "DW_FORM_implicit_const":
                return value.implicit
            case "DW_FORM_flag_present":
                return 1
            case "DW_FORM_flag":
                return data[at]
            case "DW_FORM_udata" | "DW_FORM_ref_udata":
                return leb(data, at)[0]
            case "DW_FORM_string":
                return data[at : data.index(0, at)].decode("utf-8", "replace")
            case "DW_FORM_strp" | "DW_FORM_line_strp":
                section = ".debug_str" if form == "DW_FORM_strp" else ".debug_line_str"
                return self._string(section, int.from_bytes(data[at : at + self._wide], "little"))
            case _ if value.name in ("DW_AT_name", *LINKED):
                return self._unit.die(self._unit.start + entry).text(value.name)
            case _:
                return None

    def _string(self, section: str, at: int) -> str:
        key = section, at
        if key not in self._strings:
            table = self._unit.source.sections.get(section)
            content = table.content if table else b""
            end = content.find(b"\0", at, at + _LONGEST)
            self._strings[key] = content[at : max(at, end)].decode("utf-8", "replace")
        return self._strings[key]
