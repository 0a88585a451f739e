"""Writes one program: what it does at an event. Pure."""

from __future__ import annotations

from typing import Final

from tracekit.backends.base import Options
from tracekit.backends.bpf import instructions as code
from tracekit.backends.bpf.abilities import Abilities
from tracekit.backends.bpf.adding import Adder
from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.emit import COUNTERS, CTX, FP, R0, R1, R2, R3, R4, Emitter, Values
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import CONTROL, TARGETS, Control, Layout
from tracekit.backends.bpf.layout import COUNTERS as COUNTERS_MAP
from tracekit.backends.bpf.programs import Whose
from tracekit.backends.bpf.registers import place_of
from tracekit.backends.bpf.sites import Site, Timer
from tracekit.backends.calls import GOROUTINE, Call
from tracekit.backends.plan import uses
from tracekit.backends.window import Window
from tracekit.core.arch import Architecture
from tracekit.core.expr import Binary, BuiltinName, Int, Load, Reg
from tracekit.core.program import Clause
from tracekit.core.types import UINT64
from tracekit.syntax import print_aggregate, print_expression
from tracekit.values import frozen

_SHARED: Final = Register.R9
"""``control``'s value."""


@frozen
class Context:
    """What all programs of a run have in common.

    Attributes:
        layout: what the run keeps.
        whose: whose events count.
        options: see ``Options``.
        arch: the machine's processor.
        window: when to stop; None for never.
        abilities: what the kernel has.
    """

    layout: Layout
    whose: Whose
    options: Options
    arch: Architecture
    window: Window | None
    abilities: Abilities


@frozen
class EventWriter:
    """Writes one program.

    Attributes:
        context: what all programs have in common.
        asm: where the instructions go.
        number: the clause's.
        clause: the clause.
        site: a site of the program's: they are all alike.
        function: the function's number; None if the probe's own number tells.
        sleeps: whether the program may wait for pages that aren't in memory.
    """

    context: Context
    asm: Assembler
    number: int
    clause: Clause
    site: Site
    function: int | None
    sleeps: bool

    def write(self, *, entry: bool, trap: bool, timer: bool) -> None:
        asm = self.asm
        end = asm.label("end")
        asm.move(CTX, R1)
        with asm.about("keep to the thread's own stack"):
            self._own_stack()
        with asm.about("this processor's counters"):
            self._first_of(COUNTERS_MAP, COUNTERS, end)
        last = asm.label("last")
        if self.context.window is not None or self.context.options.max_events is not None:
            with asm.about("what all processors share"):
                self._first_of(CONTROL, _SHARED, end)
        # What others run into costs them as much; of a tracepoint that is next to nothing.
        if not trap:
            self._whose(end, timer=timer)
        if self.context.window is not None and not timer:
            with asm.about("are there too many events?"):
                self._guard(self.context.window, end)
        if trap:
            self._whose(last, others="h1")
        if not timer:
            self._count("h0")
        with asm.room(8) as elapsed, asm.room(8) as stack:
            if entry:
                self._entered(last)
            else:
                self._event(elapsed, stack, last)
        asm.place(last)
        if self.context.window is not None and not timer:
            with asm.about("was this one too many?"):
                self._too_many(self.context.window, end)
        asm.place(end)
        asm.leave()

    def _own_stack(self) -> None:
        """Have the kernel give each run of the program a stack of its own, by a call that is never made.

        From kernel 6.13 on, a processor has one stack for all runs of a program of 64 bytes or more. Those of
        uprobes may come between each other there, as one waits for a page or is preempted, and would then find
        the other's keys and values. Programs with a tail call are left out of that (``check_max_stack_depth``
        in ``kernel/bpf/verifier.c``); the verifier then takes it away, since it can't be reached.
        """
        asm = self.asm
        past = asm.label("own_stack")
        asm.constant(R0, 0)
        asm.jump("==", R0, 0, past)
        asm.call(Helper.TAIL_CALL)
        asm.place(past)

    def _values(self, elapsed: int, stack: int = 0) -> Values:
        functions = self.context.layout.plan.functions
        return Values(
            arch=self.context.arch,
            arguments=self.site.arguments,
            retval=self.site.retval,
            function=functions[self.function] if self.function is not None and self.site.function else None,
            elapsed=elapsed,
            stack=stack,
            max_string=self.context.options.max_string,
            ids=self.context.whose.ids,
            sleeps=self.sleeps,
            fault=lambda _: self._count(f"f{self.number}"),
        )

    def _count(self, name: str) -> None:
        self.asm.constant(R1, 1)
        self.asm.add(code.atomic_add(COUNTERS, self.context.layout.words[name], R1))

    def _first_of(self, name: str, register: Register, absent: str) -> None:
        asm = self.asm
        with asm.room(8) as key:
            asm.store(FP, key, 0)
            asm.map(R1, name)
            asm.address(R2, key)
            asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump("==", R0, 0, absent)
        asm.move(register, R0)

    def _whose(self, end: str, *, others: str = "", timer: bool = False) -> None:
        """Go on with the target's events only; a clock that isn't each processor's is nobody's."""
        asm = self.asm
        everywhere = isinstance(self.site.point, Timer) and self.site.point.everywhere
        if not self.context.whose.pids or (timer and not everywhere):
            return
        mine = asm.label("mine")
        with asm.about("whose event is it?"):
            Emitter(asm, self._values(0)).ids(process=True)
            with asm.room(8) as key:
                asm.store(FP, key, R0)
                asm.map(R1, TARGETS)
                asm.address(R2, key)
                asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump("!=", R0, 0, mine)
            if others:
                self._count(others)
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
        asm, arch = self.asm, self.context.arch
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

    def _event(self, elapsed: int, stack: int, last: str) -> None:
        asm, clause = self.asm, self.clause
        if self.site.entry is not None:
            if uses(clause, BuiltinName.ELAPSED):
                with asm.about("how long the call took"):
                    self._elapsed(elapsed, last)
            self._count(f"r{self.number}")
        emitter = Emitter(asm, self._values(elapsed, stack))
        if clause.where is not None:
            with asm.about(f"where {print_expression(clause.where)}"):
                emitter.branch(clause.where, last, when=False)
        if (limit := self.context.options.max_events) is not None:
            self.context.abilities.require_swaps("--max-events")
            with asm.about(f"the first {limit} events"):
                asm.constant(R1, 1)
                asm.add(code.atomic_add(_SHARED, Control.SEEN.offset, R1, fetch=True))
                asm.constant(R2, limit)
                asm.jump(">=", R1, R2, last)
        self._count(f"t{self.number}")
        if uses(clause, BuiltinName.USTACK):
            from tracekit.backends.bpf.stacks import StackWriter

            self.context.abilities.require_swaps("ustack")
            with asm.about("who called it"):
                StackWriter(asm, emitter, self.context.arch, self._count, self.number).write(
                    stack, bare=self.site.bare
                )
        context = self.context
        adder = Adder(asm, context.layout, emitter, self._count, self._function_number, context.abilities.swaps)
        plans = {m.name: m for m in context.layout.plan.maps}
        for aggregate in clause.aggregates:
            with asm.about(print_aggregate(aggregate)):
                adder.add(aggregate, plans[aggregate.name])

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
