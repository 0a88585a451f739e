"""Puts instructions together: labels become distances, and it is known what each is for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final

import attrs

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Comparison, Instruction, Operator, Register
from tracekit.errors import UnsupportedError
from tracekit.values import frozen

BACKEND: Final = "bpf"

STACK: Final = 512
"""``MAX_BPF_STACK`` in ``include/linux/filter.h``."""


@frozen
class Code:
    """A program, put together.

    Attributes:
        instructions: all of it, with its jumps' distances.
        whys: what each is for: the expression that it computes a part of.
        labels: the labels by the instructions that they are at.
    """

    instructions: tuple[Instruction, ...]
    whys: tuple[str, ...]
    labels: Mapping[int, Sequence[str]]

    @property
    def words(self) -> int:
        """How many words of 8 bytes it takes."""
        return sum(i.words for i in self.instructions)

    def encode(self, descriptors: Mapping[str, int]) -> bytes:
        """Its bytes; see ``Instruction.encode``."""
        return b"".join(i.encode(descriptors) for i in self.instructions)

    def why(self, word: int) -> str:
        """What a word, as the verifier counts them, is for; empty if there is none, or it isn't known."""
        for instruction, why in zip(self.instructions, self.whys, strict=True):
            if word < instruction.words:
                return why
            word -= instruction.words
        return ""

    def listing(self) -> Iterator[str]:
        """Its text, a line for each instruction, with the words' numbers as the verifier's log has them."""
        word, last = 0, ""
        for place, (instruction, why) in enumerate(zip(self.instructions, self.whys, strict=True)):
            for label in self.labels.get(place, ()):
                yield f"{label}:"
            if why and why != last:
                yield f"     ; {why}"
            last = why
            target = f" {instruction.target}" if instruction.target else ""
            yield f"{word:4}: {instruction.text}{target}"
            word += instruction.words


class Assembler:
    """Collects a program's instructions. Its methods are named as in ``instructions``.

    Jumps lead forward only. So what no path leads to is known at once, and left out: the kernel refuses it
    (``check_cfg`` in ``kernel/bpf/verifier.c``), and conditions that are known beforehand leave some.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._code: list[Instruction] = []
        self._whys: list[str] = []
        self._labels: dict[str, int] = {}
        self._targets: set[str] = set()
        self._reached = True
        self._numbers = count(1)
        self._why = ""
        self._used = 0

    @contextmanager
    def about(self, why: str) -> Iterator[None]:
        """Note what the instructions in the block are for."""
        before, self._why = self._why, why
        try:
            yield
        finally:
            self._why = before

    @contextmanager
    def room(self, size: int) -> Iterator[int]:
        """Room on the stack for the block: its offset from ``FP``, a multiple of 8.

        Raises:
            UnsupportedError: if there is no more.
        """
        size = -(-size // 8) * 8
        self._used += size
        if self._used > STACK:
            raise UnsupportedError(
                feature="keys and expressions that take more than 512 bytes together",
                backend=BACKEND,
                reason="an eBPF program has no more room on its stack",
                remedy="Use fewer strings as keys, cut them as in str(pointer, 32), or lower --max-string.",
            )
        try:
            yield -self._used
        finally:
            self._used -= size

    def label(self, name: str) -> str:
        """A new label, not yet placed."""
        return f"{name}_{next(self._numbers)}"

    def place(self, label: str) -> None:
        """Have the label here."""
        if label in self._targets:
            self._labels[label] = len(self._code)
            self._reached = True

    def add(self, instruction: Instruction) -> None:
        """Append an instruction, if a path leads here."""
        if self._reached:
            self._code.append(instruction)
            self._whys.append(self._why)
            self._targets.add(instruction.target)
            self._reached = not instruction.ends

    def constant(self, dst: Register, number: int) -> None:
        """``dst = number``; numbers from 2**63 on are the same bits as negative ones."""
        number = (number + (1 << 63)) % (1 << 64) - (1 << 63)
        self.add(code.arithmetic("=", dst, number) if code.fits(number) else code.wide(dst, number))

    def arithmetic(self, operator: Operator, dst: Register, source: Register | int) -> None:
        """See ``instructions``."""
        self.add(code.arithmetic(operator, dst, source))

    def negate(self, dst: Register) -> None:
        """``dst = -dst``."""
        self.add(code.negation(dst))

    def move(self, dst: Register, source: Register) -> None:
        """``dst = source``, unless they are the same."""
        if dst is not source:
            self.add(code.arithmetic("=", dst, source))

    def load(self, dst: Register, base: Register, offset: int, size: int = 8) -> None:
        """See ``instructions``."""
        self.add(code.load(dst, base, offset, size))

    def store(self, base: Register, offset: int, source: Register | int, size: int = 8) -> None:
        """See ``instructions``."""
        self.add(code.store(base, offset, source, size))

    def address(self, dst: Register, offset: int) -> None:
        """``dst`` = the address of that offset on the stack."""
        self.move(dst, Register.FP)
        self.arithmetic("+=", dst, offset)

    def jump(self, comparison: Comparison, left: Register, right: Register | int, target: str) -> None:
        """See ``instructions``."""
        self.add(code.jump(comparison, left, right, target))

    def goto(self, target: str) -> None:
        """See ``instructions``."""
        self.add(code.goto(target))

    def map(self, dst: Register, name: str) -> None:
        """``dst`` = the map of that name."""
        self.add(code.of_map(dst, name))

    def call(self, helper: Helper) -> None:
        """Call a helper: its result is in ``R0``, and ``R1`` to ``R5`` are lost."""
        self.add(code.call(helper.value, helper.text))

    def leave(self) -> None:
        """``r0 = 0``, and the end."""
        self.constant(Register.R0, 0)
        self.add(code.leave())

    def assemble(self) -> Code:
        """Put it together.

        Raises:
            UnsupportedError: if it is so long that a jump doesn't reach its target.
        """
        starts = [0]
        for instruction in self._code:
            starts.append(starts[-1] + instruction.words)
        found = []
        for place, instruction in enumerate(self._code):
            if instruction.target:
                distance = starts[self._labels[instruction.target]] - starts[place] - 1
                if not code.reaches(distance):
                    raise UnsupportedError(
                        feature="so long a clause",
                        backend=BACKEND,
                        reason="a jump in an eBPF program reaches 32,767 instructions at most",
                        remedy="Split it into several clauses, or take fewer aggregations.",
                    )
                found.append(attrs.evolve(instruction, offset=distance))
            else:
                found.append(instruction)
        at: dict[int, list[str]] = {}
        for label, place in self._labels.items():
            at.setdefault(place, []).append(label)
        return Code(tuple(found), tuple(self._whys), at)
