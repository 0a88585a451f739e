"""A binary as a whole: what it is, whether it can be traced, and how its addresses map to its file."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from typing import Final

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols import elf
from tracekit.symbols.opening import File, open_file
from tracekit.symbols.questions import file_offset
from tracekit.symbols.root import Root
from tracekit.values import frozen

_MACHINES: Final = {
    21: "ppc64le",
    22: "s390x",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}
"""ELF's numbers of the 64-bit machines that Linux runs on, with the names that ``uname`` has."""

_OTHER_FORMATS: Final = (
    (b"\xcf\xfa\xed\xfe", "a macOS binary"),
    (b"\xce\xfa\xed\xfe", "a macOS binary"),
    # The same magic: here the number of architectures follows, there Java's version, which is above 44.
    *((b"\xca\xfe\xba\xbe\0\0\0" + bytes([n]), "a macOS binary") for n in range(1, 45)),
    (b"\xca\xfe\xba\xbe", "a Java class file"),
    (b"!<arch>\n", "an archive of object files"),
    (b"MZ", "a Windows program"),
    (b"\0asm", "a WebAssembly module"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"/* GNU ld script", "a linker script that names the real libraries"),
)

_MOST_TABLES: Final = 8
"""The gABI allows one of each kind; any number of sections can lead to the same bytes."""

_MOST_NOTES: Final = 16 << 20

_KINDS: Final = {1: "an object file that isn't linked yet", 4: "a core dump"}


@frozen(eq=False)
class Image:
    """A 64-bit ELF binary: a program or a shared library.

    Attributes:
        path: as the user names it.
        machine: what it runs on, in the words of ``uname``: ``x86_64``, ``aarch64``, ….
        position_independent: whether it is loaded at an address that differs from run to run.
        build_id: its GNU build-id in hexadecimal; else Go's, as ``go tool buildid`` prints it; else empty.
        is_go: whether Go's compiler made it.
        go_version: such as ``go1.19.8``; empty if it isn't Go, or is of before Go 1.18.
        file: where its content is read.
        headers: its ELF headers.
        root: the root folder that it lies below, if that isn't ours.
    """

    path: str
    machine: str
    position_independent: bool
    build_id: str
    is_go: bool
    go_version: str
    file: File = attrs.field(repr=False)
    headers: elf.Headers = attrs.field(repr=False)
    root: Root | None = attrs.field(default=None, repr=False)

    @cached_property
    def symbols(self) -> tuple[elf.SymbolTable, ...]:
        """Its symbol tables, read when first asked for: the full one, then the dynamic linker's.

        Raises:
            BinaryError: if one is corrupt, or there are more than a binary has.
        """
        kinds = (elf.SHT_SYMTAB, elf.SHT_DYNSYM)
        found = [s for kind in kinds for s in self.headers.sections if s.type == kind]
        if len(found) > _MOST_TABLES:
            raise BinaryError(f"{self.path} is corrupt: it has {len(found)} symbol tables")
        return tuple(elf.SymbolTable(self.file, self.headers, section) for section in found)

    @property
    def stripped(self) -> bool:
        """Whether the full symbol table is gone; what the binary exports to others remains."""
        return all(section.type != elf.SHT_SYMTAB for section in self.headers.sections)

    @cached_property
    def has_exceptions(self) -> bool:
        """Whether it may have code that runs when a C++ or Rust stack is unwound.

        C has such tables too, for the ends of threads; what tells them apart is the routine that reads them.
        Where no symbols are left to tell, it may.
        """
        if self.section(b".gcc_except_table") is None:
            return False
        routines = (b"__gxx_personality_v0", b"rust_eh_personality")
        return not self.symbols or any(table.named(*routines) for table in self.symbols)

    @cached_property
    def code(self) -> tuple[range, ...]:
        """The virtual addresses of instructions, as far as the file tells them from data."""
        return _code(self.headers)

    def is_code(self, address: int) -> bool:
        """Whether a virtual address lies among the instructions."""
        return any(address in part for part in self.code)

    def section(self, name: bytes) -> elf.Section | None:
        """The section of a name, if there is one with content."""
        return _section(self.headers, name)

    def instructions(self, address: int, size: int) -> bytes:
        """Up to ``size`` bytes of code from a virtual address on; fewer where code ends.

        Raises:
            BinaryError: if there is no code, or the file was cut.
        """
        for part in self.code:
            if address in part:
                size = min(size, part.stop - address)
                return self.file.read(file_offset(self, address), size, "code")
        raise BinaryError(f"{self.path} has no code at {address:#x}")


