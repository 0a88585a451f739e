"""Expressions into instructions. Pure.

A value is computed into ``R0`` as the 64 bits of its int64 or uint64. What must outlive the computation of
another is kept on the stack, since a call destroys ``R1`` to ``R5``. ``R6`` is the context: what the probe's
program is given. ``R7`` points at the clause's counters (see ``layout``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tracekit.backends.bpf.assembler import BACKEND, Assembler
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Comparison, Operator, Register
from tracekit.backends.bpf.registers import place_of
from tracekit.core.arch import Architecture
from tracekit.core.constant import constant
from tracekit.core.expr import (
    COMPARE_OPS,
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
    Unary,
    type_of,
)  # fmt: skip
from tracekit.core.types import UINT64, IntType, OtherType
from tracekit.errors import UnsupportedError
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.backends.bpf.strings import Strings


R0, R1, R2, R3, R4, R5 = Register.R0, Register.R1, Register.R2, Register.R3, Register.R4, Register.R5
CTX, COUNTERS, FP = Register.R6, Register.R7, Register.FP

_SIMPLE: Final[dict[str, Operator]] = {"+": "+=", "-": "-=", "*": "*=", "&": "&=", "|": "|=", "^": "^="}
_SIGNED: Final[dict[str, Comparison]] = {
    "<": "s<", "<=": "s<=", ">": "s>", ">=": "s>=", "==": "==", "!=": "!=",
}  # fmt: skip
_UNSIGNED: Final[dict[str, Comparison]] = {
    "<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!=",
}  # fmt: skip
_NEGATED: Final[dict[str, str]] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@frozen
class Word:
    """A word of 64 bits in the context: what a tracepoint tells.

    Attributes:
        offset: bytes from the context's start.
    """

    offset: int


Source = Expr | Word
"""Where an argument or a result is."""


@frozen
class Ids:
    """The pid namespace that processes are numbered by, where it isn't the first one.

    Attributes:
        device: of ``/proc/self/ns/pid``.
        inode: of the same.
    """

    device: int
    inode: int


@frozen
class Values:
    """What a probe's values are.

    Attributes:
        arch: the machine's processor.
        arguments: the arguments; None for those of the C convention.
        retval: the result; None where there is none.
        function: the probed function's name; None if the probe has none, or the program is for several.
        elapsed: the stack's offset where ``elapsed`` is; 0 where there is none.
        stack: the same of the number that ``ustack`` has.
        max_string: how many bytes are kept of a string, its NUL included.
        ids: see ``Ids``; None for the first namespace.
        sleeps: whether the program may wait for pages that aren't in memory.
        fault: counts, in place, a read of the target's memory that failed.
    """

    arch: Architecture
    arguments: tuple[Source, ...] | None = None
    retval: Source | None = None
    function: str | None = None
    elapsed: int = 0
    stack: int = 0
    max_string: int = 64
    ids: Ids | None = None
    sleeps: bool = False
    fault: Callable[[Assembler], None] = lambda _: None


@frozen
class Emitter:
    """Emits the expressions of one program into an assembler."""

    asm: Assembler
    values: Values

    @property
    def strings(self) -> Strings:
        """What emits strings."""
        from tracekit.backends.bpf.strings import Strings

        return Strings(self)

    def value(self, node: Source) -> None:
        """Compute a number into ``R0``.

        Raises:
            UsageError: if it isn't a number.
            UnsupportedError: if it needs what eBPF doesn't have.
        """
        if isinstance(node, Word):
            self.asm.load(R0, CTX, node.offset)
            return
        if (known := constant(node)) is not None:
            self.asm.constant(R0, known)
            return
        match node:
            case Arg(index):
                self.value(self._argument(index))
            case Reg(name):
                self.asm.load(R0, CTX, place_of(self.values.arch, name))
            case Builtin(name):
                self._builtin(name)
            case Load(type_, address):
                self.value(address)
                self._read(type_)
            case Cast(type_, operand):
                self.value(operand)
                self._narrow(type_)
            case Unary("-", operand):
                self.value(operand)
                self.asm.negate(R0)
            case Unary("~", operand):
                self.value(operand)
                self.asm.arithmetic("^=", R0, -1)
            case Conditional(test, then, other):
                self._conditional(test, then, other)
            case Binary(op, left, right) if op in _SIMPLE:
                self._pair(left, right)
                self.asm.arithmetic(_SIMPLE[op], R0, R1)
            case Binary("<<" | ">>" as op, left, right):
                self._shift(op, left, right, signed=type_of(node) != UINT64)
            case Binary("/" | "%" as op, left, right):
                self._pair(left, right)
                self._divide(op, signed=type_of(node) != UINT64)
            case Binary() | Unary("!"):
                self._truth(node)
            case _:
                raise UnsupportedError(
                    feature="arguments by name",
                    backend=BACKEND,
                    reason="a name must be resolved to a register before it is compiled",
                )

    def branch(self, node: Expr, target: str, *, when: bool) -> None:
        """Jump to a label if an expression is true, or if it is false.

        Args:
            node: the expression: true where it isn't 0.
            target: the label.
            when: whether to jump if it is true.
        """
        if (known := constant(node)) is not None:
            if bool(known) is when:
                self.asm.goto(target)
            return
        match node:
            case Unary("!", operand):
                self.branch(operand, target, when=not when)
            case Binary("&&" | "||" as op, left, right) if (op == "||") is when:
                self.branch(left, target, when=when)
                self.branch(right, target, when=when)
            case Binary("&&" | "||", left, right):
                past = self.asm.label("past")
                self.branch(left, past, when=not when)
                self.branch(right, target, when=when)
                self.asm.place(past)
            case Binary(op, left, right) if op in COMPARE_OPS:
                if type_of(left) is OtherType.STRING:
                    self.strings.compare(left, right, target, equal=(op == "==") is when)
                    return
                self._pair(left, right)
                signs = _UNSIGNED if UINT64 in (type_of(left), type_of(right)) else _SIGNED
                self.asm.jump(signs[op if when else _NEGATED[op]], R0, R1, target)
            case _:
                self.value(node)
                self.asm.jump("!=" if when else "==", R0, 0, target)

    def _argument(self, index: int) -> Source:
        arch, known = self.values.arch, self.values.arguments
        if known is not None:
            if index >= len(known):
                raise UnsupportedError(
                    feature=f"arg{index}",
                    backend=BACKEND,
                    reason=f"the probe is known to have {len(known)} arguments here",
                    remedy="The running kernel and the binary name them: use 'tracekit trace', at the entry.",
                )
            return known[index]
        if index < len(arch.arguments):
            return Reg(arch.arguments[index])
        shift = arch.stack_arguments + 8 * (index - len(arch.arguments))
        return Load(UINT64, Binary("+", Reg(arch.stack_pointer), Int(shift)))

    def _builtin(self, name: BuiltinName) -> None:
        asm = self.asm
        match name:
            case BuiltinName.PID | BuiltinName.TID:
                self.ids(process=name is BuiltinName.PID)
            case BuiltinName.CPU:
                asm.call(Helper.GET_SMP_PROCESSOR_ID)
            case BuiltinName.RETVAL:
                assert self.values.retval is not None
                self.value(self.values.retval)
            case BuiltinName.ELAPSED:
                asm.load(R0, FP, self.values.elapsed)
            case _:
                raise AssertionError(name)

    def ids(self, *, process: bool) -> None:
        """The current process's id, or the thread's, into ``R0``; 0 outside of the pid namespace.

        Source: ``struct bpf_pidns_info`` in ``include/uapi/linux/bpf.h`` is pid (the thread's) and tgid.
        """
        asm = self.asm
        if self.values.ids is None:
            asm.call(Helper.GET_CURRENT_PID_TGID)
            if process:
                asm.arithmetic(">>=", R0, 32)
            else:
                self._narrow(IntType(32, signed=False))
            return
        with asm.room(8) as found:
            asm.store(FP, found, 0)
            asm.constant(R1, self.values.ids.device)
            asm.constant(R2, self.values.ids.inode)
            asm.address(R3, found)
            asm.constant(R4, 8)
            asm.call(Helper.GET_NS_CURRENT_PID_TGID)
            asm.load(R0, FP, found + (4 if process else 0), 4)

    def _read(self, type_: IntType) -> None:
        """What ``R0`` points at in the target's memory, into ``R0``; 0 if it can't be read."""
        asm, size = self.asm, type_.bits // 8
        good = asm.label("good")
        with asm.room(8) as address, asm.room(8) as buffer:
            if self.values.sleeps:
                asm.store(FP, address, R0)
            asm.move(R3, R0)
            asm.constant(R2, size)
            asm.address(R1, buffer)
            asm.call(Helper.PROBE_READ_USER)
            asm.jump("==", R0, 0, good)
            if self.values.sleeps:
                asm.load(R3, FP, address)
                asm.constant(R2, size)
                asm.address(R1, buffer)
                asm.call(Helper.COPY_FROM_USER)
                asm.jump("==", R0, 0, good)
            self.values.fault(asm)
            asm.store(FP, buffer, 0)
            asm.place(good)
            asm.load(R0, FP, buffer, size)
        if type_.signed:
            self._narrow(type_)

    def _narrow(self, type_: IntType) -> None:
        if type_.bits < 64:
            self.asm.arithmetic("<<=", R0, 64 - type_.bits)
            self.asm.arithmetic("s>>=" if type_.signed else ">>=", R0, 64 - type_.bits)

    def _pair(self, left: Source, right: Source) -> None:
        """Two numbers, into ``R0`` and ``R1``."""
        asm = self.asm
        self.value(left)
        if isinstance(right, Expr) and (known := constant(right)) is not None:
            asm.constant(R1, known)
            return
        if isinstance(right, Reg):
            asm.load(R1, CTX, place_of(self.values.arch, right.name))
            return
        with asm.room(8) as kept:
            asm.store(FP, kept, R0)
            self.value(right)
            asm.move(R1, R0)
            asm.load(R0, FP, kept)

    def _shift(self, op: str, left: Expr, right: Expr, *, signed: bool) -> None:
        self._pair(left, right)
        self.asm.arithmetic("&=", R1, 63)
        operator: Operator = "<<=" if op == "<<" else "s>>=" if signed else ">>="
        self.asm.arithmetic(operator, R0, R1)

    def _divide(self, op: str, *, signed: bool) -> None:
        """``R0`` by ``R1``; by 0 as the model has it, which is eBPF's own rule (RFC 9669, section 4.1).

        With signs, magnitudes are divided: eBPF has signed division only since its version 4 (kernel 6.6).
        """
        asm = self.asm
        operator: Operator = "/=" if op == "/" else "%="
        if not signed:
            asm.arithmetic(operator, R0, R1)
            return
        for register, sign in ((R0, R2), (R1, R3)):
            asm.move(sign, register)
            asm.arithmetic("s>>=", sign, 63)
            asm.arithmetic("^=", register, sign)
            asm.arithmetic("-=", register, sign)
        asm.arithmetic(operator, R0, R1)
        if op == "/":
            asm.arithmetic("^=", R2, R3)
        asm.arithmetic("^=", R0, R2)
        asm.arithmetic("-=", R0, R2)

    def _truth(self, node: Expr) -> None:
        """1 or 0."""
        asm = self.asm
        true, done = asm.label("true"), asm.label("done")
        self.branch(node, true, when=True)
        asm.constant(R0, 0)
        asm.goto(done)
        asm.place(true)
        asm.constant(R0, 1)
        asm.place(done)

    def _conditional(self, test: Expr, then: Expr, other: Expr) -> None:
        asm = self.asm
        no, done = asm.label("else"), asm.label("done")
        self.branch(test, no, when=False)
        self.value(then)
        asm.goto(done)
        asm.place(no)
        self.value(other)
        asm.place(done)
