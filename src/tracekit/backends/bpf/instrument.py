"""The programs that a run loads into the kernel: exact counts, totals, and what found no room. Pure.

The shape of each::

    counters = this processor's; not the target's? h1 += 1, end
    too many events? end
    h0 += 1; where? else end
    t0 += 1
    for each aggregate: its value and keys; b[keys, bucket] += 1; m[keys] += its moments

Every addition is atomic, although each processor has its own: a probe of a function may be preempted by another
process that runs into it, too, so that two programs are at work on one processor
(``bpf_prog_run_array_uprobe`` in ``include/linux/bpf.h`` forbids migration only).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from tracekit.backends.base import Options
from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.assembler import Assembler, Code
from tracekit.backends.bpf.bucketing import bucketing
from tracekit.backends.bpf.emit import (
    COUNTERS,
    CTX,
    FP,
    R0,
    R1,
    R2,
    R3,
    R4,
    Emitter,
    Ids,
    Values,
    string_room,
)  # fmt: skip
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import (
    CONTROL,
    FOLLOWED,
    Control,
    KernelMap,
    Layout,
    MapKind,
    key_bytes,
    key_room,
    layout_of,
    moments,
    string_limit,
)  # fmt: skip
from tracekit.backends.bpf.layout import (
    COUNTERS as COUNTERS_MAP,
)
from tracekit.backends.bpf.registers import place_of
from tracekit.backends.bpf.sites import Instruction, Named, Point, Site, Timer, Tracepoint
from tracekit.backends.calls import GOROUTINE, Call
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, plan_of, uses, word
from tracekit.backends.window import Window, window
from tracekit.core.aggregation import value_of
from tracekit.core.arch import Architecture
from tracekit.core.expr import COMPARE_OPS, Binary, Builtin, BuiltinName, Expr, Int, Load, Reg, Str
from tracekit.core.probe import Probe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import UINT64
from tracekit.syntax import print_aggregate, print_expression

_MINE: Final = Register.R8
"""A pointer into a map that is added to."""

_SHARED: Final = Register.R9
"""``control``'s value."""

_TRIES: Final = 8
"""How often an extreme is tried to be replaced. Each failure takes another event that replaces it just then."""

_NOEXIST: Final = 1  # BPF_NOEXIST in include/uapi/linux/bpf.h

_SIGN: Final = 1 << 63


class ProgramKind(enum.Enum):
    """A program's type, by its number in ``enum bpf_prog_type`` in ``include/uapi/linux/bpf.h``."""

    KPROBE = 2
    TRACEPOINT = 5
    PERF_EVENT = 7


@attrs.frozen
class KernelProgram:
    """A program in the kernel.

    Attributes:
        name: for people.
        kind: its type.
        code: its instructions.
        points: where it runs.
        numbers: what each point is numbered with, for the program to ask for; empty if it doesn't.
        sleeps: whether it may wait for pages that aren't in memory.
    """

    name: str
    kind: ProgramKind
    code: Code
    points: tuple[Point, ...]
    numbers: tuple[int, ...] = ()
    sleeps: bool = False


@attrs.frozen
class Whose:
    """Which processes' events count.

    Attributes:
        pids: their ids; empty for every process.
        follow: where the fields of ``sched_process_fork`` and ``sched_process_free`` are that have a process's
        id, if
            processes that are forked from now on count, too; None if not.
        ids: the pid namespace that ids are of; None for the first one.
    """

    pids: tuple[int, ...] = ()
    follow: tuple[int, int] | None = None
    ids: Ids | None = None


@attrs.frozen
class Instrumented:
    """All that a run has in the kernel."""

    layout: Layout
    maps: tuple[KernelMap, ...]
    programs: tuple[KernelProgram, ...]

    @property
    def text(self) -> str:
        """It, for people."""
        lines = []
        for m in self.maps:
            shape = f"{m.entries} entries of {m.key_size} and {m.value_size} bytes"
            lines.append(f"map {m.name}: {m.kind.name.lower()}, {shape}")
        for program in self.programs:
            lines += ["", f"program {program.name}: {program.kind.name.lower()}, at {_shown(program.points)}"]
            lines += program.code.listing()
        return "\n".join(lines) + "\n"