def open_image(file: str | int, path: str | None = None, root: Root | None = None) -> Image:
    """Read what a binary is.

    Args:
        file: its path, or an open descriptor, which is neither moved nor closed and needn't stay open.
        path: the name that messages give it; if not given, ``file``.
        root: of an open descriptor, the root folder that it was found below, if that isn't ours: its debug
            files are looked for there, too.

    Raises:
        BinaryError: if it is missing, unreadable, corrupt, or no 64-bit ELF program or library.
    """
    path = str(file) if path is None else path
    opened = File(os.dup(file) if isinstance(file, int) else open_file(file, path), path)
    _check_format(opened)
    headers = elf.read_headers(opened)
    if headers.type in _KINDS:
        raise BinaryError(f"{path} is {_KINDS[headers.type]}", "Name the program or library that runs.")
    if any(s.type == elf.PT_LOAD and s.offset + s.file_size > opened.size for s in headers.segments):
        raise BinaryError(f"{path} is truncated or corrupt: what it loads lies beyond its end")
    if not _code(headers):
        raise BinaryError(
            f"{path} has no executable code",
            "If it holds debug information only, name the binary it is for.",
        )
    gnu, go = _build_ids(opened, headers)
    go_info = _section(headers, b".go.buildinfo")
    return Image(
        path=path,
        machine=_MACHINES.get(headers.machine, f"machine {headers.machine}"),
        position_independent=headers.type == 3,
        build_id=gnu or go,
        is_go=go_info is not None or bool(go),
        go_version=_go_version(opened, go_info) if go_info else "",
        file=opened,
        headers=headers,
        root=root,
    )


def _check_format(file: File) -> None:
    mode = os.stat(file.descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise BinaryError(f"{file.path} is a directory", "Name a program or library in it.")
    if not stat.S_ISREG(mode):
        raise BinaryError(f"{file.path} is not a regular file")
    if not file.size:
        raise BinaryError(f"{file.path} is empty")
    start = file.read(0, min(file.size, 256), "first bytes")
    if start.startswith(b"#!"):
        interpreter = start[2:].partition(b"\n")[0].decode("utf-8", "replace").strip()
        raise BinaryError(
            f"{file.path} is a script for {interpreter!r}, which has no machine code of its own",
            "Name the interpreter's binary, or a library that the script loads.",
        )
    for magic, words in _OTHER_FORMATS:
        if start.startswith(magic):
            raise BinaryError(f"{file.path} is {words}, not an ELF binary")
    if not start.startswith(b"\x7fELF"):
        raise BinaryError(f"{file.path} is not an ELF binary", "Name the compiled program or library.")
    if start[4:5] == b"\1":
        raise BinaryError(
            f"{file.path} is a 32-bit binary, whose arguments the engines read wrongly",
            "Trace a 64-bit build of it.",
        )
    if start[4:5] != b"\2":
        raise BinaryError(f"{file.path} is truncated or corrupt: its ELF header has no word size")


def _section(headers: elf.Headers, name: bytes) -> elf.Section | None:
    found = (s for s in headers.sections if s.name == name and s.type != elf.SHT_NOBITS and s.size)
    return next(found, None)


def _code(headers: elf.Headers) -> tuple[range, ...]:
    mapped = [
        range(s.address, s.address + s.file_size)
        for s in headers.segments
        if s.type == elf.PT_LOAD and s.flags & elf.PF_X and s.file_size
    ]
    # A segment may hold headers and constants too; sections, where they aren't stripped, tell.
    sections = [s for s in headers.sections if s.flags & elf.SHF_EXECINSTR and s.size]
    if not sections:
        return tuple(mapped)
    parts = [range(s.address, s.address + s.size) for s in sections if s.type != elf.SHT_NOBITS]
    return tuple(p for p in parts if any(p.start in m and p[-1] in m for m in mapped))


def _build_ids(file: File, headers: elf.Headers) -> tuple[str, str]:
    gnu = go = ""
    places = [(s.offset, s.file_size, s.align) for s in headers.segments if s.type == elf.PT_NOTE]
    places += [(s.offset, s.size, s.align) for s in headers.sections if s.type == elf.SHT_NOTE]
    if (total := sum(size for _, size, _ in places)) > _MOST_NOTES:
        raise BinaryError(f"{file.path} is corrupt: it has {total} bytes of notes")
    for offset, size, align in places:
        for note in elf.notes(headers.order, file.read(offset, size, "notes"), align):
            if (note.owner, note.type) == (b"GNU", 3):
                gnu = gnu or note.content.hex()
            elif (note.owner, note.type) == (b"Go", 4):
                go = go or _text(note.content)
    return gnu, go


def _go_version(file: File, section: elf.Section) -> str:
    """The version that Go 1.18 and later write into ``.go.buildinfo``.

    Source: Go's debug/buildinfo: 14 bytes of magic, pointer size, flags (bit 1: strings inline), and at
    32 the version's length as a varint and its text.
    """
    data = file.read(section.offset, section.size, ".go.buildinfo")
    if len(data) < 33 or not data[15] & 2 or data[32] > 127:
        return ""
    return _text(data[33 : 33 + data[32]])


def _text(data: bytes) -> str:
    text = data.decode("ascii", "replace")
    return text if text.isprintable() else ""
