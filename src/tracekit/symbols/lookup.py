"""Functions in a binary's symbol tables: by name, by pattern, by address."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from tracekit.symbols import elf
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.spelling import decode, encode, is_clone, is_cold

_TYPES: Final = (elf.STT_FUNC, elf.STT_GNU_IFUNC)


def named(image: Image, name: str) -> tuple[Function, ...]:
    """All functions of that very name, sorted by address; none if there is none.

    Labels in code that have no type count too: assembly programmers leave it out.
    """
    return by_address(
        function(name, symbol)
        for table in image.symbols
        for symbol in table.named(encode(name))
        if symbol.type in (*_TYPES, elf.STT_NOTYPE) and symbol.section and image.is_code(symbol.value)
    )


def matching(image: Image, pattern: str) -> tuple[Function, ...]:
    """All functions whose names a pattern with ``*`` matches, sorted by address.

    Left out is what is never called: parts of functions that are jumped to (``.cold``), and symbols without
    a size, which are the linker's marks.
    """
    # fnmatch's expressions don't backtrack: no pattern, however many stars it has, can hang them.
    match = re.compile(fnmatch.translate(re.sub(r"[\[?]", r"[\g<0>]", pattern))).match
    rows = ((decode(table.name(row)), row) for table, row in defined(image))
    return by_address(
        function(name, elf.Symbol(*row))
        for name, row in rows
        if row[5] and match(name) and not is_cold(name) and image.is_code(row[4])
    )


def at(image: Image, address: int) -> Function | None:
    """The function that an address lies in, as the place of that address; None if no symbol covers it."""
    around = [
        function(decode(table.name(row)), elf.Symbol(*row))
        for table, row in defined(image)
        if row[4] == address or row[4] < address < row[4] + row[5]
    ]
    if not around:
        return None
    found = max(around, key=lambda f: (f.address, f.size > 0, not f.local))
    offset = address - found.address
    return attrs.evolve(found, address=address, size=max(0, found.size - offset), offset=offset)


def at_address(image: Image, address: int) -> tuple[Function, ...]:
    """The functions whose first instruction is at an address, by each of their names."""
    return tuple(
        function(decode(table.name(symbol)), symbol)
        for table in image.symbols
        for symbol in table.at(address)
        if symbol.type in _TYPES and symbol.section
    )


def clones(image: Image, name: str) -> tuple[Function, ...]:
    """The copies of a function that an optimiser made and calls in its place, sorted by address.

    Args:
        image: the binary.
        name: the function's symbol, whether or not it still exists itself.
    """
    symbols = {decode(s) for table in image.symbols for s in table.names_from(encode(name) + b".")}
    return by_address(f for s in symbols if is_clone(s, name) for f in named(image, s))


def defined(image: Image) -> Iterator[tuple[elf.SymbolTable, elf.Row]]:
    """The functions that a binary defines, each with the table it stands in; not checked further."""
    for table in image.symbols:
        for row in table:
            if row[1] & 15 in _TYPES and row[3]:
                yield table, row


def containing(
    image: Image, *texts: bytes, starts: tuple[bytes, ...] = (b"",), imported: bool = False
) -> Iterator[tuple[str, elf.Symbol]]:
    """The functions whose symbols contain all of some texts, in the order of the tables.

    Args:
        image: the binary.
        texts: the texts.
        starts: what a symbol may begin with.
        imported: whether to give those that the binary uses and another one defines, instead of its own.
    """
    for table in image.symbols:
        if any(t not in table.strings for t in texts) or all(s not in table.strings for s in starts):
            continue
        for row in table:
            if row[1] & 15 in _TYPES and bool(row[3]) != imported:
                name = table.name(row)
                if not name.startswith(starts) or not all(text in name for text in texts):
                    continue
                if imported or image.is_code(row[4]):
                    yield decode(name), elf.Symbol(*row)


def covered(image: Image, number: int) -> bool:
    """Whether a number lies in any symbol, data and all, if it is taken for a virtual address."""
    return any(
        row[4] <= number < row[4] + max(1, row[5])
        for table in image.symbols
        for row in table
        if row[3] and row[1] & 15 != elf.STT_NOTYPE
    )


def function(name: str, symbol: elf.Symbol) -> Function:
    """The function that a symbol stands for."""
    return Function(
        name,
        symbol.value,
        symbol.size,
        local=symbol.binding == elf.STB_LOCAL,
        indirect=symbol.type == elf.STT_GNU_IFUNC,
    )


def by_address(functions: Iterable[Function]) -> tuple[Function, ...]:
    """One function for each address, if possible one that other files can name; sorted."""
    found: dict[int, Function] = {}
    for one in functions:
        other = found.get(one.address)
        if other is None or (other.local and not one.local):
            found[one.address] = one
    return tuple(sorted(found.values(), key=lambda f: f.address))
