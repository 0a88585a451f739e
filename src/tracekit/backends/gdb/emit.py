"""Expressions in the Python that gdb runs. Pure.

Every integer is one of its type's range (``int64`` or ``uint64``): what an operation makes of Python's integers
without a limit is reduced to that at once. Floats are Python's, which are IEEE 754's doubles. General registers
are attributes of ``r``; ``tid``, ``func`` and ``elapsed`` are the event's own; ``load``, ``text``, ``sized``,
``vectors``, ``comm``, ``cpu`` and ``pid`` are ``tracing.Tracing``'s.
"""

from __future__ import annotations

from typing import Final

import attrs

from tracekit.backends.gdb.quoting import BACKEND, quote
from tracekit.backends.plan import integer_type, kept_type, word
from tracekit.core.arch import Architecture
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.constant import constant
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
    Float,
    Load,
    Reg,
    Str,
    String,
    Unary,
    type_of,
)  # fmt: skip
from tracekit.core.types import FLOAT, INT64, UINT64, IntType, OtherType
from tracekit.errors import UnsupportedError
from tracekit.values import define

PARAMETERS: Final = "r, tid, func, elapsed"
"""What every generated function takes."""

_DEEPEST: Final = 30
"""Levels of parentheses in one expression: Python's parser takes 90 of them before 3.9, and 200 later."""


