from __future__ import annotations

import pytest
from tests.symbols.abi.signatures import Sources, arguments, results

from tracekit.core.signature import Language
from tracekit.core.source import Field, Passing, RecordKind, Void
from tracekit.symbols.abi import place


def test_integers_take_six_registers_and_then_the_stack() -> None:
    """The seventh and eighth integer are behind the return address, 8 bytes each whatever their size."""
    c = Sources()
    number = c.integer(4)
    assert arguments(place(c.function(*[number] * 8), "x86_64")) == [
        "rdi", "rsi", "rdx", "rcx", "r8", "r9", "[8]", "[16]",
    ]  # fmt: skip


def test_floats_have_registers_of_their_own() -> None:
    """A float between integers takes none of their registers; the ninth is on the stack."""
    c = Sources()
    number, real = c.integer(8), c.real(8)
    found = arguments(place(c.function(number, *[real] * 9, number), "x86_64"))
    assert found == ["rdi", *(f"xmm{n}" for n in range(8)), "[8]", "rsi"]


def test_structs_are_split_by_eightbytes() -> None:
    """A pointer and a double are in one register of each kind; two floats share one; an int beside one wins."""
    c = Sources()
    number, real, small = c.integer(4), c.real(8), c.real(4)
    mixed = c.struct((0, c.pointer()), (8, real), size=16)
    floats = c.struct((0, small), (4, small), size=8)
    beside = c.struct((0, small), (4, number), size=8)
    assert arguments(place(c.function(mixed, floats, beside), "x86_64")) == ["rdi xmm0@8", "xmm1", "rsi"]


def test_a_struct_without_room_goes_to_the_stack_and_a_later_int_does_not() -> None:
    """Five registers are taken; a struct that needs two is on the stack, and the next int takes the sixth."""
    c = Sources()
    number = c.integer(8)
    pair = c.struct((0, number), (8, number), size=16)
    found = arguments(place(c.function(*[number] * 5, pair, number), "x86_64"))
    assert found[5:] == ["[8]", "r9"]


def test_large_and_unaligned_structs_are_in_memory() -> None:
    """More than 16 bytes, or a member that isn't aligned: on the stack."""
    c = Sources()
    number, byte = c.integer(8), c.integer(1)
    large = c.struct((0, number), (8, number), (16, number), size=24)
    packed = c.struct((0, byte), (1, number), size=9)
    assert arguments(place(c.function(large, packed, number), "x86_64")) == ["[8]", "[32]", "rdi"]


def test_bit_fields_count_by_their_bits() -> None:
    """A bit-field that begins in the first eightbyte and ends there leaves the second one to a double."""
    c = Sources()
    number = c.integer(4)
    bits = c.struct(Field("a", number, 0, 3), Field("b", number, 3, 20), (8, c.real(8)), size=16)
    assert arguments(place(c.function(bits), "x86_64")) == ["rdi xmm0@8"]


def test_unions_merge_their_members_classes() -> None:
    """An int and a double at one place are an integer."""
    c = Sources()
    union = c.struct((0, c.integer(4)), (0, c.real(8)), size=8, kind=RecordKind.UNION)
    assert arguments(place(c.function(union), "x86_64")) == ["rdi"]


def test_long_double_and_its_kin() -> None:
    """``long double`` is on the stack, aligned to 16; ``__float128`` in one register; complex ones in two."""
    c = Sources()
    number = c.integer(4)
    found = place(
        c.function(
            *[number] * 7, c.real(16), c.real(16, "_Float128"), c.complex(8), c.complex(16), c.complex(32)
        ),
        "x86_64",
    )
    assert arguments(found)[6:] == ["[8]", "[24]", "xmm0", "xmm1", "xmm2 xmm3@8", "[40]"]


@pytest.mark.parametrize(
    ("producer", "places"),
    [
        ("GNU C17 12.2.0", ["[8]", "r9", "[24]"]),
        ("clang version 22.1.8", ["[8]", "r9", "[24]"]),
        ("clang version 19.1.7", ["[8]", "[24]", "[32]"]),
        ("clang version 14.0.6", ["r9 [8]@8", "[16]", "[24]"]),
        ("clang version 20.1.0", ["[8]", "?", "?"]),
        ("", ["?", "?", "?"]),
    ],
)
def test_int128_with_one_register_left(producer: str, places: list[str]) -> None:
    """Compilers differ in where an ``__int128`` goes then, and what later ints get; others are refused."""
    c = Sources(producer=producer)
    number, wide = c.integer(8), c.integer(16)
    assert arguments(place(c.function(*[number] * 5, wide, number, number), "x86_64"))[5:] == places


