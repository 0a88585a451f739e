"""Buckets as the kernel finds them: each value's number is of the bucket that the scheme has it in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import strategies
from tests.backends.bpf.machine import Machine

from tracekit.backends.bpf.assembler import Assembler
from tracekit.backends.bpf.bucketing import bucketing, inside, size_of
from tracekit.backends.bpf.instructions import Register, leave
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.types import INT64, UINT64, IntType

SCHEMES: list[Scheme] = [
    *(Log2(bits) for bits in range(6)),
    Linear(0, 10, 3), Linear(-100, 100, 7), Linear(-1, 1, 1), Linear(2**31 - 2, 2**31 + 2, 1),
    Linear(-(2**63) + 1, 2**63 - 1, 2**60), Linear(0, 2**64 - 1, 2**59), Linear(2**64 - 5, 2**64 - 1, 2),
    Linear(-(2**63) + 1, -(2**63) + 9, 4), Linear(0, 65535, 1),
    LogLinear(2, 0, 62, 2), LogLinear(2, 3, 62, 16), LogLinear(10, 0, 18, 10), LogLinear(10, 2, 5, 20),
    LogLinear(16, 1, 14, 4), LogLinear(3, 0, 0, 1), LogLinear(100, 0, 3, 25), LogLinear(10, 0, 4, 100),
]  # fmt: skip
POWERS = {s * (2**n + d) for n in range(65) for d in (-1, 0, 1) for s in (1, -1)}


def number_of(scheme: Scheme, type_: IntType) -> bytes:
    """The program that gives a value's number."""
    asm = Assembler()
    asm.load(Register.R0, Register.R1, 0)
    bucketing(asm, scheme, type_)
    asm.add(leave())
    return asm.assemble().encode({})


def edges(scheme: Scheme) -> set[int]:
    """Values at the edges of buckets, and beside them."""
    match scheme:
        case Linear(lo, _, step):
            found = {lo, lo + step, scheme.top - step, scheme.top}
        case LogLinear():
            found = {*scheme.bounds, *(-b for b in scheme.bounds)}
        case Log2(bits):
            found = {s * (2**n + 2 ** max(0, n - bits)) for n in range(64) for s in (1, -1)}
    return {edge + d for edge in found for d in (-1, 0, 1)}


def check(code: bytes, scheme: Scheme, type_: IntType, value: int) -> None:
    """Compare the program's answer with the scheme's."""
    number = Machine().run(code, type_.wrap(value).to_bytes(8, "little", signed=type_.signed))
    assert 0 <= number < size_of(scheme, type_)
    assert inside(scheme, number) in scheme.bucket(value), (value, number)


def fits(scheme: Scheme, type_: IntType) -> bool:
    """Whether a program may have the scheme for the type."""
    return not isinstance(scheme, Linear) or type_.minimum <= scheme.lo < scheme.top <= type_.maximum


@pytest.mark.parametrize(
    ("scheme", "type_"), [(s, t) for s in SCHEMES for t in (INT64, UINT64) if fits(s, t)], ids=repr
)
def test_every_edge_of_every_scheme(scheme: Scheme, type_: IntType) -> None:
    """At all powers of two, all bounds and the ends of the type the number is that of the value's bucket."""
    code = number_of(scheme, type_)
    for value in edges(scheme) | POWERS | {0, type_.minimum, type_.maximum}:
        if type_.minimum <= value <= type_.maximum:
            check(code, scheme, type_, value)


@given(strategies.schemes, st.sampled_from((INT64, UINT64)), st.data())
def test_any_scheme_and_value(scheme: Scheme, type_: IntType, data: st.DataObject) -> None:
    """The same holds for schemes and values that are drawn."""
    if fits(scheme, type_):
        near = sorted(v for v in edges(scheme) if type_.minimum <= v <= type_.maximum)
        values = st.integers(type_.minimum, type_.maximum) | st.sampled_from([0, *near])
        check(number_of(scheme, type_), scheme, type_, data.draw(values))


@pytest.mark.parametrize("scheme", [Log2(2), Linear(-10, 20, 3), LogLinear(10, 0, 3, 10)], ids=repr)
def test_numbers_are_one_for_each_bucket(scheme: Scheme) -> None:
    """No two numbers below the size that come up have one bucket, so nothing is in two rows."""
    code = number_of(scheme, INT64)
    numbers = {
        Machine().run(code, value.to_bytes(8, "little", signed=True)): scheme.bucket(value)
        for value in range(-300, 301)
    }
    assert len(set(numbers.values())) == len(numbers)
