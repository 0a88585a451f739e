"""Draws programs for the target: filters, keys and values of every kind, nested deep, and several clauses."""

from __future__ import annotations

import functools
from typing import Literal

import attrs
from hypothesis import strategies as st

from tracekit.backends.base import Options
from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import (
    COMPARE_OPS,
    LOGIC_OPS,
    Arg,
    Binary,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Expr,
    Int,
    Load,
    Reg,
    Str,
    String,
    Unary,
    type_of,
)  # fmt: skip
from tracekit.core.probe import FunctionName, FunctionProbe, Uprobe, Uretprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT64, INT_TYPES, UINT64, IntType, OtherType

TARGET = "./target"
"""The binary, as programs name it."""

EVENT, OTHER = (Uprobe(TARGET, FunctionName(name)) for name in ("event", "other"))
RETURN, OTHER_RETURN = (Uretprobe(TARGET, FunctionName(name)) for name in ("event", "other"))
PROBES: tuple[FunctionProbe, ...] = (EVENT, OTHER, RETURN, OTHER_RETURN)

_EDGES = (
    0,
    1,
    2,
    3,
    7,
    8,
    10,
    31,
    63,
    64,
    100,
    *(2**n + d for n in (7, 8, 15, 16, 31, 32, 62, 63) for d in (-1, 0, 1)),
)
_literals = st.one_of(
    st.sampled_from(_EDGES),
    st.sampled_from([-n for n in _EDGES if n <= 2**63]),
    st.integers(INT64.minimum, UINT64.maximum),
).map(Int)
_types = st.sampled_from(tuple(INT_TYPES.values()))
_arithmetic = ("*", "/", "%", "+", "-", "<<", ">>", "&", "^", "|")
_operators = st.sampled_from((*_arithmetic * 2, *sorted(COMPARE_OPS), *sorted(LOGIC_OPS) * 2))
_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")

_builtins = st.sampled_from((BuiltinName.PID, BuiltinName.TID, BuiltinName.CPU)).map(Builtin)
_at_entry = st.one_of(st.builds(Arg, st.integers(0, 7)), st.builds(Reg, st.sampled_from(_REGISTERS)), _builtins)
_took = Binary(">=", Builtin(BuiltinName.ELAPSED), Int(0))
_at_return = st.one_of(st.just(Builtin(BuiltinName.RETVAL)), st.just(_took), _builtins)

_lengths = st.none() | st.integers(1, 70)
_near = st.integers(-2, 3)


def _leaf(values: st.SearchStrategy[Expr], *, entry: bool) -> st.SearchStrategy[Expr]:
    if not entry:
        return st.one_of(values, values, _literals)
    shifts = st.integers(-8, 64).map(lambda at: Binary("+", Arg(4), Int(at)))
    blocks = st.builds(Load, _types, shifts)
    return st.one_of(values, values, values, _literals, blocks)


@functools.cache
def strings(inner: st.SearchStrategy[Expr], *, entry: bool) -> st.SearchStrategy[Expr]:
    """Strings of every kind; at an entry also those that arguments point at."""
    texts = st.sampled_from(
        ("", "a", "plain", "edge", "target", "café", "bad\udcff\udcfe", "a text of more than fifteen bytes")
    )
    fixed = st.one_of(st.builds(String, texts), st.just(Builtin(BuiltinName.COMM)))
    if not entry:
        return fixed
    pointers = st.one_of(st.just(Arg(3)), st.builds(lambda n: Binary("+", Arg(3), Int(n)), _near), inner)
    sizes = st.one_of(st.just(Arg(5)), st.integers(0, 80).map(Int))
    return st.one_of(
        fixed,
        st.builds(Str, pointers, _lengths),
        st.builds(Str, pointers),
        st.builds(Str, pointers, st.none(), sizes),
    )


def _compared(op: Literal["==", "!="], left: Expr, right: Expr, dice: int) -> Expr:
    """A comparison of strings; seldom one that is refused, of a string with a size and one without."""
    sized = [isinstance(side, Str) and side.size is not None for side in (left, right)]
    if sized[0] is not sized[1] and dice:
        return Binary(op, left, String("plain")) if sized[0] else Binary(op, String(""), right)
    return Binary(op, left, right)


def _larger(inner: st.SearchStrategy[Expr], *, entry: bool) -> st.SearchStrategy[Expr]:
    string = strings(inner, entry=entry)
    kinds = [
        st.builds(Binary, _operators, inner, inner),
        st.builds(Binary, _operators, inner, inner),
        st.builds(Conditional, inner, inner, inner),
        st.builds(Unary, st.sampled_from(("-", "!", "~")), inner),
        st.builds(Cast, _types, inner),
        st.builds(_compared, st.sampled_from(("==", "!=")), string, string, st.integers(0, 15)),
    ]
    return st.one_of(*kinds, st.builds(Load, _types, inner)) if entry else st.one_of(*kinds)


