"""Expressions in D, the same in every dialect.

D has C's types and promotions, so every operation is emitted on two operands of the same 64-bit type. A
narrow type is reached by a cast from 64 bits and left by one to 64 bits: Apple's and illumos's compiler
makes nothing of a cast between two types of one size (``dt_cg.c``, ``dt_cg_typecast``). What D leaves to
the processor, or gives an event up for, is written out: division by 0 and by -1, shift counts from 64 on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

import attrs

from tracekit.backends.dtrace.bucketing import literal
from tracekit.backends.dtrace.dialect import ARGUMENTS, Dialect
from tracekit.backends.dtrace.quoting import BACKEND, quote
from tracekit.backends.plan import word
from tracekit.core.arch import Architecture
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
    Int,
    Load,
    Reg,
    Str,
    String,
    Unary,
    type_of,
)  # fmt: skip
from tracekit.core.types import INT64, UINT64, IntType, OtherType
from tracekit.errors import UnsupportedError, UsageError
from tracekit.values import define, frozen

_SIMPLE: Final = re.compile(r"(?:\([a-z0-9_]+\))?[a-z0-9_>-]+(?:\[R_[A-Z0-9]+\])?")
_SIGNS: Final = re.compile(r'[()]|"(?:[^"\\]|\\.)*"')


@frozen
class Risky:
    """A statement that an unreadable address ends, and the rest of its clause with it.

    Attributes:
        text: the statement, which gives a variable a value that it has without it, too.
        condition: when it is worth trying.
    """

    text: str
    condition: str


Statement = str | Risky
"""What stands before the statement that uses an expression."""


@define
class Emitter:
    """Emits the expressions of one clause of the program.

    Statements that an expression needs before it are collected in ``statements``.

    Attributes:
        arch: where arguments are.
        dialect: the system's DTrace.
        function: the probed function's name, what ``func`` is; None to leave that to the engine.
        retval: what ``retval`` is.
        max_string: how many bytes a string holds at most, its NUL included.
        careful: whether what can't be read is 0 or empty. If not, it ends the clause.
    """

    arch: Architecture
    dialect: Dialect
    function: str | None = None
    retval: str = "arg1"
    max_string: int = 64
    careful: bool = False
    statements: list[Statement] = attrs.field(factory=list)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1), init=False)
    _kept: dict[Expr, str] = attrs.field(factory=dict, init=False)

    def take_statements(self) -> list[Statement]:
        """The statements collected since the last call."""
        taken, self.statements = self.statements, []
        return taken

    # -- what people read -----------------------------------------------------------------------------

    def value(self, node: Expr) -> str:
        """An expression with no more casts than its own: what an aggregation or a key takes as it is."""
        type_ = type_of(node)
        if type_ is OtherType.STRING:
            return self.string(node)
        if constant(node) is None:
            match node:
                case Cast(to, operand):
                    return f"({to.name}_t){self.number(operand, word(_integer(operand)))}"
                case Load(to, address) if not self.careful:
                    return self._copied(to, self._address(address))
                case Builtin(BuiltinName.PID | BuiltinName.TID | BuiltinName.CPU as name):
                    return str(name.value)
        return bare(self.number(node, word(_integer(node))))

    # -- strings --------------------------------------------------------------------------------------

    def string(self, node: Expr) -> str:
        """A string expression.

        Raises:
            UsageError: if it is a literal that no string of the target's can be.
        """
        match node:
            case String(value):
                if (size := _bytes(value)) >= self.max_string:
                    raise UsageError(
                        f"the string {value!r} has {size} bytes; {self.max_string - 1} are kept of a string",
                        "Raise --max-string.",
                    )
                return quote(value)
            case Str(pointer, length, counted):
                most = str(self.max_string if length is None else min(length, self.max_string))
                if counted is not None:
                    most = f"{self.kept(self.bounded(counted))} + 1"
                return self._read_string(pointer, most)
            case Builtin(BuiltinName.FUNC):
                return "probefunc" if self.function is None else quote(self.function)
            case Builtin(BuiltinName.COMM):
                return "execname"
            case _:
                raise AssertionError(node)

    def bounded(self, size: Expr) -> Expr:
        """How many bytes are kept of a string that has ``size`` bytes."""
        most = Int(self.max_string - 1)
        return Cast(UINT64, Conditional(Binary("<", Cast(UINT64, size), most), size, most))

    def _read_string(self, pointer: Expr, most: str) -> str:
        address = self._address(pointer)
        if not self.careful:
            return self._copied_string(address, most)
        name = f"this->s{next(self._numbers)}"
        self.statements += [
            f'{name} = "";',
            Risky(f"{name} = {self._copied_string(address, most)};", f"{address} != 0"),
        ]
        return name

    def _copied_string(self, address: str, most: str) -> str:
        text = f"copyinstr({bare(address)}, {most})"
        if self.dialect.terminates:
            return text
        return f"substr({text}, 0, {most.removesuffix(' + 1') if '+' in most else int(most) - 1})"

    def kept(self, node: Expr) -> str:
        """An expression that is used several times, or by a later clause, computed once."""
        if isinstance(node, String) or constant(node) is not None:
            return self.string(node) if isinstance(node, String) else self.number(node, word(_integer(node)))
        if node not in self._kept:
            type_ = type_of(node)
            if isinstance(type_, IntType):
                self._kept[node] = self._let(self.number(node, word(type_)), word(type_))
            else:
                self._kept[node] = self.string(node)
        return self._kept[node]

    # -- numbers --------------------------------------------------------------------------------------

    def condition(self, node: Expr) -> str:
        """Something for a predicate: true where the expression isn't 0."""
        if (value := constant(node)) is not None:
            return "1" if value else "0"
        match node:
            case Binary("&&" | "||" as op, left, right):
                return f"({self.condition(left)} {op} {self.condition(right)})"
            case Binary(op, left, right) if op in COMPARE_OPS:
                return self._comparison(op, left, right)
            case Unary("!", operand):
                return f"!({bare(self.condition(operand))})"
            case _:
                return f"{self.number(node, word(_integer(node)))} != 0"

    def number(self, node: Expr, to: IntType) -> str:
        """An integer expression of D's type ``int64_t`` or ``uint64_t``, whatever stands around it.

        Raises:
            UsageError: if it isn't an integer.
            UnsupportedError: if it needs what DTrace doesn't have.
        """
        own = _integer(node)
        if (value := constant(node)) is not None:
            return literal(value, to)
        match node:
            case Arg(index):
                return _as(self._argument(index), INT64, to)
            case Reg(name):
                return _as(register(self.arch, name), UINT64, to)
            case Builtin(name):
                return self._builtin(name, to)
            case Load(type_, address):
                return _as(self._load(type_, self._address(address)), type_, to)
            case Cast(type_, operand):
                inner = _integer(operand)
                return _as(self._cast(self.number(operand, word(inner)), word(inner), type_), type_, to)
            case Unary(op, operand) if op != "!":
                return _as(f"({op}{self.number(operand, own)})", own, to)
            case Conditional(test, then, other):
                chosen = f"({self.condition(test)} ? {self.number(then, own)} : {self.number(other, own)})"
                return _as(chosen, own, to)
            case Binary(op, left, right) if op not in COMPARE_OPS and op not in LOGIC_OPS:
                return _as(self._arithmetic(op, left, right, own), own, to)
            case Unary() | Binary():
                return f"({to.name}_t)({bare(self.condition(node))})"
            case _:
                raise UnsupportedError(
                    feature="arguments by name",
                    backend=BACKEND,
                    reason="a name must be resolved to a register before it is compiled",
                )

    def _cast(self, text: str, own: IntType, to: IntType) -> str:
        return text if own == to else f"({to.name}_t){text}"

    def _argument(self, index: int) -> str:
        if index < ARGUMENTS:
            return f"arg{index}"
        stack = register(self.arch, self.arch.stack_pointer)
        offset = self.arch.stack_arguments + 8 * (index - len(self.arch.arguments))
        return self._load(INT64, f"({stack} + {offset})")

    def _builtin(self, name: BuiltinName, to: IntType) -> str:
        match name:
            case BuiltinName.RETVAL:
                return _as(self.retval, UINT64 if self.retval.startswith("uregs") else INT64, to)
            case BuiltinName.ELAPSED:
                return _as("this->elapsed", INT64, to)
            case BuiltinName.PID | BuiltinName.TID | BuiltinName.CPU:
                return f"({to.name}_t){name.value}"
            case _:
                raise AssertionError(name)

    def _address(self, node: Expr) -> str:
        text, type_ = self.number(node, word(_integer(node))), word(_integer(node))
        return self._let(text, type_) if self.careful else text

    def _load(self, type_: IntType, address: str) -> str:
        if not self.careful:
            return self._copied(type_, address)
        # A variable of its own for each type: D takes a variable's type from its first use.
        name = f"this->{type_.name[0]}{type_.bits}v{next(self._numbers)}"
        self.statements += [
            f"{name} = ({type_.name}_t)0;",
            Risky(f"{name} = {self._copied(type_, address)};", f"{address} != 0"),
        ]
        return name

    def _copied(self, type_: IntType, address: str) -> str:
        return f"*({type_.name}_t *)copyin({bare(address)}, {type_.bits // 8})"

    def _comparison(self, op: str, left: Expr, right: Expr) -> str:
        if type_of(left) is OtherType.STRING:
            return self._string_comparison(op, left, right)
        common = UINT64 if UINT64 in (type_of(left), type_of(right)) else INT64
        return f"{self._operand(left, common)} {op} {self._operand(right, common)}"

    def _string_comparison(self, op: str, left: Expr, right: Expr) -> str:
        for side, other in ((left, right), (right, left)):
            if isinstance(side, Str) and side.size is not None:
                return self._counted_comparison(op, side, other)
        return f"{self.string(left)} {op} {self.string(right)}"

    def _counted_comparison(self, op: str, counted: Str, other: Expr) -> str:
        """A string that has a size, compared with a literal: as many bytes, and the same ones."""
        if not isinstance(other, String):
            raise UnsupportedError(
                feature="comparing two strings that no NUL ends",
                backend=BACKEND,
                reason="it compares strings up to their NUL",
                remedy="Compare with a literal, or use the string as a key.",
            )
        assert counted.size is not None
        size = self.number(counted.size, UINT64)
        same = f"{size} == {_bytes(other.value)} && {self.string(counted)} == {self.string(other)}"
        return f"({same})" if op == "==" else f"!({same})"

    def _arithmetic(self, op: str, left: Expr, right: Expr, own: IntType) -> str:
        if op in ("<<", ">>"):
            value = self.number(left, own)
            if isinstance(right, Int):
                return f"({value} {op} {right.value % 64})"
            return f"({value} {op} ({self.number(right, UINT64)} & 63))"
        if op in ("/", "%"):
            return self._division(op, left, right, own)
        return f"({self._operand(left, own)} {op} {self._operand(right, own)})"

    def _operand(self, node: Expr, to: IntType) -> str:
        """One of two operands: a small literal takes the other one's type."""
        value = constant(node)
        small = value is not None and abs(value) < 1 << 31 and to.minimum <= value <= to.maximum
        return str(value) if small else self.number(node, to)

    def _division(self, op: str, left: Expr, right: Expr, own: IntType) -> str:
        """Never by 0, which gives the event up, and never by -1, which traps for the least value.

        A remainder of a signed division comes from the quotient: DTrace 2.0 for Linux gives it the sign of
        both sides (``-7 % -2`` is 1 there).
        """
        if (divisor := constant(right)) is not None:
            divisor = own.wrap(divisor)
            if divisor == 0:
                return literal(0, own) if op == "/" else self.number(left, own)
            if divisor == -1:
                return f"(-{self.number(left, own)})" if op == "/" else literal(0, own)
            if op == "/" or divisor > 0:
                return f"({self._operand(left, own)} {op} {self._operand(Int(divisor), own)})"
        a, b = self._let(self.number(left, own), own), self._let(self.number(right, own), own)
        zero = "0" if op == "/" else a
        text = f"{a} {op} {b}"
        if own.signed:
            text = f"{b} == -1 ? -{a} : {text}" if op == "/" else f"{b} == -1 ? 0 : {a} - {a} / {b} * {b}"
        return f"({b} == 0 ? {zero} : {text})"

    def _let(self, text: str, type_: IntType) -> str:
        """A variable for an expression that is used several times; itself if it is short."""
        if _SIMPLE.fullmatch(text):
            return text
        name = f"this->{type_.name[0]}{next(self._numbers)}"
        self.statements.append(f"{name} = {bare(text)};")
        return name


def register(arch: Architecture, name: str) -> str:
    """A register in D: ``regs.d`` has the manual's names.

    Raises:
        UsageError: if there is no such register.
    """
    short = arch.register(name)
    manual = next(manual for manual, other in arch.registers.items() if other == short)
    return f"uregs[R_{manual.upper()}]"


def bare(text: str) -> str:
    """An expression without the parentheses around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for sign in _SIGNS.finditer(text):
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
        if depth == 0:
            return text[1:-1] if sign.end() == len(text) else text
    return text


def _integer(node: Expr) -> IntType:
    type_ = type_of(node)
    assert isinstance(type_, IntType)
    return type_


def _as(text: str, own: IntType, to: IntType) -> str:
    """A value of some type as one of 64 bits, narrow ones by way of their own sign."""
    if own.bits < 64 and own.signed and not to.signed:
        return f"(uint64_t)(int64_t){text}"
    return text if own == to else f"({to.name}_t){text}"


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))
