"""Programs: clauses of a probe, a filter, and aggregations into named maps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from tracekit.core.aggregation import Aggregation, Count, Distribution, Scalar, value_of
from tracekit.core.buckets import Linear
from tracekit.core.expr import (
    Arg,
    Builtin,
    BuiltinName,
    Cap,
    Deref,
    Expr,
    Index,
    Len,
    Member,
    Name,
    Reg,
    type_of,
    walk,
)  # fmt: skip
from tracekit.core.probe import FunctionProbe, Probe, Side, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.types import FLOAT, INT64, UINT64, OtherType
from tracekit.errors import UsageError
from tracekit.values import frozen

_MAP_NAME: Final = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?")


def _keys(value: Iterable[Expr]) -> tuple[Expr, ...]:
    return tuple(value)


@frozen
class Aggregate:
    """``@name[keys] = function(value)``: one map's part of a clause.

    Attributes:
        name: the map's name without ``@``; may be empty, as in ``@ = count()``.
        keys: what the events are grouped by; empty for one group.
        function: what is kept of each group.
    """

    name: str
    function: Aggregation
    keys: tuple[Expr, ...] = attrs.field(default=(), converter=_keys)

    def __attrs_post_init__(self) -> None:
        if not _MAP_NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r} is no name of a map",
                "Use letters, digits and underscores, not a digit first.",
            )

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """The keys, and the value where there is one."""
        value = value_of(self.function)
        return self.keys if value is None else (*self.keys, value)


def _clauses(value: Clause | Iterable[Clause]) -> tuple[Clause, ...]:
    return tuple(value) if isinstance(value, Iterable) else (value,)


def _probes(value: Probe | Iterable[Probe]) -> tuple[Probe, ...]:
    return tuple(value) if isinstance(value, Iterable) else (value,)


def _aggregates(value: Aggregate | Iterable[Aggregate]) -> tuple[Aggregate, ...]:
    return tuple(value) if isinstance(value, Iterable) else (value,)


@frozen
class Clause:
    """What happens at one or more probes.

    Attributes:
        probes: where it fires; at least one (a single one may be given as it is).
        where: the filter: events for which it is 0 are left out; None for all events.
        aggregates: what is kept; at least one.
    """

    probes: tuple[Probe, ...] = attrs.field(converter=_probes)
    where: Expr | None = None
    aggregates: tuple[Aggregate, ...] = attrs.field(default=(), converter=_aggregates)

    def __attrs_post_init__(self) -> None:
        if not self.probes:
            raise UsageError("a clause has no probe")
        if not self.aggregates:
            raise UsageError("a clause has no aggregation", "Add one, such as { @ = count() }.")

    @property
    def expressions(self) -> Iterator[Expr]:
        """Every expression of the clause with all that is inside, the filter's first."""
        roots = () if self.where is None else (self.where,)
        for root in (*roots, *(e for a in self.aggregates for e in a.expressions)):
            yield from walk(root)


@frozen
class Program:
    """Clauses, run together.

    Attributes:
        clauses: at least one (a single one may be given as it is).
    """

    clauses: tuple[Clause, ...] = attrs.field(converter=_clauses)

    def __attrs_post_init__(self) -> None:
        if not self.clauses:
            raise UsageError("the program has no clause")

    @property
    def maps(self) -> dict[str, Aggregate]:
        """The aggregates by the name of their map, in the order of the text."""
        found: dict[str, Aggregate] = {}
        for clause in self.clauses:
            for aggregate in clause.aggregates:
                found.setdefault(aggregate.name, aggregate)
        return found


