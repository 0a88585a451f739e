"""What a compiled script's output means: the bridge from the compiler to the parser. Pure.

A map of the program becomes up to five maps of the script, named by a letter and the map's number:

====  ==================================================================================
name  holds
====  ==================================================================================
``b``  by keys and bucket: how many events
``c``  by keys: how many events
``s``  by keys: the values' sum modulo 2**64
``n``  by keys: the least value, in a form that is the engine's own
``x``  by keys: the greatest value, in the same form
====  ==================================================================================

``h0`` is how often the target ran into a probe, ``h1`` how often others did.
``t`` and a clause's number is the clause's total, one number that no full map can lose; ``e`` and ``r`` are
the entries and the returns of functions that a clause has seen.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Final

from tracekit.backends.base import Options
from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar, value_of
from tracekit.core.buckets import Scheme
from tracekit.core.expr import Builtin, BuiltinName, Expr, Str, String, type_of
from tracekit.core.probe import Uretprobe
from tracekit.core.program import Clause, Program
from tracekit.core.types import FLOAT, INT64, UINT64, IntType, OtherType
from tracekit.errors import EngineError, UsageError
from tracekit.syntax import function_name, print_expression
from tracekit.values import frozen

UNCOUNTED: Final = 1 << 31
"""What stands for the size of a string that has none, where others of the map have one: a NUL ends it."""


_COMM: Final = 15
"""``TASK_COMM_LEN`` in ``include/linux/sched.h``, without the NUL."""

_OWN_MAPS: Final = "Give each clause a map of its own."


class KeyKind(enum.Enum):
    """How a key of the program stands in the script's maps."""

    INTEGER = "integer"
    STRING = "string"
    COUNTED = "counted"
    FUNCTION = "function"
    STACK = "stack"


@frozen
class KeyPlan:
    """One key.

    Attributes:
        text: the key's expression, for people.
        kind: integers stand as int64; strings in the engine's own form, followed by how many bytes they have,
            if a size and no NUL ends them; a function as its index in the plan's table; a stack as its number.
        type: an integer's type, int64 or uint64.
        size: how many bytes a string read from memory holds at most, its NUL included; 0 for others.
        most: how many bytes are kept of any string here, whichever clause has it, without a NUL.
    """

    text: str
    kind: KeyKind
    type: IntType = INT64
    size: int = 0
    most: int = 0


@frozen
class MapPlan:
    """One map of the program.

    Attributes:
        name: the program's name for it.
        function: the aggregation's word.
        number: what its maps in the script are numbered.
        keys: its keys.
        parts: the letters of the maps in the script that there are.
        scheme: its buckets, if it has any.
        type: the value's type; None for ``count()``.
        totals: numbers of the clauses that feed it, one for each aggregate.
    """

    name: str
    function: str
    number: int
    keys: tuple[KeyPlan, ...]
    parts: str
    scheme: Scheme | None = None
    type: IntType | None = None
    totals: tuple[int, ...] = ()


@frozen
class Plan:
    """A script's output protocol.

    Attributes:
        nonce: a random number that marks our lines; no target can know it.
        maps: the program's maps in its order.
        clauses: how many clauses count a total.
        returns: numbers of the clauses at functions' returns, whose entries are counted too.
        functions: the names that ``func`` keys stand for.
        max_keys: how many entries a map of the script holds; 0 if each has what it needs.
        others: whether what other processes run into is counted, too.
    """

    nonce: int
    maps: tuple[MapPlan, ...]
    clauses: int
    returns: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    max_keys: int = 0
    others: bool = False

    @property
    def hits(self) -> tuple[str, ...]:
        """The names of the maps that count what runs into probes, without ``@``."""
        return ("h0", "h1") if self.others else ("h0",)

    def function(self, number: int, engine: str) -> str:
        """The name that a ``func`` key stands for.

        Raises:
            EngineError: if the engine has told another number.
        """
        if not 0 <= number < len(self.functions):
            raise EngineError(
                message=f"{engine} told an event of function {number}, and there are {len(self.functions)}",
                hint="Run it with -v to see the script, and report both.",
                engine=engine,
            )
        return self.functions[number]

    @property
    def script_maps(self) -> tuple[str, ...]:
        """The names of all maps that the script prints, without ``@``."""
        return (
            *self.hits,
            *(f"t{n}" for n in range(self.clauses)),
            *(f"{letter}{n}" for n in self.returns for letter in "er"),
            *(f"{part}{m.number}" for m in self.maps for part in m.parts),
        )


