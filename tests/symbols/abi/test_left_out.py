"""Parameters that the mangled name has and the debug information hasn't."""

from __future__ import annotations

import attrs
from tests.symbols.abi.signatures import Sources, arguments

from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import Passing
from tracekit.symbols.abi import Placed, place

CLANG = "Debian clang version 14.0.6"


def function(symbol: str, *names: str) -> Signature:
    """A function of longs, pointers and two classes, of which the debug information has some parameters."""
    c = Sources(Language.CXX, CLANG)
    kinds = {
        "long": c.integer(8, name="long"),
        "int": c.integer(4, name="int"),
        "pair": c.struct((0, c.integer(8)), (8, c.integer(8)), size=16, name="pair", passing=Passing.VALUE),
        "text": c.struct((0, c.integer(8)), size=32, name="text", passing=Passing.REFERENCE),
    }
    return c.function(*(Parameter(n, kinds[n]) for n in names), name="f", symbol=symbol)


def test_nothing_is_missing() -> None:
    """All are there."""
    assert arguments(place(function("_Z1f4textl", "text", "long"), "x86_64")) == ["*rdi", "rsi"]


def test_types_tell_which_is_missing() -> None:
    """One long behind a class that isn't there is in the second register."""
    assert arguments(place(function("_Z1f4textl", "long"), "x86_64")) == ["rsi"]
    assert arguments(place(function("_Z1fi4text4pairl", "int", "pair", "long"), "x86_64")) == [
        "rdi",
        "rdx rcx@8",
        "r8",
    ]


def test_either_may_be_missing() -> None:
    """Of two equal classes, what comes before both is known, and what all answers have in common."""
    found = place(function("_Z1fi4text4textl", "int", "text", "long"), "x86_64")
    assert arguments(found) == ["rdi", "?", "rcx"]
    assert "has 3 of its 4 parameters" in found.arguments[1].reason


def test_only_a_class_can_be_missing() -> None:
    """A number can't, so that this is no such case, and nothing is known."""
    assert arguments(place(function("_Z1fli", "int"), "x86_64")) == ["?"]


def test_other_evidence_counts() -> None:
    """An answer that doesn't fit what else is known is dropped."""
    signature = function("_Z1fi4text4textl", "int", "text", "long")

    def first_is_there(placed: tuple[Placed, ...]) -> bool:
        return placed[1].pieces is not None and "rsi" in str(placed[1].pieces)

    found = place(signature, "x86_64", fits=first_is_there)  # type: ignore[arg-type]
    assert arguments(found) == ["rdi", "*rsi", "rcx"]
    assert attrs.asdict(found)["warnings"] == ()
