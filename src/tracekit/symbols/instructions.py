"""Where instructions begin.

A probe in the middle of an instruction ends the target (SIGSEGV or SIGILL): engines check that only in their
safe mode, or never. So it is checked here, by decoding from the function's start.
"""

from __future__ import annotations

import struct
from bisect import bisect_right

from tracekit.errors import BinaryError
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import Function

_HINT = "Use the start of one of its instructions, as 'objdump -d' or gdb's 'disassemble' shows them."


def check_instruction(image: Image, function: Function, offset: int = 0) -> None:
    """Refuse a place that is not the start of an instruction.

    Args:
        image: the binary.
        function: a function or a place in one, as ``find`` gives it.
        offset: bytes after ``function.address``.

    Raises:
        BinaryError: if the place is inside an instruction or outside of the function, or if nothing tells
            where the function starts.
    """
    target = function.address + offset
    if offset and offset >= function.size:
        raise BinaryError(
            f"{function.name}+{offset} is not in {function.name}, which has {function.size} bytes", _HINT
        )
    known = function.size > 0
    start = function.address - function.offset if known else _unwind_start(image, target)
    if start is None:
        raise BinaryError(
            f"nothing in {image.path} tells where the instructions around {target:#x} begin",
            "A probe inside an instruction would end the program: use a binary with symbols.",
        )
    if start != target and target not in _starts(image, start, target):
        raise BinaryError(
            f"{target:#x} is inside an instruction of {image.path}, where a probe would end the program", _HINT
        )


def _starts(image: Image, start: int, end: int) -> set[int]:
    """The addresses of instructions from a function's start up to and with ``end``."""
    import capstone  # 30 ms, and only for probes inside of functions

    modes = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }
    if image.machine not in modes:
        raise BinaryError(f"{image.path}: instructions of {image.machine} can't be decoded here")
    code = image.instructions(start, end - start + 16)
    decoder = capstone.Cs(*modes[image.machine])
    return {address for address, *_ in decoder.disasm_lite(code, start)}


def _unwind_start(image: Image, address: int) -> int | None:
    """The start of the function around an address by the unwinder's table, which stripping leaves.

    Source: Linux Standard Base 5.0, core, 10.6.2 (``.eh_frame_hdr``). Only the form that linkers write is
    read: a sorted table of 32-bit offsets from the section (encoding 0x3b), its length as 32 bits (0x03).
    """
    section = image.section(b".eh_frame_hdr")
    if section is None or section.size < 12:
        return None
    data = image.file.read(section.offset, section.size, ".eh_frame_hdr")
    version, _, count_encoding, table_encoding = data[:4]
    if (version, count_encoding, table_encoding) != (1, 0x03, 0x3B):
        return None
    (count,) = struct.unpack_from(image.headers.order + "I", data, 8)
    rows = data[12 : 12 + 8 * count]
    starts = [
        section.address + place
        for place, _ in struct.iter_unpack(image.headers.order + "ii", rows[: len(rows) // 8 * 8])
    ]
    at = bisect_right(starts, address) - 1
    return starts[at] if at >= 0 else None
