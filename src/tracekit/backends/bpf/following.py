"""Programs that keep which processes count, as those end and fork. Pure.

An id means the process that had it when the run began, or that was forked by one that counts: it is forgotten
when that ends, before a new process can have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import CTX, FP, R0, R1, R2, R3, R4, Emitter, Values
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.layout import COUNTERS, TARGETS, UNFOLLOWED, KernelMap, Layout, MapKind
from tracekit.backends.bpf.programs import KernelProgram, ProgramKind, Whose
from tracekit.backends.bpf.sites import RawTracepoint, Tracepoint
from tracekit.core.arch import Architecture
from tracekit.values import frozen

PROCESSES: Final = 1 << 15
"""How many processes can be followed at once; each takes 64 bytes of the kernel's memory."""

_CLONE_THREAD: Final = 0x10000  # include/uapi/linux/sched.h


def targets(whose: Whose) -> KernelMap:
    """The map of the processes that count, by their ids."""
    return KernelMap(TARGETS, MapKind.HASH, 4, 4, PROCESSES if whose.follow else len(whose.pids))


@frozen
class Keeper:
    """Writes the programs.

    Attributes:
        whose: whose events count.
        layout: what the run keeps.
        arch: the machine's processor.
    """

    whose: Whose
    layout: Layout
    arch: Architecture

    def programs(self) -> Iterator[KernelProgram]:
        """The programs: one for processes that end, and one for those that fork if they are followed."""
        instead = (self._freed(self.whose.follow.freed),) if self.whose.follow else ()
        yield attrs.evolve(self._ended(), instead=instead)
        if self.whose.follow:
            yield self._forked(self.whose.follow.child, self.whose.follow.flags)

    def _ended(self) -> KernelProgram:
        """At ``sched_process_exit``, whose second argument is whether this was the process's last thread.

        That argument came with kernel 6.16; earlier ones refuse the program.
        """
        asm = Assembler()
        end = asm.label("end")
        asm.move(CTX, R1)
        asm.load(R0, CTX, 8)
        asm.jump("==", R0, 0, end)
        Emitter(asm, Values(self.arch, ids=self.whose.ids)).ids(process=True)
        self._forget(asm)
        asm.place(end)
        asm.leave()
        point = RawTracepoint("sched_process_exit")
        return KernelProgram("ended", ProgramKind.RAW_TRACEPOINT, asm.assemble(), (point,))

    def _freed(self, pid: int) -> KernelProgram:
        """At ``sched_process_free``, for earlier kernels: some time after its id may be another's."""
        asm = Assembler()
        asm.load(R0, R1, pid, 4)
        self._forget(asm)
        asm.leave()
        point = Tracepoint("sched", "sched_process_free")
        return KernelProgram("freed", ProgramKind.TRACEPOINT, asm.assemble(), (point,))

    def _forked(self, child: int, flags: int) -> KernelProgram:
        """At ``task_newtask``, in the parent, before the child runs; threads come by as well."""
        asm = Assembler()
        end = asm.label("end")
        asm.move(CTX, R1)
        asm.load(R0, CTX, flags)
        asm.jump("&", R0, _CLONE_THREAD, end)
        with asm.room(8) as key:
            asm.call(Helper.GET_CURRENT_PID_TGID)
            asm.arithmetic(">>=", R0, 32)
            asm.store(FP, key, R0)
            asm.map(R1, TARGETS)
            asm.address(R2, key)
            asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump("==", R0, 0, end)
            asm.load(R0, CTX, child, 4)
            asm.store(FP, key, R0)
            asm.map(R1, TARGETS)
            asm.address(R2, key)
            asm.address(R3, key)
            asm.constant(R4, 0)
            asm.call(Helper.MAP_UPDATE_ELEM)
            asm.jump("==", R0, 0, end)
            asm.store(FP, key, 0)
            asm.map(R1, COUNTERS)
            asm.address(R2, key)
            asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump("==", R0, 0, end)
        asm.constant(R1, 1)
        asm.add(code.atomic_add(R0, self.layout.words[UNFOLLOWED], R1))
        asm.place(end)
        asm.leave()
        return KernelProgram(
            "forked", ProgramKind.TRACEPOINT, asm.assemble(), (Tracepoint("task", "task_newtask"),)
        )

    @staticmethod
    def _forget(asm: Assembler) -> None:
        """Forget the process whose id is in ``R0``."""
        with asm.room(8) as key:
            asm.store(FP, key, R0)
            asm.map(R1, TARGETS)
            asm.address(R2, key)
            asm.call(Helper.MAP_DELETE_ELEM)
