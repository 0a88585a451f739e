"""Why a binary has no function of a name, and which one may be meant."""

from __future__ import annotations

import heapq
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from tracekit.core.near import near
from tracekit.core.probe import FunctionName
from tracekit.errors import FunctionNotFoundError
from tracekit.symbols import elf, qualified
from tracekit.symbols.demangle import MANGLED, readable
from tracekit.symbols.image import Image
from tracekit.symbols.inlined import inlined_note
from tracekit.symbols.lookup import clones, defined
from tracekit.symbols.sourcenames import clones_in_source, imported_in_source, source_path
from tracekit.symbols.spelling import decode, encode, split_clone

_NEAR: Final = 3
_DEMANGLED: Final = 200
"""The most symbols to demangle for a guess, in about 30 ms."""
_FINALISTS: Final = 300
"""The most symbols whose identifiers are compared; others have fewer pairs of letters in common."""
_MANGLED: Final = tuple(map(decode, MANGLED))
_READABLE: Final = 300
_LENGTH: Final = re.compile(r"(?<!L[a-z])\d{1,3}(?=[A-Za-z_])")


def not_found(image: Image, name: FunctionName) -> FunctionNotFoundError:
    """The error for a name that no function has; it says why, as far as the binary tells."""
    guesses, note = _reason(image, name)
    if image.stripped:
        stripped = "It has no symbol table: give an address such as 0x1139, or a binary with symbols."
        note = f"{note} {stripped}".strip()
    return FunctionNotFoundError(function=name.text, binary=image.path, near=guesses, note=note)


def not_in_file(image: Image, name: FunctionName, files: tuple[str, ...]) -> FunctionNotFoundError:
    """The error for a function that exists, but not in the source file that a name has before it.

    Args:
        image: the binary.
        name: the name as a probe has it.
        files: the source files that have such a function, as far as is known.
    """
    assert name.in_file is not None
    function = name.in_file[1]
    if files:
        return FunctionNotFoundError(
            function=name.text,
            binary=image.path,
            near=tuple(f'"{file}:{function}"' for file in files[:_NEAR]),
            note="" if len(files) <= _NEAR else f"{len(files)} files have it.",
        )
    return FunctionNotFoundError(
        function=name.text,
        binary=image.path,
        note=f"It has {function}, but nothing tells from which source file: name it without one.",
    )


def _reason(image: Image, name: FunctionName) -> tuple[tuple[str, ...], str]:
    """Names to suggest instead of one that isn't there, and what else is known about it."""
    if name.address is not None:
        code = ", ".join(f"{part.start:#x} to {part[-1]:#x}" for part in image.code)
        return (), f"That address is not among its instructions ({code}); count as objdump and nm do."
    if copies := clones(image, name.text) or clones_in_source(image, name.text):
        note = "The compiler replaced the function by those copies; their arguments may differ."
        return tuple(f'"{f.name}"' for f in copies[:_NEAR]), note
    names = {n for table, row in defined(image) if (n := decode(table.name(row))).isprintable()}
    if imported(image, name.text):
        mangled = {n for n in names if n.startswith(_MANGLED)}
        return _near_in_source(name.text, mangled, alike=False), _imported(image)
    if imported_in_source(image, name.text):
        return (), _imported(image)
    if any(table.named(encode(name.text)) for table in image.symbols):
        return (), "That symbol is not a function."
    if note := inlined_note(image, name.text):
        return (), note
    return _nearest(name.text.replace("*", ""), names), ""


def _nearest(text: str, names: set[str]) -> tuple[str, ...]:
    """Names of all languages that come near to one."""
    mangled = {n for n in names if n.startswith(_MANGLED)}
    in_source = _near_in_source(text, mangled)
    as_symbols = near(text, names - mangled if mangled else names)
    if not in_source or not as_symbols:
        return in_source or as_symbols
    last = in_source[0].strip('"').partition("(")[0].rpartition("::")[2]
    symbol_first = near(text, (last, as_symbols[0]), 1) == as_symbols[:1]
    return (*as_symbols, *in_source)[:_NEAR] if symbol_first else in_source


def imported(image: Image, name: str) -> bool:
    """Whether a binary uses a symbol of another one."""
    return any(s.section == elf.SHN_UNDEF for table in image.symbols for s in table.named(encode(name)))


def _imported(image: Image) -> str:
    return f"It is imported: probe the library that defines it ({', '.join(_needed(image))})."


def _near_in_source(text: str, mangled: set[str], *, alike: bool = True) -> tuple[str, ...]:
    """The signatures of C++ and Rust that come nearest to a name, in quotes.

    Args:
        text: the name.
        mangled: all symbols of these languages.
        alike: whether functions with another last part of their names may be meant, too.
    """
    wanted = qualified.path(text)
    if not wanted or not mangled:
        return ()
    own = wanted[-1].name.removeprefix("~")
    last = _nearest_words(mangled, own)
    if not last or (own not in last and not alike):
        return ()
    # The same last part, in another class or with other parameters; else the nearest last part.
    found = [n for n in mangled if any(f"{len(w)}{w}" in n for w in last) and not split_clone(n)[1]]
    scopes = {component.name for component in wanted[:-1]}
    ranked: dict[str, tuple[int, int, int, str]] = {}
    for symbol in heapq.nsmallest(_DEMANGLED, found, key=lambda n: (len(n), n)):
        path, spelled = source_path(symbol), readable(symbol)
        word = path[-1].name.removeprefix("~") if path else ""
        if path and word in last and len(spelled) <= _READABLE:
            common = len(scopes.intersection(component.name for component in path))
            ranked[spelled] = last.index(word), -common, len(spelled), spelled
    return tuple(f'"{spelled}"' for spelled in sorted(ranked, key=lambda s: ranked[s])[:_NEAR])


def _nearest_words(mangled: Iterable[str], own: str) -> tuple[str, ...]:
    """The identifiers in mangled symbols that come nearest to one; itself, if it is among them."""
    pairs = {own[i : i + 2] for i in range(len(own) - 1)}

    def rough(name: str) -> tuple[int, int, str]:
        return sum(map(name.__contains__, pairs)), -len(name), name

    finalists = heapq.nlargest(_FINALISTS, mangled, key=rough)
    found = {word for name in finalists for word in _identifiers(name)}
    return (own,) if own in found else near(own, found)


def _identifiers(mangled: str) -> Iterator[str]:
    """What stands after its length in a mangled symbol; now and then that is no identifier."""
    at = 0
    while length := _LENGTH.search(mangled, at):
        at = length.end() + int(length[0])
        yield mangled[length.end() : at]


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