@define
class Emitter:
    """Emits expressions.

    Attributes:
        arch: where arguments are.
        max_string: how many bytes of a string are kept, its NUL included.
        prefix: what the names of functions begin with.
        functions: functions that the expressions call, each a line; an expression that is too deep for Python's
            parser is split into several.
    """

    arch: Architecture
    max_string: int = 64
    prefix: str = "part"
    functions: list[str] = attrs.field(factory=list)

    def key(self, node: Expr) -> str:
        """An expression as a map's key: an integer of 64 bits, or bytes."""
        if isinstance(type_of(node), OtherType):
            return self.string(node)
        return self.number(node, word(kept_type(node)))

    def string(self, node: Expr) -> str:
        """A string expression, as bytes."""
        match node:
            case String(value):
                return quote(value)
            case Str(pointer, length, None):
                most = self.max_string if length is None else min(length, self.max_string)
                return f"text({self.number(pointer, UINT64)}, {most})"
            case Str(pointer, _, size):
                assert size is not None
                most = self.max_string - 1
                return f"sized({self.number(pointer, UINT64)}, {self.number(size, UINT64)}, {most})"
            case Builtin(BuiltinName.FUNC):
                return "func"
            case Builtin(BuiltinName.COMM):
                return "comm(tid)"
            case _:
                raise AssertionError(node)

    def condition(self, node: Expr) -> str:
        """Something that is true in Python where the expression isn't 0."""
        match node:
            case Binary("&&" | "||" as op, left, right):
                joined = "and" if op == "&&" else "or"
                return self._shallow(f"({self.condition(left)} {joined} {self.condition(right)})")
            case Binary(op, left, right) if op in COMPARE_OPS:
                if type_of(left) is OtherType.STRING:
                    return f"({self.string(left)} {op} {self.string(right)})"
                if FLOAT in (type_of(left), type_of(right)):
                    return self._shallow(f"({self.float(left)} {op} {self.float(right)})")
                common = UINT64 if UINT64 in (type_of(left), type_of(right)) else INT64
                return self._shallow(f"({self.number(left, common)} {op} {self.number(right, common)})")
            case Unary("!", operand):
                return self._shallow(f"(not {self.condition(operand)})")
            case _ if type_of(node) == FLOAT:
                return self.float(node)
            case _:
                return self.number(node, word(integer_type(node)))

    def number(self, node: Expr, to: IntType) -> str:
        """An expression that is a number, converted to ``int64`` or ``uint64``.

        Raises:
            UsageError: if it isn't a number, or names a register that there isn't.
        """
        if type_of(node) == FLOAT:
            return self._shallow(f"whole({self.float(node)}, {to.minimum}, {to.maximum})")
        if (value := constant(node)) is not None:
            value = to.wrap(value)
            return f"({value})" if value < 0 else str(value)
        return self._shallow(self._number(node, to))

    def float(self, node: Expr) -> str:
        """An expression that is a number, as a float."""
        if type_of(node) != FLOAT:
            return f"float({self.number(node, word(integer_type(node)))})"
        return self._shallow(self._float(node))

    def _float(self, node: Expr) -> str:
        match node:
            case Float(bits, operand):
                return f"float{bits}({self.number(operand, UINT64)})"
            case Unary(op, operand):
                return f"({op}{self.float(operand)})"
            case Conditional(test, then, other):
                return f"({self.float(then)} if {self.condition(test)} else {self.float(other)})"
            case Binary("/", left, right):
                return f"ratio({self.float(left)}, {self.float(right)})"
            case Binary(op, left, right):
                return f"({self.float(left)} {op} {self.float(right)})"
            case _:
                raise AssertionError(node)

    def _number(self, node: Expr, to: IntType) -> str:
        own = integer_type(node)
        match node:
            case Arg(index):
                return self._argument(index, to)
            case Reg(name):
                return _as(self.register(name), UINT64, to)
            case Builtin(BuiltinName.RETVAL):
                return _as(self.register(self.arch.results[0]), UINT64, to)
            case Builtin(BuiltinName.CPU):
                return "cpu(tid)"
            case Builtin(name):
                return name.value
            case Load(type_, address):
                return _as(self._load(type_, self.number(address, UINT64)), type_, to)
            case Cast(type_, operand):
                inner = word(type_ if type_of(operand) == FLOAT else integer_type(operand))
                return _as(_as(self.number(operand, inner), inner, type_), type_, to)
            case Unary(op, operand) if op != "!":
                return _as(_wrapped(f"{op}{self.number(operand, own)}", own), own, to)
            case Conditional(test, then, other):
                chosen = f"({self.number(then, own)} if {self.condition(test)} else {self.number(other, own)})"
                return _as(chosen, own, to)
            case Binary(op, left, right) if op not in COMPARE_OPS and op not in LOGIC_OPS:
                return _as(self._arithmetic(op, left, right, own), own, to)
            case Unary() | Binary():
                return f"(1 if {self.condition(node)} else 0)"
            case _:
                raise UnsupportedError(
                    feature="arguments by name",
                    backend=BACKEND,
                    reason="a name must be resolved to a register before it is compiled",
                )

    def register(self, name: str) -> str:
        """A register, or the low half of a vector register, as a ``uint64``.

        Raises:
            UsageError: if there is no such register.
        """
        if name in self.arch.all_vectors:
            return f"vectors(tid).{name}"
        short = self.arch.register(name)
        return "r." + next(manual for manual, other in self.arch.registers.items() if other == short)

    def _argument(self, index: int, to: IntType) -> str:
        if index < len(self.arch.arguments):
            return _as(self.register(self.arch.arguments[index]), UINT64, to)
        stack = self.register(self.arch.stack_pointer)
        offset = self.arch.stack_arguments + 8 * (index - len(self.arch.arguments))
        return self._load(to, f"{stack} + {offset}")

    def _load(self, type_: IntType, address: str) -> str:
        return f"load({address}, {type_.bits // 8}, {type_.signed})"

    def _arithmetic(self, op: str, left: Expr, right: Expr, own: IntType) -> str:
        a = self.number(left, own)
        if op in ("<<", ">>"):
            fixed = constant(right)
            count = f"({self.number(right, UINT64)} & 63)" if fixed is None else fixed % 64
            return f"({a} >> {count})" if op == ">>" else _wrapped(f"{a} << {count}", own)
        b = self.number(right, own)
        match op:
            case "/":
                # Only the least value divided by -1 leaves the range.
                text = f"quotient({a}, {b})"
                return _wrapped(text, own) if own.signed else text
            case "%":
                return f"remainder({a}, {b})"
            case "&" | "|" | "^":
                return f"({a} {op} {b})"
            case _:
                return _wrapped(f"{a} {op} {b}", own)

    def _shallow(self, text: str) -> str:
        """An expression that Python's parser takes: one that is too deep goes to a function of its own."""
        if _depth(text) < _DEEPEST:
            return text
        name = f"{self.prefix}_{len(self.functions)}"
        self.functions.append(f"def {name}({PARAMETERS}): return {text}")
        return f"{name}({PARAMETERS})"


def inside(scheme: Scheme, value: str) -> str:
    """An expression: a value inside of the bucket that a value falls into; any integer.

    Args:
        scheme: the buckets.
        value: a variable.
    """
    match scheme:
        case Log2(bits):
            return f"log2_inside({value}, {bits})"
        case Linear(lo, _, step):
            return f"linear_inside({value}, {lo}, {scheme.top}, {step})"
        case LogLinear():
            return f"log_linear_inside({value}, {scheme.bounds})"


def _as(text: str, own: IntType, to: IntType) -> str:
    """A value of some type, converted to another one."""
    if to.minimum <= own.minimum and own.maximum <= to.maximum:
        return text
    return _wrapped(text, to)


def _wrapped(text: str, to: IntType) -> str:
    """Any integer, reduced to a type."""
    return f"{to.name}({text})"


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in text:
        if sign in "()":
            depth += 1 if sign == "(" else -1
            deepest = max(deepest, depth)
    return deepest
