from __future__ import annotations

from tests.symbols.abi.signatures import Sources, arguments, results

from tracekit.core.signature import Language
from tracekit.core.source import Field, Passing
from tracekit.symbols.abi import place


def test_integers_take_eight_registers_and_then_the_stack() -> None:
    """The stack begins at the stack pointer; an int takes 8 bytes of it on Linux, and 4 on macOS."""
    c = Sources()
    number = c.integer(4)
    signature = c.function(*[number] * 10)
    registers = [f"x{n}" for n in range(8)]
    assert arguments(place(signature, "aarch64")) == [*registers, "[0]", "[8]"]
    apple = place(signature, "arm64", platform="macos")
    assert arguments(apple) == [*registers, "[0]", "[4]"]
    assert apple.name == "Apple arm64"


def test_homogeneous_aggregates_take_a_vector_register_for_each_element() -> None:
    """Up to four equal floats, also inside one another; five are copied, and a pointer is passed."""
    c = Sources()
    real = c.real(4)
    three = c.struct((0, c.struct((0, real), (4, real), size=8)), (8, real), size=12)
    four = c.struct((0, c.array(real, 4, 4)), size=16)
    five = c.struct((0, c.array(real, 5, 4)), size=20)
    assert arguments(place(c.function(three, four, five), "aarch64")) == [
        "v0 v1@4 v2@8", "v3 v4@4 v5@8 v6@12", "*x0",
    ]  # fmt: skip


def test_an_aggregate_without_room_closes_the_registers() -> None:
    """What doesn't fit goes to the stack, and so do all floats after it, or all integers after a struct."""
    c = Sources()
    real, number = c.real(8), c.integer(8)
    four = c.struct((0, c.array(real, 4, 8)), size=32)
    pair = c.struct((0, number), (8, number), size=16)
    assert arguments(place(c.function(*[real] * 6, four, real), "aarch64"))[6:] == ["[0]", "[32]"]
    assert arguments(place(c.function(*[number] * 7, pair, number), "aarch64"))[7:] == ["[0]", "[16]"]


def test_int128_begins_at_an_even_register_but_on_apple() -> None:
    """C.10 rounds the register's number up; Apple's platforms allow an odd one."""
    c = Sources()
    number, wide = c.integer(8), c.integer(16)
    signature = c.function(number, wide)
    assert arguments(place(signature, "aarch64")) == ["x0", "x2 x3@8"]
    assert arguments(place(signature, "aarch64", platform="macos")) == ["x0", "x1 x2@8"]


def test_alignment_of_the_record_and_of_its_members_differ() -> None:
    """An aligned member asks for an even register, an aligned record doesn't; which it was isn't told."""
    c = Sources()
    number = c.integer(8)
    aligned = c.struct((0, number), (8, number), size=16, align=16, name="A")
    assert arguments(place(c.function(aligned), "aarch64")) == ["x0 x1@8"]
    found = place(c.function(number, aligned), "aarch64")
    assert arguments(found) == ["x0", "?"]
    assert "A is aligned" in found.arguments[1].reason


def test_long_double_is_binary128_in_a_vector_register() -> None:
    """It is on the stack, aligned to 16 bytes, when those are taken."""
    c = Sources()
    real, wide, number = c.real(8), c.real(16), c.integer(8)
    assert arguments(place(c.function(wide), "aarch64")) == ["v0"]
    found = arguments(place(c.function(*[real] * 8, *[number] * 9, wide), "aarch64"))
    assert found[-2:] == ["[0]", "[16]"]


def test_results() -> None:
    """A result is where an only argument would be; the address of one in memory isn't known at the return."""
    c = Sources()
    number, real = c.integer(8), c.real(8)
    pair = c.struct((0, number), (8, number), size=16)
    reals = c.struct((0, real), (8, real), size=16)
    large = c.struct((0, number), (8, number), (16, number), size=24)
    cases = {number: "x0", pair: "x0 x1@8", reals: "v0 v1@8", large: "?"}
    for kind, where in cases.items():
        found = place(c.function(number, result=kind), "aarch64")
        assert results(found) == [where]
        assert arguments(found) == ["x0"], "a hidden pointer is in x8"
    assert "x8" in found.results[0].reason


def test_empty_classes_take_a_register_but_on_apple() -> None:
    """C++'s empty class has a byte, which is passed on Linux."""
    c = Sources(Language.CXX, "GNU C++17 12.2.0")
    empty = c.struct(size=1, passing=Passing.VALUE)
    signature = c.function(empty, c.integer(4))
    assert arguments(place(signature, "aarch64")) == ["x0", "x1"]
    assert arguments(place(signature, "aarch64", platform="macos")) == ["", "x0"]


def test_bit_fields_are_no_homogeneous_aggregate() -> None:
    """A struct of bit-fields is passed as bytes, as is one that mixes floats of two sizes."""
    c = Sources()
    number = c.integer(4)
    bits = c.struct(Field("a", number, 0, 5), Field("b", number, 5, 6), size=4)
    mixed = c.struct((0, c.real(4)), (8, c.real(8)), size=16)
    assert arguments(place(c.function(bits, mixed), "aarch64")) == ["x0", "x1 x2@8"]
