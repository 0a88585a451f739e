"""The source files that functions come from, as far as a symbol table tells."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tracekit.errors import TracekitError
from tracekit.symbols import elf
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.spelling import decode

_NO_SOURCE: Final = re.compile(r"(?:\A|-cgu\.\d+|\Ago\.go|\A<artificial>)\Z")
"""What Rust, Go and GCC's link-time optimisation put where the name of a source file stands."""

OLD_VERSION: Final = "an old version"
"""What ``places`` says of a version of a library's function that new programs don't get."""

DeclaredIn = Callable[[int], str]
"""Gives the source file of the function at an address by debug information; empty if that doesn't say."""


def files_in_symbols(image: Image, functions: Iterable[Function]) -> dict[int, str]:
    """The source files of functions that other files can't name, by their addresses.

    Source: System V ABI, chapter 4 (symbol table): a symbol of type STT_FILE stands before the local symbols
    of its file. Compilers give the file that they were started with, mostly without its folder.
    """
    found: dict[int, str] = {}
    wanted = {(f.address, f.name) for f in functions if f.local}
    for table in image.symbols if wanted else ():
        file = ""
        for row in table:
            if row[1] & 15 == elf.STT_FILE:
                file = decode(table.name(row))
                file = "" if _NO_SOURCE.search(file) else file
            elif row[1] >> 4 == elf.STB_LOCAL and file and (row[4], decode(table.name(row))) in wanted:
                found.setdefault(row[4], file)
    return found


def places(image: Image, functions: Sequence[Function], declared_in: DeclaredIn | None) -> dict[int, str]:
    """What tells functions of one name apart, by their addresses: a source file, or who can name them."""
    files = files_in_symbols(image, functions)
    versions = dict(_versions(image, {f.address for f in functions}))
    if OLD_VERSION not in versions.values():
        versions = {}
    found = {}
    for function in functions:
        file = _declared(function, declared_in) or files.get(function.address, "")
        scope = "local" if function.local else versions.get(function.address, "global")
        found[function.address] = file if file and file.isprintable() else scope
    return found


def of_file(
    image: Image, functions: Sequence[Function], file: str, declared_in: DeclaredIn | None
) -> tuple[tuple[Function, ...], tuple[str, ...]]:
    """Those of some functions that come from a source file.

    Args:
        image: the binary.
        functions: some of its functions.
        file: the file's name, with as many of its folders as are needed.
        declared_in: asks debug information.

    Returns:
        The functions; and the files of those functions whose files are known.
    """
    in_symbols = files_in_symbols(image, functions)
    sure, likely, known = [], [], []
    for function in functions:
        declared = _declared(function, declared_in)
        files = [f for f in (declared, in_symbols.get(function.address, "")) if f]
        known += files[:1]
        if any(_ends_in(f, file) for f in files):
            sure.append(function)
        elif not declared and any(_ends_in(file, f) for f in files):
            likely.append(function)  # the symbol table left out the folder
    return tuple(sure or likely), tuple(dict.fromkeys(f for f in known if f.isprintable()))


def _declared(function: Function, declared_in: DeclaredIn | None) -> str:
    """The file by debug information; empty if that has none, or can't be read, which nothing here needs."""
    try:
        return declared_in(function.address) if declared_in else ""
    except TracekitError:
        return ""


def _ends_in(path: str, end: str) -> bool:
    parts, wanted = ([p for p in text.split("/") if p not in ("", ".")] for text in (path, end))
    return bool(wanted) and parts[-len(wanted) :] == wanted


def _versions(image: Image, addresses: set[int]) -> Iterator[tuple[int, str]]:
    """Whether dynamic symbols are the versions that new programs get; bit 15 marks those that aren't."""
    section = image.section(b".gnu.version")
    for table in image.symbols if section else ():
        if section and table.section.type == elf.SHT_DYNSYM:
            data = image.file.read(section.offset, section.size & ~1, "symbol versions")
            numbers = struct.iter_unpack(image.headers.order + "H", data)
            for row, (number,) in zip(table, numbers, strict=False):
                if row[4] in addresses and row[3]:
                    yield row[4], OLD_VERSION if number & 0x8000 else "the current version"
