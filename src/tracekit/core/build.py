"""Short words to write programs in Python; each gives a node of the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.expr import (
    Arg,
    Builtin,
    BuiltinName,
    Expr,
    Load,
    Name,
    Operand,
    Reg,
    Str,
    expr,
)  # fmt: skip
from tracekit.core.probe import (
    FunctionName,
    Interval,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)  # fmt: skip
from tracekit.core.program import Aggregate
from tracekit.core.types import INT_TYPES

Keys = Operand | Iterable[Operand]
"""One key, or several."""

pid: Final = Builtin(BuiltinName.PID)
tid: Final = Builtin(BuiltinName.TID)
comm: Final = Builtin(BuiltinName.COMM)
cpu: Final = Builtin(BuiltinName.CPU)
ustack: Final = Builtin(BuiltinName.USTACK)
func: Final = Builtin(BuiltinName.FUNC)
retval: Final = Builtin(BuiltinName.RETVAL)
elapsed: Final = Builtin(BuiltinName.ELAPSED)


def uprobe(binary: str, function: str, offset: int = 0, *, exact: bool = False) -> Uprobe:
    """The entry of a function, or ``offset`` bytes after it; ``*`` is a wildcard unless ``exact``."""
    return Uprobe(binary, FunctionName(function, exact), offset)


def uretprobe(binary: str, function: str, *, exact: bool = False) -> Uretprobe:
    """The return of a function; ``*`` is a wildcard unless ``exact``."""
    return Uretprobe(binary, FunctionName(function, exact))


def usdt(binary: str, provider: str, name: str) -> Usdt:
    """A static tracepoint of a binary."""
    return Usdt(binary, provider, name)


def syscall(name: str, side: Side = Side.ENTRY) -> Syscall:
    """A system call."""
    return Syscall(name, side)


def interval(unit: str, count: int) -> Interval:
    """Every ``count`` ``s``, ``ms`` or ``us``, on one processor."""
    return Interval(unit, count)


def profile(unit: str, count: int) -> Profile:
    """``count`` times a second (``hz``), or every ``count`` ``s``, ``ms`` or ``us``, on every processor."""
    return Profile(unit, count)


def arg(index: int) -> Arg:
    """The argument of that index, raw, as int64."""
    return Arg(index)


def reg(name: str) -> Reg:
    """A register, as uint64."""
    return Reg(name)


def name(path: str) -> Expr:
    """A plain argument's name; members are ``Member(name("value"), "len")``."""
    return Name(path)


def load(type_name: str, address: Operand) -> Load:
    """An integer in the target's memory, such as ``load("uint32", arg(0) + 8)``."""
    return Load(INT_TYPES[type_name], expr(address))


def string(pointer: Operand, length: int | None = None) -> Str:
    """The target's string at an address."""
    return Str(expr(pointer), length)


def count(*, name: str = "", by: Keys = ()) -> Aggregate:
    """How many events."""
    return _aggregate(name, Count(), by)


def total(value: Operand, *, name: str = "", by: Keys = ()) -> Aggregate:
    """The values' sum."""
    return _aggregate(name, Scalar(Moment.SUM, expr(value)), by)


def least(value: Operand, *, name: str = "", by: Keys = ()) -> Aggregate:
    """The least value."""
    return _aggregate(name, Scalar(Moment.MIN, expr(value)), by)


def greatest(value: Operand, *, name: str = "", by: Keys = ()) -> Aggregate:
    """The greatest value."""
    return _aggregate(name, Scalar(Moment.MAX, expr(value)), by)


def average(value: Operand, *, name: str = "", by: Keys = ()) -> Aggregate:
    """The values' mean."""
    return _aggregate(name, Scalar(Moment.AVG, expr(value)), by)


def stats(value: Operand, *, name: str = "", by: Keys = ()) -> Aggregate:
    """Count, mean, sum, least and greatest value."""
    return _aggregate(name, Scalar(Moment.STATS, expr(value)), by)


def log2(value: Operand, bits: int = 0, *, name: str = "", by: Keys = ()) -> Aggregate:
    """A histogram by powers of two, each in ``2 ** bits`` parts."""
    return _aggregate(name, Distribution(expr(value), Log2(bits)), by)


def linear(value: Operand, lo: int, hi: int, step: int, *, name: str = "", by: Keys = ()) -> Aggregate:
    """A histogram by equal steps."""
    return _aggregate(name, Distribution(expr(value), Linear(lo, hi, step)), by)


def log_linear(
    value: Operand, factor: int, low: int, high: int, steps: int, *, name: str = "", by: Keys = ()
) -> Aggregate:
    """A histogram by powers of ``factor``, each in ``steps``; dtrace's ``llquantize``."""
    return _aggregate(name, Distribution(expr(value), LogLinear(factor, low, high, steps)), by)


def _aggregate(name: str, function: Aggregation, by: Keys) -> Aggregate:
    keys = (by,) if isinstance(by, str | int) or not isinstance(by, Iterable) else tuple(by)
    return Aggregate(name, function, tuple(expr(k) for k in keys))