def test_int128_in_registers_and_aligned() -> None:
    """Any two registers do, and on the stack it is aligned to 16 bytes."""
    c = Sources()
    number, wide = c.integer(8), c.integer(16)
    found = arguments(place(c.function(number, wide, *[number] * 4, wide), "x86_64"))
    assert found == ["rdi", "rsi rdx@8", "rcx", "r8", "r9", "[8]", "[24]"]


def test_vectors() -> None:
    """Vectors of 8 and 16 bytes are in a register; longer ones depend on AVX, and so does the stack behind."""
    c = Sources()
    real = c.real(4)
    number = c.integer(4)
    short, long = c.vector(real, 4, 4), c.vector(real, 8, 4)
    found = place(c.function(c.vector(real, 2, 4), short, long, number, c.real(16)), "x86_64")
    assert arguments(found) == ["xmm0", "xmm1", "?", "rdi", "?"]
    assert "AVX" in found.arguments[2].reason


def test_results() -> None:
    """Each class has its result registers; what is in memory is behind the pointer in rax."""
    c = Sources()
    number, real = c.integer(8), c.real(8)
    cases = {
        c.integer(1): "rax",
        c.integer(16): "rax rdx@8",
        real: "xmm0",
        c.real(16): "st0",
        c.complex(32): "st0 st1@16",
        c.struct((0, real), (8, number), size=16): "xmm0 rax@8",
        c.struct((0, number), (8, number), (16, number), size=24): "*rax",
    }
    for kind, where in cases.items():
        assert results(place(c.function(result=kind), "x86_64")) == [where]
    assert results(place(c.function(), "x86_64")) == []


def test_a_hidden_pointer_takes_the_first_register() -> None:
    """A function that returns a large struct has its first argument in the second register."""
    c = Sources()
    number = c.integer(8)
    large = c.struct((0, number), (8, number), (16, number), size=24)
    assert arguments(place(c.function(number, result=large), "x86_64")) == ["rsi"]


def test_classes_by_value_and_by_reference() -> None:
    """C++ passes a pointer to what isn't trivial; if nothing tells, all integers behind it are refused too."""
    c = Sources(Language.CXX, "GNU C++17 12.2.0")
    number = c.integer(4)
    by_value = c.struct((0, number), (4, number), size=8, passing=Passing.VALUE)
    by_pointer = c.struct((0, number), size=4, passing=Passing.REFERENCE)
    holder = c.struct((0, by_pointer), size=4)
    untold = c.struct((0, number), (4, number), (8, number), (12, number), (16, number), size=20, name="Odd")
    table = c.struct(Field("_vptr.T", c.pointer(), 0), size=8)
    found = place(c.function(by_value, by_pointer, holder, table, untold, number), "x86_64")
    assert arguments(found) == ["rdi", "*rsi", "*rdx", "*rcx", "?", "?"]
    assert "Odd" in found.arguments[4].reason


def test_c_structs_need_no_word_on_passing() -> None:
    """The same without a word on passing is by value in C."""
    c = Sources()
    number = c.integer(4)
    assert arguments(place(c.function(c.struct((0, number), (4, number), size=8)), "x86_64")) == ["rdi"]


def test_empty_classes_take_nothing() -> None:
    """C++'s empty class has a byte and no place; so has C's, which has none; an empty base is no member."""
    c = Sources(Language.CXX, "GNU C++17 12.2.0")
    number = c.integer(4)
    empty = c.struct(size=1, passing=Passing.VALUE)
    derived = c.struct(Field("", empty, 0, base=True), (0, number), size=4, passing=Passing.VALUE)
    found = arguments(
        place(c.function(empty, derived, c.struct(size=0, passing=Passing.VALUE), number), "x86_64")
    )
    assert found == ["", "rdi", "", "rsi"]


