from __future__ import annotations

import pytest
from tests.symbols.abi.signatures import Sources, arguments, results

from tracekit.core.signature import Language, Signature
from tracekit.core.source import Field, Function, Record, RecordKind, TypeId, Variant
from tracekit.symbols.abi import Convention, place

_OLD = "clang LLVM (rustc version 1.63.0)"
_NEW = "clang LLVM (rustc version 1.95.0 (59807616e 2026-04-14))"
_BETWEEN = "clang LLVM (rustc version 1.75.0)"
_MANGLED = "_ZN1a1f17h0123456789abcdefE"


def _sources(producer: str = _NEW) -> Sources:
    return Sources(Language.RUST, producer)


def _place(signature: Signature) -> Convention:
    return place(signature, "x86_64")


def _str(c: Sources) -> TypeId:
    return c.struct((0, c.pointer()), (8, c.integer(8, False)), size=16, name="&str")


def _enum(c: Sources, name: str, size: int, tag: TypeId, *payloads: tuple[int, TypeId] | None) -> TypeId:
    """An enum with a tag at its start; of each variant what is in it and where, or nothing."""
    variants = tuple(
        Variant(
            Field(f"V{n}", 0 + c.struct(*([payload] if payload else []), size=size, name=f"{name}::V{n}"), 0),
            (n,),
        )
        for n, payload in enumerate(payloads)
    )
    return c.add(Record(name, size, RecordKind.STRUCT, discriminant=Field("", tag, 0), variants=variants))


def test_pairs_take_two_registers_and_may_be_split() -> None:
    """A slice is two scalars; with one register left, its pointer takes that and its length the stack."""
    c = _sources()
    number = c.integer(8)
    found = _place(c.function(_str(c), *[number] * 3, _str(c), symbol=_MANGLED))
    assert arguments(found) == ["rdi rsi@8", "rdx", "rcx", "r8", "r9 [8]@8"]


def test_small_blocks_are_packed_and_large_ones_behind_a_pointer() -> None:
    """Three bytes are one register; 16 that are no pair are passed as a pointer, and returned through one."""
    c = _sources()
    byte = c.integer(1, False)
    three = c.struct((0, byte), (1, byte), (2, byte), size=3, name="a::Three<u8>")
    block = c.array(byte, 16, 1)
    found = _place(c.function(_str(c), three, block, result=block, symbol=_MANGLED))
    assert arguments(found) == ["rsi rdx@8", "rcx", "*r8"]
    assert results(found) == ["*rax"]


def test_enums_are_a_tag_and_a_scalar_if_all_variants_agree() -> None:
    """``Option<u64>`` is a pair, of an integer and a float for ``Option<f64>``; mixed kinds are a block."""
    c = _sources()
    tag, number = c.integer(8, False), c.integer(8, False)
    option = _enum(c, "core::option::Option<u64>", 16, tag, None, (8, number))
    real = _enum(c, "core::option::Option<f64>", 16, tag, None, (8, c.real(8)))
    mixed = _enum(c, "a::Mixed<u64>", 16, tag, (8, number), (8, c.real(8)))
    assert arguments(_place(c.function(option, real, mixed, symbol=_MANGLED))) == [
        "rdi rsi@8", "rdx xmm0@8", "*rcx",
    ]  # fmt: skip


@pytest.mark.parametrize(("producer", "end"), [(_OLD, 24), (_NEW, 32)])
def test_pairs_with_128_bits(producer: str, end: int) -> None:
    """Such integers were aligned to 8 bytes until 1.77, so that 20 bytes are 24, and are to 16 since."""
    c = _sources(producer)
    pair = c.struct((0, c.integer(16)), (16, c.integer(4)), size=end, name="(i32, u128)")
    assert arguments(_place(c.function(pair, c.integer(8), symbol=_MANGLED))) == ["rdi rsi@8 rdx@16", "rcx"]


@pytest.mark.parametrize(("producer", "place_"), [(_OLD, "*rdi"), (_NEW, "rdi rsi@8"), (_BETWEEN, "?")])
def test_signs_in_an_enum(producer: str, place_: str) -> None:
    """``Result<u64, i64>`` was a block in 1.63 and is a pair in 1.95; versions between weren't measured."""
    c = _sources(producer)
    mixed = _enum(
        c,
        "core::result::Result<u64, i64>",
        16,
        c.integer(8, False),
        (8, c.integer(8, False)),
        (8, c.integer(8)),
    )
    assert arguments(_place(c.function(mixed, symbol=_MANGLED))) == [place_]


def test_niches_take_no_tag() -> None:
    """``Option<&str>`` is its ``&str``: the variant without a number has the other's value in it."""
    c = _sources()
    some = c.struct((0, _str(c)), size=16, name="Some")
    none = c.struct(size=16, name="None")
    option = c.add(
        Record(
            "core::option::Option<&str>", 16, RecordKind.STRUCT, discriminant=Field("", c.integer(8, False), 0),
            variants=(Variant(Field("None", none, 0), (0,)), Variant(Field("Some", some, 0))),
        )
    )  # fmt: skip
    assert arguments(_place(c.function(option, symbol=_MANGLED))) == ["rdi rsi@8"]