def check(program: Program) -> None:
    """Refuse a program that has no meaning on any engine.

    Programs that still have unresolved names are checked as far as that goes.

    Raises:
        UsageError: for values that aren't numbers, for ``retval`` and ``elapsed`` elsewhere than at a
            function's return, and for one map with two kinds of content.
    """
    maps = program.maps
    for clause in program.clauses:
        if clause.where is not None and _type(clause.where) in tuple(OtherType):
            raise UsageError("the filter is no number", "Compare it with something.")
        for aggregate in clause.aggregates:
            value = value_of(aggregate.function)
            if value is not None and _type(value) in tuple(OtherType):
                raise UsageError(f"@{aggregate.name} aggregates what is no number")
            for key in aggregate.keys:
                _type(key)
            _check_bounds(aggregate)
            _same_shape(maps[aggregate.name], aggregate)
        _check_builtins(clause)


def _type(root: Expr) -> object:
    return None if is_named(root) else type_of(root)


def _kept(root: Expr) -> object:
    """The type as which a map keeps a value: a float becomes an int64."""
    type_ = _type(root)
    return INT64 if type_ == FLOAT else type_


def is_named(root: Expr) -> bool:
    """Whether an expression has names that are to be resolved before its type is known."""
    return any(isinstance(e, Name | Member | Index | Deref | Len | Cap) for e in walk(root))


def _check_bounds(aggregate: Aggregate) -> None:
    function = aggregate.function
    if not isinstance(function, Distribution) or not isinstance(function.scheme, Linear):
        return
    type_, lo, top = _type(function.value), function.scheme.lo, function.scheme.top
    word = UINT64 if type_ == UINT64 else INT64
    if type_ is not None and not word.minimum <= lo < top <= word.maximum:
        raise UsageError(
            f"lhist's bounds {lo} and {top} are not both values of {word.name}, as @{aggregate.name} has",
            "Convert the value, as in lhist((int64)x, …), or give other bounds.",
        )


def _same_shape(first: Aggregate, other: Aggregate) -> None:
    def shape(aggregate: Aggregate) -> tuple[object, ...]:
        match aggregate.function:
            case Count():
                kind: tuple[object, ...] = (Count,)
            case Scalar(moment, value):
                kind = (moment, _kept(value))
            case Distribution(value, scheme):
                kind = (scheme, _kept(value))
        return (*kind, len(aggregate.keys), *map(_kept, aggregate.keys))

    if shape(first) != shape(other):
        raise UsageError(
            f"@{other.name} is used in two ways that don't go together",
            "Give each its own name, or the same function, key types and value type.",
        )


def _check_builtins(clause: Clause) -> None:
    names = {e.name for e in clause.expressions if isinstance(e, Builtin)}
    if any(isinstance(e, Arg) for e in clause.expressions) and not all(map(_has_arguments, clause.probes)):
        raise UsageError(
            "arguments are known only where a function, a system call or a usdt probe is entered",
            "At a return their registers hold something else: use retval, or probe the entry.",
        )
    functions = all(isinstance(p, FunctionProbe) for p in clause.probes)
    if any(isinstance(e, Reg) for e in clause.expressions) and not functions:
        raise UsageError("registers are known only at a function's probe", "Use uprobe or uretprobe.")
    returns = all(_is_return(p) for p in clause.probes)
    if BuiltinName.ELAPSED in names and not all(isinstance(p, Uretprobe) for p in clause.probes):
        raise UsageError("elapsed is known only when a function returns", "Use uretprobe:BINARY:FUNCTION.")
    if BuiltinName.RETVAL in names and not returns:
        raise UsageError(
            "retval is known only at a return", "Use uretprobe:BINARY:FUNCTION or syscall:NAME:return."
        )
    if BuiltinName.FUNC in names and not functions:
        raise UsageError("func is known only at a function's probe", "Use uprobe or uretprobe.")


def _has_arguments(probe: Probe) -> bool:
    return isinstance(probe, Uprobe | Usdt) or (isinstance(probe, Syscall) and probe.side is Side.ENTRY)


def _is_return(probe: Probe) -> bool:
    return isinstance(probe, Uretprobe) or (isinstance(probe, Syscall) and probe.side is Side.RETURN)
