"""Expressions in bpftrace's language, right on every version from 0.17 to 0.27.

The versions differ in what they make of signs, widths, literals and conditionals, and all of them divide
and shift without a sign (measured; ``docs/backends/bpftrace.md`` has the table). So every operation is
emitted on two operands cast to the same 64-bit type, narrow types are masked and extended by hand, and
what has no form that is right everywhere is put together from operations that are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from tracekit.backends.bpftrace.quoting import quote
from tracekit.backends.bpftrace.strings import comparison, most_bytes
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
from tracekit.values import define

BACKEND: Final = "bpftrace"

_PLAIN: Final = frozenset("+-*&|^")


def _counter() -> Callable[[], str]:
    """Names of variables that were not used before in the block."""
    names = iter(range(1, 1 << 30))
    return lambda: f"$v{next(names)}"


@define
class Emitter:
    """Emits the expressions of one block.

    Statements that an expression needs before it are collected in ``statements``; the caller puts them
    before the one that uses the expression.

    Attributes:
        arch: where arguments are.
        function: the probed function's name, what ``func`` is; None to leave that to the engine.
        elapsed: the variable that holds ``elapsed``.
        max_string: how many bytes a string holds at most, its NUL included.
        keep_strings: whether a string that is compared is kept in a variable: 0.17's stack holds four or so.
        arguments: what ``argN`` are; None for those of the C convention.
        retval: what ``retval`` is.
    """

    arch: Architecture
    function: str | None = None
    arguments: tuple[str, ...] | None = None
    retval: str = "retval"
    elapsed: str = "$elapsed"
    max_string: int = 64
    keep_strings: bool = False
    variable: Callable[[], str] = attrs.field(factory=_counter)
    statements: list[str] = attrs.field(factory=list)
    _kept: dict[Expr, str] = attrs.field(factory=dict, init=False)

    def take_statements(self) -> list[str]:
        """The statements collected since the last call."""
        taken, self.statements = self.statements, []
        return taken

    def string(self, node: Expr) -> str:
        """A string expression.

        Raises:
            UsageError: if it is a literal that no string of the target's can be.
        """
        match node:
            case String(value):
                if (size := most_bytes(node, self.max_string)) >= self.max_string:
                    raise UsageError(
                        f"the string {value!r} has {size} bytes; {self.max_string - 1} are kept of a string",
                        "Raise --max-string.",
                    )
                return quote(value)
            case Str(pointer, _, counted) if counted is not None:
                # One more, for the NUL that the versions but 0.17 put at the end.
                return f"str({self.number(pointer, UINT64)}, {self.kept(self.bounded(counted))} + (uint64)1)"
            case Str(pointer, length):
                size = self.max_string if length is None else min(length, self.max_string)
                return f"str({self.number(pointer, UINT64)}, {size})"
            case Builtin(BuiltinName.FUNC) if self.function is not None:
                return quote(self.function)
            case Builtin(BuiltinName.COMM):
                return "comm"
            case Builtin(BuiltinName.FUNC):
                return "func"
            case _:
                raise AssertionError(node)

    def bounded(self, size: Expr) -> Expr:
        """How many bytes are kept of a string that has ``size`` bytes."""
        most = Int(self.max_string - 1)
        return Cast(UINT64, Conditional(Binary("<", Cast(UINT64, size), most), size, most))

    def kept(self, node: Expr) -> str:
        """A key, computed once however often it is used: reading a string takes time, and 0.27's stack."""
        if isinstance(node, Int | String):
            return self.number(node) if isinstance(node, Int) else self.string(node)
        if node not in self._kept:
            type_ = type_of(node)
            own = UINT64 if type_ == UINT64 else INT64
            text = self.string(node) if type_ is OtherType.STRING else self.number(node, own)
            self._kept[node] = self._let(text)
        return self._kept[node]

    def own(self, node: Expr) -> str:
        """An integer expression as its own type, widened to 64 bits."""
        return self.explicit(node, UINT64 if type_of(node) == UINT64 else INT64)

    def condition(self, node: Expr) -> str:
        """Something for ``if``: true where the expression isn't 0."""
        match node:
            case Binary("&&" | "||" as op, left, right):
                return f"({self.condition(left)} {op} {self.condition(right)})"
            case Binary(op, left, right) if op in COMPARE_OPS:
                return self._comparison(op, left, right)
            case Unary("!", operand):
                return f"{self.number(operand, UINT64)} == (uint64)0"
            case _:
                return f"{self.number(node, UINT64)} != (uint64)0"

    def number(self, node: Expr, to: IntType = INT64) -> str:
        """An integer expression, converted to int64 or uint64.

        Raises:
            UsageError: if it isn't an integer.
            UnsupportedError: if it needs what bpftrace doesn't have.
        """
        own = type_of(node)
        assert not isinstance(own, OtherType)
        if (value := constant(node)) is not None:
            return self._literal(value, to)
        match node:
            case Arg(index):
                return self._argument(index, to)
            case Reg(name):
                return f"({to.name})reg({quote(self.arch.register(name))})"
            case Builtin(name):
                return f"({to.name}){self._builtin(name)}"
            case Load(type_, address):
                loaded = f"(uint64)*(uint{type_.bits}*)({self.number(address, UINT64)})"
                return self._narrow(loaded, type_, to)
            case Cast(type_, operand):
                return self._narrow(self.number(operand, UINT64), type_, to)
            case Unary() | Binary() | Conditional():
                return self._operation(node, to)
            case _:
                raise UnsupportedError(
                    feature="arguments by name",
                    backend=BACKEND,
                    reason="a name must be resolved to a register before it is compiled",
                )

    def _builtin(self, name: BuiltinName) -> str:
        match name:
            case BuiltinName.PID | BuiltinName.TID | BuiltinName.CPU:
                return str(name.value)
            case BuiltinName.RETVAL:
                return self.retval
            case BuiltinName.ELAPSED:
                return self.elapsed
            case _:
                raise AssertionError(name)

    def _literal(self, value: int, to: IntType) -> str:
        value = UINT64.wrap(value)
        if value <= INT64.maximum:
            return str(value) if to == INT64 else f"(uint64){value}"
        # No version reads every literal of more than 63 bits, and 0.27 loses the sign of folded ones.
        high, low = self._let(f"(uint64){value >> 32}"), self._let(f"(uint64){value & 0xFFFFFFFF}")
        return self._cast(self._let(f"({high} << 32) | {low}"), to)

    def _argument(self, index: int, to: IntType) -> str:
        if self.arguments is not None:
            if index >= len(self.arguments):
                raise UnsupportedError(
                    feature=f"arg{index} of this system call",
                    backend=BACKEND,
                    reason=f"it is known to have {len(self.arguments)} arguments here",
                    remedy="The running kernel names them: use 'tracekit trace', at the call's entry.",
                )
            return f"({to.name}){self.arguments[index]}"
        if index < len(self.arch.arguments):
            return f"({to.name})arg{index}"
        shift = self.arch.stack_arguments + 8 * (index - len(self.arch.arguments))
        stack = self.arch.register(self.arch.stack_pointer)
        return f"({to.name})*(uint64*)(reg({quote(stack)}) + {shift})"

    def _narrow(self, value: str, type_: IntType, to: IntType) -> str:
        """A uint64 expression reduced to a type. Casts to narrow types go wrong before 0.27."""
        if type_.bits < 64:
            value = f"({value} & (uint64){hex((1 << type_.bits) - 1)})"
            if type_.signed:
                sign = f"(uint64){hex(1 << (type_.bits - 1))}"
                value = f"(({value} ^ {sign}) - {sign})"
        return self._cast(value, to)

    def _operation(self, node: Unary | Binary | Conditional, to: IntType) -> str:
        own = type_of(node)
        assert isinstance(own, IntType)
        match node:
            case Unary("-", operand):
                zero = self._literal(0, own)
                return self._converted(f"({zero} - {self.number(operand, own)})", own, to)
            case Unary("~", operand):
                return self._cast(f"(~{self.number(operand, UINT64)})", to)
            case Binary(op, left, right) if op in _PLAIN:
                text = f"({self.number(left, own)} {op} {self.number(right, own)})"
                return self._converted(text, own, to)
            case Binary("<<" | ">>" as op, left, right):
                return self._cast(self._shift(op, left, right, own), to)
            case Binary("/" | "%" as op, left, right):
                return self._cast(self._division(op, left, right, own), to)
            case Binary(op, left, right) if op in LOGIC_OPS:
                sides = (f"(uint64)({self.number(side, UINT64)} != (uint64)0)" for side in (left, right))
                return self._cast(f"({f' {op[0]} '.join(sides)})", to)
            case Conditional(test, then, other):
                return self._cast(self._choice(test, then, other), to)
            case _:  # comparisons and !; (int64) of a comparison is -1 in 0.23, (uint64) is 1
                return self._cast(f"(uint64)({self.condition(node)})", to)

    def _comparison(self, op: str, left: Expr, right: Expr) -> str:
        left_type, right_type = type_of(left), type_of(right)
        if left_type is OtherType.STRING:
            return self._string_comparison(op, left, right)
        # Two int64 are compared with their signs and two uint64 without, everywhere; mixed ones are not.
        common = UINT64 if UINT64 in (left_type, right_type) else INT64
        return " ".join(
            (self.explicit(left, common), op, self.explicit(right, common)),
        )

    def explicit(self, node: Expr, to: IntType) -> str:
        """An operand whose type no version can mistake: 0.23 takes literals from 2**31 on for unsigned."""
        text = self.number(node, to)
        match node:
            case Arg() | Reg():
                return text
            case Int(value) if 0 <= value < 1 << 31:
                return text
            case _:
                return text if text.startswith(f"({to.name})") else f"({to.name}){text}"

    def _counted_comparison(self, op: str, counted: Str, other: Expr) -> str:
        """A string that has a size, compared with a literal: as many bytes, and the same ones."""
        if not isinstance(other, String):
            raise UnsupportedError(
                feature="comparing two strings that no NUL ends",
                backend=BACKEND,
                reason="it compares strings up to their NUL",
                remedy="Compare with a literal, or use the string as a key.",
            )
        literal = self.string(other)
        size = most_bytes(other, self.max_string)
        assert counted.size is not None
        same = f"{self.number(counted.size, UINT64)} == (uint64){size}"
        if size:
            whole = self.kept(attrs.evolve(counted, size=None))
            same = f"({same} && strncmp({whole}, {literal}, {size}) == 0)"
        return same if op == "==" else f"!({same})"

    def _string_comparison(self, op: str, left: Expr, right: Expr) -> str:
        for side, other in ((left, right), (right, left)):
            if isinstance(side, Str) and side.size is not None:
                return self._counted_comparison(op, side, other)
        func = Builtin(BuiltinName.FUNC)
        known = [String(self.function) if side == func and self.function else side for side in (left, right)]
        emit = self.kept if self.keep_strings else self.string
        text = comparison(op, known[0], known[1], self.max_string, emit)
        if text is None:
            raise UnsupportedError(
                feature="comparing strings that are cut at different lengths",
                backend=BACKEND,
                reason="its versions disagree on what is left of them",
                remedy="Give both the same length in str(pointer, length), or none.",
            )
        return text

    def _shift(self, op: str, left: Expr, right: Expr, own: IntType) -> str:
        if isinstance(right, Int):
            count = f"(uint64){right.value % 64}"
        else:
            count = f"({self.number(right, UINT64)} & (uint64)63)"
        value = self.number(left, UINT64)
        if op == "<<" or not own.signed:
            return f"({value} {op} {count})"
        value = self._let(value)
        mask = self._let(f"(uint64)0 - ({value} >> 63)")
        return f"((({value} ^ {mask}) >> {count}) ^ {mask})"

    def _division(self, op: str, left: Expr, right: Expr, own: IntType) -> str:
        """Division by magnitudes, since engines divide without a sign; never by 0, which LLVM forbids."""
        a = self._let(self.number(left, UINT64))
        if isinstance(right, Int) and right.value > 0:
            divisor = self._literal(right.value, UINT64)
            if not own.signed:
                return f"({a} {op} {divisor})"
            sign = self._let(f"(uint64)0 - ({a} >> 63)")
            return f"((((({a} ^ {sign}) - {sign}) {op} {divisor}) ^ {sign}) - {sign})"
        b = self._let(self.number(right, UINT64))
        sign = self._let("(uint64)0")
        if own.signed:
            a_mask, b_mask = self._let(f"(uint64)0 - ({a} >> 63)"), self._let(f"(uint64)0 - ({b} >> 63)")
            sign = self._let(f"{a_mask} ^ {b_mask}" if op == "/" else a_mask)
            a, b = self._let(f"({a} ^ {a_mask}) - {a_mask}"), self._let(f"({b} ^ {b_mask}) - {b_mask}")
        zero = self._let(f"(uint64)({b} == (uint64)0)")
        divided = self._let(f"{a} {op} ({b} | {zero})")
        # x / 0 is 0 and x % 0 is x: with the divisor 1 in place of 0, the quotient is masked away, and
        # the remainder, 0, becomes x.
        if op == "/":
            divided = self._let(f"{divided} & ({zero} - (uint64)1)")
        else:
            divided = self._let(f"{divided} | ({a} & ((uint64)0 - {zero}))")
        return f"(({divided} ^ {sign}) - {sign})" if own.signed else divided

    def _choice(self, test: Expr, then: Expr, other: Expr) -> str:
        """``?:`` by a mask: 0.23 crashes on conditionals inside conditionals."""
        chosen = self._let(f"(uint64)0 - (uint64)({self.condition(test)})")
        a, b = self._let(self.number(then, UINT64)), self._let(self.number(other, UINT64))
        return f"({b} ^ (({a} ^ {b}) & {chosen}))"

    def _let(self, text: str) -> str:
        name = self.variable()
        self.statements.append(f"{name} = {text};")
        return name

    def _converted(self, text: str, own: IntType, to: IntType) -> str:
        return text if own == to else f"({to.name}){text}"

    def _cast(self, text: str, to: IntType) -> str:
        """A uint64 expression as the wanted type."""
        return text if to == UINT64 else f"(int64){text}"
