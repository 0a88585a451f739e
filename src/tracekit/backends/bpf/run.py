"""Runs a program with eBPF programs of our own."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from time import CLOCK_MONOTONIC, clock_gettime_ns
from typing import TYPE_CHECKING, Final

import attrs

from tracekit.backends.base import Options, Place, Processes, Reading
from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.attaching import Attached, Ready, attach, load
from tracekit.backends.bpf.clock import Clock
from tracekit.backends.bpf.emit import Ids
from tracekit.backends.bpf.features import check_features
from tracekit.backends.bpf.instrument import instrument
from tracekit.backends.bpf.layout import CONTROL, COUNTERS, STACKS, TARGETS, Control, MapKind
from tracekit.backends.bpf.programs import Fields, Instrumented, KernelProgram, Whose
from tracekit.backends.bpf.reading import Read, Table, read
from tracekit.backends.bpf.refused import Refused
from tracekit.backends.bpf.rights import Kernel, kernel_for
from tracekit.backends.bpf.sites import sites
from tracekit.backends.bpf.trying import abilities
from tracekit.backends.plan import uses
from tracekit.backends.window import overload_of
from tracekit.core.arch import Architecture, architecture
from tracekit.core.expr import Builtin, BuiltinName, Load, Str
from tracekit.core.probe import FunctionProbe
from tracekit.core.program import Program
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.errors import PrivilegeError, UnsupportedError
from tracekit.process.namespaces import in_first_pids, in_inner_pids

if TYPE_CHECKING:
    from tracekit.backends.bpf.naming import Names

_LOOK_SECONDS: Final = 0.02
"""How often it is looked whether a limit was reached."""

_UNTOLD: Final = (
    "this kernel doesn't tell of events that come while a program is at work on their processor, as in an "
    "interrupt, and aren't counted; kernels from 5.12 on do"
)

_OUTSIDE: Final = "Run tracekit on the host, where -p takes the host's ids and --container a name."


class BpfTracer:
    """A ``Tracer`` that is eBPF programs in the kernel, of this process."""

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
        self._options, self._program = options, program
        self._arch = _architecture(places)
        self._notes = list(_check_ids(processes, program))
        self._binaries = [place.image for found in places.values() for place in found]
        self._names: Names | None = None
        self._stack = ExitStack()
        with ExitStack() as helper:
            self._kernel = kernel_for(sudo=options.sudo, stack=helper)
            self._whose = _whose(processes, self._kernel)
            self._found = sites(program, places, files, self._arch, self._kernel.describe)
            self._abilities = abilities(self._kernel)
            self._script = self._instrument()
            self._helper = helper.pop_all()
        self._maps: dict[str, int] = {}
        self._attached = Attached()
        # Looked up now: at the end there may be no descriptor left for it.
        self._processors = len(kernel.processors())
        self._limited = options.max_events is not None or options.max_rate is not None
        self.losses: tuple[Loss, ...] = ()
        self.ended = False

    def _instrument(self) -> Instrumented:
        reads = any(
            isinstance(e, Load | Str) or e == Builtin(BuiltinName.USTACK)
            for c in self._program.clauses
            for e in c.expressions
        )
        return instrument(
            self._program, self._found, self._whose, self._options, self._arch, self._abilities, sleeps=reads
        )

    @property
    def script(self) -> str:
        return self._script.text

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def attach(self) -> None:
        # Once all is in place, nobody with more rights than ours is needed.
        with self._helper:
            try:
                self._start()
            except Refused as refused:
                self._stack.close()
                from tracekit.backends.bpf.diagnose import diagnose

                raise diagnose(refused) from refused
            if STACKS in self._maps:
                from tracekit.backends.bpf.mappings import Mappings
                from tracekit.backends.bpf.naming import Names

                mappings = self._stack.enter_context(Mappings(self._whose.pids, self._kernel))
                self._names = Names(self._binaries, mappings)
        look = _LOOK_SECONDS if self._limited else None
        self._clock = self._stack.enter_context(Clock(self._options.interval, look))

    def _start(self) -> None:
        self._maps = {}
        for m in self._script.maps:
            try:
                descriptor = self._kernel.create_map(m.kind.value, m.key_size, m.value_size, m.entries, m.name)
            except OSError as error:
                raise Refused(f"a map of {m.entries} entries", error) from error
            self._stack.callback(os.close, descriptor)
            self._maps[m.name] = descriptor
        try:
            self._prepare()
        except PermissionError as error:
            raise PrivilegeError(
                "this kernel lets nobody without CAP_BPF read what eBPF programs count",
                "Run tracekit itself with sudo, not with --sudo. From kernel 5.19 on, that isn't needed.",
            ) from error
        self._attached = self._stack.enter_context(Attached())
        # All are loaded before the first is placed: so they begin as nearly at once as they can.
        ready = [(p, self._load(p)) for p in (*self._script.keeping, *self._script.programs)]
        for program, loaded in ready:
            self._attach(program, loaded)

    def _prepare(self) -> None:
        """What the maps have from the start."""
        now = clock_gettime_ns(CLOCK_MONOTONIC)
        control = [0] * len(Control)
        control[Control.BEGAN] = control[Control.SINCE] = now
        kernel.update(self._maps[CONTROL], bytes(4), struct.pack(f"<{len(Control)}Q", *control))
        for pid in self._whose.pids:
            kernel.update(self._maps[TARGETS], struct.pack("<I", pid), bytes(4))

    def _load(self, program: KernelProgram) -> Ready:
        return load(self._kernel, program, self._maps, self._attached, many=self._abilities.many)

    def _attach(self, program: KernelProgram, ready: Ready) -> None:
        try:
            attach(self._kernel, program, ready, self._attached)
        except Refused as refused:
            if program.instead is None or not refused.invalid:
                raise
            for other in program.instead:
                self._attach(other, self._load(other))

    def fileno(self) -> int:
        return self._clock.fileno()

    def poll(self) -> Sequence[Reading]:
        due = self._clock.due()
        if self._limited and not self.ended and self._reached():
            return self.finish()
        return self._told(final=False) if due and not self.ended else []

    def look(self) -> Reading:
        """See ``Watchable``."""
        return self._read(final=False)

    def _control(self) -> list[int]:
        size = 8 * len(Control)
        raw = kernel.lookup(self._maps[CONTROL], bytes(4), size)
        return list(struct.unpack(f"<{len(Control)}Q", raw))

    def _reached(self) -> bool:
        control, limit = self._control(), self._options.max_events
        return control[Control.OVER] > 0 or (limit is not None and control[Control.SEEN] >= limit)

    def finish(self) -> Sequence[Reading]:
        if self.ended:
            return ()
        self.ended = True
        self._clock.stop()
        if self._is_over():
            self._attached.detach_meanwhile()
        else:
            self._attached.detach()
        return self._told(final=True)

    def _is_over(self) -> bool:
        """Whether no process is left whose events count: then the maps say all there is, probes or not."""
        pids = () if self._whose.follow else self._whose.pids
        return bool(pids) and not any(map(_exists, pids))

    def _told(self, *, final: bool) -> Sequence[Reading]:
        """A reading; none if it can't be had, which is a loss of the last one only."""
        try:
            return [self._read(final=final)]
        except (OSError, MemoryError) as error:
            if final:
                reason = error.strerror if isinstance(error, OSError) else "there is no memory left"
                self.losses = (Loss(LossKind.INCOMPLETE, f"the kernel's maps could not be read: {reason}"),)
            return []

    def _read(self, *, final: bool) -> Reading:
        now = clock_gettime_ns(CLOCK_MONOTONIC)
        found = self._tables(final)
        losses, notes = list(found.losses), found.notes
        if (missed := self._attached.missed()) is None:
            notes = (*notes, _UNTOLD)
        elif missed:
            losses.append(
                Loss(LossKind.EVENTS, f"{missed} events came while another program was at work there", missed)
            )
        control = self._control() if final else []
        words = (
            [control[w] for w in (Control.OVER, Control.BEGAN, Control.SINCE, Control.WINDOW)] if final else []
        )
        guarded = self._options.max_rate is not None
        return Reading(
            final=final,
            nanoseconds=now,
            maps=found.maps,
            losses=tuple(losses),
            notes=notes,
            hits=found.hits,
            others=found.others,
            overload=overload_of(words) if guarded and final else None,
        )

    def _tables(self, final: bool) -> Read:
        processors = self._processors
        # The totals first: what comes after them can only make the other maps say more.
        tables: dict[str, Table] = {}
        for m in self._script.layout.maps:
            size = -(-m.value_size // 8) * 8 * processors
            descriptor = self._maps[m.name]
            if m.kind is MapKind.HASH:
                tables[m.name] = Table(*kernel.entries(descriptor, m.key_size, m.value_size, m.entries))
            elif m.name == COUNTERS:
                tables[m.name] = Table(b"", kernel.lookup(descriptor, bytes(4), size), 1)
            elif m.kind is MapKind.PERCPU_ARRAY:
                values, count = kernel.array(descriptor, size, m.entries)
                tables[m.name] = Table(b"", values, count)
            else:
                tables[m.name] = Table(*kernel.entries(descriptor, m.key_size, size, m.entries))
        waits, layout = self._abilities.sleeps, self._script.layout
        if self._names is None:
            return read(layout, tables[COUNTERS], tables, processors, str, final=final, waits=waits)
        from tracekit.backends.bpf.frames import stacks

        names = self._names.of(stacks(tables[STACKS].keys, tables[STACKS].values))
        found = read(layout, tables[COUNTERS], tables, processors, names.of, final=final, waits=waits)
        losses, notes = (*found.losses, *names.losses()), (*found.notes, *names.notes())
        return attrs.evolve(found, losses=losses, notes=notes)

    def describe(self) -> Engine:
        return Engine(BACKEND, os.uname().release)

    def close(self) -> None:
        self._helper.close()
        self._stack.close()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _architecture(places: Mapping[FunctionProbe, Sequence[Place]]) -> Architecture:
    machines = {place.image.machine for found in places.values() for place in found}
    if machines - {os.uname().machine}:
        raise UnsupportedError(
            feature=f"a binary of {', '.join(sorted(machines))}",
            backend=BACKEND,
            reason=f"its code runs on another processor than this machine's, which is {os.uname().machine}",
        )
    return architecture(os.uname().machine)


def _check_ids(processes: Processes, program: Program) -> tuple[str, ...]:
    """Refuse processes whose ids the kernel doesn't tell; see ``Ids``."""
    shown = any(uses(c, name) for c in program.clauses for name in (BuiltinName.PID, BuiltinName.TID))
    if in_first_pids() or not (processes.pids or shown):
        return ()
    if processes.follow:
        raise UnsupportedError(
            feature="--follow in a container",
            backend=BACKEND,
            reason="the kernel tells new processes by the host's ids, and all others by the container's",
            remedy=_OUTSIDE,
        )
    for pid in processes.pids:
        if in_inner_pids(pid):
            raise UnsupportedError(
                feature=f"process {pid}",
                backend=BACKEND,
                reason="the kernel doesn't tell the ids of a pid namespace within one's own",
                remedy=f"Run tracekit in there. {_OUTSIDE}",
            )
    return () if processes.pids else ("processes of other pid namespaces than tracekit's have the id 0",)


def _whose(processes: Processes, by: Kernel) -> Whose:
    ids = None
    if not in_first_pids():
        status = os.stat("/proc/self/ns/pid")
        ids = Ids(status.st_dev, status.st_ino)
    if not (processes.pids and processes.follow):
        return Whose(processes.pids, None, ids)
    from tracekit.backends.tracefs import tracepoint

    _, new = tracepoint("task", "task_newtask", BACKEND, by.describe)
    _, free = tracepoint("sched", "sched_process_free", BACKEND, by.describe)
    return Whose(processes.pids, Fields(new["pid"], new["clone_flags"], free["pid"]), ids)
