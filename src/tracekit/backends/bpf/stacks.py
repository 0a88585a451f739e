"""Stacks in the kernel: each becomes a number, and no two have the same. Pure.

A whole stack is too large for a program's own memory, and what programs could share isn't theirs alone while
another one may come between. So it is taken in parts of 12 frames, from the innermost on, and each part is an
entry of the map ``stacks``: its key is the number of the part before it (0 for the first one) and the frames,
its value the part's number, which no other has. A stack's number is that of its last part. Hashes play no part
in it, so that stacks can't be taken for each other, nor be dropped, as in a BPF_MAP_TYPE_STACK_TRACE, where two
whose hashes agree have one place.

A frame is ``struct bpf_stack_build_id`` in ``include/uapi/linux/bpf.h``: what it is (4 bytes), a build-id (20),
and the place in the file; or, where the kernel finds no file with a build-id, the address. Since those are told
at once, the target may end before it is asked what is there.

The kernel follows frame pointers. Where a function has no frame yet, or none any more, its caller isn't among
them, but for functions that begin with ``push %rbp`` or ``endbr64`` (``is_uprobe_at_func_entry`` in
``arch/x86/events/core.c``, kernel 6.11). There the return address is compared with the second frame; if it is
another one, it becomes a part of its own, which comes first, as an address with the process's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import CTX, FP, R0, R1, R2, R3, R4, Emitter
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import CONTROL, FRAME, FRAMES, NODE, STACKS, Control, FrameKind
from tracekit.core.arch import Architecture
from tracekit.core.expr import Expr, Load, Reg
from tracekit.core.types import UINT64
from tracekit.values import frozen

PARTS: Final = 11
"""Enough for the 127 frames that the kernel finds at most (``kernel.perf_event_max_stack``)."""

_USER, _BUILD_ID = 1 << 8, 1 << 11  # BPF_F_USER_STACK, BPF_F_USER_BUILD_ID
_NOEXIST: Final = 1  # BPF_NOEXIST
_LENGTH: Final = Register.R8


@frozen
class StackWriter:
    """Writes how an event's stack becomes a number.

    Attributes:
        asm: where the instructions go.
        emitter: emits expressions.
        arch: the machine's processor.
        count: counts, in place, in the counter of a name.
        clause: the clause's number.
    """

    asm: Assembler
    emitter: Emitter
    arch: Architecture
    count: Callable[[str], None]
    clause: int

    def write(self, at: int, *, bare: bool) -> None:
        """Put the number of the stack at an offset from ``FP``; 0 if there is none.

        Args:
            at: the offset.
            bare: whether the function has no frame of its own there.
        """
        asm = self.asm
        none, full, whole, done = (asm.label(name) for name in ("nostack", "noroom", "whole", "stacked"))
        asm.store(FP, at, 0)
        with asm.room(NODE) as part, asm.room(8) as number:
            asm.store(FP, part, 0)
            if bare:
                self._caller(part, number, full)
            for place in range(PARTS):
                self._ask(part + 8, FRAME * FRAMES, place * FRAMES | _BUILD_ID)
                asm.jump("s<=", R0, 0, whole if place else none)
                asm.move(_LENGTH, R0)
                self._number(part, number, full)
                asm.jump("!=", _LENGTH, FRAME * FRAMES, whole)
            asm.place(whole)
            asm.load(R0, FP, part)
            asm.store(FP, at, R0)
        asm.goto(done)
        for label, name in ((none, "nostack"), (full, "noroom")):
            asm.place(label)
            self.count(f"{name}{self.clause}")
            asm.goto(done)
        asm.place(done)

    def _ask(self, buffer: int, size: int, flags: int) -> None:
        asm = self.asm
        asm.move(R1, CTX)
        asm.address(R2, buffer)
        asm.constant(R3, size)
        asm.constant(R4, flags | _USER)
        asm.call(Helper.GET_STACK)

    def _caller(self, part: int, number: int, full: str) -> None:
        """Make a part of the caller, if the kernel will leave it out."""
        asm = self.asm
        there = asm.label("caller_there")
        self._ask(part + 8, 16, 0)
        self.emitter.value(_return_address(self.arch))
        asm.load(R1, FP, part + 16)
        asm.jump("==", R0, R1, there)
        for offset in range(8, NODE, 8):
            asm.store(FP, part + offset, 0)
        asm.store(FP, part + 8, FrameKind.CALLER)
        asm.store(FP, part + 8 + FRAME - 8, R0)
        self.emitter.ids(process=True)  # whose address it is
        asm.store(FP, part + 8 + 4, R0, 4)
        self._number(part, number, full)
        asm.place(there)

    def _number(self, part: int, number: int, full: str) -> None:
        """Find the number of a part, or give it one; it becomes the part before the next one."""
        asm = self.asm
        known = asm.label("known")
        self._look_up(STACKS, part)
        asm.jump("!=", R0, 0, known)
        asm.store(FP, number, 0)
        self._look_up(CONTROL, number)
        asm.jump("==", R0, 0, full)
        asm.constant(R1, 1)
        asm.add(code.atomic_add(R0, Control.STACKS.offset, R1, fetch=True))
        asm.arithmetic("+=", R1, 1)
        asm.store(FP, number, R1)
        asm.map(R1, STACKS)
        asm.address(R2, part)
        asm.address(R3, number)
        asm.constant(R4, _NOEXIST)
        asm.call(Helper.MAP_UPDATE_ELEM)
        # Whoever made it: another processor may have been first.
        self._look_up(STACKS, part)
        asm.jump("==", R0, 0, full)
        asm.place(known)
        asm.load(R1, R0, 0)
        asm.store(FP, part, R1)

    def _look_up(self, name: str, key: int) -> None:
        self.asm.map(R1, name)
        self.asm.address(R2, key)
        self.asm.call(Helper.MAP_LOOKUP_ELEM)


def _return_address(arch: Architecture) -> Expr:
    return Load(UINT64, Reg(arch.stack_pointer)) if arch.return_shift else Reg("lr")
