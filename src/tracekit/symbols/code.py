"""A function's instructions, and what each of them does: what it reads, writes and jumps to."""

from __future__ import annotations

import re
from typing import Any, Final

import capstone

from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.widths import full, is_narrow
from tracekit.values import frozen

_CLEARING: Final = ("xor", "sub", "eor", "pxor", "vxor", "vpxor", "pcmpeq", "vpcmpeq")
"""Instructions whose result is always the same if both of their operands are that register."""

_WHOLE: Final = (
    "add", "sub", "mul", "div", "min", "max", "and", "or", "xor", "cmp", "shuf", "f", "padd", "psub", "pmul",
    "pmin", "pmax", "pand", "por", "pxor", "pcmp", "psll", "psrl", "psra", "pshuf",
)  # fmt: skip
"""Beginnings of the instructions on vector registers that need what is in the one that they write."""

_WIDTHS: Final = {"b": 1, "h": 2, "w": 4, "s": 4, "x": 8, "f": 8, "l": 8, "d": 8, "q": 16}
"""Bytes of arm64's registers by their names' first letters; x29 and x30 are ``fp`` and ``lr``."""

_ENDS: Final = frozenset({"ret", "retaa", "retab", "ud2", "hlt", "brk", "udf"})


_EXTRACTS: Final = frozenset(
    {"ubfiz", "ubfx", "sbfiz", "sbfx", "lsl", "lsr", "asr", "sxtb", "sxth", "sxtw", "uxtb", "uxth"}
)
"""Instructions of arm64 of which capstone 5.0.7 says that they read the register that they write."""

_STRINGS: Final = re.compile(r"^rep|^(?:movs|stos|cmps|scas|lods)[bwdq]$")
"""The string instructions of x86-64."""


@frozen
class Ways:
    """Where code goes on behind an instruction.

    Attributes:
        within: addresses in the function.
        leaves: whether it may go on elsewhere, too.
    """

    within: tuple[int, ...]
    leaves: bool = False


