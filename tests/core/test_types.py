"""Integer types."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given
from tests.results_strategies import INT_TYPE, INTEGERS

from tracekit.core.types import INT_TYPES, IntType


@given(INT_TYPE, INTEGERS)
def test_wrap_is_cs_conversion(type_: IntType, value: int) -> None:
    """A value is reduced to a type as C does it."""
    assert type_.wrap(value) == getattr(ctypes, f"c_{type_.name}")(value).value


@given(INT_TYPE, INTEGERS)
def test_wrap_ends_in_range(type_: IntType, value: int) -> None:
    """What was reduced is in the type's range, and what was there already stays."""
    found = type_.wrap(value)
    assert type_.minimum <= found <= type_.maximum
    assert type_.wrap(found) == found
    if type_.minimum <= value <= type_.maximum:
        assert found == value


@pytest.mark.parametrize("name", INT_TYPES)
def test_ranges(name: str) -> None:
    """A type's range has 2 to the bits values, and its name says what it is."""
    type_ = INT_TYPES[name]
    assert type_.maximum - type_.minimum + 1 == 1 << type_.bits
    assert type_.signed == (type_.minimum < 0)
    assert type_.name == name == f"{'int' if type_.signed else 'uint'}{type_.bits}"


def test_there_are_eight() -> None:
    """The language has four widths, signed and unsigned."""
    assert sorted(INT_TYPES) == sorted(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64))


@pytest.mark.parametrize("bits", [0, 1, 24, 65, 128])
def test_other_widths_are_refused(bits: int) -> None:
    """No other width can be made."""
    with pytest.raises(ValueError, match="bits"):
        IntType(bits)