def test_repr_c_is_asked_for_only_where_it_matters() -> None:
    """A record of one integer is one register anyway; one of a float, or beside another scalar, is refused."""
    c = _sources()
    number = c.integer(4, False)
    id_ = c.struct((0, number), size=4, name="a::Id")
    meters = c.struct((0, c.real(8)), size=8, name="a::Meters")
    pair = c.struct((0, id_), (4, number), size=8, name="(a::Id, u32)")
    assert arguments(_place(c.function(_str(c), id_, symbol=_MANGLED)))[1:] == ["rdx"]
    assert arguments(_place(c.function(_str(c), meters, symbol=_MANGLED)))[1:] == ["?"]
    found = _place(c.function(_str(c), pair, symbol=_MANGLED))
    assert arguments(found)[1:] == ["?"] and "a::Id is #[repr(C)]" in found.arguments[1].reason


def test_extern_c_is_asked_for_only_where_it_may_be() -> None:
    """Two u32 are two registers in Rust and one in C. A name of Rust's and a type that C lacks exclude C."""
    c = _sources()
    number = c.integer(4, False)
    pair = c.struct((0, number), (4, number), size=8, name="a::Pair")
    assert arguments(_place(c.function(pair, symbol="f"))) == ["?"]
    assert arguments(_place(c.function(pair, symbol=_MANGLED))) == ["?"]
    assert arguments(_place(c.function(pair, _str(c), symbol=_MANGLED))) == ["rdi rsi@4", "rdx rcx@8"]
    assert arguments(_place(c.function(number, c.pointer(), symbol="f"))) == ["rdi", "rsi"]


def test_closures_hide_their_environment() -> None:
    """The environment comes first, and is listed only if it captures nothing."""
    c = _sources()
    number = c.integer(4, False)
    name = "a::main::{closure#1}"
    hidden = _place(c.function(number, result=number, name=name, symbol=_MANGLED))
    assert arguments(hidden) == ["?"] and "environment" in hidden.arguments[0].reason
    assert results(hidden) == ["rax"]
    environment = c.pointer(name="&a::main::{closure_env#1}")
    assert arguments(_place(c.function(environment, number, name=name, symbol=_MANGLED))) == ["rdi", "rsi"]


def test_calls_through_traits_take_their_tuple_apart() -> None:
    """``FnOnce::call_once`` lists a tuple, and is called with what is in it."""
    c = _sources()
    number = c.integer(8, False)
    arguments_ = c.struct((0, number), (8, number), size=16, name="(u64, u64)")
    name = "core::ops::function::FnOnce::call_once<fn(u64, u64), (u64, u64)>"
    found = _place(c.function(c.pointer(), arguments_, name=name, symbol=_MANGLED))
    assert arguments(found) == ["?", "?"] and "tuple" in found.arguments[1].reason


def test_functions_as_type_arguments_may_take_no_space() -> None:
    """``apply<fn(u32)>`` may be given a function itself, which looks like a pointer to one and is nothing."""
    c = _sources()
    pointer, number = c.pointer(c.add(Function()), name="fn(u32)"), c.integer(4, False)
    generic = c.function(_str(c), pointer, number, name="a::apply<fn(u32)>", symbol=_MANGLED)
    plain = c.function(_str(c), pointer, number, name="a::apply", symbol=_MANGLED)
    assert arguments(_place(generic)) == ["rdi rsi@8", "?", "?"]
    assert arguments(_place(plain)) == ["rdi rsi@8", "rdx", "rcx"]


def test_large_results() -> None:
    """More than two words are returned through a pointer, which takes the first register; arm64 loses it."""
    c = _sources()
    number = c.integer(8, False)
    string = c.struct((0, number), (8, c.pointer()), (16, number), size=24, name="alloc::string::String")
    signature = c.function(number, result=string, symbol=_MANGLED)
    assert (arguments(_place(signature)), results(_place(signature))) == (["rsi"], ["*rax"])
    arm = place(signature, "aarch64")
    assert (arguments(arm), results(arm)) == (["x0"], ["?"])


@pytest.mark.parametrize(("producer", "places"), [(_OLD, ["r9 [8]@8", "[16]"]), (_NEW, ["[8]", "r9"])])
def test_u128_with_one_register_left(producer: str, places: list[str]) -> None:
    """rustc 1.63 passes its halves as two arguments; 1.95 has it on the stack."""
    c = _sources(producer)
    number = c.integer(8, False)
    signature = c.function(_str(c), *[number] * 3, c.integer(16, False), number, symbol=_MANGLED)
    assert arguments(_place(signature))[4:] == places


@pytest.mark.parametrize(
    ("producer", "places"), [(_OLD, ["rdi", "?"]), (_NEW, ["rsi", "*rax"]), (_BETWEEN, ["?", "?"])]
)
def test_large_pairs_as_results(producer: str, places: list[str]) -> None:
    """A u128 and a u64 were returned in three registers by 1.63, and are through a pointer by 1.95."""
    c = _sources(producer)
    number, wide = c.integer(8, False), c.integer(16, False)
    pair = c.struct((0, wide), (16, number), size=32, name="(u128, u64)")
    found = _place(c.function(number, result=pair, symbol=_MANGLED))
    assert [*arguments(found), *results(found)] == places
