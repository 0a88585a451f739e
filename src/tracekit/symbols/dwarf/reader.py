"""Debug information as pyelftools decodes it, unit by unit and entry by entry.

What is here makes that quick, since no unit is read further than needed, and safe with corrupt files: entries
are measured before they are decoded, references go where entries can be, and walks only go forward.

Source: DWARF 4 and 5, chapter 7.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarf_expr import DWARFExprParser
from elftools.dwarf.typeunit import TypeUnit

from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf import walk
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.headers import Header, headers, read_header
from tracekit.symbols.dwarf.library import Library, library
from tracekit.symbols.dwarf.sections import Section
from tracekit.symbols.dwarf.skipping import LARGEST_ENTRY, leb, merged, skip, step
from tracekit.symbols.opening import MAX_READ

_MOST_KEPT: Final = 20_000
"""Decoded entries of a unit; one takes a kilobyte."""


class Source:
    """The debug information of one file.

    Attributes:
        path: the file's, for messages.
        sections: by name.
        order: ``<`` or ``>``, the byte order in the words of ``struct``.
        supplementary: of the file that it shares parts with; None if there is none.
        apple: whether it is made for macOS, where LLVM says more.
    """

    def __init__(
        self,
        path: str,
        sections: Mapping[str, Section],
        order: str,
        supplementary: Source | None = None,
        *,
        apple: bool = False,
    ) -> None:
        self.path = path
        self.sections = sections
        self.order = order
        self.supplementary = supplementary
        self.apple = apple
        self._units: dict[tuple[bool, int], Unit] = {}
        self.info: Library = library(sections, order, supplementary.info if supplementary else None)

    @cached_property
    def headers(self) -> list[Header]:
        """The headers of all units in ``.debug_info``."""
        return list(headers(self.sections[".debug_info"], self.order))

    @cached_property
    def _starts(self) -> list[int]:
        return [header.start for header in self.headers]

    @cached_property
    def _typed(self) -> dict[int, tuple[bool, Header]]:
        """The units of single types by their signatures, with whether they are in ``.debug_types``."""
        found = {h.signature: (False, h) for h in self.headers if h.signature is not None}
        if ".debug_types" in self.sections:
            found |= {
                h.signature: (True, h)
                for h in headers(self.sections[".debug_types"], self.order)
                if h.signature is not None
            }
        return found

    def unit(self, start: int) -> Unit:
        """The unit whose header is at ``start`` of ``.debug_info``."""
        return self._unit(read_header(self.sections[".debug_info"], self.order, start), in_types=False)

    def passing_unit(self, header: Header) -> Unit:
        """A unit that isn't kept, for those who go through all."""
        return Unit(self, header, in_types=False)

    def unit_around(self, offset: int) -> Unit:
        """The unit with the entry at ``offset`` of ``.debug_info``.

        Raises:
            DebugInfoError: if there is none.
        """
        found = bisect_right(self._starts, offset) - 1
        if found < 0 or not self.headers[found].first <= offset < self.headers[found].end:
            raise DebugInfoError("the debug information is corrupt: a reference leads nowhere")
        return self._unit(self.headers[found], in_types=False)

    def type_of(self, signature: int) -> Die:
        """The type that a unit of its own describes.

        Raises:
            DebugInfoError: if there is none.
        """
        if signature not in self._typed:
            raise DebugInfoError("the debug information lacks a type that it refers to by its signature")
        in_types, header = self._typed[signature]
        return self._unit(header, in_types=in_types).die(header.start + header.type)

    def _unit(self, header: Header, *, in_types: bool) -> Unit:
        key = in_types, header.start
        if key not in self._units:
            self._units[key] = Unit(self, header, in_types=in_types)
        return self._units[key]


