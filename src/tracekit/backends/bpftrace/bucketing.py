"""Statements that find the bucket of a value inside the kernel.

Each gives any one value of the bucket as an int64 (two's complement for unsigned values); the model's
``Scheme.bucket`` knows the bounds. The engine's own ``hist`` and ``lhist`` are not used for results:
0.17's saturates at 2**31, bounds over 2**31 lose data silently, and ``hist(x, k)`` came with 0.20.
"""

from __future__ import annotations

from math import gcd

from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.types import IntType


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
            return _linear(scheme, type_, value, name)
        case Log2(bits):
            found = _log2(bits, f"{name}m", name)
        case LogLinear():
            found = _log_linear(scheme, f"{name}m", name)
    if not type_.signed:
        return [f"{name}m = {value};", *found, f"{name} = (int64){name}b;"]
    return [
        f"{name}m = (uint64){value};",
        f"if ({value} < 0) {{ {name}m = (uint64)((uint64)0 - (uint64){value}); }}",
        *found,
        f"{name} = (int64){name}b;",
        f"if ({value} < 0) {{ {name} = (int64)((uint64)0 - {name}b); }}",
    ]


def _linear(scheme: Linear, type_: IntType, value: str, name: str) -> list[str]:
    """Whole steps above the least edge that the type has; bounds may be outside of the type's range."""
    least, most = type_.minimum, type_.maximum
    edge = scheme.lo + max(0, -((scheme.lo - least) // scheme.step)) * scheme.step
    lines = [f"{name} = (int64){literal(min(max(scheme.lo - 1, least), most))};"]
    if edge <= most and least < scheme.top:
        step = literal(scheme.step)
        lines += [
            f"{name}l = ({type_.name}){literal(edge)};",
            f"if ({value} >= {name}l) {{",
            f"  {name} = (int64)((uint64){name}l + ((uint64){value} - (uint64){name}l) / {step} * {step});",
            "}",
        ]
    if least < scheme.top <= most:
        top = literal(scheme.top)
        lines += [
            f"{name}t = ({type_.name}){top};",
            f"if ({value} >= {name}t) {{ {name} = (int64){top}; }}",
        ]
    return lines


def _log2(bits: int, magnitude: str, name: str) -> list[str]:
    """A binary search for the leading bit, without branches; then the bits below are cleared."""
    n, e, s = f"{name}n", f"{name}e", f"{name}s"
    search = []
    for power in (5, 4, 3, 2, 1):
        search.append(
            f"{s} = (uint64)(({n} >> {1 << power}) != 0) << {power}; {n} = {n} >> {s}; {e} = {e} + {s};"
        )
    return [
        f"{n} = {magnitude} >> {bits}; {e} = (uint64)0; {s} = (uint64)0;",
        *search,
        f"{e} = {e} + (uint64)(({n} >> 1) != 0);",
        f"{name}b = ({magnitude} >> {e}) << {e};",
    ]


def _log_linear(scheme: LogLinear, magnitude: str, name: str) -> list[str]:
    """The power below the magnitude, found by comparing with each; then whole steps above it."""
    b, f, w = f"{name}b", f"{name}f", f"{name}w"
    lines = [f"{b} = (uint64)0; {f} = (uint64)0; {w} = (uint64)1;"]
    for power in range(scheme.low, scheme.high + 1):
        low, high = scheme.factor**power, scheme.factor ** (power + 1)
        width = high // gcd(high, scheme.steps)
        lines.append(f"if ({magnitude} >= {literal(low)}) {{ {f} = {literal(low)}; {w} = {literal(width)}; }}")
    top = literal(scheme.factor ** (scheme.high + 1))
    return [
        *lines,
        f"if ({f} != 0) {{ {b} = {magnitude} / {w} * {w}; if ({b} < {f}) {{ {b} = {f}; }} }}",
        f"if ({magnitude} >= {top}) {{ {b} = {top}; }}",
    ]


def literal(value: int) -> str:
    """An integer modulo 2 to the 64 as a uint64 expression that every version reads the same."""
    value %= 1 << 64
    if value < 1 << 63:
        return f"(uint64){value}"
    return f"(((uint64){value >> 32} << (uint64)32) | (uint64){value & 0xFFFFFFFF})"
