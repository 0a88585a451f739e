"""A second engine that counts the same events beside the first, and is compared with it.

The first is there before the second, and after it. So what the second must have lies between two differences of
what the first had counted at four moments (see ``core.agreement``). A command is held until both are there: if
it ends by itself, the two have seen the same events, and must have counted the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from tracekit.backends.base import Options, Reading, Tracer, Watchable
from tracekit.backends.registry import backend as find_backend
from tracekit.core.aggregation import value_of
from tracekit.core.expr import Builtin, BuiltinName, walk
from tracekit.core.probe import Interval, Probe, Profile, Side, Syscall, Uretprobe
from tracekit.core.program import Clause, Program
from tracekit.core.result import Engine, Loss, LossKind
from tracekit.core.target import Command, Target
from tracekit.errors import UsageError
from tracekit.workflow.choose import AUTO, FIRST

if TYPE_CHECKING:
    from tracekit.core.agreement import Moments

_LISTED: Final = 3
_ELAPSED: Final = Builtin(BuiltinName.ELAPSED)
_CPU: Final = Builtin(BuiltinName.CPU)


def first_backend(options: Options, program: Program, target: Target, backend: str) -> str:
    """The backend whose result it is with a cross-check: the one that can be compared.

    Args:
        options: see ``Options``, with a second backend.
        program: what is asked.
        target: whose events count.
        backend: the name that was given, or ``auto``.

    Raises:
        UsageError: if two engines wouldn't see the same.
    """
    assert options.cross_check is not None
    if backend not in (AUTO, FIRST):
        raise UsageError(
            f"--cross-check compares {FIRST} with another engine, and not {backend}",
            f"Say --cross-check={backend} without --backend.",
        )
    if options.cross_check == FIRST or not find_backend(options.cross_check).in_files:
        raise UsageError(
            f"{options.cross_check} can't be beside {FIRST} in one process",
            "Name bpftrace or dtrace, or trace twice and compare with 'tracekit diff'.",
        )
    if (limit := _limit(options)) is not None:
        raise UsageError(
            f"{limit} would stop two engines at two moments, and --cross-check compares all events",
            "Give --duration, or one of them alone.",
        )
    for clause in program.clauses:
        _check_clause(clause, target)
    if not isinstance(target, Command) and getattr(target, "follow", False):
        raise UsageError(
            "what a process forks before the second engine is there would count for the first only",
            "Say --cross-check without --follow, or start the program as a command.",
        )
    return FIRST


def _limit(options: Options) -> str | None:
    given = {
        "--max-events": options.max_events,
        "--max-rate": options.max_rate,
        "--max-overhead": options.max_overhead,
    }
    return next((name for name, value in given.items() if value is not None), None)


def _check_clause(clause: Clause, target: Target) -> None:
    """Refuse what two engines see differently though both are right."""
    if any(isinstance(p, Interval | Profile) for p in clause.probes):
        raise UsageError(
            "two engines' timers don't fire at the same moments, so there is nothing to compare",
            "Cross-check a program of function probes, tracepoints or system calls.",
        )
    chosen = [] if clause.where is None else [clause.where]
    chosen += [key for aggregate in clause.aggregates for key in aggregate.keys]
    if _CPU in clause.expressions or any(_ELAPSED in walk(root) for root in chosen):
        raise UsageError(
            "cpu and elapsed may differ between two engines at one event: one of them comes after the other",
            "Cross-check without cpu, and without elapsed in filters and keys.",
        )
    if not isinstance(target, Command) and any(map(_returns, clause.probes)):
        raise UsageError(
            "calls that began before the second engine came return to the first only",
            "Start the program as a command, or probe the entry.",
        )


def _returns(probe: Probe) -> bool:
    return isinstance(probe, Uretprobe) or (isinstance(probe, Syscall) and probe.side is Side.RETURN)


class CrossCheckedTracer:
    """A ``Tracer`` that has another one count beside it, and compares the two at the end.

    Args:
        first: has its probes in place; its counts are the result.
        second: has none yet.
        program: what both count.
    """

    def __init__(self, first: Tracer, second: Tracer, program: Program) -> None:
        assert isinstance(first, Watchable)
        self._watched: Watchable = first
        self._first, self._second, self._program = first, second, program
        self._finished = False

    @property
    def script(self) -> str:
        return f"{self._first.script}\n{self._second.script}"

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._first.losses

    @property
    def notes(self) -> tuple[str, ...]:
        return self._first.notes

    def attach(self) -> None:
        self._before = self.look()
        self._second.attach()
        self._begun = self.look()

    def fileno(self) -> int:
        return self._first.fileno()

    def look(self) -> Reading:
        """See ``Watchable``."""
        return self._watched.look()

    def poll(self) -> Sequence[Reading]:
        return self._first.poll()

    @property
    def ended(self) -> bool:
        return self._first.ended

    def finish(self) -> Sequence[Reading]:
        if self._finished:
            return ()
        self._finished = True
        ending = self.look()
        told = self._second.finish()
        readings = self._first.finish()
        second = next((r for r in told if r.final), None)
        return [self._judged(r, ending, second) if r.final else r for r in readings]

    def describe(self) -> Engine:
        return self._first.describe()

    def close(self) -> None:
        """Nothing: whoever made the two ends them."""

    def _judged(self, first: Reading, ending: Reading, second: Reading | None) -> Reading:
        """The final reading, with what has come of the comparison."""
        engine = self._second.describe()
        name = f"{engine.name} {engine.version}".strip()
        own = (*self._second.losses, *(second.losses if second else ()))
        if second is None:
            told = f"{name} told no result to compare with"
            return attrs.evolve(first, losses=(*first.losses, _unconfirmed(told, own, name)))
        from tracekit.core.agreement import Moments, differences

        four = Moments(self._before.maps, self._begun.maps, ending.maps, first.maps)
        found = list(differences(four, second.maps, self._timed))
        if found:
            more = f", and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
            told = f"{name} has counted otherwise: {'; '.join(found[:_LISTED])}{more}"
            return attrs.evolve(first, losses=(*first.losses, _unconfirmed(told, own, name)))
        count = sum(m.total for m in second.maps)
        return attrs.evolve(first, notes=(*first.notes, *_confirmed(name, four, count, self._timed)))

    @property
    def _timed(self) -> frozenset[str]:
        """The maps of times, which each engine takes by itself."""
        values = (
            (aggregate.name, value_of(aggregate.function))
            for clause in self._program.clauses
            for aggregate in clause.aggregates
        )
        return frozenset(name for name, value in values if value is not None and _ELAPSED in walk(value))


def _unconfirmed(told: str, own: Sequence[Loss], name: str) -> Loss:
    """The loss of a result that the second engine doesn't bear out, with what that one lacks itself."""
    lacks = f"; {name} says of itself: {own[0].message}" if own else ""
    return Loss(
        LossKind.UNCONFIRMED,
        f"the cross-check failed: {told}{lacks}",
        hint="One of the two is wrong, or the target's memory wasn't the same for both: only bpf waits for a "
        "page that isn't there yet. Trace with each alone.",
    )


def _confirmed(name: str, first: Moments, count: int, timed: frozenset[str]) -> Iterator[str]:
    least, most = first.bounds
    if least == most:
        yield f"cross-checked: {name} has counted the same, {count:,} values"
    else:
        yield (
            f"cross-checked: {name} has counted {count:,} values, and between {least:,} and {most:,} came "
            "while it was there"
        )
    if timed:
        yield "of times only how many there are is compared: each engine takes its own"
