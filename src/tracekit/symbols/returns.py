"""Where a function returns: its return instructions, and the ways to leave it that are none.

A probe on each return instruction sees every return and changes nothing, where the kernel's return probes
put an address of their own on the stack: what walks stacks (Go's runtime, C++ exceptions) then ends the
program, and of a recursion only 64 levels are followed. It sees nothing where a function ends by jumping
into another one, which then returns in its place: such jumps are found too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tracekit.errors import BinaryError
from tracekit.symbols.function import Function
from tracekit.symbols.golang import is_go_function
from tracekit.symbols.image import Image
from tracekit.symbols.instructions import Instruction, decoded
from tracekit.symbols.lookup import at
from tracekit.symbols.questions import file_offset
from tracekit.values import frozen

_ARM_RETURNS: Final = frozenset({"ret", "retaa", "retab"})

# Source: Intel SDM volume 2 (Jcc, JMP, LOOP); Arm ARM (DDI 0487), C3.1, branches.
_JUMP: Final = {
    "x86_64": re.compile(r"l?j\w+|loop\w*|i?ret\w*|sysret\w*"),
    "aarch64": re.compile(r"b|bc?\.\w+|cbn?z|tbn?z|br|bra[ab]z?|ret\w*"),
}
# Jcc, LOOP, JCXZ and JMP by a distance of one byte; JMP and Jcc by one of four.
_SHORT_JUMPS: Final = frozenset((*range(0x70, 0x80), *range(0xE0, 0xE4), 0xEB))
_NEAR_JUMP: Final = re.compile(rb"(?:\xe9|\x0f[\x80-\x8f])(?=(.{4}))", re.DOTALL)
_CALLS: Final = frozenset({"call", "bl"})
_TARGET: Final = re.compile(r"(?:.*, )?#?0x([0-9a-f]+)")

_COLD: Final = re.compile(r"\.cold(?:\.\d+)?")
_SCALED: Final = re.compile(r"qword ptr \[(?:(?P<base>r\w+) \+ )?r\w+\*8(?: \+ (?P<table>0x[0-9a-f]+))?\]")
_LOADED: Final = re.compile(r"(?P<register>r\w+), \[rip (?P<sign>[+-]) (?P<distance>0x[0-9a-f]+)\]")


@frozen
class Returns:
    """How a function ends.

    Attributes:
        addresses: the virtual addresses of its return instructions, sorted; those of its ``.cold`` part too.
        tail_jumps: the virtual addresses of jumps that leave it, sorted, and of those of which it can't be
            told. With none, each call that returns does so by one of ``addresses``.
    """

    addresses: tuple[int, ...]
    tail_jumps: tuple[int, ...]


def returns(image: Image, function: Function) -> Returns:
    """How a function ends, by all of its instructions.

    Return instructions are ``ret`` on x86-64, with an immediate and with the prefixes ``repz`` and ``bnd`` too;
    on arm64 ``ret``, ``retaa`` and ``retab`` to the link register. The part of a function that its compiler
    put elsewhere (``NAME.cold``) belongs to it if it is jumped to and never called.

    Args:
        image: the binary.
        function: a function as ``find`` gives it, by its name or its first address.

    Raises:
        BinaryError: if its size is not known, or its bytes aren't all instructions.
    """
    if function.offset:
        raise BinaryError(
            f"{function.address:#x} is inside {function.name} of {image.path}, where no call begins",
            f"Name the function, or its first address {function.address - function.offset:#x}.",
        )
    if not function.size:
        raise BinaryError(
            f"{image.path} doesn't say how large {function.name} is, so its returns can't be found",
            "Use a binary with symbols.",
        )
    body = _Body(image, function)
    found, jumps = [], []
    for part in body.parts:
        for place, instruction in enumerate(part):
            if _is_return(image, instruction):
                found.append(instruction.address)
            elif _is_jump(image, instruction) and not body.keeps(part, place):
                jumps.append(instruction.address)
    return Returns(tuple(sorted(found)), tuple(sorted(jumps)))


def begins_with_loop(image: Image, function: Function) -> bool:
    """Whether a function jumps back to its first instruction, so that a probe there fires for each round, too.

    Compilers do that to functions that set up nothing and begin with a loop, as ``do … while`` makes it.

    Args:
        image: the binary.
        function: a function as ``find`` gives it. Where its size is not known, nothing tells, and it is False.
    """
    if not function.size or image.machine not in _JUMP:
        return False
    if image.machine == "x86_64" and not _may_loop(image.instructions(function.address, function.size)):
        return False
    found = decoded(image, function.address, function.address + function.size)
    return function.address in _targets(i for i in found if _is_jump(image, i))


def _may_loop(body: bytes) -> bool:
    """Whether some bytes look like a jump to the first one: quicker than decoding, which most don't need."""
    short = (at + 2 - (256 - body[at + 1]) for at in range(min(len(body) - 1, 127)) if body[at] in _SHORT_JUMPS)
    near = (
        jump.end() + 4 + int.from_bytes(jump[1], "little", signed=True) for jump in _NEAR_JUMP.finditer(body)
    )
    return 0 in short or 0 in near