class Unit:
    """A compilation unit, a part of one that others share, or a type's own unit.

    Attributes:
        source: the file it is in.
        start: where its header is in its section.
        first: where its first entry is.
        end: where it ends.
        raw: pyelftools' object.
    """

    def __init__(self, source: Source, header: Header, *, in_types: bool) -> None:
        self.source = source
        self.start, self.first, self.end, *_ = header
        if self.end - self.start > MAX_READ:
            raise DebugInfoError(f"a unit of {self.end - self.start} bytes is more than is read here")
        self._section = source.sections[".debug_types" if in_types else ".debug_info"]
        self.raw: CompileUnit | TypeUnit
        if in_types:
            assert header.signature is not None
            self.raw = source.info.get_TU_by_sig8(header.signature)
        else:
            self.raw = source.info.get_CU_at(header.start)
        if self.raw["address_size"] != 8:
            raise DebugInfoError("the debug information is of 32-bit code")
        self._kinds: dict[int, walk.Kind] = {}
        self._dies: dict[int, Die] = {}

    @cached_property
    def data(self) -> bytes:
        """Its bytes, with its header."""
        return self._section.read(self.start, self.end - self.start)

    @cached_property
    def top(self) -> Die:
        """Its first entry."""
        return Die(self, self.raw.get_top_DIE())

    @cached_property
    def version(self) -> int:
        """The version of DWARF."""
        return int(self.raw["version"])

    @cached_property
    def base(self) -> int:
        """The address that its lists of addresses count from."""
        return self.top.number("DW_AT_low_pc") or 0

    @cached_property
    def expressions(self) -> DWARFExprParser:
        """What takes its expressions apart."""
        return DWARFExprParser(self.raw.structs)

    @cached_property
    def outline(self) -> walk.Outline:
        """Where its functions and scopes are, in bytes from its start."""
        return walk.outline(self.data, self.first - self.start, self._kind)

    @cached_property
    def variables_in_frames(self) -> int | None:
        """How many of its variables have one place in a frame; None if one has one in a register."""
        return walk.variables_in_frames(self.data, self.first - self.start, self._kind)

    def die(self, offset: int) -> Die:
        """The entry at ``offset`` of the unit's section.

        Raises:
            DebugInfoError: if there can't be one.
        """
        if not self.first <= offset < self.end:
            raise DebugInfoError("the debug information is corrupt: a reference leads out of its unit")
        if offset == self.first:
            return self.top
        if (known := self._dies.get(offset)) is not None:
            return known
        at, kind = self._entry(offset - self.start)
        after = skip(self.data, at, kind.steps) if kind else at
        if after > self.end - self.start or after - at > LARGEST_ENTRY:
            raise DebugInfoError("the debug information is corrupt: an entry goes on beyond its unit")
        _ = self.top  # pyelftools needs it to decode the others
        if len(self._dies) == _MOST_KEPT:
            self._dies.clear()
        found = self._dies[offset] = Die(self, DIE(self.raw, self._section.stream, offset))
        return found

    def children(self, die: Die, *tags: str) -> Iterator[Die]:
        """The entries directly below one, all or those with one of some tags."""
        if not die.raw.has_children:
            return
        at = die.offset + die.raw.size - self.start
        while self.data[at]:
            _, kind = self._entry(at)
            if kind is not None and (not tags or kind.tag in tags):
                yield self.die(self.start + at)
            at = self._after(at)

    def _after(self, at: int) -> int:
        """Where the next entry of the same level is, or the zero that ends the level."""
        depth = 0
        while True:
            at, kind = self._entry(at)
            if kind is None:
                depth -= 1
            else:
                depth += kind.children
                at = at + kind.fixed if kind.fixed >= 0 else skip(self.data, at, kind.steps)
            if depth <= 0:
                return at

    def _entry(self, at: int) -> tuple[int, walk.Kind | None]:
        code, at = leb(self.data, at)
        return at, self._kind(code) if code else None

    def _kind(self, code: int) -> walk.Kind:
        if code not in self._kinds:
            self._kinds[code] = self._declared(code)
        return self._kinds[code]

    def _declared(self, code: int) -> walk.Kind:
        declared = self.raw.get_abbrev_table().get_abbrev(code)
        specs = [(str(spec.name), str(spec.form)) for spec in declared["attr_spec"]]
        size = self.raw.structs.dwarf_format // 8
        tag = str(declared["tag"])
        steps = [step(form, size, 8) for _, form in specs]
        role, wanted = walk.role(tag, dict(specs))
        names = [name for name, _ in specs]
        before = names.index(wanted) if wanted else 0
        plan = merged(steps)
        fixed = sum(plan) if len(plan) < 2 and all(s >= 0 for s in plan) else -1
        width = max(0, steps[before]) if wanted else 0
        located = None
        # What was inlined tells of itself only: rustc does that with a few functions in plain code, too.
        own = "DW_AT_abstract_origin" not in names
        if own and dict(specs).get("DW_AT_location") == "DW_FORM_exprloc":
            located = merged(steps[: names.index("DW_AT_location")])
        children = declared.has_children()
        return walk.Kind(tag, plan, fixed, children, role, merged(steps[:before]), width, located)