def test_clang_does_not_count_nullptr() -> None:
    """A struct with one in it is in memory; one by itself takes a register that isn't counted (14 and 19)."""
    for producer, inside, split in (
        ("Debian clang version 19.1.7", "[8]", "r9 [8]@8"),
        ("GNU C++17 12.2.0", "rdi", "[8]"),
    ):
        c = Sources(Language.CXX, producer)
        null, number = c.pointer(name="decltype(nullptr)"), c.integer(8)
        held = c.struct((0, null), size=8, passing=Passing.VALUE)
        assert arguments(place(c.function(held), "x86_64")) == [inside]
        pair = c.struct((0, number), (8, number), size=16, passing=Passing.VALUE)
        found = arguments(place(c.function(null, number, number, number, number, pair), "x86_64"))
        assert found[-1] == split


def test_bit_fields_without_a_name() -> None:
    """The debug information leaves them out; GCC passes one that is alone in an eightbyte, clang not."""
    for producer, found in (("Debian clang version 14.0.6", ["rdi", "rsi"]), ("GNU C17 12.2.0", ["rdi", "?"])):
        c = Sources(producer=producer)
        held = c.struct((0, c.integer(4)), size=16)
        aligned = c.struct((0, c.integer(4)), size=16, align=16)
        placed = place(c.function(held, c.integer(8)), "x86_64")
        assert arguments(placed) == found
        assert arguments(place(c.function(aligned, c.integer(8)), "x86_64")) == ["rdi", "rsi"]
        if found[1] == "?":
            assert "a bit-field without a name" in placed.arguments[1].reason


def test_a_bit_field_that_clang_does_not_mark() -> None:
    """Behind another one, where its alignment forbids it: in registers as a bit-field, else in memory."""
    for producer, place_of_it in (("Debian clang version 14.0.6", "?"), ("GNU C17 12.2.0", "[8]")):
        c = Sources(producer=producer)
        short = c.integer(2)
        packed = c.struct(Field("m0", short, 0, 8), Field("m1", short, 8), size=3)
        assert arguments(place(c.function(packed), "x86_64")) == [place_of_it]


def test_pointers_to_members_and_nullptr() -> None:
    """A pointer to a member function takes two registers, ``nullptr_t`` one."""
    c = Sources(Language.CXX, "GNU C++17 12.2.0")
    found = place(c.function(c.pointer(size=16), c.add(Void("decltype(nullptr)")), c.integer(4)), "x86_64")
    assert arguments(found) == ["rdi rsi@8", "rdx", "rcx"]


def test_flexible_array_members_have_no_class() -> None:
    """An array without length at a struct's end doesn't change where the rest is."""
    c = Sources()
    number = c.integer(4)
    flexible = c.struct((0, number), (4, c.array(c.integer(1), 0, 1)), size=4)
    assert arguments(place(c.function(flexible, number), "x86_64")) == ["rdi", "rsi"]


def test_alignment_that_packing_may_have_taken_is_refused() -> None:
    """A struct of ``long double`` on the stack is aligned to 16, unless it is packed, which looks the same."""
    c = Sources()
    number = c.integer(8)
    wide = c.struct((0, c.real(16)), (16, c.real(16)), size=32, name="W")
    told = c.struct((0, c.real(16)), (16, c.real(16)), size=32, align=16)
    assert arguments(place(c.function(wide), "x86_64")) == ["[8]"]
    assert arguments(place(c.function(*[number] * 7, wide), "x86_64"))[7:] == ["?"]
    assert arguments(place(c.function(*[number] * 7, told), "x86_64"))[7:] == ["[24]"]


def test_clang_may_not_list_all_parameters() -> None:
    """If the mangled name has more parameters than the debug information, nobody knows which are missing."""
    c = Sources(Language.CXX, "clang version 14.0.6")
    number = c.integer(4)
    full = place(c.function(number, number, symbol="_Z1fii"), "x86_64")
    less = place(c.function(number, symbol="_Z1fiSsi", result=number), "x86_64")
    assert arguments(full) == ["rdi", "rsi"]
    assert arguments(less) == results(less) == ["?"]
    assert "1 of its 3 parameters" in less.arguments[0].reason