class _Body:
    """A function's instructions, in all of its parts."""

    def __init__(self, image: Image, function: Function) -> None:
        self.image, self.function = image, function
        self.parts: list[list[Instruction]] = []
        self.ranges: list[range] = []
        self.starts: set[int] = set()
        self._add(range(function.address, function.address + function.size))
        for part in self.parts:  # grows by the parts that it jumps to
            called = set(_targets(i for i in part if i.mnemonic.split()[-1] in _CALLS))
            for target in _targets(i for i in part if _is_jump(image, i)):
                if not self._covers(target) and (cold := self._cold(target)) and cold.start not in called:
                    self._add(cold)
        self.is_go = image.is_go and is_go_function(image, function)

    def _add(self, part: range) -> None:
        found = decoded(self.image, part.start, part.stop)
        if not found or found[-1].address + found[-1].size != part.stop:
            raise self._mixed()
        self.parts.append(found)
        self.ranges.append(part)
        self.starts.update(i.address for i in found)

    def _cold(self, target: int) -> range | None:
        """The part of the function that an address outside of it lies in."""
        found = at(self.image, target)
        if found is None or not found.size or not _is_cold_part(found.name, self.function.name):
            return None
        return range(target - found.offset, target + found.size)

    def _covers(self, address: int) -> bool:
        return any(address in part for part in self.ranges)

    def _mixed(self) -> BinaryError:
        return BinaryError(
            f"{self.function.name} of {self.image.path} has bytes that are not known as instructions, so its "
            "returns can't be found",
        )

    def keeps(self, part: Sequence[Instruction], place: int) -> bool:
        """Whether a jump stays inside.

        Raises:
            BinaryError: if it goes into an instruction.
        """
        jump = part[place]
        if not (direct := list(_targets([jump]))):
            return self._is_table(part, place)
        if self._covers(direct[0]) and direct[0] not in self.starts:
            raise self._mixed()
        return direct[0] in self.starts

    def _is_table(self, part: Sequence[Instruction], place: int) -> bool:
        """Whether an indirect jump goes through a table of places in the function, as a ``switch`` does.

        Tail calls through tables of functions look the same: the table's first entry tells.
        """
        jump = part[place]
        if self.image.machine != "x86_64":
            return self.is_go and _is_go_table(part[max(0, place - 1)], jump)
        if scaled := _SCALED.fullmatch(jump.operands):
            # Source: BlockAMD64JUMPTABLE in Go's cmd/compile/internal/amd64/ssa.go; Go has no other such jump.
            start = _loaded(part[:place], scaled["base"]) if scaled["base"] else 0
            entry = None if start is None else self._read(start + int(scaled["table"] or "0", 16), 8)
            return self.is_go or self._inside(entry)
        # Position-independent: the table has distances from itself (movslq; add; jmp).
        added = part[place - 1] if place else jump
        register, _, base = added.operands.partition(", ")
        if added.mnemonic != "add" or register != jump.operands:
            return False
        found = _loaded(part[:place], base)
        distance = None if found is None else self._read(found, 4)
        return found is not None and distance is not None and self._inside(found + distance)

    def _inside(self, target: int | None) -> bool:
        """Whether a table's entry is a place inside. The function's start is that of a call, too."""
        return target in self.starts and target != self.function.address

    def _read(self, address: int, size: int) -> int | None:
        try:
            data = self.image.file.read(file_offset(self.image, address), size, "jump table")
        except BinaryError:
            return None
        return int.from_bytes(data, "little", signed=True)


def _is_return(image: Image, instruction: Instruction) -> bool:
    if image.machine == "x86_64":
        return instruction.mnemonic.split()[-1] == "ret"
    # ``ret x1`` goes elsewhere than a return does.
    return instruction.mnemonic in _ARM_RETURNS and not instruction.operands


def _is_jump(image: Image, instruction: Instruction) -> bool:
    word = instruction.mnemonic.split()[-1]
    return _JUMP[image.machine].fullmatch(word) is not None and not _is_return(image, instruction)


def _is_cold_part(symbol: str, name: str) -> bool:
    return symbol.startswith(name) and _COLD.fullmatch(symbol, len(name)) is not None


def _targets(instructions: Iterable[Instruction]) -> Iterator[int]:
    """Where direct jumps and calls go; indirect ones are left out."""
    for instruction in instructions:
        if found := _TARGET.fullmatch(instruction.operands):
            yield int(found[1], 16)


def _loaded(before: Sequence[Instruction], register: str) -> int | None:
    """The address that a register was last loaded with, in the order of the code."""
    for instruction in reversed(before):
        found = _LOADED.fullmatch(instruction.operands) if instruction.mnemonic == "lea" else None
        if found and found["register"] == register:
            distance = int(found["distance"], 16)
            end = instruction.address + instruction.size
            return end + (distance if found["sign"] == "+" else -distance)
    return None


def _is_go_table(load: Instruction, jump: Instruction) -> bool:
    """Whether a jump of arm64 has its target from a table, as in ``ldr x27, [x1, x0, lsl #3]; br x27``.

    Source: BlockARM64JUMPTABLE in Go's ``cmd/compile/internal/arm64/ssa.go``.
    """
    loaded = load.mnemonic == "ldr" and load.operands.startswith(f"{jump.operands}, [")
    return loaded and "lsl #3" in load.operands
