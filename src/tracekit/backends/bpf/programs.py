"""What a run has in the kernel: its maps and programs, and where they run. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from tracekit.backends.bpf.assembler import Code
from tracekit.backends.bpf.emit import Ids
from tracekit.backends.bpf.layout import KernelMap, Layout
from tracekit.backends.bpf.sites import Point
from tracekit.values import frozen


class ProgramKind(enum.Enum):
    """A program's type, by its number in ``enum bpf_prog_type`` in ``include/uapi/linux/bpf.h``."""

    KPROBE = 2
    TRACEPOINT = 5
    PERF_EVENT = 7
    RAW_TRACEPOINT = 17


@frozen
class KernelProgram:
    """A program in the kernel.

    Attributes:
        name: for people.
        kind: its type.
        code: its instructions.
        points: where it runs.
        numbers: what each point is numbered with, for the program to ask for; empty if it doesn't.
        sleeps: whether it may wait for pages that aren't in memory.
        instead: what is placed where the kernel doesn't know the point; None if there is nothing else.
    """

    name: str
    kind: ProgramKind
    code: Code
    points: tuple[Point, ...]
    numbers: tuple[int, ...] = ()
    sleeps: bool = False
    instead: tuple[KernelProgram, ...] | None = None


@frozen
class Fields:
    """Where fields of tracepoints are, in bytes.

    Attributes:
        child: of ``task_newtask``, the new process's id.
        flags: of the same, those of clone(2).
        freed: of ``sched_process_free``, the id.
    """

    child: int
    flags: int
    freed: int


@frozen
class Whose:
    """Which processes' events count.

    Attributes:
        pids: their ids; empty for every process.
        follow: where the kernel tells of new processes, if those count that are forked from now on; None if
            they don't.
        ids: the pid namespace that ids are of; None for the first one.
    """

    pids: tuple[int, ...] = ()
    follow: Fields | None = None
    ids: Ids | None = None


@frozen
class Instrumented:
    """All that a run has in the kernel.

    Attributes:
        layout: what its maps hold.
        maps: the maps.
        programs: what counts, in the order in which they are placed.
        keeping: what keeps which processes count. They come before the others, and go after them: to place
            those takes the kernel a while, in which a process may fork or end.
    """

    layout: Layout
    maps: tuple[KernelMap, ...]
    programs: tuple[KernelProgram, ...]
    keeping: tuple[KernelProgram, ...]

    @property
    def text(self) -> str:
        """It, for people."""
        lines = []
        for m in self.maps:
            shape = f"{m.entries} entries of {m.key_size} and {m.value_size} bytes"
            lines.append(f"map {m.name}: {m.kind.name.lower()}, {shape}")
        for program in (*self.programs, *self.keeping):
            lines += ["", f"program {program.name}: {program.kind.name.lower()}, at {_shown(program.points)}"]
            lines += program.code.listing()
        return "\n".join(lines) + "\n"


def _shown(points: Sequence[Point]) -> str:
    return str(points[0]) + (f" and {len(points) - 1} more" if len(points) > 1 else "")
