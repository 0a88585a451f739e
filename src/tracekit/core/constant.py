"""Constant expressions: what can be computed before anything is traced.

Engines do this too, each in its own way: bpftrace 0.27 refuses literals whose sum doesn't fit.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from tracekit.core.expr import COMPARE_OPS, LOGIC_OPS, Binary, Cast, Conditional, Expr, Int, Unary, type_of
from tracekit.core.types import IntType


def constant(node: Expr) -> int | None:
    """The value of an expression of literals, by the rules of ``core.expr``.

    Returns:
        The value, in the range of the expression's type; None if it isn't known before it is traced.

    Raises:
        UsageError: if the expression can't have a type.
    """
    match node:
        case Int(value):
            return value
        case Cast(type_, operand):
            found = constant(operand)
            return None if found is None else type_.wrap(found)
        case Unary(op, operand):
            found = constant(operand)
            return None if found is None else _wrap(node, _UNARY[op](found))
        case Binary(op, left, right):
            a, b = constant(left), constant(right)
            return None if a is None or b is None else _binary(node, a, b)
        case Conditional(test, then, other):
            values = constant(test), constant(then), constant(other)
            return None if None in values else _wrap(node, values[1 if values[0] else 2])
        case _:
            return None


def _wrap(node: Expr, value: int | None) -> int:
    type_ = type_of(node)
    assert isinstance(type_, IntType) and value is not None
    return type_.wrap(value)


def _binary(node: Binary, a: int, b: int) -> int:
    op = node.op
    if op in LOGIC_OPS:
        return int(bool(a) and bool(b)) if op == "&&" else int(bool(a) or bool(b))
    if op in ("<<", ">>"):
        return _wrap(node, a << b % 64 if op == "<<" else a >> b % 64)
    # Both as the type that the operation has, which a comparison's own doesn't show.
    common = type_of(Binary("+", node.left, node.right))
    assert isinstance(common, IntType)
    a, b = common.wrap(a), common.wrap(b)
    if op in COMPARE_OPS:
        return int(_COMPARE[op](a, b))
    return _wrap(node, _ARITHMETIC[op](a, b))


def _divide(a: int, b: int) -> int:
    """Toward zero; 0 for a division by 0."""
    if b == 0:
        return 0
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


_UNARY: Final[Mapping[str, Callable[[int], int]]] = {
    "-": operator.neg,
    "~": operator.invert,
    "!": operator.not_,
}
_COMPARE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Final[Mapping[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}
