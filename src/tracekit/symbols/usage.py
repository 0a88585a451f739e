"""What a function's code reads of what it is called with.

Optimisers look at a function and its callers together: what the function never reads, callers needn't write.
LLVM leaves such arguments out (``DeadArgumentElimination``), also on the stack and in structs that are copied
for the call; GCC, from version 12 on, leaves out what a hidden pointer points at (``ipa-modref``). The
debug information doesn't always tell, but the code does.

What isn't understood counts as a read: the question is only which arguments are certainly not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import Function

if TYPE_CHECKING:
    import capstone

_MOST_STEPS: Final = 200_000
_EVERYTHING: Final = range(-(1 << 62), 1 << 62)

_STACK: Final = {"x86_64": "rsp", "aarch64": "sp"}
_ENDS: Final = frozenset({"ret", "retaa", "retab", "ud2", "hlt", "brk", "udf"})


@attrs.frozen
class Usage:
    """What a function reads.

    Attributes:
        registers: the registers for arguments that it reads before it writes them, or that may still hold an
            argument when it calls another function; None for all.
        stack: the bytes that it reads, or whose address it takes, counted from the stack pointer at its entry.
    """

    registers: frozenset[str] | None
    stack: tuple[range, ...]

    def reads_register(self, name: str) -> bool:
        """Whether it reads a register."""
        return self.registers is None or name in self.registers

    def reads_stack(self, offset: int, size: int) -> bool:
        """Whether it reads any of some bytes on the stack."""
        return any(r.start < offset + size and offset < r.stop for r in self.stack)


EVERYTHING: Final = Usage(None, (_EVERYTHING,))
"""What a function reads of which nothing is known."""


NOTHING: Final = Usage(frozenset(), ())
"""What a function reads whose code can't be looked at, if what can't be shown to be read isn't to count."""


def usage(image: Image, function: Function, registers: Sequence[str], skip: int = 0) -> Usage:
    """What a function reads of its arguments, by its code.

    Args:
        image: the binary.
        function: a function as ``find`` gives it.
        registers: the registers that may hold arguments, general and vector ones.
        skip: bytes from its first instruction to the one where it is looked at from: in Go, where the stack has
            been checked.

    Raises:
        BinaryError: if the file was cut.
    """
    if not function.size or function.offset or image.machine not in _STACK:
        return EVERYTHING
    try:
        return _Flow(image, function).follow(registers, skip)
    except BinaryError:
        raise
    except Exception:
        return EVERYTHING


@attrs.frozen
class _State:
    """What holds before an instruction.

    Attributes:
        incoming: argument registers that still hold what the function was called with.
        depth: the stack pointer less what it was at the entry; None if not known.
        frame: the same of the frame pointer.
    """

    incoming: frozenset[str]
    depth: int | None = 0
    frame: int | None = None


