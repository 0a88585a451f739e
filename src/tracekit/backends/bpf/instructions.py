"""eBPF's instructions: what there is, their encoding, and how they are printed. Pure.

Source of every code below: RFC 9669 (BPF Instruction Set Architecture), the section is given at each table. The
text is that of the kernel's own disassembler (``kernel/bpf/disasm.c``), which bpftool and the verifier's log
have too.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from typing import Final, Literal

from tracekit.values import frozen

Operator = Literal["+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "%=", "^=", "=", "s>>="]
Comparison = Literal["==", ">", ">=", "&", "!=", "s>", "s>=", "<", "<=", "s<", "s<="]

ARITHMETIC: Final[Mapping[Operator, int]] = {
    "+=": 0x00, "-=": 0x10, "*=": 0x20, "/=": 0x30, "|=": 0x40, "&=": 0x50,
    "<<=": 0x60, ">>=": 0x70, "%=": 0x90, "^=": 0xA0, "=": 0xB0, "s>>=": 0xC0,
}  # fmt: skip
"""Section 4.1, Arithmetic Instructions; of 64 bits all of them here."""

JUMPS: Final[Mapping[Comparison, int]] = {
    "==": 0x10, ">": 0x20, ">=": 0x30, "&": 0x40, "!=": 0x50, "s>": 0x60, "s>=": 0x70,
    "<": 0xA0, "<=": 0xB0, "s<": 0xC0, "s<=": 0xD0,
}  # fmt: skip
"""Section 4.3, Jump Instructions: the condition under which it jumps, ``s`` for signed."""

SIZES: Final[Mapping[int, int]] = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
"""Section 5, Load and Store Instructions: how many bytes."""

_LDX, _ST, _STX, _JMP, _ALU64 = 0x01, 0x02, 0x03, 0x05, 0x07  # section 3.1, Instruction Classes
_REGISTER: Final = 0x08  # section 4: the source is a register, and no number
_MEM, _ATOMIC, _WIDE = 0x60, 0xC0, 0x18  # section 5: modes; and the load of a number of 64 bits
_GOTO, _CALL, _EXIT, _NEGATE = 0x05, 0x85, 0x95, 0x87
_MAP: Final = 1  # section 5.4: the number is a map's descriptor

FETCH: Final = 0x01
"""Section 5.3, Atomic Operations: the register gets what was there before."""

_SHORT: Final = range(-(1 << 15), 1 << 15)


class Register(enum.IntEnum):
    """The registers, by the calling convention of section 2.2.

    ``R0`` has results, ``R1`` to ``R5`` a call's arguments, which it destroys; ``R6`` to ``R9`` survive calls;
    ``FP`` points above the stack's 512 bytes.
    """

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    FP = 10


@frozen
class Instruction:
    """One instruction.

    Attributes:
        code: its operation code.
        text: it, for people.
        dst: the register that it changes, or compares, or that an address is in.
        src: the register that it reads, or what kind of number ``number`` is.
        offset: what is added to an address; of a jump, how many instruction words it skips.
        number: its number.
        map: the name of the map whose descriptor is the number; empty for others.
        target: the label that it jumps to; empty for others.
    """

    code: int
    text: str
    dst: int = 0
    src: int = 0
    offset: int = 0
    number: int = 0
    map: str = ""
    target: str = ""

    @property
    def words(self) -> int:
        """How many words of 8 bytes it takes."""
        return 2 if self.code == _WIDE else 1

    @property
    def ends(self) -> bool:
        """Whether the instruction behind it doesn't come next."""
        return self.code in (_GOTO, _EXIT)

    def encode(self, descriptors: Mapping[str, int]) -> bytes:
        """Its bytes, on a little-endian machine.

        Args:
            descriptors: those of the maps, by their names.
        """
        number = descriptors[self.map] if self.map else self.number
        low = number & 0xFFFFFFFF
        first = struct.pack("<BBhI", self.code, self.dst | self.src << 4, self.offset, low)
        if self.words == 1:
            return first
        return first + struct.pack("<BBhI", 0, 0, 0, number >> 32 & 0xFFFFFFFF)


