"""Programs that keep which processes count, as those fork and end. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import CTX, FP, R0, R1, R2, R3, R4
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.layout import FOLLOWED
from tracekit.backends.bpf.programs import KernelProgram, ProgramKind
from tracekit.backends.bpf.sites import Tracepoint


def following(places: tuple[int, int]) -> Iterator[KernelProgram]:
    """Programs at ``sched_process_fork``, before the child runs, and at ``sched_process_free``.

    An id is forgotten when its process ends, so that a new one with the same id doesn't count; and not at
    ``sched_process_exit``, where a process's other threads may still run. Threads pass through as well, and
    change nothing.

    Args:
        places: where the tracepoints' fields are that have a process's id.
    """
    for place, name, helper in (
        (places[0], "sched_process_fork", Helper.MAP_UPDATE_ELEM),
        (places[1], "sched_process_free", Helper.MAP_DELETE_ELEM),
    ):
        asm = Assembler()
        end = asm.label("end")
        asm.move(CTX, R1)
        with asm.room(8) as key:
            asm.load(R0, CTX, place, 4)
            asm.store(FP, key, R0)
            if helper is Helper.MAP_UPDATE_ELEM:
                with asm.room(8) as parent:
                    asm.call(Helper.GET_CURRENT_PID_TGID)
                    asm.arithmetic(">>=", R0, 32)
                    asm.store(FP, parent, R0)
                    asm.map(R1, FOLLOWED)
                    asm.address(R2, parent)
                    asm.call(Helper.MAP_LOOKUP_ELEM)
                    asm.jump("==", R0, 0, end)
            asm.map(R1, FOLLOWED)
            asm.address(R2, key)
            if helper is Helper.MAP_UPDATE_ELEM:
                asm.address(R3, key)
                asm.constant(R4, 0)
            asm.call(helper)
        asm.place(end)
        asm.leave()
        yield KernelProgram(name, ProgramKind.TRACEPOINT, asm.assemble(), (Tracepoint("sched", name),))
