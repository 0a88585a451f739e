"""ELF's headers and symbol tables, read with as little work as a question needs.

This reads what pyelftools reads too, because every trace waits for it: importing pyelftools takes
41 ms and walking 60,000 symbols with it more than a second, where this module takes 2 ms and 4 ms.
Debug information, which is large and intricate, is left to pyelftools.

A file is untrusted: it may be truncated, corrupt, or change while it is read. Every read is checked
against the file's size before anything is allocated, and reading is by ``pread``, since a page of a
mapped file that shrinks ends the process with SIGBUS.

Source: System V ABI, chapters 4 and 5 (gABI 4.1), of which only the 64-bit layout is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracekit.errors import BinaryError
from tracekit.symbols.opening import File

PT_LOAD: Final = 1
PT_INTERP: Final = 3
PT_NOTE: Final = 4
PF_X: Final = 1
PF_W: Final = 2
SHT_SYMTAB: Final = 2
SHT_DYNAMIC: Final = 6
SHT_NOTE: Final = 7
SHT_NOBITS: Final = 8
SHT_DYNSYM: Final = 11
SHF_EXECINSTR: Final = 4
DT_NEEDED: Final = 1
STT_NOTYPE: Final = 0
STT_FUNC: Final = 2
STT_FILE: Final = 4
STT_GNU_IFUNC: Final = 10
STB_LOCAL: Final = 0
SHN_UNDEF: Final = 0
_SHN_XINDEX: Final = 0xFFFF


class Segment(NamedTuple):
    """A program header: what the kernel maps. Fields in the file's order."""

    type: int
    flags: int
    offset: int
    address: int
    physical_address: int
    file_size: int
    memory_size: int
    align: int


class Section(NamedTuple):
    """A section header. Fields in the file's order, but for the name."""

    name: bytes
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


class Headers(NamedTuple):
    """All headers of an ELF file.

    Attributes:
        order: ``<`` or ``>``, the byte order in the words of ``struct``.
        type: ET_… number.
        machine: EM_… number.
        entry: the virtual address at which a program begins.
    """

    order: str
    type: int
    machine: int
    entry: int
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]


Row = tuple[int, int, int, int, int, int]
"""A row of a symbol table: the fields of ``Symbol``. Making objects of all would take ten times as long."""


class Symbol(NamedTuple):
    """A row of a symbol table as it stands in the file."""

    name: int
    info: int
    other: int
    section: int
    value: int
    size: int

    @property
    def type(self) -> int:
        """STT_… number."""
        return self.info & 15

    @property
    def binding(self) -> int:
        """STB_… number."""
        return self.info >> 4


def read_headers(file: File) -> Headers:
    """Read the headers of a 64-bit ELF file whose first five bytes were checked.

    Raises:
        BinaryError: if they are truncated or corrupt.
    """
    start = file.read(0, 64, "ELF header")
    order = {1: "<", 2: ">"}.get(start[5])
    if order is None:
        raise BinaryError(f"{file.path} is corrupt: its ELF header has no byte order")
    (kind, machine, _version, entry, segments_at, sections_at, _flags, _size, segment_size, segments,
     section_size, sections, names) = struct.unpack_from(order + "HHIQQQIHHHHHH", start, 16)  # fmt: skip
    if (segments and segment_size != 56) or (sections_at and section_size != 64):
        raise BinaryError(f"{file.path} is corrupt: its ELF header has wrong sizes")
    rows = []
    if sections_at:
        row = struct.Struct(order + "IIQQQQIIQQ")
        # With 65,280 sections and more, the counts stand in the first section's header.
        first = row.unpack(file.read(sections_at, 64, "section headers"))
        names = first[6] if names == _SHN_XINDEX else names
        size = 64 * (sections or first[5])
        rows = list(row.iter_unpack(file.read(sections_at, size, "section headers")))
    # Names are a help to people only: a binary whose names are lost runs all the same.
    strings = file.read(rows[names][4], rows[names][5], "section names") if names < len(rows) else b""
    loaded = file.read(segments_at, 56 * segments, "program headers")
    return Headers(
        order,
        kind,
        machine,
        entry,
        tuple(Segment(*r) for r in struct.iter_unpack(order + "IIQQQQQQ", loaded)),
        tuple(Section(string(strings, r[0]), *r[1:]) for r in rows),
    )


def string(table: bytes, offset: int) -> bytes:
    """The string at ``offset`` of a string table; empty if there is none."""
    end = table.find(b"\0", offset)
    return table[offset:end] if end >= 0 else b""


class SymbolTable:
    """A symbol table with its names.

    Attributes:
        section: where it stands.
        strings: all its names, each ended by a zero byte.
    """

    def __init__(self, file: File, headers: Headers, section: Section) -> None:
        """Read the table and its names.

        Raises:
            BinaryError: if they are truncated or corrupt.
        """
        if section.entry_size != 24 or section.link >= len(headers.sections):
            raise BinaryError(f"{file.path} is corrupt: its symbol table has wrong sizes")
        names = headers.sections[section.link]
        self.section = section
        self.strings = file.read(names.offset, names.size, "symbol names")
        self._rows = file.read(section.offset, section.size // 24 * 24, "symbol table")
        self._row = struct.Struct(headers.order + "IBBHQQ")
        self._named: dict[tuple[bytes, ...], list[Symbol]] = {}

    def __iter__(self) -> Iterator[Row]:
        return self._row.iter_unpack(self._rows)

    def named(self, *names: bytes) -> list[Symbol]:
        """The symbols of these names, in the table's order."""
        if names not in self._named:
            # Linkers let a name be the tail of a longer one, so a name may start anywhere.
            offsets = {offset for name in names for offset in _occurrences(name + b"\0", self.strings)}
            self._named[names] = [Symbol(*row) for row in self if row[0] in offsets] if offsets else []
        return self._named[names]

    def at(self, value: int) -> list[Symbol]:
        """The symbols of a value, in the table's order."""
        wanted = struct.pack(self._row.format[0] + "Q", value & (1 << 64) - 1)
        # The value is the fourth field, 8 bytes into a row of 24.
        starts = (at - 8 for at in _occurrences(wanted, self._rows) if at % 24 == 8)
        return [Symbol(*self._row.unpack_from(self._rows, start)) for start in starts]

    def names_from(self, start: bytes) -> set[bytes]:
        """All strings that begin with ``start``, among them ends of longer names."""
        return {string(self.strings, at) for at in _occurrences(start, self.strings)}

    def name(self, symbol: Row) -> bytes:
        """A symbol's name; empty if the table has none for it."""
        return string(self.strings, symbol[0])


def _occurrences(text: bytes, inside: bytes) -> Iterator[int]:
    at = inside.find(text)
    while at >= 0:
        yield at
        at = inside.find(text, at + 1)


class Note(NamedTuple):
    """A note: what tools leave in a binary for other tools."""

    owner: bytes
    type: int
    content: bytes


def notes(order: str, data: bytes, align: int) -> Iterator[Note]:
    """The notes of a note segment or section, up to the first that is cut off."""
    step = 8 if align == 8 else 4
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from(order + "III", data, at)
        start = at + -(-(12 + name_size) // step) * step
        if start + size > len(data):
            return
        yield Note(data[at + 12 : at + 12 + name_size].rstrip(b"\0"), kind, data[start : start + size])
        at = start + -(-size // step) * step
