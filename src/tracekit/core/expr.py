"""Expressions: what a clause computes at its probe.

Arithmetic is C's with one width: every operand is first widened to 64 bits, and an operation with an
unsigned 64-bit operand is unsigned, as C converts. Division truncates toward zero; by zero, it gives
what eBPF does (RFC 9669, section 4.1): ``x / 0`` is 0 and ``x % 0`` is ``x``. Shift counts are taken
modulo 64. Comparisons and logic give 0 or 1. With a float on one side ``+ - * /`` and comparisons are
IEEE 754's in double precision. A float that is aggregated, a key or cast is converted toward zero to int64, or
to uint64 by a cast to that; then a cast keeps the low bits. Where there is no such integer, it is the nearest,
and 0 for what is no number; the result tells how often that was.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import Final, Literal, assert_never, get_args

import attrs

from tracekit.core.types import FLOAT, INT64, UINT64, FloatType, IntType, OtherType, Type
from tracekit.errors import UsageError, check_encodable
from tracekit.values import frozen

ArithmeticOp = Literal["*", "/", "%", "+", "-", "<<", ">>", "&", "^", "|"]
CompareOp = Literal["<", "<=", ">", ">=", "==", "!="]
LogicOp = Literal["&&", "||"]
BinaryOp = ArithmeticOp | CompareOp | LogicOp
UnaryOp = Literal["-", "!", "~"]

COMPARE_OPS: Final[frozenset[str]] = frozenset(get_args(CompareOp))
LOGIC_OPS: Final[frozenset[str]] = frozenset(get_args(LogicOp))


class Operators:
    """Python's operators on expressions build larger ones; plain ints, floats and strings may stand in.

    ``==`` and ``!=`` compare expressions themselves, as tests and sets need; the traced comparison is
    ``a.eq(b)`` and ``a.ne(b)``. For ``&&`` and ``||`` write ``a.and_(b)`` and ``a.or_(b)``.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        raise TypeError(
            "an expression has no truth value before it is traced: "
            "use .and_() and .or_() instead of 'and' and 'or', and no chained comparisons"
        )

    def __add__(self, other: Operand) -> Binary:
        return Binary("+", _self(self), expr(other))

    def __radd__(self, other: Operand) -> Binary:
        return Binary("+", expr(other), _self(self))

    def __sub__(self, other: Operand) -> Binary:
        return Binary("-", _self(self), expr(other))

    def __rsub__(self, other: Operand) -> Binary:
        return Binary("-", expr(other), _self(self))

    def __mul__(self, other: Operand) -> Binary:
        return Binary("*", _self(self), expr(other))

    def __rmul__(self, other: Operand) -> Binary:
        return Binary("*", expr(other), _self(self))

    def __floordiv__(self, other: Operand) -> Binary:
        return Binary("/", _self(self), expr(other))

    def __mod__(self, other: Operand) -> Binary:
        return Binary("%", _self(self), expr(other))

    def __lshift__(self, other: Operand) -> Binary:
        return Binary("<<", _self(self), expr(other))

    def __rshift__(self, other: Operand) -> Binary:
        return Binary(">>", _self(self), expr(other))

    def __and__(self, other: Operand) -> Binary:
        return Binary("&", _self(self), expr(other))

    def __or__(self, other: Operand) -> Binary:
        return Binary("|", _self(self), expr(other))

    def __xor__(self, other: Operand) -> Binary:
        return Binary("^", _self(self), expr(other))

    def __lt__(self, other: Operand) -> Binary:
        return Binary("<", _self(self), expr(other))

    def __le__(self, other: Operand) -> Binary:
        return Binary("<=", _self(self), expr(other))

    def __gt__(self, other: Operand) -> Binary:
        return Binary(">", _self(self), expr(other))

    def __ge__(self, other: Operand) -> Binary:
        return Binary(">=", _self(self), expr(other))

    def __neg__(self) -> Unary:
        return Unary("-", _self(self))

    def __invert__(self) -> Unary:
        return Unary("~", _self(self))

    def eq(self, other: Operand) -> Binary:
        """The traced comparison ``self == other``."""
        return Binary("==", _self(self), expr(other))

    def ne(self, other: Operand) -> Binary:
        """The traced comparison ``self != other``."""
        return Binary("!=", _self(self), expr(other))

    def and_(self, other: Operand) -> Binary:
        """``self && other``: 1 if neither is 0."""
        return Binary("&&", _self(self), expr(other))

    def or_(self, other: Operand) -> Binary:
        """``self || other``: 0 only if both are 0."""
        return Binary("||", _self(self), expr(other))

    def not_(self) -> Unary:
        """``!self``: 1 if it is 0, else 0."""
        return Unary("!", _self(self))

    def cast(self, to: IntType) -> Cast:
        """``(to)self``: the value converted to an integer type, as C does."""
        return Cast(to, _self(self))


