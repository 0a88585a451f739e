"""What a function reads through the pointers that it is called with.

GCC 12 and later lets callers leave out what such a pointer's reader never looks at, member by member
(``ipa-modref.cc``), if they see the function.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import capstone

from tracekit.core.location import InRegister, OnStack
from tracekit.errors import BinaryError
from tracekit.symbols.flow import Flow
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image

_MOST_STEPS: Final = 100_000
_COMPARISONS: Final = ("test", "cmp", "cbz", "cbnz")
"""Instructions that look at a pointer, and not at what is behind it."""

_LOADS: Final = ("mov", "ldr", "ldp")
_KEPT: Final = frozenset({"rbx", "rbp", *(f"r{n}" for n in range(12, 16)), *(f"x{n}" for n in range(19, 30))})
"""Registers that calls leave as they are."""

_WORD: Final = 8

Pointer = InRegister | OnStack
"""Where a pointer is when the function is called."""

Copies = frozenset[tuple[str, Pointer]]
"""Registers that may hold a pointer, each with where that came."""


def read_through(
    image: Image, function: Function, pointers: Collection[Pointer]
) -> Mapping[Pointer, tuple[range, ...]]:
    """The bytes that a function reads behind pointers.

    Args:
        image: the binary.
        function: a function as ``find`` gives it.
        pointers: where they are when it is called.

    Returns:
        For each pointer of which all uses are known, the bytes that may be read, counted from where it points.
        One that is missing may be used for anything.

    Raises:
        BinaryError: if the file was cut.
    """
    if not function.size or function.offset or image.machine not in ("x86_64", "aarch64"):
        return {}
    flow = Flow(image, function)
    reader = _Reader(flow, pointers)
    try:
        flow.follow((), 0)
        flow.follow_beyond()
        complete = not flow.endless and reader.follow(function.address)
    except BinaryError:
        raise
    except Exception:  # bytes that are no code make capstone fail in many ways; then nothing is known
        complete = False
    if not complete:
        return {}
    return {
        pointer: tuple(range(*r) for r in sorted(found))
        for pointer, found in reader.read.items()
        if pointer not in reader.lost
    }


class _Reader:
    """Follows the copies of pointers along all ways of a function's code."""

    def __init__(self, flow: Flow, pointers: Collection[Pointer]) -> None:
        self._flow = flow
        self._slots = {p.offset: p for p in pointers if isinstance(p, OnStack)}
        self._first: Copies = frozenset((p.name, p) for p in pointers if isinstance(p, InRegister))
        self.read: dict[Pointer, set[tuple[int, int]]] = {pointer: set() for pointer in pointers}
        self.lost: set[Pointer] = set()

    def follow(self, start: int) -> bool:
        """Follow the code; return whether its end was reached."""
        seen: dict[int, Copies] = {}
        pending = [(start, self._first)]
        for _ in range(_MOST_STEPS):
            if not pending:
                return True
            address, copies = pending.pop()
            known = seen.get(address)
            if known is not None and copies <= known:
                continue
            copies = seen[address] = copies | (known or frozenset())
            pending += self._step(address, copies)
        return False

    def _step(self, address: int, copies: Copies) -> Iterator[tuple[int, Copies]]:
        code = self._flow.code
        instruction = code.at(address)
        if instruction is None:
            self._lose(copies)
            return
        ways = code.ways(instruction)
        if code.is_call(instruction):
            kept = frozenset(c for c in copies if c[0] in _KEPT)
            self._lose(copies - kept)
            copies = kept
        else:
            loads = list(self._loads(instruction))
            self._note(instruction, copies, {at for _, at in loads})
            copies = self._after(instruction, copies, loads)
        if ways.leaves:
            self._lose(copies)
        yield from ((following, copies) for following in ways.within)

    def _lose(self, copies: Copies, where: frozenset[str] | None = None) -> None:
        """Pointers, in some registers or any, get to where they can't be followed."""
        self.lost |= {origin for name, origin in copies if where is None or name in where}

    def _loads(self, instruction: Any) -> Iterator[tuple[str, int]]:
        """Which whole registers an instruction loads from the stack, and from where."""
        if instruction.mnemonic not in _LOADS:
            return
        *registers, memory = instruction.operands
        if memory.type != capstone.CS_OP_MEM:
            return
        at = self._flow.on_stack(instruction, memory)
        for number, operand in enumerate(registers):
            if at is not None and operand.type == capstone.CS_OP_REG and self._flow.code.is_whole(operand.reg):
                yield self._flow.code.name(operand.reg), at + _WORD * number

    def _note(self, instruction: Any, copies: Copies, loaded: Collection[int]) -> None:
        """Note what an instruction reads behind pointers, and where it does something else with them."""
        code = self._flow.code
        bases, others = set(), set()
        for operand in instruction.operands:
            if operand.type == capstone.CS_OP_REG and operand.access & capstone.CS_AC_READ:
                others.add(code.name(operand.reg))
            elif operand.type == capstone.CS_OP_MEM and operand.mem.base:
                base = code.name(operand.mem.base)
                bases.add(base)
                if operand.mem.index or instruction.mnemonic == "lea" or code.moves_base(instruction):
                    others.add(base)
                size = code.loaded(instruction, operand)
                at = self._flow.on_stack(instruction, operand)
                for slot, pointer in self._slots.items():
                    touched = at is not None and at < slot + _WORD and slot < at + max(size, 1)
                    if touched and slot not in loaded:
                        self.lost.add(pointer)
                if size:
                    first = operand.mem.disp
                    for origin in {origin for name, origin in copies if name == base}:
                        self.read[origin].add((first, first + size))
        implied = code.reads(instruction) - bases
        harmless = (
            instruction.mnemonic in _COMPARISONS
            or code.copied(instruction) is not None
            or code.is_clearing(instruction)
        )
        if not harmless:
            self._lose(copies, frozenset(others | implied))

    def _after(self, instruction: Any, copies: Copies, loads: Sequence[tuple[str, int]]) -> Copies:
        written = {self._flow.code.name(r) for r in instruction.regs_access()[1]}
        left = frozenset(c for c in copies if c[0] not in written)
        if (copied := self._flow.code.copied(instruction)) is not None:
            into, source = copied
            left |= {(into, origin) for name, origin in copies if name == source}
        return left | {(into, self._slots[at]) for into, at in loads if at in self._slots}
