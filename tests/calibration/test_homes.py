"""What places later in a function tell of its entry."""

from __future__ import annotations

import attrs
import pytest

from tracekit.calibration.homes import fits, from_entry
from tracekit.core.location import Behind, InRegister, Location, OnStack, Piece
from tracekit.core.signature import Home, Language, Parameter, Signature
from tracekit.core.source import Array, Base, Encoding, Passing, Record, RecordKind, Types
from tracekit.symbols.abi import Placed

LONG, BIG, SMALL, ROW = 1, 2, 3, 4
TYPES = Types(
    {
        LONG: Base("long", 8, Encoding.SIGNED),
        BIG: Record("big", 16, RecordKind.STRUCT),
        SMALL: Record("small", 8, RecordKind.STRUCT),
        ROW: Array(LONG, 2, 8),
    }
)
RDI = InRegister("rdi")
BASES = {"rbp": -8, "rsp": -40}


def signature(
    kind: int, home: Home | None, language: Language = Language.C, passing: Passing | None = None
) -> Signature:
    """A function with one parameter."""
    types = TYPES
    if passing is not None:
        types = Types({**TYPES.table, BIG: Record("big", 16, RecordKind.CLASS, passing=passing)})
    return Signature("f", "f", 0, language, types, (Parameter("a", kind, unusable="why", home=home),))


def entry(one: Signature, *, optimised: bool = False, bases: dict[str, int] = BASES) -> Location | None:
    """Where the parameter is taken to be at the entry."""
    (found,) = from_entry(one, bases, 8, optimised=optimised).parameters
    return found.pieces[0].location if found.pieces else None


@pytest.mark.parametrize(
    ("home", "place"),
    [
        (Home("rbp", 16), OnStack(8)),
        (Home("rbp", 32), OnStack(24)),
        (Home("rsp", 48), OnStack(8)),
        (Home("rsp", 40), None),  # the return address
        (Home("rbp", -24), None),  # a copy in the own frame
        (Home("rbp", 16, pointer=True), None),
        (Home("rbx", 16), None),
        (Home("", 8), OnStack(8)),  # counted from the canonical frame address
        (None, None),
    ],
)
def test_what_is_in_the_callers_frame_was_passed_there(home: Home | None, place: Location | None) -> None:
    """Places behind the return address are those of the entry; those before it are of no use."""
    assert entry(signature(BIG, home)) == place


@pytest.mark.parametrize(
    ("language", "passing", "optimised", "place"),
    [
        (Language.CXX, Passing.VALUE, True, OnStack(8)),
        (Language.CXX, Passing.REFERENCE, True, None),
        (Language.CXX, None, True, None),
        (Language.CXX, None, False, OnStack(8)),
        (Language.RUST, None, True, None),
        (Language.C, None, True, OnStack(8)),
    ],
)
def test_a_pointer_that_is_taken_for_the_value(
    language: Language, passing: Passing | None, optimised: bool, place: Location | None
) -> None:
    """Where optimised code has the pointer to a class, clang says that it has the class."""
    assert entry(signature(BIG, Home("rbp", 16), language, passing), optimised=optimised) == place


def test_arm64_passes_large_records_as_pointers() -> None:
    """What clang 14 says to be a large record on the stack is a pointer to it, without optimisation, too."""
    types = Types({**TYPES.table, BIG: Record("big", 24, RecordKind.STRUCT)})
    one = attrs.evolve(signature(BIG, Home("x29", 16)), types=types)
    assert entry(one, bases={"x29": -16}) is None
    assert entry(one) is None  # no such base
    assert from_entry(signature(SMALL, Home("x29", 16)), {"x29": -16}, 0, optimised=False).parameters[0].pieces


def test_rust_passes_arrays_so() -> None:
    """An array on the stack of optimised Rust may be the pointer to it; a number is none."""
    assert entry(signature(ROW, Home("rbp", 16), Language.RUST), optimised=True) is None
    assert entry(signature(ROW, Home("rbp", 16), Language.RUST)) == OnStack(8)
    assert entry(signature(LONG, Home("rbp", 16), Language.RUST), optimised=True) == OnStack(8)


def test_arm64_describes_copies_so() -> None:
    """Its homes in the caller's frame count without optimisation only."""
    one = signature(BIG, Home("sp", 32))
    assert entry(one, bases={"sp": -32}, optimised=True) is None
    assert entry(signature(BIG, Home("x29", 32)), bases={"x29": -16}, optimised=True) is None
    assert from_entry(one, {"sp": -32}, 0, optimised=False).parameters[0].pieces is not None


@pytest.mark.parametrize(
    ("kind", "home", "place", "fit"),
    [
        (BIG, Home("rbp", -24), RDI, True),
        (BIG, Home("rbp", -24), OnStack(8), False),  # clang copies no struct from the stack
        (SMALL, Home("rbp", -24), OnStack(8), True),  # but numbers, and small structs as if they were one
        (LONG, Home("rbp", -24), OnStack(8), True),
        (BIG, Home("rbp", -24), Behind(RDI), False),
        (BIG, Home("rbp", -24, pointer=True), Behind(RDI), True),
        (BIG, Home("rbp", -24, pointer=True), RDI, False),
        (BIG, None, Behind(RDI), True),
    ],
)
def test_homes_rule_places_out(kind: int, home: Home | None, place: Location, fit: bool) -> None:
    """Without optimisation, a copy in the own frame tells whether it came by a pointer or the stack."""
    one = signature(kind, home)
    placed = [Placed((Piece(0, TYPES.size(kind), place),))]
    assert fits(one, optimised=False)(placed) is fit
    assert fits(one, optimised=True)(placed)


def test_places_rule_others_out() -> None:
    """What the debug information says of the entry counts in any code, and what is refused fits everything."""
    one = signature(LONG, None)
    said = attrs.evolve(one.parameters[0], pieces=(Piece(0, 8, RDI),), unusable="")
    fit = fits(attrs.evolve(one, parameters=(said,)), optimised=True)
    assert fit([Placed((Piece(0, 8, RDI),))])
    assert not fit([Placed((Piece(0, 8, OnStack(8)),))])
    assert fit([Placed(None, "why")])
