"""The sections that hold debug information, read piece by piece and decompressed only when needed.

Sources: System V gABI 4.1, chapter 4 ("Section compression": ``SHF_COMPRESSED``, ``Elf64_Chdr``); the older
``.zdebug_`` form is of binutils' ``bfd/compress.c``: ``ZLIB``, the size as 8 bytes big endian, the data.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

from tracekit.symbols import elf
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.opening import MAX_READ, File

_SHF_COMPRESSED: Final = 0x800
_ZLIB: Final = 1
_ZSTD: Final = 2
_MOST_TIMES: Final = 50
"""How many times larger a section may become; zlib can do a thousand, compilers' output seldom ten."""

_HARMLESS: Final = 16 << 20
"""Bytes that a section may have whatever it was made of."""

_CHUNK: Final = 16384
"""Bytes that are read ahead: strings stand far from one another, and units are read as a whole elsewhere."""

_OTHERS: Final = (b".gnu_debuglink", b".gnu_debugaltlink")

Fetch = Callable[[int, int], bytes]
"""Gives the bytes from an offset on, as many as asked for."""


class Section:
    """A section's content.

    Attributes:
        name: in the form ``.debug_info``, whatever the file calls it.
        size: bytes, after decompression.
    """

    def __init__(self, name: str, size: int, fetch: Fetch) -> None:
        self.name = name
        self.size = size
        self._fetch = fetch

    def read(self, offset: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``offset`` on.

        Raises:
            DebugInfoError: if the section doesn't have them.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise DebugInfoError(
                f"the debug information is corrupt: something lies beyond the end of {self.name}"
            )
        return self._fetch(offset, size)

    @cached_property
    def content(self) -> bytes:
        """All of it."""
        return self.read(0, self.size)

    @cached_property
    def stream(self) -> io.BufferedReader:
        """It as a file."""
        return io.BufferedReader(_Stream(self), _CHUNK)


class _Stream(io.RawIOBase):
    def __init__(self, section: Section) -> None:
        self._section = section
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._section.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), max(0, self._section.size - self._at))
        buffer[:size] = self._section.read(self._at, size) if size else b""
        self._at += size
        return size


def elf_sections(file: File, headers: elf.Headers) -> Mapping[str, Section]:
    """The sections of an ELF file that belong to debug information, by their names.

    Raises:
        DebugInfoError: if one is compressed in a way that can't be read here, or corrupt.
        BinaryError: if the file is truncated.
    """
    found = {}
    for row in headers.sections:
        if row.type == elf.SHT_NOBITS or not row.size:
            continue
        if row.name.startswith((b".debug_", b".zdebug_")) or row.name in _OTHERS:
            section = _elf_section(file, headers.order, row)
            found[section.name] = section
    return found


def zdebug(name: str, size: int, fetch: Fetch) -> Section:
    """A section that is compressed in the old way, from the content it has in the file.

    Raises:
        DebugInfoError: if it is not.
    """
    start = fetch(0, min(size, 12))
    if len(start) < 12 or not start.startswith(b"ZLIB"):
        raise DebugInfoError(f"the debug information is corrupt: {name} is not compressed as its name says")
    return _inflated(name, int.from_bytes(start[4:], "big"), size, lambda: fetch(12, size - 12))


def _elf_section(file: File, order: str, row: elf.Section) -> Section:
    name = row.name.decode("ascii", "replace")

    def fetch(offset: int, size: int) -> bytes:
        return file.read(row.offset + offset, size, name)

    if row.name.startswith(b".zdebug_"):
        return zdebug(name.replace(".z", ".", 1), row.size, fetch)
    if not row.flags & _SHF_COMPRESSED:
        return Section(name, row.size, fetch)
    if row.size < 24:
        raise DebugInfoError(f"{file.path} is corrupt: its section {name} is too short")
    kind, _, size = struct.unpack(order + "IIQ", fetch(0, 16))
    if kind != _ZLIB:
        how = "zstd" if kind == _ZSTD else f"method {kind}"
        raise DebugInfoError(
            f"{file.path} has debug information that is compressed by {how}, which can't be read here",
            "Let gdb read it, or compress it anew: objcopy --compress-debug-sections=zlib.",
        )
    return _inflated(name, size, row.size, lambda: fetch(24, row.size - 24))


def _inflated(name: str, size: int, before: int, compressed: Callable[[], bytes]) -> Section:
    inflater = zlib.decompressobj()
    content, rest = bytearray(), b""

    def fetch(offset: int, wanted: int) -> bytes:
        nonlocal rest
        if size > MAX_READ or size > max(_HARMLESS, _MOST_TIMES * before):
            raise DebugInfoError(
                f"{name} has {before} bytes, and {size} when decompressed: more than is read here"
            )
        rest = rest or (b"" if content else compressed())
        # No further than asked for: what is wanted is mostly in a few places.
        while (missing := offset + wanted - len(content)) > 0:
            try:
                more = inflater.decompress(rest, missing)
            except zlib.error as error:
                raise DebugInfoError(
                    f"the debug information is corrupt: {name} can't be decompressed"
                ) from error
            rest = inflater.unconsumed_tail
            if not more:
                raise DebugInfoError(f"the debug information is corrupt: {name} is too short when decompressed")
            content.extend(more)
        return bytes(content[offset : offset + wanted])

    return Section(name, size, fetch)
