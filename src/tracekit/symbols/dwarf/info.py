"""From an address to what the source says of the function there."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tracekit.core.signature import Language, Signature
from tracekit.errors import BinaryError
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf import lines, parameters, producers
from tracekit.symbols.dwarf.addresses import AddressMap
from tracekit.symbols.dwarf.describe import Described, describe
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.listing import Listed, Seen, far, functions
from tracekit.symbols.dwarf.lists import address as indexed
from tracekit.symbols.dwarf.lists import code_ranges
from tracekit.symbols.dwarf.names import own, qualified
from tracekit.symbols.dwarf.reader import Source, Unit
from tracekit.symbols.dwarf.registers import REGISTERS
from tracekit.symbols.dwarf.signatures import declared_in, signature
from tracekit.symbols.spelling import is_clone

_SPLIT: Final = ("DW_AT_dwo_name", "DW_AT_GNU_dwo_name")


class DebugInfo:
    """A binary's debug information.

    Attributes:
        path: the file that it is in.
        machine: what the code is for, in the words of ``uname``.
    """

    def __init__(self, source: Source, machine: str) -> None:
        self.path = source.path
        self.machine = machine
        self._source = source
        self._addresses = AddressMap(source)
        self._found: dict[tuple[int, str], Die] = {}
        self._strings: dict[tuple[str, int], str] = {}

    def signature(self, address: int, symbol: str, *, local: bool) -> Signature:
        """What the source says of a function.

        Args:
            address: the virtual address of its first instruction, in the binary's own numbering.
            symbol: its name in the symbol table; of several functions that were folded into one, it tells which
                is meant.
            local: whether other files can't name it.

        Raises:
            DebugInfoError: if no function is known to begin there, or the debug information is corrupt.
        """
        with self._guarded():
            return signature(self._function(address, symbol), address, symbol, self.machine, local=local)

    def prologue_end(self, address: int) -> int | None:
        """The address after a function's prologue, where a debugger stops; None if the line table doesn't say.

        Raises:
            DebugInfoError: as ``signature``.
        """
        with self._guarded():
            function = self._function(address)
            high = max((high for low, high in code_ranges(function) if low <= address < high), default=address)
            return lines.prologue_end(function.unit, address, high)

    def is_unoptimised(self, address: int) -> bool | None:
        """Whether a function was compiled without optimisation, as with ``-O0``; None if nothing tells.

        Raises:
            DebugInfoError: as ``signature``.
        """
        with self._guarded():
            function = self._function(address)
            where = parameters.placement(function, address, self.machine, Language.OTHER)
            pointer = where.frame.registers.stack_pointer
            return producers.unoptimised(
                function,
                framed=where.by_register is not None and where.by_register != pointer,
                in_frame=parameters.all_in_frame(function),
                early=parameters.early_in_frame(function, address),
            )

    def declared_in(self, address: int) -> str:
        """The path of a function's source file as its compiler was given it; empty if it isn't known.

        Raises:
            DebugInfoError: as ``signature``.
        """
        with self._guarded():
            return declared_in(self._function(address))[0]

    def inlined(self, name: str, largest: int) -> int:
        """How many copies of a function of that name stand inside of others, as far as its own units tell.

        Args:
            name: without scopes, or with all of them.
            largest: of so many bytes and more, nothing is looked at.

        Raises:
            DebugInfoError: if the debug information is corrupt.
        """
        with self._guarded():
            if self._source.sections[".debug_info"].size >= largest:
                return 0
            units = (self._source.unit(h.start) for h in self._source.headers if h.signature is None)
            return sum(
                count
                for unit in units
                for entry, count in unit.outline.inlined.items()
                if name in _names(unit.die(unit.start + entry))
            )

    @property
    def units(self) -> int:
        """How many units there are."""
        with self._guarded():
            return len(self._source.headers)

    def listed(self, number: int) -> Listed:
        """What a unit says of functions, by its number.

        Raises:
            DebugInfoError: if the debug information is corrupt.
        """
        with self._guarded():
            header = self._source.headers[number]
            if header.signature is not None:
                return Listed((), Counter())
            return functions(self._source.passing_unit(header), self._strings)

    def inlined_far(self, entry: int, count: int) -> Seen:
        """A function that was inlined so often in units that don't describe it, by the place of its entry.

        Raises:
            DebugInfoError: if the debug information is corrupt.
        """
        with self._guarded():
            return far(self._source.unit_around(entry), entry, count)

    def described(self, entry: int) -> Described:
        """A function as its source declares it, by the place of its entry.

        Raises:
            DebugInfoError: if the debug information is corrupt.
        """
        with self._guarded():
            return describe(self._source.unit_around(entry).die(entry))

    def described_at(self, address: int, symbol: str) -> Described:
        """The same by the address of its code, and its symbol.

        Raises:
            DebugInfoError: as ``signature``.
        """
        with self._guarded():
            return describe(self._function(address, symbol))

    def _function(self, address: int, symbol: str = "") -> Die:
        """The entry of the code at an address; that of the symbol's name if there are several."""
        key = address, symbol
        if key not in self._found:
            self._found[key] = self._search(address, symbol)
        return self._found[key]

    def _search(self, address: int, symbol: str) -> Die:
        first: Die | None = None
        split = False
        for unit in self._addresses.units(address):
            split = split or any(unit.top.has(name) for name in _SPLIT)
            for function in _functions(unit, address):
                if not symbol or _is_named(function, symbol):
                    return function
                first = first or function
        if first is not None:
            return first
        what = symbol or f"the function at {address:#x}"
        if split:
            raise DebugInfoError(
                f"{self.path} has the debug information of {what} in a .dwo file, which can't be read here",
                "Compile without -gsplit-dwarf.",
            )
        raise DebugInfoError(
            f"{self.path} has no debug information on {what}",
            "Its source file was compiled without -g, or is in assembly.",
        )

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn whatever corrupt data makes pyelftools raise into a sentence."""
        try:
            yield
        except BinaryError as error:
            if error.message.startswith(self.path):
                raise
            raise DebugInfoError(f"{self.path}: {error.message}", error.hint) from error
        except Exception as error:
            raise DebugInfoError(
                f"{self.path} has corrupt debug information: {type(error).__name__}: {str(error)[:200]}",
                "Build it anew; if it is sound, please report this.",
            ) from error


def _names(function: Die) -> tuple[str, str]:
    return own(function), qualified(function)


def _functions(unit: Unit, address: int) -> Iterator[Die]:
    """The entries of a unit whose code begins at an address."""
    outline = unit.outline
    wanted = outline.functions.get(address, [])
    if outline.indexed:
        wanted = [
            entry
            for index, entries in outline.indexed.items()
            if indexed(unit, index) == address
            for entry in entries
        ]
    for entry in wanted:
        yield unit.die(unit.start + entry)
    for entry in outline.ranged:
        die = unit.die(unit.start + entry)
        # The part that is entered comes first, before those that are seldom used.
        start = next((low for low, _ in code_ranges(die)), 0)
        if (given := die.number("DW_AT_entry_pc")) is not None:
            # From DWARF 5 on, a constant counts from the start.
            start = given if die.form("DW_AT_entry_pc").startswith("DW_FORM_addr") else start + given
        if address == start:
            yield die


def _is_named(function: Die, symbol: str) -> bool:
    for one in function.origins():
        linked = one.text("DW_AT_linkage_name") or one.text("DW_AT_MIPS_linkage_name")
        if linked and (linked == symbol or is_clone(symbol, linked)):
            return True
    name = own(function)
    # C++ and Rust write each identifier after its length.
    return bool(name) and (name == symbol or is_clone(symbol, name) or f"{len(name)}{name}" in symbol)


def known_machine(machine: str, path: str) -> str:
    """The same machine, if its registers are known.

    Raises:
        DebugInfoError: if they aren't.
    """
    if machine not in REGISTERS:
        raise DebugInfoError(
            f"{path} is for {machine}, whose registers are not known here", f"Known are {', '.join(REGISTERS)}."
        )
    return machine
