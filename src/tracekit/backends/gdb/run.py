"""Runs a program with gdb."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final

import attrs

from tracekit.backends.base import Options, Place, Processes, Reading, patience
from tracekit.backends.calls import GOROUTINE
from tracekit.backends.gdb.features import check_features
from tracekit.backends.gdb.instrument import instrument
from tracekit.backends.gdb.parse import reading
from tracekit.backends.gdb.quoting import BACKEND
from tracekit.backends.gdb.session import Session, find_gdb
from tracekit.backends.gdb.sites import sites
from tracekit.backends.gdb.understood import understood
from tracekit.backends.gdb.watch import check_running, describe_state, is_stopped, may_follow
from tracekit.backends.window import window
from tracekit.core.arch import architecture
from tracekit.core.feature import Feature
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.errors import EngineError, UnsupportedError, UsageError
from tracekit.process import pidfd
from tracekit.process.leftover import BREAKPOINTS, take_out_breakpoints
from tracekit.process.memory import read_memory, write_memory

ATTACHED_EVENTS: Final = 10_000
"""After so many events a process that ran already is let go, if nothing else is asked: about three seconds."""

_RISK: Final = (
    "each event stops the process for about 0.25 ms, so that a function that took nanoseconds takes ten "
    "thousand times as long; and if gdb is killed, the process dies too"
)


class GdbTracer:
    """A ``Tracer`` that is a gdb process."""

    def __init__(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        processes: Processes,
        options: Options,
    ) -> None:
        """Prepare a run; see ``Backend.tracer``."""
        self._features = check_features(program)
        self._notes: list[str] = []
        self._losses: list[Loss] = []
        self._pid, options = self._checked(processes, options)
        self._hand_over = processes.hand_over
        self._patience = patience(sum(place.probes for found in places.values() for place in found))
        self._files = list(dict.fromkeys(place.path for found in places.values() for place in found))
        self._titles = {place.path: place.image.path for found in places.values() for place in found}
        self._follows = self._hand_over is not None or may_follow(self._pid, self._titles)
        self._sites = list(sites(program, places, self._files))
        self._arch = architecture(os.uname().machine)
        names = dict.fromkeys(place.function.name for found in places.values() for place in found)
        self._script = instrument(program, tuple(names), options, self._arch)
        self._options, self._window = options, window(options)
        self._go = any(place.image.is_go for found in places.values() for place in found)
        if self._go:
            self._notes.append("gdb keeps SIGURG from the target, as with GODEBUG=asyncpreemptoff=1")
        self._path = find_gdb(os.uname().machine)
        self._version = ""
        self._code_at: dict[int, bytes] = {}
        self._pending: list[Reading] = []
        self._latest: Reading | None = None
        self._finished = False
        self._stack = ExitStack()
        self.ended = False

    def _checked(self, processes: Processes, options: Options) -> tuple[int, Options]:
        """The one process that there is, and the options that a run on it has."""
        if len(processes.pids) != 1:
            raise UnsupportedError(
                feature=f"{len(processes.pids)} processes" if processes.pids else "every process",
                backend=BACKEND,
                reason="it holds one process",
                remedy="Name one with -p PID, start a command, or use bpf.",
            )
        if processes.follow:
            raise UnsupportedError(
                feature="--follow",
                backend=BACKEND,
                reason="it lets go of the processes that the target forks",
                remedy="Use bpf.",
            )
        (pid,) = processes.pids
        if processes.hand_over is None:
            if not options.attach_gdb:
                raise UsageError(
                    f"gdb would hold process {pid}: {_RISK}",
                    "If that is what you want, say --attach-gdb; bpf, bpftrace and dtrace do without.",
                )
            check_running(pid)
            if options.max_events is None and options.max_rate is None:
                options = attrs.evolve(options, max_events=ATTACHED_EVENTS)
                self._notes.append(
                    f"gdb lets go of a process after {ATTACHED_EVENTS} events, unless --max-events says more"
                )
        return pid, options

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
        self._pidfd = self._stack.enter_context(pidfd.opened(self._pid))
        self._session = self._stack.enter_context(Session(self._path))
        self._session.load("tracing", ("hold", "counting", "memory", "registers"))
        request = self._session.share(json.dumps(self._request()).encode())
        self._session.python(f"tracekit = Tracing({request!r})")
        if self._hand_over is not None:
            self._hand_over()
        try:
            self._session.python("tracekit.begin()")
        except EngineError as error:
            if "foreign" not in error.message:
                raise
            raise UnsupportedError(
                feature="tracing",
                backend=BACKEND,
                reason=f"process {self._pid} has other code than its file at {error.message.split()[-1]}: "
                "somebody else's probe or breakpoint, at which gdb would never stop",
                remedy="End the other tracer first.",
            ) from error
        # A command of the machine interface, and none after it: Python that has the target go on gets no answer
        # in gdb 18, and what it does later fails inside gdb 16 where another command came in between.
        self._session.go()
        self._take()
        if Feature.ELAPSED in self._features:
            self._losses.append(
                Loss(
                    LossKind.APPROXIMATE,
                    "elapsed has gdb's stops in it: about 0.25 ms for each event of the process meanwhile",
                    hint="Use bpf or dtrace to measure times.",
                )
            )

    def _request(self) -> dict[str, Any]:
        program = os.stat(f"/proc/{self._pid}/exe")
        arch, plan = self._arch, self._script.plan
        return {
            "pid": self._pid,
            "handover": self._hand_over is not None,
            "libraries": self._follows
            and not all(os.path.samestat(os.stat(path), program) for path in self._files),
            "files": self._files,
            "sites": self._sites,
            "script": self._script.text,
            "maps": len(plan.maps),
            "clauses": plan.clauses,
            "room": self._options.max_keys,
            "limit": self._options.max_events,
            "interval": self._options.interval,
            "window": None if self._window is None else (self._window.events, self._window.nanoseconds),
            "registers": arch.name,
            "breakpoint_bytes": len(BREAKPOINTS[arch.name]),
            "stack_pointer": arch.stack_pointer,
            "return_shift": arch.return_shift,
            "goroutine": GOROUTINE[arch.name],
            "go": self._go,
        }

    def fileno(self) -> int:
        return self._session.fileno()

    def poll(self) -> Sequence[Reading]:
        if not self.ended:
            self._take()
        readings, self._pending = self._pending, []
        return readings

    def _take(self, deadline: float = 0.0) -> None:
        """Take in what gdb has told, and note if it has ended."""
        try:
            for document in self._session.documents(deadline):
                with understood():
                    self._document(document)
        except EngineError as error:
            self._died(error)

    def _document(self, document: dict[str, Any]) -> None:
        match document["kind"]:
            case "version":
                self._version = document["version"]
            case "placed":
                self._code_at = {int(at): bytes.fromhex(code) for at, code in document["at"].items()}
            case "counted":
                found = reading(self._script.plan, document)
                if found.final:
                    self._finished = self.ended = True
                    self._remark(document)
                self._latest = found
                if found.final or self._options.interval is not None:
                    self._pending.append(found)

    def _remark(self, document: dict[str, Any]) -> None:
        self._notes.append(f"gdb stopped the target {document['stops']} times, for about 0.25 ms each")
        for number in document["unseen"]:
            self._notes.append(f"the target never loaded {self._titles[self._files[number]]}")

    def _died(self, error: EngineError) -> None:
        """Gdb has ended in the middle: save what was told, and what can be saved of the target.

        The kernel lets the target go on when gdb dies, with the breakpoints in its code.
        """
        if self.ended:
            return
        self.ended = True
        if not pidfd.ended(self._pidfd):  # else its number may be another's by now
            self._repair()
        self._losses.append(
            Loss(
                LossKind.INCOMPLETE,
                f"{error.message}; what it had told until then is all there is",
                hint=f"Its breakpoints were taken away in its place: {describe_state(self._pid)}.",
            )
        )

    def _repair(self) -> None:
        for address, code in self._code_at.items():
            if read_memory(self._pid, address, len(code)) == BREAKPOINTS[self._arch.name]:
                write_memory(self._pid, address, code)
        take_out_breakpoints(self._pid)
        if is_stopped(self._pid):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGCONT)

    def finish(self) -> Sequence[Reading]:
        if not self.ended:
            try:
                self._session.python("tracekit.finish()")
            except EngineError as error:
                self._died(error)
            self._take()
        if not self._finished and self._latest is not None:
            self._pending.append(self._latest)
        if not self._session.end():
            told = f"gdb does not end, and may still hold process {self._pid}"
            self._losses.append(
                Loss(LossKind.ENGINE, told, hint="Nothing but its own end lets the process go.")
            )
        readings, self._pending = self._pending, []
        return readings

    def describe(self) -> Engine:
        return Engine(BACKEND, self._version, self._path)

    def close(self) -> None:
        self._stack.close()
