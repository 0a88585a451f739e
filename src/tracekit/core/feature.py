"""What a program needs of an engine."""

from __future__ import annotations

import enum

from tracekit.core.aggregation import Count, Distribution
from tracekit.core.arch import VECTORS
from tracekit.core.buckets import Linear, Log2
from tracekit.core.expr import (
    Arg,
    Builtin,
    BuiltinName,
    Cap,
    Deref,
    Float,
    Index,
    Len,
    Load,
    Member,
    Name,
    Reg,
    Str,
)  # fmt: skip
from tracekit.core.probe import (
    Interval,
    Probe,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)  # fmt: skip
from tracekit.core.program import Program


class Feature(enum.Enum):
    """One thing that an engine may or may not be able to do; its value says it in words."""

    FUNCTION_ENTRY = "function entry probes"
    FUNCTION_OFFSET = "probes inside a function"
    FUNCTION_RETURN = "function return probes"
    USDT = "usdt probes"
    SYSCALL_ENTRY = "system call entry probes"
    SYSCALL_RETURN = "system call return probes"
    INTERVAL = "interval probes"
    PROFILE = "profile probes"
    ARGUMENT = "arguments by index"
    REGISTER = "registers by name"
    VECTOR = "vector registers"
    NAME = "arguments by name"
    MEMORY = "reading the target's memory"
    STRING = "reading the target's strings"
    FLOAT = "floating-point values"
    PROCESS_ID = "pid and tid"
    COMM = "comm"
    CPU = "cpu"
    STACK = "ustack"
    FUNCTION_NAME = "func"
    RETURN_VALUE = "retval"
    ELAPSED = "elapsed"
    COUNT = "count()"
    MOMENTS = "sum(), min(), max(), avg() and stats()"
    LOG2 = "hist(x)"
    LOG2_PARTS = "hist(x, k)"
    LINEAR = "lhist()"
    LOG_LINEAR = "llquantize()"


_BUILTINS = {
    BuiltinName.PID: Feature.PROCESS_ID,
    BuiltinName.TID: Feature.PROCESS_ID,
    BuiltinName.COMM: Feature.COMM,
    BuiltinName.CPU: Feature.CPU,
    BuiltinName.USTACK: Feature.STACK,
    BuiltinName.FUNC: Feature.FUNCTION_NAME,
    BuiltinName.RETVAL: Feature.RETURN_VALUE,
    BuiltinName.ELAPSED: Feature.ELAPSED,
}


def features_of(program: Program) -> frozenset[Feature]:
    """All that a program needs."""
    found: set[Feature] = set()
    for clause in program.clauses:
        found.update(_of_probe(probe) for probe in clause.probes)
        for node in clause.expressions:
            match node:
                case Arg():
                    found.add(Feature.ARGUMENT)
                case Reg(name):
                    found.add(Feature.VECTOR if name in VECTORS else Feature.REGISTER)
                case Builtin(name):
                    found.add(_BUILTINS[name])
                case Name() | Member() | Index() | Deref() | Len() | Cap():
                    found.add(Feature.NAME)
                case Load():
                    found.add(Feature.MEMORY)
                case Str():
                    found.add(Feature.STRING)
                case Float():
                    found.add(Feature.FLOAT)
                case _:
                    pass
        for aggregate in clause.aggregates:
            match aggregate.function:
                case Count():
                    found.add(Feature.COUNT)
                case Distribution(scheme=Log2(bits)):
                    found.add(Feature.LOG2_PARTS if bits else Feature.LOG2)
                case Distribution(scheme=Linear()):
                    found.add(Feature.LINEAR)
                case Distribution():
                    found.add(Feature.LOG_LINEAR)
                case _:
                    found.add(Feature.MOMENTS)
    return frozenset(found)


def _of_probe(probe: Probe) -> Feature:
    match probe:
        case Uprobe(offset=0):
            return Feature.FUNCTION_ENTRY
        case Uprobe():
            return Feature.FUNCTION_OFFSET
        case Uretprobe():
            return Feature.FUNCTION_RETURN
        case Usdt():
            return Feature.USDT
        case Syscall(side=Side.ENTRY):
            return Feature.SYSCALL_ENTRY
        case Syscall():
            return Feature.SYSCALL_RETURN
        case Interval():
            return Feature.INTERVAL
        case Profile():
            return Feature.PROFILE
