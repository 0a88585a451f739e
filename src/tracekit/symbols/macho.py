"""Mach-O, the format of macOS's binaries: their functions and debug information.

They can't be traced on Linux, but what is found out of them here can be used on a Mac.

Source: Apple's ``mach-o/loader.h``, ``mach-o/fat.h`` and ``mach-o/nlist.h``; dsymutil's bundles.
"""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols import elf
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.function import Function
from tracekit.symbols.opening import File, open_regular
from tracekit.symbols.spelling import decode
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.symbols.dwarf import DebugInfo
    from tracekit.symbols.dwarf.sections import Section

_MAGIC: Final = b"\xcf\xfa\xed\xfe"
_FAT: Final = {b"\xca\xfe\xba\xbe": ">IIIII", b"\xca\xfe\xba\xbf": ">IIQQII"}
_MOST_ARCHITECTURES: Final = 44
"""Java's class files begin like a fat binary, with their version, which is above that, as the count."""

_MACHINES: Final = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_SYNONYMS: Final = {"amd64": "x86_64", "arm64": "aarch64", "arm64e": "aarch64"}

_LC_SYMTAB: Final = 0x02
_LC_SEGMENT_64: Final = 0x19
_LC_UUID: Final = 0x1B
_N_STAB: Final = 0xE0
_N_TYPE: Final = 0x0E
_N_SECT: Final = 0x0E
_N_EXT: Final = 0x01
_INSTRUCTIONS: Final = 0x80000400
"""``S_ATTR_PURE_INSTRUCTIONS`` and ``S_ATTR_SOME_INSTRUCTIONS``."""

_DWARF: Final = b"__DWARF"
_LONGEST: Final = 16
"""Bytes of a section's name; longer ones are cut."""

_CUT: Final = ("str_offsets", "rnglists", "loclists", "pubnames", "pubtypes", "line_str")


class _Part(NamedTuple):
    """A section as it stands in the file, its offset from the file's start."""

    name: bytes
    segment: bytes
    address: int
    size: int
    offset: int
    flags: int


@frozen(eq=False)
class MachO:
    """A 64-bit Mach-O binary, or one architecture's part of a fat one.

    Attributes:
        path: its file.
        machine: what it runs on, in the words of Linux's ``uname``: ``x86_64``, ``aarch64``.
        build_id: its UUID in hexadecimal; empty if it has none.
        file: how its content is read.
    """

    path: str
    machine: str
    build_id: str
    file: File = attrs.field(repr=False)
    _parts: tuple[_Part, ...] = attrs.field(repr=False)
    _symbols: tuple[int, int, int, int] = attrs.field(repr=False)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions that its symbol table has, sorted by address, without the underscore before each name.

        Mach-O has no sizes: a function is taken to go on to the next one, or to its section's end.

        Raises:
            BinaryError: if the table is corrupt.
        """
        at, count, names_at, names_size = self._symbols
        names = self.file.read(names_at, names_size, "symbol names")
        rows = self.file.read(at, 16 * count, "symbol table")
        found: dict[int, Function] = {}
        for name_at, kind, section, _, address in struct.iter_unpack("<IBBHQ", rows):
            if kind & _N_STAB or kind & _N_TYPE != _N_SECT or not 0 < section <= len(self._parts):
                continue
            name = decode(elf.string(names, name_at)).removeprefix("_")
            local = not kind & _N_EXT
            # Assemblers mark starts of sections by symbols such as ltmp0.
            better = (
                address not in found
                or (found[address].local and not local)
                or found[address].name.startswith("ltmp")
            )
            if self._parts[section - 1].flags & _INSTRUCTIONS and name and better:
                found[address] = Function(name, address, size=0, local=local)
        starts = sorted(found)
        ends = [*starts[1:], *starts[-1:]]
        return tuple(
            attrs.evolve(found[start], size=self._end(start, end) - start)
            for start, end in zip(starts, ends, strict=True)
        )

    def code(self) -> Iterator[bytes]:
        """The bytes of its instructions, a section at a time.

        Raises:
            BinaryError: if it was cut.
        """
        for part in self._parts:
            if part.flags & _INSTRUCTIONS:
                yield self.file.read(part.offset, part.size, "code")

    def function(self, name: str) -> tuple[Function, ...]:
        """The functions of a name, sorted by address."""
        return tuple(f for f in self.functions if f.name == name)

    def debug_info(self) -> DebugInfo:
        """Its debug information, from itself or from the bundle ``PATH.dSYM`` beside it.

        Raises:
            DebugInfoError: if there is none.
            BinaryError: if a bundle is corrupt.
        """
        from tracekit.symbols.dwarf.info import DebugInfo
        from tracekit.symbols.dwarf.reader import Source

        found: MachO | None = self
        sections = self.sections()
        if ".debug_info" not in sections:
            found = self._bundled()
            sections = {} if found is None else found.sections()
        if found is None or ".debug_info" not in sections:
            raise DebugInfoError(
                f"{self.path} has no debug information, and there is no {self.path}.dSYM that belongs to it",
                "Compile it with -g and run dsymutil on it where it was linked; build Go without -ldflags=-w.",
            )
        return DebugInfo(Source(found.path, sections, "<", apple=True), self.machine)

    def _bundled(self) -> MachO | None:
        bundle = f"{os.path.realpath(self.path)}.dSYM"
        for path in _in_bundle(bundle):
            other = open_macho(path, self.machine)
            if self.build_id and other.build_id == self.build_id:
                return other
        return None

    def sections(self) -> Mapping[str, Section]:
        """Its sections of debug information, under the names that ELF gives them.

        Raises:
            DebugInfoError: if one is corrupt.
        """
        from tracekit.symbols.dwarf.sections import Section, zdebug

        found = {}
        for part in self._parts:
            if part.segment == _DWARF and part.size and part.name.startswith((b"__debug_", b"__zdebug_")):
                zipped = part.name.startswith(b"__z")
                name = f".debug_{_whole(part.name.partition(b'debug_')[2].decode('ascii', 'replace'), zipped)}"

                def fetch(offset: int, size: int, part: _Part = part) -> bytes:
                    return self.file.read(part.offset + offset, size, part.name.decode("ascii", "replace"))

                found[name] = zdebug(name, part.size, fetch) if zipped else Section(name, part.size, fetch)
        return found

    def _end(self, start: int, following: int) -> int:
        ends = [p.address + p.size for p in self._parts if p.address <= start < p.address + p.size]
        end = min(ends, default=start)
        return min(end, following) if following > start else end


def open_macho(path: str, machine: str = "") -> MachO:
    """Read what a Mach-O binary is.

    Args:
        path: the binary, or a ``.dSYM`` bundle, which stands for the binary it was made from.
        machine: which architecture is meant: ``x86_64``, ``aarch64`` or ``arm64``. If empty, the binary's; of a
            fat binary that of this machine, or else its first.

    Raises:
        BinaryError: if it is missing, unreadable, corrupt, no 64-bit Mach-O, or for another architecture.
    """
    machine = _SYNONYMS.get(machine, machine)
    if os.path.isdir(path):
        inside = list(_in_bundle(path))
        if len(inside) != 1:
            raise BinaryError(f"{path} is no .dSYM bundle of one binary", "Name the binary.")
        path = inside[0]
    try:
        file = File(open_regular(path), path)
    except (OSError, ValueError) as error:
        raise BinaryError(f"{path!r} can't be opened: {error}") from None
    start, size = _slice(file, machine)
    return _read(file, start, size, machine)


def _in_bundle(bundle: str) -> Iterator[str]:
    folder = os.path.join(bundle, "Contents", "Resources", "DWARF")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        yield os.path.join(folder, name)


def _slice(file: File, machine: str) -> tuple[int, int]:
    """Where an architecture's part of a file begins, and how long it is."""
    magic = file.read(0, 4, "first bytes")
    if magic not in _FAT:
        return 0, file.size
    row = struct.Struct(_FAT[magic])
    (count,) = struct.unpack(">I", file.read(4, 4, "header"))
    if count > _MOST_ARCHITECTURES:
        raise BinaryError(f"{file.path} is not a Mach-O binary")
    parts = {
        _MACHINES.get(cpu, f"processor {cpu:#x}"): (start, size)
        for cpu, _, start, size, *_ in row.iter_unpack(file.read(8, row.size * count, "header"))
    }
    wanted = machine or platform.machine()
    if wanted in parts:
        return parts[wanted]
    if parts and not machine:
        return next(iter(parts.values()))
    raise BinaryError(f"{file.path} has no part for {machine}; it has those for {', '.join(parts)}")


