"""The generated Python: what it computes is what C's rules say, and no text becomes code."""

from __future__ import annotations

import ast
import struct
from types import SimpleNamespace
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluator import FLOAT, convert, evaluate, whole
from tests.strategies import programs, schemes

from tracekit.backends.base import Options
from tracekit.backends.gdb.counting import PROVIDED, Map, Whole
from tracekit.backends.gdb.emit import PARAMETERS, Emitter, inside
from tracekit.backends.gdb.features import check_features
from tracekit.backends.gdb.instrument import instrument
from tracekit.core.aggregation import Count
from tracekit.core.arch import X86_64
from tracekit.core.expr import (
    Arg,
    Binary,
    BinaryOp,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Expr,
    Float,
    Int,
    Load,
    Str,
    String,
    Unary,
)
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT64, INT_TYPES, UINT64
from tracekit.errors import TracekitError

MEMORY = bytes(range(200, 256)) + bytes(range(100))
OPERATORS = [op for union in get_args(BinaryOp) for op in get_args(union)]
near_powers = st.builds(
    lambda p, d, s: s * (2**p + d), st.integers(0, 63), st.integers(-2, 2), st.sampled_from([1, -1])
)
numbers = (st.integers(-5, 70) | near_powers).filter(lambda n: -(2**63) <= n < 2**64)
leaves = st.builds(Arg, st.integers(0, 3)) | numbers.map(Int)
types = st.sampled_from(list(INT_TYPES.values()))


def larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Expressions of some others."""
    return st.one_of(
        st.builds(Cast, types, inner),
        st.builds(Unary, st.sampled_from("-~!"), inner),
        st.builds(Conditional, inner, inner, inner),
        st.builds(Load, types, st.builds(Binary, st.just("&"), inner, st.just(Int(0xFF)))),
        st.builds(Binary, st.sampled_from(OPERATORS), inner, inner),
        st.builds(Binary, st.sampled_from(OPERATORS), inner, inner),
    )


expressions = st.recursive(leaves, larger, max_leaves=25)


def literal(value: float) -> Expr:
    """A float's bits, taken for one."""
    return Float(64, Int(int.from_bytes(struct.pack("<d", value), "little")))


