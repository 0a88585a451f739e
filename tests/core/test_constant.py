"""Constant expressions, against the independent evaluator."""

from __future__ import annotations

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluator import evaluate

from tracekit.core.constant import constant
from tracekit.core.expr import (
    Arg,
    Binary,
    BinaryOp,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Expr,
    Int,
    String,
    Unary,
    UnaryOp,
)
from tracekit.core.types import INT_TYPES

_NEAR_POWERS = st.builds(
    lambda power, delta, sign: sign * (2**power + delta),
    st.integers(0, 63),
    st.integers(-2, 2),
    st.sampled_from([1, -1]),
)
_INTS = (st.integers(-5, 70) | _NEAR_POWERS).filter(lambda n: -(2**63) <= n < 2**64).map(Int)
_BINARY_OPS = [op for union in get_args(BinaryOp) for op in get_args(union)]


def _compound(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    return st.one_of(
        st.builds(Cast, st.sampled_from(list(INT_TYPES.values())), inner),
        st.builds(Unary, st.sampled_from(get_args(UnaryOp)), inner),
        st.builds(Binary, st.sampled_from(_BINARY_OPS), inner, inner),
        st.builds(Conditional, inner, inner, inner),
    )


@settings(max_examples=500)
@given(st.recursive(_INTS, _compound, max_leaves=6))
def test_literals_have_the_value_that_tracing_would_give(node: Expr) -> None:
    """Whatever is made of literals is computed as it would be at a probe."""
    assert constant(node) == evaluate(node, {})[0]


@given(st.recursive(_INTS | st.just(Arg(0)), _compound, max_leaves=6))
def test_what_depends_on_an_argument_is_no_constant(node: Expr) -> None:
    """An expression has a constant value if and only if no argument is in it."""
    assert (constant(node) is None) == ("Arg" in repr(node))


def test_strings_and_builtins_are_no_constants() -> None:
    """Only integers are computed."""
    assert constant(String("x")) is None
    assert constant(Builtin(BuiltinName.PID)) is None
    assert constant(Binary("==", String("x"), String("x"))) is None