def instrument(
    program: Program,
    sites: Mapping[Probe, Sequence[Site]],
    whose: Whose,
    options: Options,
    arch: Architecture,
    *,
    sleeps: bool = False,
) -> Instrumented:
    """Compile a located program for a run.

    Args:
        program: has no unresolved names.
        sites: where each of its probes goes.
        whose: whose events count.
        options: see ``Options``.
        arch: the machine's processor.
        sleeps: whether programs at functions may wait for pages that aren't in memory.

    Raises:
        UsageError: if an expression has no meaning.
        UnsupportedError: if eBPF can't do it.
    """
    functions = tuple(dict.fromkeys(s.function for found in sites.values() for s in found if s.function))
    plan = plan_of(program, options, 0, functions, options.max_keys, others=bool(whose.pids))
    layout = layout_of(plan)
    writer = _Writer(layout, whose, options, arch, window(options), sleeps)
    programs = [p for n, c in enumerate(program.clauses) for p in writer.clause(n, c, sites)]
    maps = [*layout.maps, KernelMap(CONTROL, MapKind.ARRAY, 4, 8 * len(Control), 1)]
    for n, clause in enumerate(program.clauses):
        if uses(clause, BuiltinName.ELAPSED):
            maps.append(KernelMap(f"a{n}", MapKind.HASH, 24, 8, options.max_keys))
    if whose.follow is not None:
        maps.append(KernelMap(FOLLOWED, MapKind.HASH, 4, 4, options.max_keys))
        programs += _following(whose.follow)
    return Instrumented(layout, tuple(maps), tuple(programs))


@attrs.frozen
class _Writer:
    layout: Layout
    whose: Whose
    options: Options
    arch: Architecture
    window: Window | None
    sleeps: bool

    def clause(
        self, number: int, clause: Clause, sites: Mapping[Probe, Sequence[Site]]
    ) -> Iterator[KernelProgram]:
        alone = _names_function(clause)
        groups: dict[tuple[object, ...], list[Site]] = {}
        for site in (site for probe in clause.probes for site in sites[probe]):
            like = (
                type(site.point), site.entry is None, site.arguments, site.retval, site.call,
                isinstance(site.point, Instruction) and site.point.returns,
                site.function if alone else "",
            )  # fmt: skip
            groups.setdefault(like, []).append(site)
        for place, group in enumerate(groups.values()):
            name = f"clause{number}" + (f"_{place}" if place else "")
            yield self._program(number, clause, name, group, entry=False)
            entries = list({s.entry: s for s in group if s.entry is not None}.values())
            if entries:
                yield self._program(number, clause, f"{name}_entry", entries, entry=True)

    def _program(
        self, number: int, clause: Clause, name: str, sites: Sequence[Site], *, entry: bool
    ) -> KernelProgram:
        points = tuple(s.entry if entry and s.entry is not None else s.point for s in sites)
        kind = _kind(points[0])
        functions = [self._function(s) for s in sites]
        needed = uses(clause, BuiltinName.FUNC) or uses(clause, BuiltinName.ELAPSED)
        several = needed and len(set(functions)) > 1
        writing = _Program(
            self,
            Assembler(),
            number,
            clause,
            sites[0],
            None if several else functions[0],
            sleeps=self.sleeps and kind is ProgramKind.KPROBE,
        )
        writing.write(entry=entry, trap=kind is ProgramKind.KPROBE, timer=isinstance(points[0], Timer))
        numbers = tuple(functions) if several else ()
        return KernelProgram(name, kind, writing.asm.assemble(), points, numbers, writing.sleeps)

    def _function(self, site: Site) -> int:
        functions = self.layout.plan.functions
        return functions.index(site.function) if site.function else 0