class Code:
    """A function's instructions, decoded as they are asked for.

    Registers go by their names at full width, so that ``edi`` is ``rdi``.
    """

    def __init__(self, image: Image, function: Function) -> None:
        self._machine = image.machine
        x86 = image.machine == "x86_64"
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_X86 if x86 else capstone.CS_ARCH_ARM64,
            capstone.CS_MODE_64 if x86 else capstone.CS_MODE_ARM,
        )
        self._decoder.detail = True
        self._start = function.address
        self._end = function.address + function.size
        self._bytes = image.instructions(function.address, function.size)
        self._names: dict[int, str] = {}
        self._decoded: dict[int, capstone.CsInsn | None] = {}

    def at(self, address: int) -> capstone.CsInsn | None:
        """The instruction at an address of the function; None if there is none."""
        if address not in self._decoded:
            offset = address - self._start
            inside = self._start <= address < self._end
            code = self._bytes[offset : offset + 16] if inside else b""
            self._decoded[address] = next(self._decoder.disasm(code, address, 1), None)
        return self._decoded[address]

    def ways(self, instruction: Any) -> Ways:
        """Where code goes on behind an instruction."""
        word = instruction.mnemonic.split()[-1]
        following = instruction.address + instruction.size
        if word in _ENDS:
            return Ways(())
        if self.is_call(instruction) or not self._is_jump(instruction):
            return Ways((following,))
        target = self.target(instruction)
        inside = target is not None and self._start <= target < self._end
        found = (target,) if inside and target is not None else ()
        return Ways(found if self._is_unconditional(word) else (*found, following), leaves=not inside)

    def is_call(self, instruction: Any) -> bool:
        return bool(instruction.group(capstone.CS_GRP_CALL)) or instruction.mnemonic in ("bl", "blr")

    def _is_jump(self, instruction: Any) -> bool:
        return bool(instruction.group(capstone.CS_GRP_JUMP))

    def _is_unconditional(self, word: str) -> bool:
        return word in ("jmp", "b", "br")

    def target(self, instruction: Any) -> int | None:
        last = instruction.operands[-1]
        return int(last.imm) if last.type == capstone.CS_OP_IMM else None

    def reads(self, instruction: Any) -> set[str]:
        """The registers that an instruction reads, by their names at full width."""
        names = {self.name(r) for r in instruction.regs_access()[0]}
        if self._machine == "aarch64" and instruction.mnemonic in _EXTRACTS:
            into, *sources = (self.name(o.reg) for o in instruction.operands if o.type == capstone.CS_OP_REG)
            return names if into in sources else names - {into}
        return names

    def needs(self, instruction: Any, name: str) -> bool:
        """Whether an instruction that reads a register needs what is in it.

        One that sets a part of a vector register reads the rest, which may be of no use.
        """
        if not name.startswith(("xmm", "v")):
            return True
        _, written = instruction.regs_access()
        return instruction.mnemonic.startswith(_WHOLE) or name not in map(self.name, written)

    def is_clearing(self, instruction: Any) -> bool:
        """Whether an instruction's result doesn't depend on the register that it reads."""
        operands = instruction.operands
        return (
            instruction.mnemonic.startswith(_CLEARING)
            and len(operands) >= 2
            and all(o.type == capstone.CS_OP_REG for o in operands)
            and len({self.name(o.reg) for o in operands[-2:]}) == 1
        )

    def name(self, register: int) -> str:
        """A register's name at full width."""
        if register not in self._names:
            self._names[register] = full(self._decoder.reg_name(register) or "", self._machine)
        return self._names[register]

    def is_whole(self, register: int) -> bool:
        """Whether a register is one at full width."""
        return str(self._decoder.reg_name(register)) == self.name(register)

    def is_narrow(self, register: int) -> bool:
        """Whether writing a register leaves a part of the full one as it was."""
        name = self._decoder.reg_name(register) or ""
        return self._machine == "x86_64" and is_narrow(name)

    def source(self, instruction: Any) -> str:
        operands = instruction.operands
        if len(operands) < 2 or operands[1].type != capstone.CS_OP_REG:
            return ""
        return self.name(operands[1].reg)

    def loaded(self, instruction: Any, operand: Any) -> int:
        """How many bytes of memory an instruction reads by one of its operands."""
        if self._machine == "aarch64":
            return self._width(instruction) if instruction.mnemonic.startswith("ld") else 0
        return int(operand.size) if operand.access & capstone.CS_AC_READ else 0

    def _width(self, instruction: Any) -> int:
        """Bytes that an instruction of arm64 loads."""
        word, first = instruction.mnemonic, self._decoder.reg_name(instruction.operands[0].reg) or ""
        by_suffix = {"b": 1, "h": 2}.get(word[-1]) if word[:3] in ("ldr", "ldu") and len(word) > 3 else None
        if by_suffix is None:
            by_suffix = 4 if word.endswith("sw") else _WIDTHS.get(first[:1], 16)
        return by_suffix * (2 if word.startswith(("ldp", "ldnp")) else 1)

    def copied(self, instruction: Any) -> tuple[str, str] | None:
        """Into which register an instruction copies which, as a whole."""
        registers = [o.reg for o in instruction.operands if o.type == capstone.CS_OP_REG]
        if instruction.mnemonic != "mov" or len(registers) != 2:
            return None
        into, source = map(self.name, registers)
        return (into, source) if all(map(self.is_whole, registers)) else None

    def moves_base(self, instruction: Any) -> bool:
        """Whether an instruction moves on the register that it reads or writes memory by."""
        if self._machine == "aarch64":
            return bool(instruction.writeback)
        # Those of the same names on floating-point numbers have registers.
        registers = {self.name(o.reg) for o in instruction.operands if o.type == capstone.CS_OP_REG}
        return _STRINGS.search(instruction.mnemonic) is not None and registers <= {"rax"}