def arithmetic(operator: Operator, dst: Register, source: Register | int) -> Instruction:
    """``dst operator source``, of 64 bits; a number is extended from 32 bits by its sign."""
    code = _ALU64 | ARITHMETIC[operator]
    if isinstance(source, Register):
        return Instruction(code | _REGISTER, f"{_r(dst)} {operator} {_r(source)}", dst, source)
    return Instruction(code, f"{_r(dst)} {operator} {source}", dst, number=source)


def negation(dst: Register) -> Instruction:
    """``dst = -dst``."""
    return Instruction(_NEGATE, f"{_r(dst)} = -{_r(dst)}", dst)


def wide(dst: Register, number: int) -> Instruction:
    """``dst = number``, of 64 bits."""
    number %= 1 << 64
    return Instruction(_WIDE, f"{_r(dst)} = {number:#x} ll", dst, number=number)


def of_map(dst: Register, name: str) -> Instruction:
    """``dst`` = the map of that name."""
    return Instruction(_WIDE, f"{_r(dst)} = map {name}", dst, _MAP, map=name)


def load(dst: Register, base: Register, offset: int, size: int = 8) -> Instruction:
    """``dst = *(base + offset)``, without sign."""
    text = f"{_r(dst)} = {_memory(base, offset, size)}"
    return Instruction(_LDX | _MEM | SIZES[size], text, dst, base, offset)


def store(base: Register, offset: int, source: Register | int, size: int = 8) -> Instruction:
    """``*(base + offset) = source``."""
    text = f"{_memory(base, offset, size)} = {_r(source) if isinstance(source, Register) else source}"
    if isinstance(source, Register):
        return Instruction(_STX | _MEM | SIZES[size], text, base, source, offset)
    return Instruction(_ST | _MEM | SIZES[size], text, base, offset=offset, number=source)


def atomic_add(base: Register, offset: int, source: Register, *, fetch: bool = False) -> Instruction:
    """``*(base + offset) += source`` at once; with ``fetch`` the source then has what was there before."""
    where = _memory(base, offset, 8)
    text = (
        f"{_r(source)} = atomic64_fetch_add({where}, {_r(source)})"
        if fetch
        else f"lock {where} += {_r(source)}"
    )
    return Instruction(_STX | _ATOMIC | SIZES[8], text, base, source, offset, number=FETCH if fetch else 0)


def compare_exchange(base: Register, offset: int, source: Register) -> Instruction:
    """If ``*(base + offset)`` is ``r0``, it becomes ``source``; ``r0`` gets what was there before."""
    text = f"r0 = atomic64_cmpxchg({_memory(base, offset, 8)}, r0, {_r(source)})"
    return Instruction(_STX | _ATOMIC | SIZES[8], text, base, source, offset, number=0xF0 | FETCH)


def jump(comparison: Comparison, left: Register, right: Register | int, target: str) -> Instruction:
    """``if left comparison right goto target``."""
    code = _JMP | JUMPS[comparison]
    shown = _r(right) if isinstance(right, Register) else str(right)
    text = f"if {_r(left)} {comparison} {shown} goto"
    if isinstance(right, Register):
        return Instruction(code | _REGISTER, text, left, right, target=target)
    return Instruction(code, text, left, number=right, target=target)


def goto(target: str) -> Instruction:
    """Jump to a label."""
    return Instruction(_GOTO, "goto", target=target)


def call(number: int, name: str) -> Instruction:
    """Call a helper of the kernel."""
    return Instruction(_CALL, f"call {name}#{number}", number=number)


def leave() -> Instruction:
    """End the program; its result is ``r0``."""
    return Instruction(_EXIT, "exit")


def fits(number: int) -> bool:
    """Whether an instruction has room for a number, which it extends by its sign."""
    return -(1 << 31) <= number < 1 << 31


def reaches(offset: int) -> bool:
    """Whether a jump can skip so many words."""
    return offset in _SHORT


def _memory(base: Register, offset: int, size: int) -> str:
    return f"*(u{8 * size} *)({_r(base)} {'-' if offset < 0 else '+'} {abs(offset)})"


def _r(register: Register) -> str:
    return "r10" if register is Register.FP else f"r{int(register)}"