@attrs.frozen
class _Program:
    """Writes one program."""

    writer: _Writer
    asm: Assembler
    number: int
    clause: Clause
    site: Site
    function: int | None  # None if the probe's own number tells
    sleeps: bool

    def write(self, *, entry: bool, trap: bool, timer: bool) -> None:
        asm = self.asm
        end = asm.label("end")
        asm.move(CTX, R1)
        with asm.about("this processor's counters"):
            self._first_of(COUNTERS_MAP, COUNTERS, end)
        is_profile = timer and isinstance(self.site.point, Timer) and self.site.point.everywhere
        if self.writer.whose.pids and (not timer or is_profile):
            with asm.about("whose event is it?"):
                self._whose(end, trap=trap)
        if self.writer.window is not None or self.writer.options.max_events is not None:
            with asm.about("what all processors share"):
                self._first_of(CONTROL, _SHARED, end)
        if self.writer.window is not None and not timer:
            with asm.about("are there too many events?"):
                self._guard(self.writer.window, end)
        if not timer:
            self._count("h0")
        last = asm.label("last")
        with asm.room(8) as elapsed:
            if entry:
                self._entered(last)
            else:
                self._event(elapsed, last)
        asm.place(last)
        if self.writer.window is not None and not timer:
            with asm.about("was this one too many?"):
                self._too_many(self.writer.window, end)
        asm.place(end)
        asm.leave()

    def _values(self, elapsed: int) -> Values:
        functions = self.writer.layout.plan.functions
        return Values(
            arch=self.writer.arch,
            arguments=self.site.arguments,
            retval=self.site.retval,
            function=functions[self.function] if self.function is not None and self.site.function else None,
            elapsed=elapsed,
            max_string=self.writer.options.max_string,
            ids=self.writer.whose.ids,
            sleeps=self.sleeps,
            fault=lambda _: self._count(f"f{self.number}"),
        )

    def _count(self, name: str) -> None:
        self.asm.constant(R1, 1)
        self.asm.add(code.atomic_add(COUNTERS, self.writer.layout.words[name], R1))

    def _first_of(self, name: str, register: Register, absent: str) -> None:
        asm = self.asm
        with asm.room(8) as key:
            asm.store(FP, key, 0)
            asm.map(R1, name)
            asm.address(R2, key)
            asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump("==", R0, 0, absent)
        asm.move(register, R0)

    def _whose(self, end: str, *, trap: bool) -> None:
        asm, whose = self.asm, self.writer.whose
        mine = asm.label("mine")
        Emitter(asm, self._values(0)).ids(process=True)
        if whose.follow is None:
            for pid in whose.pids:
                asm.jump("==", R0, pid, mine)
        else:
            with asm.room(8) as key:
                asm.store(FP, key, R0)
                asm.map(R1, FOLLOWED)
                asm.address(R2, key)
                asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump("!=", R0, 0, mine)
        if trap:
            self._count("h1")
        asm.goto(end)
        asm.place(mine)

    def _guard(self, window: Window, end: str) -> None:
        asm = self.asm
        same = asm.label("same_window")
        asm.load(R1, _SHARED, Control.OVER.offset)
        asm.jump("!=", R1, 0, end)
        asm.call(Helper.KTIME_GET_NS)
        asm.load(R1, _SHARED, Control.SINCE.offset)
        asm.move(R2, R0)
        asm.arithmetic("-=", R2, R1)
        asm.constant(R3, window.nanoseconds)
        asm.jump("s<=", R2, R3, same)
        asm.store(_SHARED, Control.SINCE.offset, R0)
        asm.store(_SHARED, Control.WINDOW.offset, 0)
        asm.place(same)
        asm.constant(R1, 1)
        asm.add(code.atomic_add(_SHARED, Control.WINDOW.offset, R1))

    def _too_many(self, window: Window, end: str) -> None:
        asm = self.asm
        asm.load(R1, _SHARED, Control.WINDOW.offset)
        asm.constant(R2, window.events)
        asm.jump("<=", R1, R2, end)
        asm.call(Helper.KTIME_GET_NS)
        asm.store(_SHARED, Control.OVER.offset, R0)

    def _entered(self, last: str) -> None:
        self._count(f"e{self.number}")
        if not uses(self.clause, BuiltinName.ELAPSED):
            return
        asm = self.asm
        with asm.about("when the call began"), asm.room(24) as key, asm.room(8) as now:
            self._call_key(key, at_return=False)
            asm.call(Helper.KTIME_GET_NS)
            asm.store(FP, now, R0)
            asm.map(R1, f"a{self.number}")
            asm.address(R2, key)
            asm.address(R3, now)
            asm.constant(R4, 0)
            asm.call(Helper.MAP_UPDATE_ELEM)

    def _call_key(self, key: int, *, at_return: bool) -> None:
        """What tells the call apart; see ``Call``.

        Source: ``type g`` in Go's ``src/runtime/runtime2.go`` (``stack.lo`` and ``stack.hi`` are its first
        words).
        """
        asm, arch = self.asm, self.writer.arch
        emitter = Emitter(asm, self._values(0))
        stack = place_of(arch, arch.stack_pointer)
        call = self.site.call
        emitter.ids(process=call is Call.GOROUTINE)
        if call is Call.GOROUTINE:
            goroutine = Reg(GOROUTINE[arch.name])
            asm.store(FP, key, R0)
            emitter.value(Load(UINT64, Binary("+", goroutine, Int(8))))
            asm.load(R1, CTX, stack)
            asm.arithmetic("-=", R0, R1)
            # The goroutine's address is unique in a process only: both in one word, and the depth.
            asm.load(R1, FP, key)
            asm.arithmetic("<<=", R1, 48)
            asm.load(R2, CTX, place_of(arch, GOROUTINE[arch.name]))
            asm.arithmetic("^=", R1, R2)
            asm.store(FP, key, R1)
            asm.store(FP, key + 8, R0)
        else:
            asm.store(FP, key, R0)
            asm.load(R1, CTX, stack)
            if call is Call.UNWOUND and at_return:
                asm.arithmetic("-=", R1, arch.return_shift)
            asm.store(FP, key + 8, R1)
        self._function_number()
        asm.store(FP, key + 16, R0)

    def _function_number(self) -> None:
        if self.function is not None:
            self.asm.constant(R0, self.function)
            return
        self.asm.move(R1, CTX)
        self.asm.call(Helper.GET_ATTACH_COOKIE)

    def _event(self, elapsed: int, last: str) -> None:
        asm, clause = self.asm, self.clause
        if self.site.entry is not None:
            if uses(clause, BuiltinName.ELAPSED):
                with asm.about("how long the call took"):
                    self._elapsed(elapsed, last)
            self._count(f"r{self.number}")
        emitter = Emitter(asm, self._values(elapsed))
        if clause.where is not None:
            with asm.about(f"where {print_expression(clause.where)}"):
                emitter.branch(clause.where, last, when=False)
        if (limit := self.writer.options.max_events) is not None:
            with asm.about(f"the first {limit} events"):
                asm.constant(R1, 1)
                asm.add(code.atomic_add(_SHARED, Control.SEEN.offset, R1, fetch=True))
                asm.constant(R2, limit)
                asm.jump(">=", R1, R2, last)
        self._count(f"t{self.number}")
        plans = {m.name: m for m in self.writer.layout.plan.maps}
        for aggregate in clause.aggregates:
            with asm.about(print_aggregate(aggregate)):
                self._aggregate(aggregate, plans[aggregate.name], emitter)

    def _elapsed(self, elapsed: int, last: str) -> None:
        asm = self.asm
        with asm.room(24) as key:
            self._call_key(key, at_return=True)
            asm.map(R1, f"a{self.number}")
            asm.address(R2, key)
            asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump("==", R0, 0, last)
            asm.load(R1, R0, 0)
            asm.store(FP, elapsed, R1)
            asm.call(Helper.KTIME_GET_NS)
            asm.load(R1, FP, elapsed)
            asm.arithmetic("-=", R0, R1)
            asm.store(FP, elapsed, R0)
            asm.map(R1, f"a{self.number}")
            asm.address(R2, key)
            asm.call(Helper.MAP_DELETE_ELEM)

    def _aggregate(self, aggregate: Aggregate, plan: MapPlan, emitter: Emitter) -> None:
        asm = self.asm
        full, done = asm.label("full"), asm.label("done")
        value = value_of(aggregate.function)
        keys = key_bytes(plan)
        with asm.room(8) as x, asm.room(keys + 8) as at:
            if value is not None:
                emitter.value(value)
                asm.store(FP, x, R0)
            place = at
            for key, key_plan in zip(aggregate.keys, plan.keys, strict=True):
                self._key(key, key_plan, place, emitter)
                place += key_room(key_plan)
            if plan.scheme is not None and plan.type is not None:
                asm.load(R0, FP, x)
                bucketing(asm, plan.scheme, word(plan.type))
                asm.store(FP, at + keys, R0)
                where = at if plan.keys else at + keys  # of an array, the lower half is its index
                self._entry(f"b{plan.number}", where, 8, full, made=bool(plan.keys))
                asm.constant(R1, 1)
                asm.add(code.atomic_add(R0, 0, R1))
            found = moments(plan)
            if found:
                offset = 0
                base = _MINE
                if plan.keys:
                    self._entry(f"m{plan.number}", at, 8 * len(found), full, made=True)
                    asm.move(_MINE, R0)
                else:
                    base, offset = COUNTERS, self.writer.layout.words[f"{found[0]}{plan.number}"]
                self._moments(plan, found, base, offset, x)
        if plan.scheme is not None or plan.keys:
            asm.goto(done)
            asm.place(full)
            self._count(f"full{plan.number}")
            asm.place(done)

    def _key(self, key: Expr, plan: KeyPlan, at: int, emitter: Emitter) -> None:
        asm = self.asm
        match plan.kind:
            case KeyKind.FUNCTION:
                self._function_number()
                asm.store(FP, at, R0)
            case KeyKind.INTEGER:
                emitter.value(key)
                asm.store(FP, at, R0)
            case KeyKind.STRING:
                emitter.string(key, at, string_limit(plan))
            case KeyKind.COUNTED:
                limit = string_limit(plan)
                if isinstance(key, Str) and key.size is not None:
                    emitter.counted(key, at, limit)
                else:
                    emitter.string(key, at, limit)
                    asm.constant(R1, UNCOUNTED)
                    asm.store(FP, at + string_room(limit), R1)

    def _entry(self, name: str, key: int, size: int, full: str, *, made: bool) -> None:
        """The address of a map's entry into ``R0``; it is made if need be, and may find no room."""
        asm = self.asm
        have = asm.label("have")
        self._look_up(name, key)
        asm.jump("!=", R0, 0, have)
        if made:
            with asm.room(size) as nothing:
                for offset in range(0, size, 8):
                    asm.store(FP, nothing + offset, 0)
                asm.map(R1, name)
                asm.address(R2, key)
                asm.address(R3, nothing)
                asm.constant(R4, _NOEXIST)
                asm.call(Helper.MAP_UPDATE_ELEM)
            # Whoever made it: another processor may have been first.
            self._look_up(name, key)
            asm.jump("!=", R0, 0, have)
        asm.goto(full)
        asm.place(have)

    def _look_up(self, name: str, key: int) -> None:
        self.asm.map(R1, name)
        self.asm.address(R2, key)
        self.asm.call(Helper.MAP_LOOKUP_ELEM)

    def _moments(self, plan: MapPlan, found: Sequence[str], base: Register, offset: int, x: int) -> None:
        asm = self.asm
        places = {name: offset + 8 * n for n, name in enumerate(found)}
        signed = plan.type is not None and word(plan.type).signed
        asm.constant(R1, 1)
        asm.add(code.atomic_add(base, places["count"], R1))
        if "low" in places:
            carried = asm.label("carried")
            asm.load(R2, FP, x)
            asm.move(R1, R2)
            asm.add(code.atomic_add(base, places["low"], R1, fetch=True))
            asm.arithmetic(
                "+=", R1, R2
            )  # the sum's lower half after it: less than what was added if it overflowed
            asm.constant(R3, 1)
            asm.jump("<", R1, R2, carried)
            asm.constant(R3, 0)
            asm.place(carried)
            if signed:
                asm.arithmetic("s>>=", R2, 63)
                asm.arithmetic("+=", R3, R2)
            asm.add(code.atomic_add(base, places["high"], R3))
        for name in ("least", "most"):
            if name in places:
                asm.load(R2, FP, x)
                if signed:
                    asm.constant(R1, _SIGN)
                    asm.arithmetic("^=", R2, R1)
                if name == "least":
                    asm.arithmetic("^=", R2, -1)
                self._greatest(base, places[name], f"raced{plan.number}")

    def _greatest(self, base: Register, offset: int, raced: str) -> None:
        """A word becomes ``R2`` if that is greater."""
        asm = self.asm
        kept = asm.label("kept")
        for _ in range(_TRIES):
            asm.load(R0, base, offset)
            asm.jump(">=", R0, R2, kept)
            asm.move(R3, R0)
            asm.add(code.compare_exchange(base, offset, R2))
            asm.jump("==", R0, R3, kept)
        self._count(raced)
        asm.place(kept)


def _following(places: tuple[int, int]) -> Iterator[KernelProgram]:
    """A fork is seen before the child runs; an id is forgotten when its process ends, so that a new one with
    the same
    id doesn't count. Threads pass through as well, and change nothing.

    Not at ``sched_process_exit``, where a process's other threads may still run.
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


def _kind(point: Point) -> ProgramKind:
    match point:
        case Instruction() | Named():
            return ProgramKind.KPROBE
        case Tracepoint():
            return ProgramKind.TRACEPOINT
        case Timer():
            return ProgramKind.PERF_EVENT


def _names_function(clause: Clause) -> bool:
    """Whether the function's name is compared with something, for which it must be known."""
    func = Builtin(BuiltinName.FUNC)
    return any(
        isinstance(e, Binary) and e.op in COMPARE_OPS and func in (e.left, e.right) for e in clause.expressions
    )


def _shown(points: Sequence[Point]) -> str:
    return str(points[0]) + (f" and {len(points) - 1} more" if len(points) > 1 else "")
