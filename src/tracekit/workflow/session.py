"""A run, from the first check to the result."""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import attrs

from tracekit import __version__, process
from tracekit.backends.base import UNASKED, Options, Reading, Watchable
from tracekit.backends.registry import ORDER, load_ahead
from tracekit.backends.registry import backend as find_backend
from tracekit.core.program import Program, check
from tracekit.core.result import (
    Ending,
    Load,
    Loss,
    LossKind,
    Provenance,
    Resolution,
    Result,
    Snapshot,
)  # fmt: skip
from tracekit.core.target import Container, Pids, Target
from tracekit.errors import UsageError
from tracekit.syntax import print_program
from tracekit.workflow.bystanders import bystanders
from tracekit.workflow.choose import AUTO, Choice
from tracekit.workflow.containers import processes_meant
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.locate import locate
from tracekit.workflow.naming import resolve_for_run, warnings_of
from tracekit.workflow.overload import check_limits, load_of, remarks, stopped
from tracekit.workflow.placing import Wanted, place
from tracekit.workflow.progress import doing
from tracekit.workflow.recording import machine, record
from tracekit.workflow.room import check_room
from tracekit.workflow.silence import Silence

_GRACE_SECONDS: Final = 5.0


class Session:
    """A run that goes on.

    Made by ``start``. It ends when the target does, when ``stop`` is called, or when the ``with`` block
    ends; ``result`` is exact whenever that is.

    Attributes:
        choice: which backend was taken, and why; None if its name was given.
        backend: the name of the backend.
        bystanders: notes on other processes that meet the probes, too.
    """

    def __init__(
        self,
        program: Program,
        target: Target | Container,
        backend: str,
        options: Options,
        knowledge: Knowledge | None = None,
    ) -> None:
        """Place the probes, then let the target run; see ``start``."""
        check(program)
        self._program, self._options = program, options
        self._target, self._told = processes_meant(target, program)
        check_limits(options, self._target)
        if options.cross_check is not None:
            from tracekit.workflow.crosscheck import first_backend

            backend = first_backend(options, program, self._target, backend)
        self._stack = ExitStack()
        self._latest: Reading | None = None
        self._final: Result | None = None
        self._until: datetime | None = None
        self._first_nanoseconds: int | None = None
        self._warnings: tuple[str, ...] = ()
        self.bystanders: tuple[str, ...] = ()
        self.choice: Choice | None = None
        try:
            self._begin(backend, knowledge or Knowledge())
        except BaseException:
            self._stack.close()
            raise

    def _begin(self, backend: str, knowledge: Knowledge) -> None:
        if backend != AUTO:
            find_backend(backend)  # says at once that there is none of that name
        if self._options.sudo:
            process.elevation()  # before anything is started: an error is about this, not about one engine
        # Here, since the process that reads binaries still gets ready; see ``running.start``.
        load_ahead(ORDER[0] if backend == AUTO else backend)
        target = self._target
        pids = target.pids if isinstance(target, Pids) else ()
        self._attached = [self._stack.enter_context(process.Attached.open(pid)) for pid in pids]
        with doing("looking for functions"):
            self._located = locate(self._program, pids, self._options.max_probes, knowledge)
        self._stack.callback(self._located.close)
        self._resolved = resolve_for_run(self._program, self._located.places, target, self._options, knowledge)
        check_room(self._resolved.program, self._options)
        placed = place(Wanted(self._located, self._resolved, target, self._options), backend)
        self._stack.push(placed.undo)
        self._tracer, self._command, self.choice = placed.tracer, placed.command, placed.choice
        self.backend = self.choice.backend if self.choice else backend
        self._backend = placed.backend
        self._lost_before = placed.losses
        of = (self._command.pid,) if self._command else pids
        self._silence = Silence(self._program, self._located, target, of)
        self._started = datetime.now(UTC)
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        self._selector.register(self._tracer.fileno(), selectors.EVENT_READ)
        for attached in self._attached:
            self._selector.register(attached.fileno(), selectors.EVENT_READ)
        if self._command:
            self._selector.register(self._command.fileno(), selectors.EVENT_READ)
            self._command.release()
        # While the target runs already: it takes a while.
        self._warnings = warnings_of(self._located.places, knowledge)
        if pids or self._command:
            in_files = find_backend(self.backend).in_files
            own = {os.getpid(), *pids, *([self._command.pid] if self._command else [])}
            self.bystanders = bystanders(self._located.files, own) if in_files else ()

    @property
    def script(self) -> str:
        """What the engine was given to run."""
        return self._tracer.script

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know before the result is there."""
        chosen = self.choice
        second = (f"traced with {chosen.backend}, {chosen.why}",) if chosen and chosen.refusals else ()
        before = (*self._told, *second, *self._located.notes, *self._resolved.notes)
        found = (*before, *self._warnings, *self.bystanders, *self._tracer.notes)
        return tuple(dict.fromkeys(found))

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """What the program's names were taken for."""
        return self._resolved.resolutions

    @property
    def program(self) -> Program:
        """The program, with a place in the machine for each of its names."""
        return self._resolved.program

    @property
    def pid(self) -> int | None:
        """The process id of the command; None if there is none."""
        return self._command.pid if self._command else None

    @property
    def running(self) -> bool:
        """Whether events are still counted; or whether a command still runs that goes on without."""
        if self._final is not None or self._target_ended():
            return False
        # Neither an engine that has died nor one that spares its target ends a command.
        return not self._tracer.ended or (
            self._command is not None and (self.engine_died or self.overload is not None)
        )

    @property
    def engine_died(self) -> bool:
        """Whether the engine has ended without its result. A command then goes on to its own end."""
        told = self._latest is not None and self._latest.final and UNASKED not in self._tracer.losses
        return self._tracer.ended and not told

    @property
    def overload(self) -> Loss | None:
        """Why tracing stopped by itself, if that was to spare the target."""
        found = self._latest.overload if self._latest else None
        return stopped(found, self._options, self._backend) if found else None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What is known to be missing by now."""
        told = self._latest.losses if self._latest else ()
        return (*self._lost_before, *told, *self._tracer.losses)

    def _target_ended(self) -> bool:
        if self._command:
            return self._command.poll() is not None
        return bool(self._attached) and all(a.ended() for a in self._attached)

    def wait(self, timeout: float | None = None, wake: int | None = None) -> list[Snapshot]:
        """Wait until something happens: snapshots come, or the run ends.

        Args:
            timeout: seconds to wait at most; None for no limit.
            wake: a further descriptor that ends the wait when it is readable.

        Returns:
            The snapshots that have come since the last call.
        """
        if wake is not None:
            self._selector.register(wake, selectors.EVENT_READ)
        try:
            if self.running:
                self._selector.select(timeout)
        finally:
            if wake is not None:
                self._selector.unregister(wake)
        snapshots = self._take(self._tracer.poll())
        if self._tracer.ended and self._tracer.fileno() in self._selector.get_map():
            self._selector.unregister(self._tracer.fileno())  # its end would be there to be read for ever
        return snapshots

    def _take(self, readings: Sequence[Reading]) -> list[Snapshot]:
        snapshots = []
        for reading in readings:
            self._latest = reading
            if self._first_nanoseconds is None:
                # The engine's clock has another origin than ours: its first word ties them together.
                since = (datetime.now(UTC) - self._started).total_seconds()
                self._first_nanoseconds = reading.nanoseconds - round(since * 1e9)
            if not reading.final:
                at = (reading.nanoseconds - self._first_nanoseconds) / 1e9
                snapshots.append(Snapshot(at, self._resolved.named(reading.maps)))
        return snapshots

    def snapshots(self, every: float = 1.0) -> Iterator[Snapshot]:
        """Snapshots, until the run ends.

        Args:
            every: seconds between them; not less than the ``interval`` that the session was started with.

        Raises:
            UsageError: if ``every`` is less than that, or the session has no interval.
        """
        interval = self._options.interval
        if interval is None or every < interval:
            raise UsageError(
                f"snapshots every {every} s from a session whose engine prints them every {interval} s",
                "Give start() a smaller interval.",
            )
        due = every
        while self.running:
            for snapshot in self.wait(interval):
                # An engine's timer is not exact: half its period is near enough.
                if snapshot.at >= due - interval / 2:
                    due = max(due + every, snapshot.at)
                    yield snapshot

    def stop(self) -> Result:
        """Take the probes away and give the result. Does nothing more when called again.

        A command that still runs is ended, with SIGTERM and if need be SIGKILL, as the engines themselves
        do; a process that tracekit didn't start is left alone.
        """
        result = self.finish()
        self._stack.close()
        return result

    def finish(self) -> Result:
        """As ``stop``; but probes that nobody can meet any more may still be there until the block ends."""
        if self._final is None:
            early = self._command is not None and self._command.poll() is None
            self._until = datetime.now(UTC)
            with contextlib.nullcontext() if early else doing("taking the probes away"):
                self._take(self._tracer.finish())
            ended = datetime.now(UTC)
            ending = self._end_command(early)
            self._final = self._result(ended, ending)
        return self._final

    def so_far(self) -> Result:
        """What the latest snapshot says, as a result that is marked incomplete; the run goes on.

        This is what a run of hours keeps on disk, in case nobody lives to call ``stop``.
        """
        from tracekit.workflow.journal import partial

        return partial(self._result(datetime.now(UTC), None))

    def standing(self) -> Result:
        """How things stand, by the latest snapshot; the run goes on.

        Not incomplete for that: it is all of the time until then, unless the engine has died.
        """
        result = self._result(datetime.now(UTC), None, over=self._tracer.ended)
        return attrs.evolve(result, provenance=attrs.evolve(result.provenance, ended=None))

    def _end_command(self, early: bool) -> Ending | None:
        if self._command is None:
            return None
        return self._command.end(_GRACE_SECONDS) if early else self._command.poll()

    @property
    def result(self) -> Result:
        """The result; stops the run if it still goes on."""
        return self.stop()

    def _result(self, ended: datetime, ending: Ending | None, *, over: bool = True) -> Result:
        final = self._latest if self._latest is not None and self._latest.final else None
        last = final or self._latest
        losses = list(self.losses)
        if over and final is None and not any(x.kind is LossKind.INCOMPLETE for x in losses):
            losses.append(Loss(LossKind.INCOMPLETE, "the engine ended without telling its result"))
        load = self._load(last, ended)
        if overload := self.overload:
            losses.append(overload)
        of_load = remarks(load) if load else ()
        notes = (*self.notes, *(last.notes if last else ()), *self._no_event(last), *of_load)
        complete = not any(x.kind is LossKind.INCOMPLETE for x in losses)
        return Result(
            maps=self._resolved.named(last.maps) if last else (),
            complete=complete,
            losses=tuple(losses),
            notes=tuple(dict.fromkeys(notes)),
            provenance=Provenance(
                program=self._program,
                text=print_program(self._program),
                engine=self._tracer.describe(),
                target=record(self._target, self.pid, ending),
                machine=machine(),
                started=self._started,
                ended=ended,
                binaries=self._located.binaries,
                tracekit=__version__,
                resolutions=self._resolved.resolutions,
                load=load,
            ),
        )

    def _load(self, last: Reading | None, ended: datetime) -> Load | None:
        if last is None:
            return None
        lasted = last.traced or round(((self._until or ended) - self._started).total_seconds() * 1e9)
        return load_of(last, last.overload.at if last.overload else lasted, self._backend)

    def silence(self) -> tuple[str, ...]:
        """Why there may be no event, if there is none, as far as that can be seen now."""
        latest = self._latest
        if latest is None and isinstance(self._tracer, Watchable) and self._final is None:
            latest = self._tracer.look()
        if latest is None or latest.counted:
            return ()
        self._silence.look()
        return (*self._silence.reasons(latest), *self._located.notes, *self._warnings)

    @property
    def astray(self) -> str:
        """Why no event can come, if the target is seen to be the wrong process; else empty."""
        self._silence.look()
        return self._silence.astray

    def _no_event(self, last: Reading | None) -> tuple[str, ...]:
        if last is None or last.counted:
            return ()
        self._silence.look()
        reasons = self._silence.reasons(last)
        return (f"no event came: {'; '.join(reasons)}",) if reasons else ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self._stack.close()
