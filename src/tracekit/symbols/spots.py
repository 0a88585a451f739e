"""What stands at places of a binary's file: the function, and whether it can be told who called it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from tracekit.symbols import elf
from tracekit.symbols.demangle import readable
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import by_address, defined, function
from tracekit.symbols.spelling import decode
from tracekit.values import frozen

_PROLOGUE: Final = 64
"""Bytes in which a function sets up its frame, if it does."""

_FRAME_X86: Final = re.compile(
    rb"\x48\x89\xe5|\x48\x8b\xec"  # mov rbp, rsp
    rb"|\x48\x8d\x6c\x24|\x48\x8d\xac\x24"  # lea rbp, [rsp + n]
)
_FRAME_ARM: Final = 0x910003FD  # add x29, sp, n (mov x29, sp)


@frozen
class Spot:
    """What stands at a place of a file.

    Attributes:
        name: the function's, as its source has it; empty if no symbol covers the place.
        offset: bytes from the function's first instruction.
        code: whether there are instructions at all.
        keeps_frame: whether the function has a frame pointer point at its frame; as if not, where no symbol
            tells where it begins.
    """

    name: str
    offset: int
    code: bool
    keeps_frame: bool


def spots(image: Image, places: tuple[int, ...]) -> tuple[Spot, ...]:
    """What stands at places of a binary's file.

    Args:
        image: the binary.
        places: bytes from the file's start.

    Raises:
        BinaryError: if the binary is corrupt.
    """
    functions = by_address(
        function(decode(table.name(row)), elf.Symbol(*row)) for table, row in defined(image) if row[5]
    )
    starts = [f.address for f in functions]
    return tuple(_spot(image, functions, starts, place) for place in places)


def _spot(image: Image, functions: tuple[Function, ...], starts: list[int], place: int) -> Spot:
    address = next(_addresses(image, place), None)
    if address is None or not image.is_code(address):
        return Spot("", 0, code=False, keeps_frame=False)
    at = bisect_right(starts, address) - 1
    found = functions[at] if at >= 0 else None
    if found is None or address >= found.address + found.size:
        return Spot("", 0, code=True, keeps_frame=False)
    return Spot(
        readable(found.name), address - found.address, code=True, keeps_frame=_keeps_frame(image, found)
    )


def _addresses(image: Image, place: int) -> Iterator[int]:
    """The virtual addresses of a place of the file where it is run."""
    for segment in image.headers.segments:
        executable = segment.type == elf.PT_LOAD and segment.flags & elf.PF_X
        if executable and 0 <= place - segment.offset < segment.file_size:
            yield place - segment.offset + segment.address


def _keeps_frame(image: Image, found: Function) -> bool:
    body = image.instructions(found.address, min(found.size, _PROLOGUE))
    if image.machine == "x86_64":
        return _FRAME_X86.search(body) is not None
    words = (int.from_bytes(body[n : n + 4], "little") for n in range(0, len(body) - 3, 4))
    return any(word & 0xFFC003FF == _FRAME_ARM for word in words)
