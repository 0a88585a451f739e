"""Runs a program with bpftrace."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Final

from tracekit import process
from tracekit.backends.base import (
    UNASKED,
    Options,
    Place,
    Processes,
    Reading,
    patience,
)  # fmt: skip
from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.backends.bpftrace.features import check_features
from tracekit.backends.bpftrace.instrument import Filter, Instrumented, instrument
from tracekit.backends.bpftrace.pids import check_ids
from tracekit.backends.bpftrace.sites import sites
from tracekit.backends.tracefs import require_tracefs
from tracekit.core.arch import Architecture, architecture
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.errors import EngineError, EngineMissingError, PrivilegeError, UnsupportedError

if TYPE_CHECKING:
    from tracekit.backends.bpftrace.parse import OutputParser, Ready

# Unsafe only means that an address without a symbol is taken: where instructions begin was checked before.
# Without warnings, since newer versions print several lines for each event that finds a map full.
_ARGUMENTS: Final = ("--unsafe", "-q", "--no-warnings", "-B", "line")

# 0.17 sleeps on if a SIGINT comes while it is not waiting for events (up to 11 of 150 runs).
_NUDGE_SECONDS: Final = 0.25

_CAP_BPF: Final = 39
_CAP_SYS_ADMIN: Final = 21


def find_engine() -> str:
    """The path of bpftrace: ``TRACEKIT_BPFTRACE`` if that is set, else the one on the PATH.

    Raises:
        EngineMissingError: if there is none.
        PrivilegeError: under sudo, if others than root can replace it.
    """
    named = os.environ.get("TRACEKIT_BPFTRACE")
    found = process.find_program(named or "bpftrace")
    if found is None:
        raise EngineMissingError(
            f"TRACEKIT_BPFTRACE={named!r} is no program" if named else "bpftrace is not installed",
            "Install it, for example with 'apt-get install bpftrace', or set TRACEKIT_BPFTRACE to its path.",
        )
    return found if named else process.trusted(found)


def check_privilege() -> None:
    """Refuse early what bpftrace would refuse late.

    Raises:
        PrivilegeError: if this process may not load eBPF programs.
    """
    if os.geteuid() == 0:
        return
    with open("/proc/self/status", encoding="utf-8", errors="replace") as status:
        effective = next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)
    if not effective & (1 << _CAP_BPF | 1 << _CAP_SYS_ADMIN):
        raise PrivilegeError(
            "bpftrace needs root to place probes",
            "Say --sudo to have bpftrace alone run as root, or run the same command with sudo in front of it.",
        )


class BpftraceTracer:
    """A ``Tracer`` that is a bpftrace process."""

    def __init__(
        self,
        program: Program,
        places: Mapping[FunctionProbe, Sequence[Place]],
        files: Mapping[str, str],
        processes: Processes,
        options: Options,
    ) -> None:
        """Prepare a run; see ``Backend.tracer``."""
        check_features(program)
        self._program, self._places, self._files, self._options = program, places, files, options
        self._patience = patience(sum(place.probes for found in places.values() for place in found))
        self._arch = _architecture(places)
        self._path = find_engine()
        self._elevation = process.elevation() if options.sudo else None
        if self._elevation is None:
            check_privilege()
        self._stack = ExitStack()
        self._notes = list(check_ids(self._path, processes, program))
        self._filter = _filter(processes)
        self._losses: list[Loss] = []
        self._pending: list[Reading] = []
        self._finished = False
        self._asked = self._by_itself = False
        self.ended = False

    @property
    def script(self) -> str:
        return self._script.text

    @property
    def losses(self) -> tuple[Loss, ...]:
        return (*self._losses, *self._parser.losses)

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._notes, *self._parser.warnings)

    def attach(self) -> None:
        inner = [p for found in self._places.values() for p in found if p.stack_check or p.returns]
        try:
            self._start(inner_offsets=True)
        except EngineError as error:
            from tracekit.backends.bpftrace.diagnose import INNER_OFFSET

            if not INNER_OFFSET.search(error.output):
                raise
            if not inner:
                raise UnsupportedError(
                    feature="probes inside a function",
                    backend=BACKEND,
                    reason="this one was built without the means to check where instructions begin",
                    remedy="Use bpftrace 0.23 or later, or probe the function's entry.",
                ) from error
            # Found by trying: this bpftrace can't probe inside functions. Returns are then left to the kernel,
            # where that is safe, and Go's check is repeated at the entry. The runtime may still ask for the
            # processor between that and Go's own check.
            self._stack.close()
            if any(place.stack_check for place in inner):
                self._losses.append(
                    Loss(
                        LossKind.APPROXIMATE,
                        "some calls may be counted twice or not at all: this bpftrace can't probe after the "
                        "stack check of a Go function, and a call that is interrupted there starts once more",
                        hint="Use bpftrace 0.23 or later, or build it without -buildmode=pie.",
                    )
                )
            self._start(inner_offsets=False)

    def _start(self, *, inner_offsets: bool) -> None:
        self._script = self._compile(inner_offsets)
        script = os.memfd_create("tracekit.bt")
        self._stack.callback(os.close, script)
        os.write(script, self._script.text.encode("utf-8", "surrogateescape"))
        argv = [self._path, *_ARGUMENTS, f"/proc/{os.getpid()}/fd/{script}"]
        self._engine = self._stack.enter_context(
            process.Engine.start(
                argv,
                env=_environment(self._options, self._script.plan.max_keys),
                name=BACKEND,
                nudge=_NUDGE_SECONDS,
                elevation=self._elevation,
            )
        )
        self._version = self._stack.enter_context(
            process.Engine.start(
                [self._path, "--version"],
                env=_environment(self._options, 1),
                name=BACKEND,
                elevation=self._elevation,
            )
        )
        self._said = b""
        # Imported while the engine starts, which takes longer.
        from tracekit.backends.bpftrace.parse import OutputParser

        self._parser: OutputParser = OutputParser(self._script.plan)
        self._await_ready()

    def _compile(self, inner_offsets: bool) -> Instrumented:
        found = sites(self._program, self._places, self._files, self._arch, inner_offsets=inner_offsets)
        # Of one length, so that no other number in the output can end with it.
        nonce = int.from_bytes(os.urandom(8), "big") >> 2 | 1 << 62
        return instrument(self._program, found, self._filter, self._options, self._arch, nonce)

    def _await_ready(self) -> None:
        deadline = monotonic() + self._patience
        said = b""
        while True:
            data = self._engine.read(max(0.0, deadline - monotonic()))
            if not data:
                break
            said += data
            # All of it: where events come at once, what was read may have the result in it, too.
            events = list(self._parser.feed(data))
            self._keep(events)
            if not all(isinstance(event, Reading) for event in events):
                return
        from tracekit.backends.bpftrace.diagnose import diagnose

        if data is None:
            self._engine.kill()
        status = self._engine.wait(self._patience)
        raise diagnose(status, said + self._engine.stderr, timed_out=data is None)

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
        if not data:
            self.ended = True
            self._parser.close()
            if self._finished and not self._by_itself and not self._asked and self._options.max_events is None:
                self._losses.append(UNASKED)
        self._keep(self._parser.feed(data))

    def _keep(self, events: Iterable[Ready | Reading]) -> None:
        for event in events:
            if isinstance(event, Reading):
                self._pending.append(event)
                self._finished, self._by_itself = event.final, event.overload is not None

    def finish(self) -> Sequence[Reading]:
        self._asked = True
        self._engine.interrupt()
        deadline = monotonic() + self._patience
        while not (self.ended or self._finished):
            data = self._engine.read(max(0.0, deadline - monotonic()))
            if data is None:
                told = f"bpftrace did not tell its result within {self._patience:.0f} s and was killed"
                self._losses.append(Loss(LossKind.INCOMPLETE, told))
                break
            self._take(data)
        if not self.ended:
            # END runs once the probes are gone, and it has told all: nothing of it is worth waiting for.
            self._engine.kill()
        status = self._engine.wait(self._patience)
        if self.ended and not self._finished:
            from tracekit.backends.bpftrace.diagnose import diagnose

            cause = diagnose(status, self._engine.stderr)
            self._losses.append(
                Loss(LossKind.INCOMPLETE, f"the result is not whole: {cause.message}", hint=cause.hint)
            )
        from tracekit.backends.bpftrace.diagnose import remarks

        self._notes += remarks(self._engine.stderr)
        readings, self._pending = self._pending, []
        return readings

    def describe(self) -> Engine:
        while piece := self._version.read(10):
            self._said += piece
        words = self._said.decode("utf-8", "replace").split()
        return Engine(BACKEND, words[-1].removeprefix("v") if words else "", self._path)

    def close(self) -> None:
        self._stack.close()


def _architecture(places: Mapping[FunctionProbe, Sequence[Place]]) -> Architecture:
    machines = {place.image.machine for found in places.values() for place in found}
    return architecture(machines.pop() if len(machines) == 1 else os.uname().machine)


def _environment(options: Options, keys: int) -> dict[str, str]:
    """The engine's whole environment: none of the user's settings may change its output.

    Names of bpftrace before and after 0.20; each ignores the others'.
    """
    string, probes = options.max_string, max(512, 4 * options.max_probes)
    return {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LC_ALL": "C.UTF-8",
        "BPFTRACE_MAP_KEYS_MAX": str(keys),
        "BPFTRACE_MAX_MAP_KEYS": str(keys),
        "BPFTRACE_STRLEN": str(string),
        # At most: str() has lengths of its own. What is of 64 bytes, 0.27 has no stack for in several keys.
        "BPFTRACE_MAX_STRLEN": str(max(string, 128)),
        "BPFTRACE_STR_TRUNC_TRAILER": "",
        "BPFTRACE_MAX_PROBES": str(probes),
    }


def _filter(processes: Processes) -> Filter:
    if not processes.pids:
        return Filter()
    if not processes.follow:
        return Filter(" || ".join(f"pid == {pid}" for pid in processes.pids))
    require_tracefs("--follow", BACKEND)
    # A fork is seen before the child runs; an id is forgotten when its process ends, so a new one with
    # the same id doesn't count. Threads pass through as well, and change nothing.
    return Filter(
        predicate="@follow[pid] == 1",
        begin=tuple(f"@follow[{pid}] = 1;" for pid in processes.pids),
        probes=(
            "tracepoint:sched:sched_process_fork /@follow[pid] == 1/ { @follow[args->child_pid] = 1; }",
            # Not at sched_process_exit, where a process's other threads may still run.
            "tracepoint:sched:sched_process_free /@follow[args->pid] == 1/ { delete(@follow[args->pid]); }",
        ),
    )