def _read(file: File, start: int, size: int, machine: str) -> MachO:
    if start + size > file.size:
        raise BinaryError(f"{file.path} is truncated or corrupt: its architecture's part lies beyond its end")
    header = file.read(start, 32, "Mach-O header")
    if not header.startswith(_MAGIC):
        raise BinaryError(f"{file.path} is not a 64-bit Mach-O binary", "Name the compiled program or library.")
    _, cpu, _, _, count, commands_size, _, _ = struct.unpack("<8I", header)
    machine = machine or _MACHINES.get(cpu, "a known one")
    if _MACHINES.get(cpu) != machine:
        raise BinaryError(f"{file.path} is for {_MACHINES.get(cpu, f'processor {cpu:#x}')}, not for {machine}")
    parts: list[_Part] = []
    symbols = (0, 0, 0, 0)
    build_id = ""
    for kind, command in _commands(file, start, count, commands_size):
        if kind == _LC_SEGMENT_64:
            parts += _segment(file, start, command)
        elif kind == _LC_SYMTAB and len(command) >= 16:
            at, rows, names, names_size = struct.unpack_from("<4I", command)
            symbols = (start + at, rows, start + names, names_size)
        elif kind == _LC_UUID:
            build_id = command[:16].hex()
    return MachO(file.path, machine, build_id, file, tuple(parts), symbols)


def _commands(file: File, start: int, count: int, size: int) -> Iterator[tuple[int, bytes]]:
    data = file.read(start + 32, size, "load commands")
    at = 0
    for _ in range(count):
        kind, length = struct.unpack_from("<II", data, at) if at + 8 <= size else (0, 0)
        if length < 8 or at + length > size:
            raise BinaryError(f"{file.path} is corrupt: its load commands have wrong sizes")
        yield kind & 0x7FFFFFFF, data[at + 8 : at + length]
        at += length


def _segment(file: File, start: int, command: bytes) -> Iterator[_Part]:
    """The sections of a segment; those of zeros have no place in the file, nor need any."""
    (count,) = struct.unpack_from("<I", command, 56) if len(command) >= 64 else (0,)
    if 64 + 80 * count > len(command):
        raise BinaryError(f"{file.path} is corrupt: a segment's sections lie beyond its end")
    for name, segment, address, size, offset, _, _, _, flags in struct.iter_unpack(
        "<16s16sQQIIIII12x", command[64 : 64 + 80 * count]
    ):
        yield _Part(name.rstrip(b"\0"), segment.rstrip(b"\0"), address, size, start + offset, flags)


def _whole(name: str, zipped: bool) -> str:
    """A section's name without ``__debug_``, as it was before it was cut."""
    room = _LONGEST - len("__zdebug_" if zipped else "__debug_")
    return next((whole for whole in _CUT if len(name) == room and whole.startswith(name)), name)
