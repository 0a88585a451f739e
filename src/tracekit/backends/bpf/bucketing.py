"""Which bucket a value falls into, found in the kernel, and told by the bucket's number. Pure.

A bucket's number is an index of an array: 0 and up for values of 0 and more, then those of negative values,
which ``hist`` and ``llquantize`` mirror. ``Scheme.bucket`` knows the bounds; ``inside`` goes back from a
number.
"""

from __future__ import annotations

from math import gcd

from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.instructions import Register
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.types import IntType

_R0, _R1, _R2, _R3, _R5 = Register.R0, Register.R1, Register.R2, Register.R3, Register.R5


def size_of(scheme: Scheme, type_: IntType) -> int:
    """How many numbers there are for values of int64 or uint64."""
    if isinstance(scheme, Linear):
        return scheme.size + 2
    return _one_sign(scheme) * (2 if type_.signed else 1)


def inside(scheme: Scheme, number: int) -> int:
    """Any one value of the bucket of a number."""
    match scheme:
        case Linear(lo, _, step):
            return lo + (number - 1) * step if number else lo - 1
        case Log2(bits):
            sign, number = divmod(number, _one_sign(scheme))
            shift = max(0, (number >> bits) - 1)
            magnitude = number - (shift << bits) << shift
        case LogLinear():
            sign, number = divmod(number, _one_sign(scheme))
            magnitude = scheme.bounds[number - 1] if number else 0
    return -magnitude if sign else magnitude


def bucketing(asm: Assembler, scheme: Scheme, type_: IntType) -> None:
    """Instructions that turn the value in ``R0`` into its bucket's number.

    Args:
        asm: where they go.
        scheme: the buckets.
        type_: int64 or uint64, the type of the value.
    """
    if isinstance(scheme, Linear):
        _linear(asm, scheme, type_)
        return
    if type_.signed:
        asm.move(_R5, _R0)
        asm.arithmetic("s>>=", _R5, 63)
        asm.arithmetic("^=", _R0, _R5)
        asm.arithmetic("-=", _R0, _R5)
    if isinstance(scheme, Log2):
        _log2(asm, scheme.bits)
    else:
        _log_linear(asm, scheme)
    if type_.signed:
        positive = asm.label("positive")
        asm.jump("==", _R5, 0, positive)
        asm.arithmetic("+=", _R0, _one_sign(scheme))
        asm.place(positive)


def _one_sign(scheme: Log2 | LogLinear) -> int:
    return (65 - scheme.bits) << scheme.bits if isinstance(scheme, Log2) else len(scheme.bounds) + 1


def _linear(asm: Assembler, scheme: Linear, type_: IntType) -> None:
    below, above, done = asm.label("below"), asm.label("above"), asm.label("done")
    sign = type_.signed
    asm.constant(_R1, scheme.lo)
    asm.jump("s<" if sign else "<", _R0, _R1, below)
    asm.constant(_R2, scheme.top)
    asm.jump("s>=" if sign else ">=", _R0, _R2, above)
    asm.arithmetic("-=", _R0, _R1)
    if scheme.step > 1:
        asm.constant(_R1, scheme.step)
        asm.arithmetic("/=", _R0, _R1)
    asm.arithmetic("+=", _R0, 1)
    asm.goto(done)
    asm.place(below)
    asm.constant(_R0, 0)
    asm.goto(done)
    asm.place(above)
    asm.constant(_R0, scheme.size + 1)
    asm.place(done)


def _log2(asm: Assembler, bits: int) -> None:
    """A binary search for the leading bit above the lowest ``bits``: how far to shift, 0 to 63."""
    asm.move(_R1, _R0)
    if bits:
        asm.arithmetic(">>=", _R1, bits)
    asm.constant(_R2, 0)
    for power in (32, 16, 8, 4, 2, 1):
        lower = asm.label("lower")
        asm.move(_R3, _R1)
        asm.arithmetic(">>=", _R3, power)
        asm.jump("==", _R3, 0, lower)
        asm.move(_R1, _R3)
        asm.arithmetic("+=", _R2, power)
        asm.place(lower)
    asm.arithmetic(">>=", _R0, _R2)
    if bits:
        asm.arithmetic("<<=", _R2, bits)
    asm.arithmetic("+=", _R0, _R2)


def _log_linear(asm: Assembler, scheme: LogLinear) -> None:
    """The power that the value is in, from the highest down; then whole steps above it."""
    done = asm.label("done")
    top = asm.label("lower")
    asm.constant(_R1, scheme.factor ** (scheme.high + 1))
    asm.jump("<", _R0, _R1, top)
    asm.constant(_R0, len(scheme.bounds))
    asm.goto(done)
    asm.place(top)
    for power in range(scheme.high, scheme.low - 1, -1):
        low, high = scheme.factor**power, scheme.factor ** (power + 1)
        width = high // gcd(high, scheme.steps)
        lower = asm.label("lower")
        asm.constant(_R1, low)
        asm.jump("<", _R0, _R1, lower)
        asm.constant(_R1, width)
        asm.arithmetic("/=", _R0, _R1)
        first = scheme.bounds.index(low) + 1 - low // width
        asm.constant(_R1, first)
        asm.arithmetic("+=", _R0, _R1)
        asm.goto(done)
        asm.place(lower)
    asm.constant(_R0, 0)
    asm.place(done)
