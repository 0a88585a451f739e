"""From a program with names to one that compilers understand, for the functions that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from tracekit.backends.base import Place
from tracekit.core.aggregation import Aggregation, Count, Distribution, Scalar
from tracekit.core.arch import architecture
from tracekit.core.expr import Builtin, BuiltinName, Expr
from tracekit.core.probe import FunctionName, FunctionProbe, Probe, Uprobe, Uretprobe
from tracekit.core.program import Aggregate, Clause, Program, check, is_named
from tracekit.core.result import MapResult, Resolution
from tracekit.core.verdict import Verdict
from tracekit.errors import BinaryError, UnresolvedError
from tracekit.symbols.function import Function
from tracekit.syntax import print_expression, print_probe
from tracekit.values import frozen
from tracekit.workflow.knowledge import Knowledge

if TYPE_CHECKING:
    from tracekit.core.calibration import Calibration

_MOST_ASKED: Final = 8
"""Of how many functions of a pattern it is looked what they return; each takes up to 0.1 s."""

Labels = tuple[Mapping[int, str], ...]
"""For each key of a map, what the source calls its values."""


@frozen
class Resolved:
    """A program without names.

    Attributes:
        program: what is to be run.
        places: where its function probes go.
        resolutions: what the names were taken for.
        key_names: by map, its keys as the program has them.
        labels: by map, what the source calls the values of its keys; only maps that have any.
        notes: what a reader should know.
    """

    program: Program
    places: Mapping[FunctionProbe, tuple[Place, ...]]
    resolutions: tuple[Resolution, ...] = ()
    key_names: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    labels: Mapping[str, Labels] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    def named(self, maps: Sequence[MapResult]) -> tuple[MapResult, ...]:
        """An engine's maps with keys as the program, and not its located form, has them."""
        return tuple(
            attrs.evolve(
                m,
                key_names=self.key_names.get(m.name, m.key_names),
                key_labels=self.labels.get(m.name, ()),
            )
            for m in maps
        )


@frozen
class Site:
    """A function that a probe names, as far as names of its arguments need it.

    Attributes:
        calibration: where its arguments and results are.
        function: the function.
        by_instructions: whether its return is seen at its return instructions, and not after them.
    """

    calibration: Calibration
    function: Function
    by_instructions: bool = False


def in_words(resolution: Resolution) -> str:
    """What a name was taken for, as a sentence."""
    r = resolution
    return f"{r.name} of {r.function} is {r.type} in {r.location}: {r.verdict.value}"


def is_resolved(program: Program) -> bool:
    """Whether a program has no names that are to be resolved."""
    return not any(is_named(e) for c in program.clauses for e in c.expressions)


def resolve(
    program: Program,
    places: Mapping[FunctionProbe, tuple[Place, ...]],
    knowledge: Knowledge,
    require: Verdict = Verdict.GOOD,
) -> Resolved:
    """Replace the names of a program by the places where their values are, for a run.

    So is ``retval`` where debug information says that it is a float: its register is another one. A clause
    whose probes are at functions that keep a name's value in different places becomes several.

    Args:
        program: may have names.
        places: the functions of its probes.
        knowledge: where their arguments are.
        require: how well a place must be known.

    Raises:
        UnresolvedError: if a name means nothing there, or its place isn't known well enough.
        DebugInfoError: if a function has neither a calibration nor debug information.
        UsageError: if the program has no meaning with the types that its names have.
    """

    def sites(probe: FunctionProbe) -> Iterator[Site]:
        return (Site(knowledge.of(p.image, p.function), p.function, bool(p.returns)) for p in places[probe])

    if not any(_has_names(clause, sites) for clause in program.clauses):
        return Resolved(program, places)
    resolver = _ProgramResolver(sites, require)
    resolved = resolver.program(program)
    own = {
        alone: tuple(p for p in places[probe] if p.function == function)
        for alone, (probe, function) in resolver.alone.items()
    }
    notes = tuple(dict.fromkeys((*resolved.notes, *knowledge.notes)))
    return attrs.evolve(resolved, places={**places, **own}, notes=notes)


def resolve_apart(
    program: Program, sites: Callable[[FunctionProbe], Iterable[Site]], require: Verdict = Verdict.GOOD
) -> Resolved:
    """The same for a program that isn't run here; there are no places.

    Args:
        program: may have names.
        sites: gives the functions of a probe.
        require: how well a place must be known.

    Raises:
        TracekitError: as ``resolve``, and whatever ``sites`` raises.
    """
    return Resolved(program, {}) if is_resolved(program) else _ProgramResolver(sites, require).program(program)


