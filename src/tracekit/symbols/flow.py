"""Following a function's code from its entry: what it reads before it writes, and where its frame is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
import capstone

from tracekit.symbols.code import Code
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.values import frozen

_MOST_STEPS: Final = 200_000
_STACK: Final = {"x86_64": "rsp", "aarch64": "sp"}
_SAVED: Final = frozenset(
    {"rbp", "rbx", "rax", *(f"r{n}" for n in range(12, 16)), *(f"x{n}" for n in range(19, 31))}
    | {f"v{n}" for n in range(8, 16)}
)
"""Registers that a prologue pushes or stores; ``rax`` only to move the stack pointer."""


@frozen
class _State:
    """What holds before an instruction.

    Attributes:
        incoming: argument registers that may still hold what the function was called with.
        untouched: those that hold it for sure, of which nothing was written on any way.
        depth: the stack pointer less what it was at the entry; None if not known.
        frame: the same of the frame pointer.
    """

    incoming: frozenset[str]
    untouched: frozenset[str]
    depth: int | None = 0
    frame: int | None = None


class Flow:
    """Follows a function's code along all of its ways.

    First as far as a register may still hold an argument, which is mostly up to the first calls; on from there
    only for who wants to know what is read of the stack, as large functions take a second.

    Attributes:
        code: the function's instructions.
        read: as ``registers`` in ``usage.Usage``.
        certain: as there.
        stack: what was met so far of what ``usage.StackUse`` has as ``read``.
        addresses: the same of its ``addresses``.
        all_stack: whether any of the stack may be read.
        endless: whether it could not be followed to its end.
    """

    def __init__(self, image: Image, function: Function) -> None:
        self.code = Code(image, function)
        self._machine = image.machine
        self._start = function.address
        self._sp, self._fp = (_STACK[image.machine], "rbp" if image.machine == "x86_64" else "x29")
        self.read: set[str] = set()
        self.stack: set[tuple[int, int]] = set()
        self.certain: set[str] = set()
        self.addresses: set[int] = set()
        self.all_stack = False
        self.endless = False
        self._seen: dict[int, _State] = {}
        self._beyond: list[tuple[int, _State]] = []

    def follow(self, registers: Sequence[str], skip: int) -> None:
        """Follow the code as far as a register may hold an argument.

        Args:
            registers: the registers that may hold arguments.
            skip: bytes from the function's address to where it begins.
        """
        start = frozenset(registers)
        self._follow([(self._start + skip, _State(start, start))], whole=False)
        self.certain = self._needed()

    def follow_beyond(self) -> None:
        """Follow the rest of the code."""
        self._follow(self._beyond, whole=True)

    def _follow(self, pending: list[tuple[int, _State]], *, whole: bool) -> None:
        for _ in range(_MOST_STEPS):
            if not pending:
                return
            address, state = pending.pop()
            if not (state.incoming or whole):
                self._beyond.append((address, state))
                continue
            before = self._seen.get(address)
            if before is not None:
                incoming, untouched = before.incoming | state.incoming, before.untouched & state.untouched
                if (incoming, untouched) == (before.incoming, before.untouched):
                    continue
                state = attrs.evolve(before, incoming=incoming, untouched=untouched)
            self._seen[address] = state
            pending += self._step(address, state)
        self.endless = True

    def _needed(self) -> set[str]:
        """The argument registers that are read where they hold what the function was called with on all ways.

        Where that holds on some ways only, LLVM may mean nothing by it (``undef``).
        """
        found = set()
        for address, state in self._seen.items():
            instruction = self.code.at(address)
            if instruction is not None and state.untouched and not self.code.is_clearing(instruction):
                names = self.code.reads(instruction) & state.untouched
                found |= {n for n in names if self.code.needs(instruction, n)}
        return found

    def bases(self) -> dict[str, int]:
        """What the stack and the frame pointer hold once the prologue has run, less the former at the entry."""
        state = self._behind_prologue()
        if state is None:
            return {}
        both = {self._sp: state.depth, self._fp: state.frame}
        return {name: at for name, at in both.items() if at is not None}

    def _behind_prologue(self) -> _State | None:
        """What holds behind the first instructions in a row that save registers and set up a frame.

        They may come after a branch that does without a frame.
        """
        start = self._frame_start()
        if start is None:
            # Before a large frame is set up, its room may be touched by a call (__rust_probestack).
            self.follow_beyond()
            start = self._frame_start()
        if start is None:  # It may be where the code could not be followed to.
            return None if self.all_stack else self._seen.get(self._start)
        address = start
        while address in self._seen and self._makes_frame(address):
            instruction = self.code.at(address)
            address += instruction.size if instruction is not None else 0
        return None if self._probes_stack(address) else self._seen.get(address)

    def _frame_start(self) -> int | None:
        return next((a for a in sorted(self._seen) if self._makes_frame(a)), None)

    def _probes_stack(self, address: int) -> bool:
        """Whether the room for a frame is touched by a call from here, and only made then."""
        for _ in range(3):
            instruction = self.code.at(address)
            if instruction is None:
                return False
            if self.code.is_call(instruction):
                following = self.code.at(address + instruction.size)
                return (
                    following is not None
                    and following.mnemonic == "sub"
                    and self.code.name(following.operands[0].reg) == self._sp
                )
            address += instruction.size
        return False

    def _makes_frame(self, address: int) -> bool:
        instruction, before = self.code.at(address), self._seen[address]
        if instruction is None:
            return False
        after = self._after(instruction, before)
        word, operands = instruction.mnemonic, instruction.operands
        if word == "push":
            register = self.code.name(operands[0].reg) if operands[0].type == capstone.CS_OP_REG else ""
            return register in _SAVED
        if word in ("stp", "str"):
            saved = {self.code.name(o.reg) for o in operands if o.type == capstone.CS_OP_REG}
            return (
                saved <= _SAVED and self.code.name(operands[-1].mem.base or operands[-2].mem.base) == self._sp
            )
        return after.frame != before.frame or (
            after.depth is not None and before.depth is not None and after.depth < before.depth
        )

    def _step(self, address: int, state: _State) -> list[tuple[int, _State]]:
        """Carry out an instruction; give what may come next."""
        instruction = self.code.at(address)
        if instruction is None:
            self._leave(state)
            self.all_stack = True
            return []
        self._note(instruction, state)
        if self.code.is_call(instruction):
            self.read |= state.incoming
            after = attrs.evolve(state, incoming=frozenset(), untouched=frozenset())
        else:
            after = self._after(instruction, state)
        ways = self.code.ways(instruction)
        if ways.leaves:
            self._leave(state)
            # What another function is called with on the stack, this one has written.
            self.all_stack = self.all_stack or self.code.target(instruction) is None
        return [(way, after) for way in ways.within]

    def _leave(self, state: _State) -> None:
        """Other code goes on with what the registers still hold."""
        self.read |= state.incoming

    def _note(self, instruction: Any, state: _State) -> None:
        """Note what an instruction reads."""
        if not self.code.is_clearing(instruction):
            self.read |= self.code.reads(instruction) & state.incoming
        for operand in instruction.operands:
            if operand.type != capstone.CS_OP_MEM:
                continue
            base = self.code.name(operand.mem.base) if operand.mem.base else ""
            at = state.depth if base == self._sp else state.frame if base == self._fp else None
            if base in (self._sp, self._fp):
                self._note_memory(instruction, operand, at)
        self._note_address(instruction, state)

    def _note_memory(self, instruction: Any, operand: Any, at: int | None) -> None:
        if at is None:
            if self.code.name(operand.mem.base) == self._sp:
                self.all_stack = True
            return
        start = at + operand.mem.disp
        if operand.mem.index or instruction.mnemonic == "lea":
            self.addresses.add(start)
        elif size := self.code.loaded(instruction, operand):
            self.stack.add((start, start + size))

    def on_stack(self, instruction: Any, operand: Any) -> int | None:
        """Where memory is that an instruction names by the stack or the frame pointer.

        Args:
            instruction: one that was followed.
            operand: which of its operands.

        Returns:
            Bytes from the stack pointer at the entry; None for memory elsewhere.
        """
        state, base = (
            self._seen.get(instruction.address),
            self.code.name(operand.mem.base) if operand.mem.base else "",
        )
        if state is None or base not in (self._sp, self._fp) or operand.mem.index:
            return None
        at = state.depth if base == self._sp else state.frame
        return None if at is None else at + int(operand.mem.disp)

    def _note_address(self, instruction: Any, state: _State) -> None:
        """Note where an address on the stack gets into another register."""
        if instruction.mnemonic not in ("mov", "add", "sub"):
            return
        operands = instruction.operands
        if len(operands) < 2 or operands[0].type != capstone.CS_OP_REG:
            return
        into = self.code.name(operands[0].reg)
        sources = [self.code.name(o.reg) for o in operands[1:] if o.type == capstone.CS_OP_REG]
        if into in (self._sp, self._fp):
            return
        for source in sources:
            at = state.depth if source == self._sp else state.frame if source == self._fp else None
            if at is not None:
                self.addresses.add(at)

    def _after(self, instruction: Any, state: _State) -> _State:
        _, written = instruction.regs_access()
        touched = {self.code.name(r) for r in written}
        names = {self.code.name(r) for r in written if not self.code.is_narrow(r)}
        depth, frame = state.depth, state.frame
        if self._sp in names:
            depth = self._moved_stack(instruction, state)
        if self._fp in names:
            frame = self._moved_frame(instruction, state)
        return _State(state.incoming - names, state.untouched - touched, depth, frame)

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
            memory = [o for o in operands if o.type == capstone.CS_OP_MEM]
            if memory and instruction.writeback:
                last = operands[-1]
                by = last.imm if last.type == capstone.CS_OP_IMM else memory[0].mem.disp
                return depth + int(by)
        last = operands[-1] if operands else None
        if last is not None and last.type == capstone.CS_OP_IMM and word in ("add", "sub"):
            return depth + (int(last.imm) if word == "add" else -int(last.imm))
        if word in ("mov", "add") and self.code.source(instruction) == self._fp:
            return state.frame
        if word == "lea" and last is not None and last.type == capstone.CS_OP_MEM:
            base = self.code.name(last.mem.base) if last.mem.base else ""
            at = depth if base == self._sp else state.frame if base == self._fp else None
            return None if at is None or last.mem.index else at + last.mem.disp
        return None

    def _moved_frame(self, instruction: Any, state: _State) -> int | None:
        if state.depth is None:
            return None
        source, operands = self.code.source(instruction), instruction.operands
        last = operands[-1] if operands else None
        by = int(last.imm) if last is not None and last.type == capstone.CS_OP_IMM else 0
        if instruction.mnemonic in ("mov", "add") and source == self._sp:
            return state.depth + by
        return None
