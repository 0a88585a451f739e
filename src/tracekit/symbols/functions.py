"""From a function's name in a probe to the functions of a binary, or to the reason why there is none."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tracekit.core.near import near
from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError
from tracekit.symbols import elf
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import Function, at, clones, defined, matching, named
from tracekit.symbols.spelling import decode, encode, mangled

__all__ = ["Function", "clone_note", "find"]

_NEAR = 3


def find(image: Image, name: FunctionName) -> tuple[Function, ...]:
    """The functions that a name stands for.

    A name is a symbol's name, an address (``0x1139``), or a pattern with ``*``. A pattern that is itself
    a symbol's name means that symbol alone, since Go's names have stars: ``main.(*T).M``.

    Args:
        image: the binary.
        name: the name as a probe has it.

    Returns:
        At least one function, no two at one address, sorted by address.

    Raises:
        FunctionNotFoundError: if there is none; it says why, as far as the binary tells.
        AmbiguousFunctionError: if different functions have that very name.
        BinaryError: if the symbol table is corrupt.
    """
    if name.address is not None and image.is_code(name.address):
        return (at(image, name.address) or Function(name.text, name.address, size=0),)
    found = named(image, name.text)
    if len(found) > 1:
        places = _places(image, name.text)
        candidates = tuple(f"{f.address:#x} ({places[f.address]})" for f in found)
        raise AmbiguousFunctionError(function=name.text, binary=image.path, candidates=candidates)
    if not found and name.is_pattern:
        found = matching(image, name.text)
    if not found:
        raise _not_found(image, name)
    return found


def clone_note(image: Image, function: Function) -> str:
    """A sentence on the calls that a probe on a function misses because its clones get them, or nothing."""
    found = clones(image, function.name)
    if not found:
        return ""
    return (
        f"The compiler made other copies of {function.name}, whose calls are not among these: "
        f"{_quoted(f.name for f in found)}. Probe them too, minding that their arguments may differ."
    )


def _places(image: Image, name: str) -> dict[int, str]:
    """What tells functions of one name apart, by their addresses."""
    places: dict[int, str] = {}
    for table in image.symbols:
        wanted, file = set(table.named(encode(name))), ""
        versions = _versions(image, table)
        for index, row in enumerate(table):
            if row[1] & 15 == elf.STT_FILE:
                file = decode(table.name(row))
            elif row in wanted:
                if row[1] >> 4 == elf.STB_LOCAL:
                    place = file if file.isprintable() and file else "local"
                elif index < len(versions):
                    place = "an old version" if versions[index][0] & 0x8000 else "the current version"
                else:
                    place = "global"
                places.setdefault(row[4], place)
    return places


def _versions(image: Image, table: elf.SymbolTable) -> list[tuple[int]]:
    """A version for each dynamic symbol; bit 15 marks those that new programs don't get."""
    section = image.section(b".gnu.version")
    if section is None or table.section.type != elf.SHT_DYNSYM:
        return []
    data = image.file.read(section.offset, section.size & ~1, "symbol versions")
    return list(struct.iter_unpack(image.headers.order + "H", data))


def _not_found(image: Image, name: FunctionName) -> FunctionNotFoundError:
    guesses, note = _reason(image, name)
    if image.stripped:
        stripped = "It has no symbol table: give an address such as 0x1139, or a binary with symbols."
        note = f"{note} {stripped}".strip()
    return FunctionNotFoundError(function=name.text, binary=image.path, near=guesses, note=note)


def _reason(image: Image, name: FunctionName) -> tuple[tuple[str, ...], str]:
    """Names to suggest instead of one that isn't there, and what else is known about it."""
    if name.address is not None:
        code = ", ".join(f"{part.start:#x} to {part[-1]:#x}" for part in image.code)
        return (), f"That address is not among its instructions ({code}); count as objdump and nm do."
    if copies := clones(image, name.text):
        note = "The compiler replaced the function by those copies; their arguments may differ."
        return tuple(f'"{f.name}"' for f in copies[:_NEAR]), note
    symbols = [s for table in image.symbols for s in table.named(encode(name.text))]
    if any(s.section == elf.SHN_UNDEF for s in symbols):
        return (), f"It is imported: probe the library that defines it ({', '.join(_needed(image))})."
    if symbols:
        return (), "That symbol is not a function."
    names = {n for table, row in defined(image) if (n := decode(table.name(row))).isprintable()}
    pattern = mangled(name.text)
    if pattern and (found := [n for n in names if pattern.match(n)]):
        found.sort(key=lambda n: (len(n), n))
        return tuple(f'"{n}"' for n in found[:_NEAR]), "Functions of C++ and Rust go by their mangled names."
    return near(name.text.replace("*", ""), names), ""


def _needed(image: Image) -> list[str]:
    """The libraries that a binary asks the dynamic linker for."""
    sections = image.headers.sections
    found = []
    for section in sections:
        if section.type == elf.SHT_DYNAMIC and section.link < len(sections):
            names = sections[section.link]
            strings = image.file.read(names.offset, names.size, "names of libraries")
            rows = image.file.read(section.offset, section.size // 16 * 16, "dynamic section")
            tags = struct.iter_unpack(image.headers.order + "QQ", rows)
            found += [decode(elf.string(strings, value)) for tag, value in tags if tag == elf.DT_NEEDED]
    return [n for n in found if n.isprintable()]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
