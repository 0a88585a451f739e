"""Which local functions are shown to be called by their convention."""

from __future__ import annotations

import pytest

from tracekit.calibration.unchanged import Believed, unchanged
from tracekit.calibration.unpassed import Build
from tracekit.core.location import Behind, InRegister, InVector, Location, OnStack, Piece
from tracekit.core.signature import Parameter
from tracekit.core.source import Base, Encoding, Pointer, Types
from tracekit.symbols.abi import Placed
from tracekit.symbols.dwarf.reasons import BY_REGISTER
from tracekit.symbols.usage import StackUse, Usage

LONG, POINTER = 1, 2
TYPES = Types({LONG: Base("long", 8, Encoding.SIGNED), POINTER: Pointer(LONG)})
RDI, RSI, RDX, XMM0 = InRegister("rdi"), InRegister("rsi"), InRegister("rdx"), InVector("xmm0")


def one(ruled: Location | None, said: Location | None = None, kind: int = LONG, why: str = "") -> Believed:
    """A parameter."""
    places = [None if at is None else (Piece(0, 8, at),) for at in (ruled, said)]
    rule = Placed(places[0], "" if places[0] else "unknown")
    return Parameter("a", kind, pieces=places[1], unusable=why), rule, places[1]


@pytest.mark.parametrize(
    ("parameters", "certain", "shown"),
    [
        ([one(RDI), one(RSI)], {"rdi", "rsi"}, True),
        ([one(RDI), one(RSI)], {"rdi"}, False),  # one of them may have been taken away
        ([one(RDI)], {"rdi", "rsi"}, False),  # one more than there are parameters
        ([one(RSI), one(XMM0)], {"rdi", "rsi", "xmm0"}, True),  # the first has the address of a large result
        ([one(RDI, kind=POINTER)], {"rdi"}, False),  # it may be what the pointer points at
        ([one(RDI, RDI, kind=POINTER)], {"rdi"}, True),
        ([one(Behind(RDI))], {"rdi"}, False),
        ([one(OnStack(8))], set(), False),
        ([one(OnStack(8), OnStack(8)), one(RDI)], {"rdi"}, True),
        ([one(None), one(RDI)], {"rdi"}, False),
    ],
)
def test_what_the_code_reads(parameters: list[Believed], certain: set[str], shown: bool) -> None:
    """If it reads the registers of all parameters and no others, none was taken away or replaced."""
    build = Build(llvm=True, reads=Usage(None, StackUse, frozenset(certain)))
    assert unchanged(parameters, TYPES, build) == [shown] * len(parameters)


def test_a_later_argument_in_its_place() -> None:
    """Nothing before it in a register of its kind was taken away; homes in the frame weren't replaced."""
    home = one(RDI, why=BY_REGISTER)
    assert unchanged([home, one(RSI, RSI)], TYPES, Build(llvm=True)) == [True, False]
    assert unchanged([home, one(XMM0, XMM0)], TYPES, Build(llvm=True)) == [False, False]
    assert unchanged([one(RDI, why="gone"), one(RSI, RSI)], TYPES, Build(llvm=True)) == [False, False]
    assert unchanged([home, one(RSI, RDX)], TYPES, Build(llvm=True)) == [False, False]