@functools.cache
def numbers(*, entry: bool = True, most: int = 16) -> st.SearchStrategy[Expr]:
    """Expressions that are numbers, of about so many operands at most."""
    leaf = _leaf(_at_entry if entry else _at_return, entry=entry)
    return st.recursive(leaf, functools.partial(_larger, entry=entry), max_leaves=most)


@st.composite
def _schemes(draw: st.DrawFn, type_: IntType) -> Scheme:
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return Log2(draw(st.integers(0, 5)))
    if kind == 1:
        return draw(
            st.sampled_from(
                (
                    LogLinear(10, 0, 6, 20),
                    LogLinear(2, 3, 60, 2),
                    LogLinear(16, 1, 14, 4),
                    LogLinear(3, 0, 0, 1),
                )
            )
        )
    step = draw(st.sampled_from((1, 2, 7, 128, 1 << 20, 1 << 59)))
    size = draw(st.integers(1, 60))
    word = UINT64 if type_ == UINT64 else INT64
    lo = draw(st.sampled_from((0, 1, -100, -(1 << 31), 1 << 40, word.minimum + 1, word.maximum - 500)))
    lo = max(lo, 0 if word == UINT64 else word.minimum + 1)
    size = max(1, min(size, (word.maximum - lo) // step))
    step = min(step, word.maximum - lo)
    return Linear(lo, min(lo + size * step + draw(st.integers(0, step - 1)), word.maximum), step)


@functools.cache
@st.composite
def _aggregations(draw: st.DrawFn, *, entry: bool) -> Aggregation:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return Count()
    value = draw(numbers(entry=entry))
    if kind == 1:
        return Scalar(draw(st.sampled_from(Moment)), value)
    type_ = type_of(value)
    assert isinstance(type_, IntType)
    return Distribution(value, draw(_schemes(type_)))


@functools.cache
@st.composite
def _keys(draw: st.DrawFn, *, entry: bool) -> Expr:
    small = numbers(entry=entry, most=6)
    kind = draw(st.integers(0, 5))
    if kind < 3:
        return draw(small)
    return draw(strings(small, entry=entry)) if kind < 5 else Builtin(BuiltinName.FUNC)


@functools.cache
@st.composite
def _filters(draw: st.DrawFn, *, entry: bool) -> Expr | None:
    kind = draw(st.integers(0, 5))
    return draw(numbers(entry=entry, most=60 if kind == 5 else 16)) if kind > 1 else None


@functools.cache
@st.composite
def _clauses(draw: st.DrawFn, name: str) -> Clause:
    entry = draw(st.sampled_from((True, True, True, False)))
    own, other = (EVENT, OTHER) if entry else (RETURN, OTHER_RETURN)
    return Clause(
        draw(st.sampled_from(((own,), (own, other)))),
        draw(_filters(entry=entry)),
        [
            Aggregate(
                f"{name}{n}",
                draw(_aggregations(entry=entry)),
                draw(st.lists(_keys(entry=entry), max_size=3)),
            )
            for n in range(draw(st.integers(1, 3)))
        ],
    )


@st.composite
def _again(draw: st.DrawFn, aggregate: Aggregate) -> Aggregate:
    """Another way to feed the map of an aggregate, with values of the same types."""

    def like(node: Expr) -> Expr:
        type_ = type_of(node)
        if node == Builtin(BuiltinName.FUNC):
            return node
        if type_ is OtherType.STRING:
            return draw(strings(numbers(most=3), entry=True))
        assert isinstance(type_, IntType)
        found = draw(numbers(most=6))
        return found if type_of(found) == type_ else Cast(type_, found)

    function = aggregate.function
    if not isinstance(function, Count):
        function = attrs.evolve(function, value=like(function.value))
    return Aggregate(aggregate.name, function, [like(key) for key in aggregate.keys])


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Whole programs; now and then one of their maps is fed by two clauses."""
    found = [draw(_clauses(letter)) for letter in "abc"[: draw(st.integers(1, 3))]]
    if draw(st.booleans()):
        shared = draw(_again(found[0].aggregates[0]))
        found.append(Clause((EVENT,), draw(st.none() | numbers(most=6)), [shared]))
    return Program(found)


options = st.builds(
    Options,
    exact=st.sampled_from((True, True, False)),
    max_keys=st.just(256),
    max_string=st.sampled_from((64, 64, 16, 40, 100)),
)