def plan_of(
    program: Program,
    options: Options,
    nonce: int,
    functions: Sequence[str],
    max_keys: int = 0,
    *,
    others: bool = False,
) -> Plan:
    """The plan of a program.

    Args:
        program: has no unresolved names.
        options: see ``Options``.
        nonce: see ``Plan``.
        functions: the names of the probed functions.
        max_keys: see ``Plan``.
        others: see ``Plan``.

    Raises:
        UsageError: if an expression has no meaning.
    """
    return Plan(
        nonce=nonce,
        maps=tuple(_map_plans(program, options)),
        clauses=len(program.clauses),
        returns=tuple(
            n for n, c in enumerate(program.clauses) if any(isinstance(p, Uretprobe) for p in c.probes)
        ),
        functions=tuple(functions),
        max_keys=max_keys,
        others=others,
    )


def word(type_: IntType) -> IntType:
    """The type of 64 bits that values of a type are widened to."""
    return UINT64 if type_ == UINT64 else INT64


def kept_type(node: Expr) -> IntType:
    """The type as which a number is aggregated or a key: a float becomes an int64."""
    return INT64 if type_of(node) == FLOAT else integer_type(node)


def integer_type(node: Expr) -> IntType:
    """The type of an expression that is an integer."""
    type_ = type_of(node)
    assert isinstance(type_, IntType)
    return type_


def uses(clause: Clause, name: BuiltinName) -> bool:
    """Whether a clause has a builtin in its filter, keys or values."""
    return Builtin(name) in clause.expressions


def _map_plans(program: Program, options: Options) -> Iterator[MapPlan]:
    for number, (name, aggregate) in enumerate(program.maps.items()):
        value = value_of(aggregate.function)
        yield MapPlan(
            name=name,
            function=function_name(aggregate.function),
            number=number,
            keys=tuple(_key_plan(keys, options, name) for keys in _columns(program, name)),
            parts=parts_of(aggregate.function, options.exact),
            scheme=aggregate.function.scheme if isinstance(aggregate.function, Distribution) else None,
            type=None if value is None else kept_type(value),
            totals=tuple(n for n, c in enumerate(program.clauses) for a in c.aggregates if a.name == name),
        )


def _columns(program: Program, name: str) -> Iterator[tuple[Expr, ...]]:
    """Each key of a map, as all clauses that feed it have it."""
    return zip(*(a.keys for c in program.clauses for a in c.aggregates if a.name == name), strict=True)


def _key_plan(column: Sequence[Expr], options: Options, name: str) -> KeyPlan:
    key, text = column[0], print_expression(column[0])
    functions = {other == Builtin(BuiltinName.FUNC) for other in column}
    if len(functions) > 1:
        raise UsageError(f"a key of @{name} is func in one clause, and another string in another", _OWN_MAPS)
    if functions == {True}:
        return KeyPlan(text, KeyKind.FUNCTION)
    if type_of(key) is OtherType.STACK:
        return KeyPlan(text, KeyKind.STACK)
    if type_of(key) is not OtherType.STRING:
        return KeyPlan(text, KeyKind.INTEGER, word(kept_type(key)))
    most = max(_most(other, options) for other in column)
    if any(isinstance(other, Str) and other.size is not None for other in column):
        return KeyPlan(text, KeyKind.COUNTED, size=options.max_string, most=most)
    size = _most(key, options) + 1 if isinstance(key, Str) else 0
    return KeyPlan(text, KeyKind.STRING, size=size, most=most)


def _most(node: Expr, options: Options) -> int:
    """How many bytes are kept of a string."""
    match node:
        case Str(length=length):
            return min(length or options.max_string, options.max_string) - 1
        case String(value):
            return len(value.encode("utf-8", "surrogateescape"))
        case _:
            return _COMM


def parts_of(function: Aggregation, exact: bool) -> str:
    """The letters of the maps that an aggregation needs.

    Args:
        function: the aggregation.
        exact: whether count, sum, min and max are to be known whatever was asked.
    """
    match function:
        case Count():
            return "c"
        case Distribution():
            return "bcsnx" if exact else "b"
        case Scalar(Moment.STATS):
            return "csnx"
        case Scalar(moment):
            if exact:
                return "csnx"
            # A row whose greatest value is 0 is missing in 0.17: only both tell which signs there were.
            return "cs" if moment in (Moment.SUM, Moment.AVG) else "cnx"