class _Flow:
    """Follows a function's code along all of its ways."""

    def __init__(self, image: Image, function: Function) -> None:
        import capstone

        self._capstone = capstone
        self._machine = image.machine
        x86 = image.machine == "x86_64"
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_X86 if x86 else capstone.CS_ARCH_ARM64,
            capstone.CS_MODE_64 if x86 else capstone.CS_MODE_ARM,
        )
        self._decoder.detail = True
        self._start = function.address
        self._end = function.address + function.size
        self._code = image.instructions(function.address, function.size)
        self._sp, self._fp = (_STACK[image.machine], "rbp" if x86 else "x29")
        self._names: dict[int, str] = {}
        self._read: set[str] = set()
        self._stack: set[tuple[int, int]] = set()
        self._all_stack = False

    def follow(self, registers: Sequence[str], skip: int) -> Usage:
        seen: dict[int, _State] = {}
        pending = [(self._start + skip, _State(frozenset(registers)))]
        for _ in range(_MOST_STEPS):
            if not pending:
                stack = (_EVERYTHING,) if self._all_stack else tuple(range(*r) for r in sorted(self._stack))
                return Usage(frozenset(self._read), stack)
            address, state = pending.pop()
            before = seen.get(address)
            if before is not None:
                if state.incoming <= before.incoming:
                    continue
                state = attrs.evolve(before, incoming=before.incoming | state.incoming)
            seen[address] = state
            pending += self._step(address, state)
        return EVERYTHING

    def _step(self, address: int, state: _State) -> list[tuple[int, _State]]:
        """Carry out an instruction; give what may come next."""
        instruction = self._at(address)
        if instruction is None:
            self._leave(state)
            return []
        self._note(instruction, state)
        word = instruction.mnemonic.split()[-1]
        following = address + instruction.size
        if word in _ENDS:
            return []
        if self._is_call(instruction):
            self._read |= state.incoming
            return [(following, attrs.evolve(state, incoming=frozenset()))]
        after = self._after(instruction, state)
        if not self._is_jump(instruction):
            return [(following, after)]
        target = self._target(instruction)
        found = []
        if target is not None and self._start <= target < self._end:
            found.append((target, after))
        else:
            self._leave(state)
        if not self._is_unconditional(word):
            found.append((following, after))
        return found

    def _leave(self, state: _State) -> None:
        """Another function goes on with what the registers and the stack still hold."""
        self._read |= state.incoming
        self._all_stack = True

    def _at(self, address: int) -> capstone.CsInsn | None:
        if not self._start <= address < self._end:
            return None
        offset = address - self._start
        return next(self._decoder.disasm(self._code[offset : offset + 16], address, 1), None)

    def _name(self, register: int) -> str:
        """A register's name at full width."""
        if register not in self._names:
            self._names[register] = _full(self._decoder.reg_name(register) or "", self._machine)
        return self._names[register]

    def _note(self, instruction: Any, state: _State) -> None:
        """Note what an instruction reads."""
        read, _ = instruction.regs_access()
        if not self._is_clearing(instruction):
            self._read |= {self._name(r) for r in read} & state.incoming
        for operand in instruction.operands:
            if operand.type != self._capstone.CS_OP_MEM:
                continue
            base = self._name(operand.mem.base) if operand.mem.base else ""
            at = state.depth if base == self._sp else state.frame if base == self._fp else None
            if base in (self._sp, self._fp):
                self._note_memory(instruction, operand, at)
        self._note_address(instruction, state)

    def _note_memory(self, instruction: Any, operand: Any, at: int | None) -> None:
        if at is None:
            if self._name(operand.mem.base) == self._sp:
                self._all_stack = True
            return
        start = at + operand.mem.disp
        if operand.mem.index or instruction.mnemonic == "lea":
            self._note_from(start)
        elif operand.access & self._capstone.CS_AC_READ or self._machine == "aarch64":
            size = getattr(operand, "size", 0) or 16
            pair = 2 if instruction.mnemonic.startswith(("ldp", "stp")) else 1
            self._stack.add((start, start + size * pair))

    def _note_from(self, start: int) -> None:
        """Note that all above an address may be read: own variables, which end at 0, or arguments."""
        self._stack.add((start, 0 if start < 0 else _EVERYTHING.stop))

    def _note_address(self, instruction: Any, state: _State) -> None:
        """Note where an address on the stack gets into another register: whatever is above may be read."""
        if instruction.mnemonic not in ("mov", "add", "sub"):
            return
        operands = instruction.operands
        if len(operands) < 2 or operands[0].type != self._capstone.CS_OP_REG:
            return
        into = self._name(operands[0].reg)
        sources = [self._name(o.reg) for o in operands[1:] if o.type == self._capstone.CS_OP_REG]
        if into in (self._sp, self._fp):
            return
        for source in sources:
            at = state.depth if source == self._sp else state.frame if source == self._fp else None
            if at is not None:
                self._note_from(at)

    def _after(self, instruction: Any, state: _State) -> _State:
        _, written = instruction.regs_access()
        names = {self._name(r) for r in written if not self._is_narrow(r)}
        depth, frame = state.depth, state.frame
        if self._sp in names:
            depth = self._moved_stack(instruction, state)
        if self._fp in names:
            frame = self._moved_frame(instruction, state)
        return _State(state.incoming - names, depth, frame)

    def _moved_stack(self, instruction: Any, state: _State) -> int | None:
        depth = state.depth
        word, operands = instruction.mnemonic, instruction.operands
        if word == "leave":
            return None if state.frame is None else state.frame + 8
        if depth is None:
            return None
        if self._machine == "x86_64":
            if word.startswith("push"):
                return depth - 8
            if word.startswith("pop"):
                return depth + 8
        else:
            memory = [o for o in operands if o.type == self._capstone.CS_OP_MEM]
            if memory and instruction.writeback:
                last = operands[-1]
                by = last.imm if last.type == self._capstone.CS_OP_IMM else memory[0].mem.disp
                return depth + int(by)
        last = operands[-1] if operands else None
        if last is not None and last.type == self._capstone.CS_OP_IMM and word in ("add", "sub"):
            return depth + (int(last.imm) if word == "add" else -int(last.imm))
        if word in ("mov", "add") and self._source(instruction) == self._fp:
            return state.frame
        if word == "lea" and last is not None and last.type == self._capstone.CS_OP_MEM:
            base = self._name(last.mem.base) if last.mem.base else ""
            at = depth if base == self._sp else state.frame if base == self._fp else None
            return None if at is None or last.mem.index else at + last.mem.disp
        return None

    def _moved_frame(self, instruction: Any, state: _State) -> int | None:
        if state.depth is None:
            return None
        source, operands = self._source(instruction), instruction.operands
        last = operands[-1] if operands else None
        by = int(last.imm) if last is not None and last.type == self._capstone.CS_OP_IMM else 0
        if instruction.mnemonic in ("mov", "add") and source == self._sp:
            return state.depth + by
        return None

    def _source(self, instruction: Any) -> str:
        operands = instruction.operands
        if len(operands) < 2 or operands[1].type != self._capstone.CS_OP_REG:
            return ""
        return self._name(operands[1].reg)

    def _is_narrow(self, register: int) -> bool:
        """Whether writing a register leaves a part of the full one as it was."""
        name = self._decoder.reg_name(register) or ""
        return self._machine == "x86_64" and _is_narrow(name)

    def _is_clearing(self, instruction: Any) -> bool:
        """Whether an instruction sets a register to 0 by itself, whatever it held."""
        operands = instruction.operands
        return (
            instruction.mnemonic in ("xor", "sub", "eor")
            and len(operands) >= 2
            and all(o.type == self._capstone.CS_OP_REG for o in operands)
            and len({self._name(o.reg) for o in operands[-2:]}) == 1
        )

    def _is_call(self, instruction: Any) -> bool:
        return bool(instruction.group(self._capstone.CS_GRP_CALL)) or instruction.mnemonic in ("bl", "blr")

    def _is_jump(self, instruction: Any) -> bool:
        return bool(instruction.group(self._capstone.CS_GRP_JUMP))

    def _is_unconditional(self, word: str) -> bool:
        return word in ("jmp", "b", "br")

    def _target(self, instruction: Any) -> int | None:
        last = instruction.operands[-1]
        return int(last.imm) if last.type == self._capstone.CS_OP_IMM else None


def _full(name: str, machine: str) -> str:
    """The register of full width that one belongs to."""
    if machine == "aarch64":
        return (
            f"x{name[1:]}"
            if name[:1] == "w" and name[1:].isdigit()
            else {"fp": "x29", "lr": "x30"}.get(name, name)
        )
    if name[:1] == "r" and name[1:2].isdigit():
        return name.rstrip("dwb")
    for stem in ("di", "si", "bp", "sp"):
        if name in (f"e{stem}", stem, f"{stem}l"):
            return f"r{stem}"
    if len(name) == 2 and name[0] in "abcd" and name[1] in "xlh":
        return f"r{name[0]}x"
    return f"r{name[1:]}" if len(name) == 3 and name[0] == "e" and name[2] == "x" else name


def _is_narrow(name: str) -> bool:
    """Whether writing a register of x86-64 leaves the rest of the full one (Intel SDM volume 1, 3.4.1.1)."""
    if name[:1] == "r" and name[1:2].isdigit():
        return name[-1] in "wb"
    return name in ("di", "si", "bp", "sp", "dil", "sil", "bpl", "spl") or (
        len(name) == 2 and name[0] in "abcd" and name[1] in "xlh"
    )
