"""What a command that waits at its program's entry has done before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from tracekit.backends.base import Place
from tracekit.core.probe import FunctionProbe
from tracekit.core.result import Loss, LossKind


def lost_before_entry(places: Mapping[FunctionProbe, Sequence[Place]], pid: int) -> tuple[Loss, ...]:
    """The calls that nobody can count: those of libraries, by the loader and by their own constructors.

    Args:
        places: where the program's function probes go.
        pid: the command's process, which waits at its program's entry.
    """
    names = dict.fromkeys(_in_libraries(places, pid))
    if not names:
        return ()
    return (
        Loss(
            LossKind.EVENTS,
            f"calls of {', '.join(names)} before the program's first instruction, as by constructors of "
            "libraries, are not counted, if there were any",
            hint="bpf and bpftrace count them: their probes are in place before the loader runs.",
        ),
    )


def _in_libraries(places: Mapping[FunctionProbe, Sequence[Place]], pid: int) -> Iterator[str]:
    program = os.stat(f"/proc/{pid}/exe")
    for place in (place for found in places.values() for place in found):
        if not os.path.samestat(program, os.stat(place.path)):
            yield place.function.name
