"""What a numeric expression's value is, written a second time from the documentation of ``core/expr.py``.

Values are Python's integers of the range of their type, which is ``(bits, signed)``, or doubles. Nothing of
tracekit but the nodes themselves is used.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Mapping
from typing import Any

from tracekit.core.expr import Arg, Binary, Cast, Conditional, Expr, Float, Int, Load, Unary

Type = tuple[int, bool]
Value = tuple[Any, Type]
"""A number and its type; one of the type ``FLOAT`` is a ``float``, all others are integers."""

FLOAT: Type = (0, True)

_SIGNED: Type = (64, True)
_UNSIGNED: Type = (64, False)

_COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}


def convert(value: int, to: Type) -> int:
    """C's conversion to an integer type."""
    bits, signed = to
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value


def whole(value: Value, to: Type = _SIGNED) -> int:
    """A number as a map keeps it: a float toward zero, as the nearest there is in 64 bits, or 0 for NaN."""
    number, own = value
    if own != FLOAT:
        return convert(number, to)
    least, most = (-(2**63), 2**63 - 1) if to[1] else (0, 2**64 - 1)
    return 0 if math.isnan(number) else math.trunc(min(max(number, least), most))


def _nothing(_node: Expr) -> Value | None:
    return None


def evaluate(
    node: Expr,
    arguments: Mapping[int, int],
    memory: bytes = b"",
    *,
    leaf: Callable[[Expr], Value | None] = _nothing,
    read: Callable[[int, int], bytes] | None = None,
) -> Value:
    """The value of an expression and its type.

    Args:
        node: the expression.
        arguments: raw values of ``argN``, as 64 bits of either sign.
        memory: what there is at the address 0, as far as ``Load`` sees.
        leaf: gives the value of nodes that somebody else knows, which is asked first.
        read: instead of ``memory``, gives the bytes at an address, of a size; fewer if they can't be read.
    """

    def value_of(inner: Expr) -> Value:
        return evaluate(inner, arguments, memory, leaf=leaf, read=read)

    if (known := leaf(node)) is not None:
        return known
    match node:
        case Int(value):
            return value, _SIGNED if value < 2**63 else _UNSIGNED
        case Arg(index):
            return convert(arguments[index], _SIGNED), _SIGNED
        case Cast(type_, operand):
            to = (type_.bits, type_.signed)
            return convert(whole(value_of(operand), _UNSIGNED if to == _UNSIGNED else _SIGNED), to), to
        case Float(bits, operand):
            raw = convert(value_of(operand)[0], (bits, False)).to_bytes(bits // 8, "little")
            return struct.unpack("<f" if bits == 32 else "<d", raw)[0], FLOAT
        case Load(type_, address):
            size = type_.bits // 8
            at = convert(value_of(address)[0], _UNSIGNED)
            found = memory[at : at + size] if read is None else read(at, size)
            to = (type_.bits, type_.signed)
            return convert(int.from_bytes(found, "little") if len(found) == size else 0, to), to
        case Unary(op, operand):
            value, type_ = _widened(value_of(operand))
            if op == "!":
                return int(value == 0), _SIGNED
            if type_ == FLOAT:
                return -value, FLOAT
            return convert(-value if op == "-" else ~value, type_), type_
        case Conditional(test, then, other):
            chosen = then if value_of(test)[0] else other
            type_ = _common(*(value_of(arm)[1] for arm in (then, other)))
            return _converted(value_of(chosen), type_), type_
        case Binary(op, left, right):
            return _binary(op, value_of(left), value_of(right))
        case _:
            raise NotImplementedError(node)


def _binary(op: str, left: Value, right: Value) -> Value:
    left, right = _widened(left), _widened(right)
    if op == "&&":
        return int(left[0] != 0 and right[0] != 0), _SIGNED
    if op == "||":
        return int(left[0] != 0 or right[0] != 0), _SIGNED
    if op in ("<<", ">>"):
        count = right[0] % 64
        shifted = left[0] << count if op == "<<" else left[0] >> count
        return convert(shifted, left[1]), left[1]
    type_ = _common(left[1], right[1])
    a, b = _converted(left, type_), _converted(right, type_)
    if op in _COMPARISONS:
        return int(_COMPARISONS[op](a, b)), _SIGNED
    if type_ == FLOAT:
        return (_ARITHMETIC[op](a, b) if op != "/" else _ieee_quotient(a, b)), FLOAT
    if op in _ARITHMETIC:
        return convert(_ARITHMETIC[op](a, b), type_), type_
    if b == 0:
        return (0 if op == "/" else a), type_
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return convert(quotient if op == "/" else a - b * quotient, type_), type_


def _widened(value: Value) -> Value:
    return value if value[1] in (_UNSIGNED, FLOAT) else (value[0], _SIGNED)


def _converted(value: Value, to: Type) -> Any:
    return float(value[0]) if to == FLOAT else convert(value[0], to)


def _ieee_quotient(a: float, b: float) -> float:
    """IEEE 754-2019, 7.2 and 7.3: by 0, no number for 0 and what is none, else infinite, of both's sign."""
    if b:
        return a / b
    if not a or math.isnan(a):
        return math.nan
    return math.inf if math.copysign(1, a) == math.copysign(1, b) else -math.inf


def _common(left: Type, right: Type) -> Type:
    if FLOAT in (left, right):
        return FLOAT
    return _UNSIGNED if _UNSIGNED in (left, right) else _SIGNED