class _ProgramResolver:
    def __init__(self, sites: Callable[[FunctionProbe], Iterable[Site]], require: Verdict) -> None:
        self.alone: dict[FunctionProbe, tuple[FunctionProbe, Function]] = {}
        self._sites, self._require = sites, require
        self._resolutions: dict[tuple[str, str], Resolution] = {}
        self._labels: dict[str, Labels] = {}
        self._notes: list[str] = []

    def program(self, program: Program) -> Resolved:
        found = Program([clause for c in program.clauses for clause in self._clauses(c)])
        check(found)
        return Resolved(
            program=found,
            places={},
            resolutions=tuple(self._resolutions.values()),
            key_names={name: tuple(map(print_expression, a.keys)) for name, a in program.maps.items()},
            labels=self._labels,
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _clauses(self, clause: Clause) -> Iterator[Clause]:
        """A clause without names, or several that are it together."""
        if not _has_names(clause, self._sites):
            yield clause
            return
        from tracekit.calibration.paths import check_paths

        for expression in clause.expressions:
            check_paths(expression)
        found = [
            (probe, site, self._located(clause, probe, site))
            for probe in map(_function_probe, clause.probes)
            for site in self._sites(probe)
        ]
        if len({(located.where, located.aggregates) for _, _, located in found}) == 1:
            yield found[0][2]
            return
        for probe, site, located in found:
            # By its address: several functions may have one name.
            alone = attrs.evolve(probe, function=FunctionName(f"{site.function.address:#x}"))
            self.alone[alone] = probe, site.function
            yield attrs.evolve(located, probes=(alone,))

    def _located(self, clause: Clause, probe: FunctionProbe, site: Site) -> Clause:
        calibration, at_return = site.calibration, isinstance(probe, Uretprobe)
        if (isinstance(probe, Uprobe) and probe.offset) or site.function.offset:
            raise UnresolvedError(
                f"inside {site.function.name} its arguments may be anywhere",
                'Names are known at the function\'s entry: leave the offset out, or use reg("…").',
            )
        from tracekit.calibration.paths import Resolver

        arch = architecture(calibration.architecture)
        resolver = Resolver(
            calibration,
            arch,
            at_return=at_return,
            return_shift=arch.return_shift if at_return and not site.by_instructions else 0,
            require=self._require,
        )
        for aggregate in clause.aggregates:
            labels = tuple(resolver.labels(key) for key in aggregate.keys)
            if any(labels):
                self._labels.setdefault(aggregate.name, labels)
        located = Clause(
            clause.probes,
            None if clause.where is None else resolver.located(clause.where),
            [_aggregate(a, resolver.located) for a in clause.aggregates],
        )
        for name, resolution in resolver.resolutions.items():
            self._resolutions[name, resolution.function] = resolution
        self._notes += calibration.warnings
        return located


def _has_names(clause: Clause, sites: Callable[[FunctionProbe], Iterable[Site]]) -> bool:
    """Whether a clause has names, ``retval`` of a function that is known to return a float among them."""
    if any(map(is_named, clause.expressions)):
        return True
    if Builtin(BuiltinName.RETVAL) not in clause.expressions:
        return False
    from tracekit.calibration.paths import returns_float

    for probe in clause.probes:
        if isinstance(probe, Uretprobe):
            with suppress(BinaryError):  # most functions are probed without debug information
                if any(returns_float(site.calibration) for site in islice(sites(probe), _MOST_ASKED)):
                    return True
    return False


def _function_probe(probe: Probe) -> FunctionProbe:
    if not isinstance(probe, Uprobe | Uretprobe):
        raise UnresolvedError(
            f"{print_probe(probe)} has no arguments with names of the source",
            "Names are those of functions' arguments; here there are arg0, arg1, … (see docs/language.md).",
        )
    return probe


def _aggregate(aggregate: Aggregate, located: Callable[[Expr], Expr]) -> Aggregate:
    return Aggregate(
        aggregate.name, _function(aggregate.function, located), [located(k) for k in aggregate.keys]
    )


def _function(function: Aggregation, located: Callable[[Expr], Expr]) -> Aggregation:
    match function:
        case Count():
            return function
        case Scalar(moment, value):
            return Scalar(moment, located(value))
        case Distribution(value, scheme):
            return Distribution(located(value), scheme)
