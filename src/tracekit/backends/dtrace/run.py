"""Runs a program with dtrace."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic
from typing import Final

from tracekit import process
from tracekit.backends.base import UNASKED, Options, Place, Processes, Reading, patience
from tracekit.backends.dtrace.dialect import LINUX, dialect
from tracekit.backends.dtrace.features import check_features
from tracekit.backends.dtrace.instrument import Instrumented, instrument
from tracekit.backends.dtrace.leftovers import Leftovers
from tracekit.backends.dtrace.library import check_privilege, find_engine, installed, library, remark
from tracekit.backends.dtrace.loaded import check_seen
from tracekit.backends.dtrace.messages import read_messages
from tracekit.backends.dtrace.namespaces import check_files, check_namespaces
from tracekit.backends.dtrace.parse import OutputParser, Ready
from tracekit.backends.dtrace.quoting import BACKEND
from tracekit.backends.dtrace.reach import check_number
from tracekit.backends.dtrace.sites import check_processes, sites
from tracekit.core.arch import Architecture, architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.errors import EngineError, UnsupportedError
from tracekit.process import pidfd
from tracekit.process.leftover import take_out_breakpoints

_ENTRY_BYTES: Final = 1024
"""More than an entry of an aggregation takes, with its keys."""
_LEAST_ROOM: Final = 4 << 20
"""What dtrace gives to aggregations by itself (``dt_open.c``)."""


class DtraceTracer:
    """A ``Tracer`` that is a dtrace process."""

    def __init__(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        processes: Processes,
        options: Options,
    ) -> None:
        """Prepare a run; see ``Backend.tracer``."""
        self._features = check_features(program)
        if processes.follow:
            raise UnsupportedError(
                feature="--follow",
                backend=BACKEND,
                reason="its probes are in one process, and not in those that it forks",
                remedy="Use bpf.",
            )
        check_processes(places, processes.pids)
        self._program, self._places, self._options = program, places, options
        self._pids = processes.pids
        probes = sum(place.probes for found in places.values() for place in found)
        check_number(probes * len(processes.pids))
        self._patience = patience(probes)
        self._arch = _architecture(places)
        self._path = find_engine()
        check_privilege()
        check_namespaces()
        self._installed = installed(self._path)
        self._dialect = dialect(self._installed.dialect)
        if self._dialect is not LINUX:
            raise UnsupportedError(
                feature="a run",
                backend=BACKEND,
                reason=f"on {self._dialect.name}, tracekit only writes the script",
                remedy="'tracekit compile --backend dtrace' prints it; run it with dtrace, and give what that "
                "prints to 'tracekit import'.",
            )
        self._stack = ExitStack()
        self._held: dict[int, int] = {}
        self._notes: list[str] = []
        self._losses: list[Loss] = []
        self._pending: list[Reading] = []
        self._finished = False
        self._asked = False
        self.ended = False

    @property
    def script(self) -> str:
        return self._script.text

    @property
    def losses(self) -> tuple[Loss, ...]:
        return tuple(self._losses)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def attach(self) -> None:
        check_files(self._pids, self._places)
        self._script = self._compile()
        script = os.memfd_create("tracekit.d")
        self._stack.callback(os.close, script)
        os.write(script, self._script.text.encode("utf-8", "surrogateescape"))
        left = self._stack.enter_context(ExitStack())
        # It lives as long as the engine: what closes first was opened last.
        of_library = self._stack.enter_context(library(self._installed, self._features))
        argv = [
            self._path,
            *of_library,
            *(f"-x{option}" for option in _options(self._options)),
            *(word for pid in self._pids for word in ("-p", str(pid))),
            "-s",
            f"/proc/{os.getpid()}/fd/{script}",
        ]
        self._held = {pid: self._stack.enter_context(pidfd.opened(pid)) for pid in self._pids}
        self._stack.callback(self._mend)
        self._engine = self._stack.enter_context(
            process.Engine.start(argv, env=_environment(), name=BACKEND, grace=self._patience)
        )
        if note := remark(self._installed):
            self._notes.append(note)
        self._parser: OutputParser = OutputParser(self._script.plan)
        self._await_ready()
        # Opened while it runs, as it sees it, and removed when it has ended.
        left.callback(Leftovers(self._engine.pid).remove)
        for place in (place for found in self._places.values() for place in found):
            for pid in self._pids:
                check_seen(self._engine.pid, pid, place)

    def _compile(self) -> Instrumented:
        found = sites(self._program, self._places, self._pids, self._arch, self._dialect)
        predicate = " || ".join(f"pid == {pid}" for pid in self._pids)
        predicate = f"({predicate})" if len(self._pids) > 1 else predicate
        # Of one length, so that no other number in the output can end with it.
        nonce = int.from_bytes(os.urandom(8), "big") >> 2 | 1 << 62
        return instrument(self._program, found, predicate, self._options, self._arch, self._dialect, nonce)

    def _await_ready(self) -> None:
        deadline = monotonic() + self._patience
        while True:
            data = self._engine.read(max(0.0, deadline - monotonic()))
            if not data:
                break
            # All of it: where events come at once, what was read may have the result in it, too.
            events = list(self._parser.feed(data))
            self._keep(events)
            if not all(isinstance(event, Reading) for event in events):
                return
        from tracekit.backends.dtrace.diagnose import diagnose

        if data is None:
            self._engine.kill()
        status = self._engine.wait(self._patience)
        raise diagnose(status, self._engine.stderr, timed_out=data is None)

    def fileno(self) -> int:
        return self._engine.fileno()

    def poll(self) -> Sequence[Reading]:
        # One reading at a time: a large one may take longer than the engine needs for the next.
        while not (self.ended or self._pending):
            data = self._engine.read(0)
            if data is None:
                break
            self._take(data)
        readings, self._pending = self._pending, []
        return readings

    def _take(self, data: bytes) -> None:
        self.ended = not data
        if self.ended:
            self._mend()
        try:
            if self.ended:
                self._parser.close()
            self._keep(self._parser.feed(data))
        except EngineError as error:
            # What was read before counts; what isn't understood can't, and neither can what follows it.
            if not self._losses:
                self._losses.append(Loss(LossKind.INCOMPLETE, error.message, hint=error.hint))
            self._parser = OutputParser(self._script.plan)

    def _keep(self, events: Iterable[Ready | Reading]) -> None:
        for event in events:
            if isinstance(event, Reading):
                self._pending.append(event)
                self._finished = event.final
                self._note_early_end(event)

    def _note_early_end(self, told: Reading) -> None:
        """Say so if it tells its result by itself although its processes have not ended."""
        by_itself = told.overload is not None or self._options.max_events is not None
        early = told.final and not self._asked and not by_itself
        if early and any(process.attached.status(pid).get("State", "X")[0] not in "XZ" for pid in self._pids):
            self._losses.append(UNASKED)

    def finish(self) -> Sequence[Reading]:
        self._asked = True
        self._engine.interrupt()
        # It takes its probes away after it has told its result: killed then, it would leave them behind. For
        # tens of thousands of keys it works for minutes (2.0.7).
        worked = -1
        while not self.ended:
            data = self._engine.read(self._patience)
            if data is None:
                worked, before = self._engine.worked(), worked
                if worked > before:
                    continue
                told = f"dtrace did nothing for {self._patience:.0f} s and was killed"
                kind = LossKind.ENGINE if self._finished else LossKind.INCOMPLETE
                self._losses.append(Loss(kind, told, hint="Probes of it may be left in the kernel."))
                self._engine.kill()
                break
            self._take(data)
        status = self._engine.wait(self._patience)
        said = read_messages(self._engine.stderr, of_a_run=True)
        self._losses += said.losses
        if self.ended and not self._finished:
            from tracekit.backends.dtrace.diagnose import diagnose

            cause = diagnose(status, self._engine.stderr)
            self._losses.append(
                Loss(LossKind.INCOMPLETE, f"the result is not whole: {cause.message}", hint=cause.hint)
            )
        else:
            self._notes += said.notes
        readings, self._pending = self._pending, []
        return readings

    def _mend(self) -> None:
        """Undo what a dtrace that was killed has left in processes; one that ended by itself left nothing."""
        for pid, fd in self._held.items():
            if not pidfd.ended(fd):  # else its number may be another's by now
                take_out_breakpoints(pid)

    def describe(self) -> Engine:
        return Engine(BACKEND, self._installed.version, self._path)

    def close(self) -> None:
        self._stack.close()


def _architecture(places: Mapping[FunctionProbe, Sequence[Place]]) -> Architecture:
    machines = {place.image.machine for found in places.values() for place in found}
    return architecture(machines.pop() if len(machines) == 1 else os.uname().machine)


def _options(options: Options) -> tuple[str, ...]:
    """The engine's own options."""
    room = max(_LEAST_ROOM, options.max_keys * _ENTRY_BYTES)
    # Looked at ten times a second, so that neither the beginning nor a snapshot waits for long. Without a
    # breakpoint at main(): where it is met while dtrace reads its buffers, dtrace waits for itself for ever
    # (2.0.7: dt_proc_notify() has the lock that dt_consume_proc_exits() waits for, and the other way round).
    return ("errtags", f"aggsize={room}", "switchrate=10hz", "evaltime=exec")


def _environment() -> dict[str, str]:
    """The engine's whole environment: DTRACE_OPT_… would set options of its own."""
    return {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8"}
