"""Statements in D that find the bucket of a value.

Each gives any one value of the bucket as an int64 (two's complement for unsigned values); the model's
``Scheme.bucket`` knows the bounds. ``quantize`` and the like are not used for results: they take all values
for signed ones, keep one room for all their rows, and ``llquantize`` differs between systems.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.types import UINT64, IntType


def bucketing(scheme: Scheme, type_: IntType, value: str, name: str) -> list[str]:
    """Statements that set the variable ``name`` to a value of the bucket of the variable ``value``.

    Args:
        scheme: the buckets.
        type_: int64 or uint64, the type of ``value``.
        value: a variable.
        name: a new variable; its name begins the names of further ones.
    """
    match scheme:
        case Linear():
            return [f"{name} = (int64_t)({_linear(scheme, type_, value)});"]
        case Log2(bits):
            found = _log2(bits, f"{name}m", name)
        case LogLinear():
            found = _log_linear(scheme, f"{name}m", name)
    if not type_.signed:
        return [f"{name}m = {value};", *found, f"{name} = (int64_t){name}b;"]
    return [
        f"{name}m = (uint64_t)({value} < 0 ? -{value} : {value});",
        *found,
        f"{name} = ({value} < 0 ? -(int64_t){name}b : (int64_t){name}b);",
    ]


def _linear(scheme: Linear, type_: IntType, value: str) -> str:
    """Whole steps above the least edge that the type has; bounds may be outside of the type's range."""
    least, most = type_.minimum, type_.maximum
    edge = scheme.lo + max(0, -((scheme.lo - least) // scheme.step)) * scheme.step
    text = literal(min(max(scheme.lo - 1, least), most), type_)
    if edge <= most and least < scheme.top:
        step, bottom = literal(scheme.step), literal(edge)
        above = f"({type_.name}_t)({bottom} + ((uint64_t){value} - {bottom}) / {step} * {step})"
        text = f"{value} < {literal(edge, type_)} ? {text} : {above}"
    if least < scheme.top <= most:
        top = literal(scheme.top, type_)
        text = f"{value} >= {top} ? {top} : {text}"
    return text


def _log2(bits: int, magnitude: str, name: str) -> list[str]:
    """A binary search for the leading bit; then the bits below are cleared."""
    n, e, s = f"{name}n", f"{name}e", f"{name}s"
    lines = [f"{n} = {magnitude} >> {bits}; {e} = (uint64_t)0;"]
    for power in (5, 4, 3, 2, 1):
        width = 1 << power
        lines.append(
            f"{s} = (uint64_t)(({n} >> {width}) != 0 ? {width} : 0); {n} = {n} >> {s}; {e} = {e} + {s};"
        )
    return [
        *lines,
        f"{e} = {e} + (uint64_t)(({n} >> 1) != 0 ? 1 : 0);",
        f"{name}b = ({magnitude} >> {e}) << {e};",
    ]


def _log_linear(scheme: LogLinear, magnitude: str, name: str) -> list[str]:
    """The power below the magnitude, by a binary search; then whole steps above it."""
    b, f, w = f"{name}b", f"{name}f", f"{name}w"
    powers = range(scheme.low, scheme.high + 1)
    lows = [scheme.factor**power for power in powers]
    highs = [scheme.factor ** (power + 1) for power in powers]
    widths = [high // gcd(high, scheme.steps) for high in highs]
    top = literal(highs[-1])
    return [
        f"{f} = {_search(magnitude, lows, lows)};",
        f"{w} = {_search(magnitude, lows, widths)};",
        f"{b} = {magnitude} / {w} * {w};",
        f"{b} = ({b} < {f} ? {f} : {b});",
        f"{b} = ({magnitude} < {literal(lows[0])} ? (uint64_t)0 : {magnitude} >= {top} ? {top} : {b});",
    ]


def _search(value: str, bounds: Sequence[int], results: Sequence[int]) -> str:
    """An expression: the result of the last bound that a value reaches, or the first one's."""
    if len(bounds) == 1:
        return literal(results[0])
    half = len(bounds) // 2
    below = _search(value, bounds[:half], results[:half])
    above = _search(value, bounds[half:], results[half:])
    return f"({value} >= {literal(bounds[half])} ? {above} : {below})"


def literal(value: int, type_: IntType = UINT64) -> str:
    """An integer literal of a type of 64 bits; D has no decimal ones from 2 to the 63 on."""
    value = type_.wrap(value)
    if -(1 << 63) < value < 1 << 63:
        return f"({type_.name}_t){value}"
    return f"({type_.name}_t){UINT64.wrap(value):#x}"