def _literal_range(_instance: object, _attribute: object, value: int) -> None:
    if not INT64.minimum <= value <= UINT64.maximum:
        raise UsageError(f"the number {value} does not fit 64 bits")


def _text_without_nul(_instance: object, _attribute: object, value: str) -> None:
    check_encodable(value, "a string")
    if "\0" in value:
        raise UsageError("a string has a NUL character, which no C string can contain")


def _not_negative(_instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 0:
        raise UsageError(f"the {attribute.name} {value} is negative")


@frozen(order=False)
class Int(Operators):
    """An integer literal; of type uint64 if it doesn't fit int64, else int64."""

    value: int = attrs.field(validator=_literal_range)


@frozen(order=False)
class String(Operators):
    """A string literal. Bytes that aren't UTF-8 stand as Python's ``surrogateescape`` has them."""

    value: str = attrs.field(validator=_text_without_nul)


@frozen(order=False)
class Arg(Operators):
    """``argN``: the integer argument of that index by the platform's C convention, raw, as int64."""

    index: int = attrs.field(validator=_not_negative)


@frozen(order=False)
class Reg(Operators):
    """``reg("rdx")``: a register by its manual's name, as uint64: of vector registers the low 64 bits."""

    name: str

    def __attrs_post_init__(self) -> None:
        # Nothing but such a name may reach an engine's text.
        if not (self.name.isascii() and self.name.isalnum()):
            raise UsageError(f"{self.name!r} is no register's name")


class BuiltinName(enum.Enum):
    """The values that every probe, or every probe of some kind, has."""

    PID = "pid"
    TID = "tid"
    COMM = "comm"
    CPU = "cpu"
    USTACK = "ustack"
    FUNC = "func"
    RETVAL = "retval"
    ELAPSED = "elapsed"


@frozen(order=False)
class Builtin(Operators):
    """A value that the probe itself has, such as ``pid``, ``retval`` or ``elapsed`` (nanoseconds)."""

    name: BuiltinName


@frozen(order=False)
class Name(Operators):
    """The name of an argument in the source, to be resolved before a backend sees it."""

    name: str


@frozen(order=False)
class Member(Operators):
    """``base.field``, or ``base->field`` where ``arrow`` is true."""

    base: Expr
    field: str
    arrow: bool = False


@frozen(order=False)
class Index(Operators):
    """``base[index]``: an element of an array or of the memory behind a pointer."""

    base: Expr
    index: Expr


@frozen(order=False)
class Deref(Operators):
    """``*pointer``, of the type that the source gives the pointer."""

    pointer: Expr


@frozen(order=False)
class Len(Operators):
    """``len(base)``: how many elements a string, slice or vector has, in the words of its language."""

    base: Expr


@frozen(order=False)
class Cap(Operators):
    """``cap(base)``: for how many elements a slice or vector has room."""

    base: Expr


@frozen(order=False)
class Float(Operators):
    """``float32(bits)`` or ``float64(bits)``: the low bits of an integer, taken for an IEEE 754 number."""

    bits: int
    operand: Expr

    def __attrs_post_init__(self) -> None:
        if self.bits not in (32, 64):
            raise UsageError(f"there are no floats of {self.bits} bits", "Use float32 or float64.")


@frozen(order=False)
class Load(Operators):
    """``*(type *)address``: an integer in the target's memory. An unreadable address reads as 0."""

    type: IntType
    address: Expr


@frozen(order=False)
class Str(Operators):
    """``str(pointer)``: the target's string, which a NUL ends, or which has ``size`` bytes.

    Attributes:
        pointer: where it begins.
        length: cut it to ``length - 1`` bytes; None not to.
        size: how many bytes it has, if that is known only when it is traced; None if a NUL ends it.
    """

    pointer: Expr
    length: int | None = None
    size: Expr | None = None

    def __attrs_post_init__(self) -> None:
        if self.length is not None and self.length < 1:
            raise UsageError(f"str() of length {self.length}", "Give a length of at least 1.")
        if self.length is not None and self.size is not None:
            raise UsageError("str() with a length and a size", "Give one of them.")


@frozen(order=False)
class Unary(Operators):
    """``-x``, ``!x`` or ``~x``."""

    op: UnaryOp
    operand: Expr


@frozen(order=False)
class Binary(Operators):
    """``left op right``."""

    op: BinaryOp
    left: Expr
    right: Expr


@frozen(order=False)
class Conditional(Operators):
    """``test ? then : other``."""

    test: Expr
    then: Expr
    other: Expr


@frozen(order=False)
class Cast(Operators):
    """``(type)operand``: converted to an integer type as C does, keeping the low bits."""

    type: IntType
    operand: Expr


Expr = (
    Int | String | Arg | Reg | Builtin | Name | Member | Index | Deref | Len | Cap | Load | Str
    | Float | Unary | Binary | Conditional | Cast
)  # fmt: skip
"""Any expression."""

Operand = Expr | int | float | str
"""What Python's operators take next to an expression."""


def expr(value: Operand) -> Expr:
    """Give an expression for an expression, an int, a float or a string."""
    if isinstance(value, int):
        return Int(int(value))
    if isinstance(value, float):
        return Float(64, Int(int.from_bytes(struct.pack("<d", value), "little")))
    return String(value) if isinstance(value, str) else value


def _self(operators: Operators) -> Expr:
    """The expression that an operator was called on: only expressions have ``Operators``."""
    assert isinstance(operators, Expr)
    return operators


def children(node: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside one."""
    match node:
        case Int() | String() | Arg() | Reg() | Builtin() | Name():
            return ()
        case Member(base=inner) | Deref(pointer=inner) | Load(address=inner) | Len(inner) | Cap(inner):
            return (inner,)
        case Unary(operand=inner) | Cast(operand=inner) | Float(operand=inner):
            return (inner,)
        case Str(pointer, _, size):
            return (pointer,) if size is None else (pointer, size)
        case Index(base, index):
            return (base, index)
        case Binary(_, left, right):
            return (left, right)
        case Conditional(test, then, other):
            return (test, then, other)
        case _:
            assert_never(node)


def walk(node: Expr) -> Iterator[Expr]:
    """All expressions in one, itself first."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


def type_of(node: Expr) -> Type:
    """The type of an expression's value.

    Raises:
        UsageError: if the expression can't have one: a string in arithmetic, a comparison of a string
            with a number, or a name whose type only debug information can tell.
    """
    match node:
        case Int(value):
            return INT64 if value <= INT64.maximum else UINT64
        case String() | Builtin(BuiltinName.COMM | BuiltinName.FUNC):
            return OtherType.STRING
        case Str(pointer, _, size):
            _integer(pointer)
            if size is not None:
                _integer(size)
            return OtherType.STRING
        case Float(_, operand):
            _integer(operand)
            return FLOAT
        case Builtin(BuiltinName.USTACK):
            return OtherType.STACK
        case Reg():
            return UINT64
        case Arg() | Builtin():
            return INT64
        case Load(type_, address):
            _integer(address)
            return type_
        case Cast(type_, operand):
            _number(type_of(operand))
            return type_
        case Unary(op, operand):
            inner = _number(type_of(operand))
            if isinstance(inner, FloatType) and op == "~":
                raise UsageError("a float has no bits to invert")
            return INT64 if op == "!" else _widened(inner)
        case Binary(op, left, right):
            return _binary_type(op, left, right)
        case Conditional(test, then, other):
            _number(type_of(test))
            return _common(_number(type_of(then)), _number(type_of(other)))
        case Name() | Member() | Index() | Deref() | Len() | Cap():
            raise UsageError(
                "the type of a name is known only after it is resolved",
                "Name the argument by its register or index, such as arg2.",
            )
        case _:
            assert_never(node)


def _binary_type(op: BinaryOp, left: Expr, right: Expr) -> IntType | FloatType:
    types = type_of(left), type_of(right)
    if op in ("==", "!=") and OtherType.STRING in types:
        if types[0] != types[1]:
            raise UsageError(f"{op} compares a string with a number")
        return INT64
    left_type, right_type = map(_number, types)
    if op in COMPARE_OPS or op in LOGIC_OPS:
        return INT64
    if FLOAT in (left_type, right_type) and op not in ("+", "-", "*", "/"):
        raise UsageError(f"{op} needs integers, and one side is a float", "Convert it, as in (int64)x.")
    return _widened(left_type) if op in ("<<", ">>") else _common(left_type, right_type)


def _integer(node: Expr) -> IntType:
    type_ = _number(type_of(node))
    if isinstance(type_, FloatType):
        raise UsageError("a float stands where an integer is needed", "Convert it, as in (int64)x.")
    return type_


def _number(type_: Type) -> IntType | FloatType:
    if isinstance(type_, OtherType):
        raise UsageError(f"a {type_.value} stands where a number is needed")
    return type_


def _widened(type_: IntType | FloatType) -> IntType | FloatType:
    return type_ if type_ in (UINT64, FLOAT) else INT64


def _common(left: IntType | FloatType, right: IntType | FloatType) -> IntType | FloatType:
    if FLOAT in (left, right):
        return FLOAT
    return UINT64 if UINT64 in (left, right) else INT64