def larger_float(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Floats of some others, and of integers."""
    other = inner | st.recursive(leaves, larger, max_leaves=4)
    return st.one_of(
        st.builds(Unary, st.just("-"), inner),
        st.builds(Conditional, other, inner, other),
        st.builds(Binary, st.sampled_from("+-*/"), inner, other),
        st.builds(Binary, st.sampled_from("+-*/"), other, inner),
    )


floats = st.recursive(
    st.floats().map(literal) | st.builds(Float, st.sampled_from((32, 64)), leaves), larger_float, max_leaves=8
)
of_floats = st.one_of(
    st.builds(Cast, types, floats),
    st.builds(Unary, st.just("!"), floats),
    st.builds(Binary, st.sampled_from(("<", "<=", ">", ">=", "==", "!=", "&&", "||")), floats, floats | leaves),
    st.builds(Conditional, floats, leaves, leaves),
)


def load(address: int, size: int, signed: bool) -> int:
    """What ``tracing`` gives for an integer in memory."""
    data = MEMORY[address : address + size]
    return int.from_bytes(data, "little", signed=signed) if len(data) == size else 0


def run(emitter: Emitter, text: str, arguments: dict[int, int]) -> Any:
    """The value of an emitted expression."""
    registers = {X86_64.arguments[n]: value % 2**64 for n, value in arguments.items()}
    names: dict[str, Any] = {f.__name__: f for f in PROVIDED} | {"load": load, "whole": Whole()}
    exec("\n".join([*emitter.functions, f"def value({PARAMETERS}): return {text}"]), names)
    return names["value"](SimpleNamespace(**registers), 1, b"f", 0)


@settings(max_examples=200)
@given(expressions, st.lists(numbers, min_size=4, max_size=4))
def test_expressions_are_what_c_says(node: Expr, raw: list[int]) -> None:
    """Widths, signs, wrapping, division, shifts: as a number of either sign and as a filter."""
    arguments = dict(enumerate(raw))
    value, _ = evaluate(node, arguments, MEMORY)
    for to in (INT64, UINT64):
        emitter = Emitter(X86_64)
        assert run(emitter, emitter.number(node, to), arguments) == convert(value, (64, to.signed))
    emitter = Emitter(X86_64)
    assert bool(run(emitter, emitter.condition(node), arguments)) == bool(value)


@settings(max_examples=200)
@given(floats | of_floats, st.lists(numbers, min_size=4, max_size=4))
def test_floats_are_what_ieee_754_says(node: Expr, raw: list[int]) -> None:
    """Infinities, NaN and negative zero too: as a float, as a number that is kept and as a filter."""
    arguments = dict(enumerate(raw))
    value = evaluate(node, arguments, MEMORY)
    if value[1] == FLOAT:
        emitter = Emitter(X86_64)
        assert repr(run(emitter, emitter.float(node), arguments)) == repr(value[0])
    for to in (INT64, UINT64):
        emitter = Emitter(X86_64)
        assert run(emitter, emitter.number(node, to), arguments) == whole(value, (64, to.signed))
    emitter = Emitter(X86_64)
    assert bool(run(emitter, emitter.condition(node), arguments)) == bool(value[0])


def test_what_no_integer_can_be_made_of_is_counted() -> None:
    """What is out of bounds becomes the nearest bound, NaN 0, and each of them is told; -0.5 is 0, and fits."""
    convert_float = Whole()
    values = (1e300, float("-inf"), float("nan"), -1.0, -0.5, 2.0**64, 2.0**63)
    found = [convert_float(value, 0, 2**64 - 1) for value in values]
    assert found == [2**64 - 1, 0, 0, 0, 0, 2**64 - 1, 2**63]
    assert convert_float.unfit == 5


def test_expressions_that_are_too_deep_for_a_parser() -> None:
    """They are split into functions, which Python 3.8 takes, and mean the same."""
    node: Expr = Arg(0)
    for n in range(80):
        node = Conditional(Binary("<", Arg(1), Int(n)), Int(n), Binary("*", Binary("+", node, Int(1)), Arg(1)))
    emitter = Emitter(X86_64)
    text = emitter.number(node, INT64)
    assert run(emitter, text, {0: 3, 1: 5}) == evaluate(node, {0: 3, 1: 5})[0]
    assert max(map(depth, [text, *emitter.functions])) < 90


def depth(text: str) -> int:
    """How many parentheses are open at most."""
    return max(text[:n].count("(") - text[:n].count(")") for n in range(len(text) + 1))


@given(schemes, numbers | st.integers(-(2**63), 2**64 - 1), st.booleans())
def test_buckets_are_the_models(scheme: Any, value: int, signed: bool) -> None:
    """A value inside of the bucket, which the model makes the bucket of, is in the bucket of the value."""
    value = convert(value, (64, signed))
    names: dict[str, Any] = {f.__name__: f for f in PROVIDED} | {"x": value}
    found = eval(inside(scheme, "x"), names)
    assert scheme.bucket(found) == scheme.bucket(value)


@given(programs())
def test_every_program_becomes_python_or_is_refused(program: Program) -> None:
    """Whatever is accepted is Python that any version from 3.8 on parses."""
    try:
        text = instrument(program, ("f",), Options(), X86_64).text
    except TracekitError:
        return
    tree = ast.parse(text, feature_version=(3, 8))
    assert all(isinstance(node, ast.FunctionDef) for node in tree.body)
    check_features(program)


HOSTILE = st.text(st.sampled_from("'\"\\\n\r#{}();a*\udcff\u2028é"), min_size=1, max_size=8)


@given(HOSTILE, HOSTILE)
def test_no_text_becomes_code(literal: str, key: str) -> None:
    """A literal is the same bytes in the generated code, and nothing else changes."""
    where = Binary("==", Builtin(BuiltinName.COMM), String(literal))
    aggregate = Aggregate("", Count(), (String(key), Str(Arg(0))))
    name = FunctionName("f" + literal.replace("\n", "").replace("\r", "").replace("\u2028", ""))
    program = Program(Clause(Uprobe("./a", name), where, aggregate))
    tree = ast.parse(instrument(program, (), Options(), X86_64).text)
    found = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes)
    ]
    assert found == [text.encode("utf-8", "surrogateescape") for text in (literal, key)]
    assert len(tree.body) == 1


def test_a_full_map_keeps_all_of_an_event_or_nothing() -> None:
    """Groups and buckets each have their room, and an event without room leaves no trace but a mark."""
    kept = Map(2)
    for value in (1, 2, 2, 3):
        kept.keep((0,), value, value)
    kept.keep((1,), 1, 1)
    assert kept.full
    assert kept.told()["rows"] == [[[0], 3, 5, 1, 2, [(1, 1), (2, 2)]]]
