"""A backend that counts the ticks of a timer by this process's own clock: the least that one can be."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

from tracekit.backends.base import Options, Place, Processes, Reading, Script
from tracekit.core.aggregation import Count
from tracekit.core.arch import Architecture
from tracekit.core.feature import Feature, features_of
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionProbe, Interval
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, MapResult
from tracekit.core.target import Target
from tracekit.errors import UnsupportedError

NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000}
CAN = {Feature.INTERVAL, Feature.COUNT}


def timer_of(program: Program) -> Interval:
    """The program's timer, if it is one that this backend can run."""
    for feature in sorted(features_of(program) - CAN, key=lambda feature: feature.value):
        raise UnsupportedError(feature=feature.value, backend="ticks", reason="it has a clock and nothing else")
    match program.clauses:
        case [clause] if clause.where is None and len(clause.probes) == 1:
            match clause.aggregates, clause.probes[0]:
                case [aggregate], Interval() as timer if not aggregate.keys and aggregate.function == Count():
                    return timer
    raise UnsupportedError(
        feature="this program", backend="ticks", reason="it counts one timer, without filter and keys"
    )


class TicksTracer:
    """A ``Tracer``: what it says, it says when it is asked to finish."""

    ended = False
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, program: Program) -> None:
        timer = timer_of(program)
        self.script = f"count every {timer.count} {timer.unit}"
        self._name = program.clauses[0].aggregates[0].name
        self._period = timer.count * NANOSECONDS[timer.unit]
        self._silent, self._writer = -1, -1

    def attach(self) -> None:
        self._silent, self._writer = os.pipe()
        self._start = time.monotonic_ns()

    def fileno(self) -> int:
        return self._silent  # never readable: this engine has nothing to say on the way

    def poll(self) -> Sequence[Reading]:
        return ()

    def finish(self) -> Sequence[Reading]:
        now = time.monotonic_ns()
        ticks = Histogram(None, count=(now - self._start) // self._period)
        maps = (MapResult(self._name, "count", entries={(): ticks}),)
        return (Reading(final=True, nanoseconds=now, maps=maps, hits=ticks.count),)

    def describe(self) -> Engine:
        return Engine("ticks", "1.0")

    def close(self) -> None:
        for descriptor in {self._silent, self._writer} - {-1}:
            os.close(descriptor)
        self._silent, self._writer = -1, -1


class TicksBackend:
    """A ``Backend``: what the entry point names."""

    takes_hold = False  # it doesn't attach to processes as a debugger does
    in_files = False  # its probes are in no file

    def compile(
        self,
        program: Program,
        arch: Architecture,
        options: Options,
        target: Target | None,
        remarks: Sequence[str],
    ) -> Script:
        timer = timer_of(program)
        text = "".join(f"# {remark}\n" for remark in remarks) + f"watch -n {timer.count}{timer.unit} date\n"
        return Script("ticks", text, ("sh", "-c", text), features_of(program))

    def tracer(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> TicksTracer:
        return TicksTracer(program)
