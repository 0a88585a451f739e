"""Where instructions begin.

A probe in the middle of an instruction ends the target (SIGSEGV or SIGILL): engines check that only in their
safe mode, or never. So it is checked here, by decoding from the function's start.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import NamedTuple

from tracekit.errors import BinaryError
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import named

_HINT = "Use the start of one of its instructions, as 'objdump -d' or gdb's 'disassemble' shows them."


class Instruction(NamedTuple):
    """A decoded instruction, spelled as capstone does.

    Attributes:
        address: its virtual address.
        size: how many bytes it has.
        mnemonic: what it does, with its prefixes: ``bnd ret``.
        operands: as text.
    """

    address: int
    size: int
    mnemonic: str
    operands: str


def decoded(image: Image, start: int, stop: int) -> list[Instruction]:
    """The instructions of some code, up to the first bytes that are none.

    Args:
        image: the binary.
        start: the virtual address of the first one.
        stop: the virtual address behind the code; what the file doesn't have is left out.

    Raises:
        BinaryError: if there is no code at ``start``, or instructions of its machine can't be decoded.
    """
    import capstone  # 30 ms, and only for probes inside of functions

    modes = {
        "x86_64": (capstone.CS_ARCH_X86, capstone.CS_MODE_64),
        "aarch64": (capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM),
    }
    if image.machine not in modes:
        raise BinaryError(f"{image.path}: instructions of {image.machine} can't be decoded here")
    code = image.instructions(start, stop - start)
    return [Instruction(*found) for found in capstone.Cs(*modes[image.machine]).disasm_lite(code, start)]


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


def is_function_start(image: Image, function: Function) -> bool:
    """Whether calls begin at a place, as far as the binary tells.

    A return probe elsewhere would take some word of the stack for the return address, and end the target.

    Args:
        image: the binary.
        function: a function or a place in one, as ``find`` gives it.
    """
    if function.offset:
        return False
    named_so = function.size > 0 or bool(named(image, function.name))
    return named_so or _unwind_start(image, function.address) == function.address


def _starts(image: Image, start: int, end: int) -> set[int]:
    """The addresses of instructions from a function's start up to and with ``end``."""
    return {found.address for found in decoded(image, start, end + 16)}


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
