from __future__ import annotations

import attrs
import pytest
from tests.symbols.abi.signatures import Sources, arguments, results

from tracekit.core.location import InRegister, Piece
from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import Function
from tracekit.symbols.abi import Convention, place


def _sources() -> Sources:
    return Sources(Language.GO, "Go cmd/compile go1.24.4; regabi")


def _place(signature: Signature, go_version: str = "") -> Convention:
    return place(signature, "x86_64", go_version=go_version)


def test_strings_slices_and_interfaces_take_a_register_a_word() -> None:
    """Of a receiver, an interface, a key of 32 bytes, a slice and a string, only the key is on the stack."""
    c = _sources()
    number, pointer = c.integer(8), c.pointer()
    string = c.struct((0, pointer), (8, number), size=16, name="string")
    interface = c.struct((0, pointer), (8, pointer), size=16, name="runtime.iface")
    slice_ = c.struct((0, pointer), (8, number), (16, number), size=24, name="[]uint8")
    key = c.array(c.integer(1), 32, 1)
    signature = c.function(c.struct((0, pointer), size=8), interface, key, slice_, string)
    assert arguments(_place(signature)) == [
        "rax", "rbx rcx@8", "[8]", "rdi rsi@8 r8@16", "r9 r10@8",
    ]  # fmt: skip
    assert arguments(place(signature, "aarch64")) == [
        "x0", "x1 x2@8", "[8]", "x3 x4@8 x5@16", "x6 x7@8",
    ]  # fmt: skip


def test_what_does_not_fit_as_a_whole_goes_to_the_stack_and_gives_its_registers_back() -> None:
    """After eight integers a slice is on the stack, and a later int still takes the ninth register."""
    c = _sources()
    number = c.integer(8)
    slice_ = c.struct((0, c.pointer()), (8, number), (16, number), size=24)
    assert arguments(_place(c.function(*[number] * 8, slice_, number)))[8:] == ["[8]", "r11"]


def test_arrays_complex_numbers_and_functions() -> None:
    """An array of one is its element, one of two needs the stack; complex numbers take two float registers."""
    c = _sources()
    number = c.integer(8)
    kinds = (
        c.array(number, 1, 8),
        c.array(number, 2, 8),
        c.complex(16),
        c.add(Function("func()")),
        c.struct(size=0),
    )
    assert arguments(_place(c.function(*kinds, number))) == ["rax", "[8]", "xmm0 xmm1@8", "rbx", "", "rcx"]


def test_results_have_the_registers_anew_and_the_stack_behind_the_arguments() -> None:
    """Results begin at RAX again; on the stack they come after the arguments, aligned to 8."""
    c = _sources()
    number, three = c.integer(8), c.array(c.integer(1), 3, 1)
    found = _place(c.function(number, three, results=(number, three, number)))
    assert arguments(found) == ["rax", "[8]"]
    assert results(found) == ["rax", "[16]", "rbx"]


@pytest.mark.parametrize(
    ("name", "version", "places"),
    [
        ("main.Gen[go.shape.int_0]", "go1.19", ["rbx", "rcx"]),
        ("main.(*Box[go.shape.int_0]).Get", "go1.19.8", ["rbx", "rcx"]),
        ("main.(*Box[go.shape.int]).Get", "go1.22.1", ["rax", "rcx"]),
        ("example.com/a.b/c.Box[go.shape.int].Get", "go1.22.1", ["rax", "rcx"]),
        ("main.Gen[go.shape.int]", "go1.22.1", ["rbx", "rcx"]),
        ("main.Gen[go.shape.map[string]int].func1", "go1.22.1", ["rax", "rbx"]),
        ("main.(*Box[go.shape.int]).Get.func1", "go1.22.1", ["rax", "rbx"]),
        ("main.Gen[int]", "go1.22.1", ["rax", "rbx"]),
    ],
)
def test_the_dictionary_of_generic_functions(name: str, version: str, places: list[str]) -> None:
    """It comes first, from Go 1.20 on after the receiver; closures and instances for one type have none."""
    c = Sources(Language.GO, "")
    number = c.integer(8)
    told = [Parameter(f"p{n}", number, pieces=(Piece(0, 8, InRegister(r)),)) for n, r in enumerate(places)]
    assert arguments(_place(c.function(*told, name=name), version)) == places


def test_a_listed_dictionary_is_a_parameter() -> None:
    """Newer versions of Go list it, and then nothing is hidden."""
    c = _sources()
    signature = c.function(Parameter(".dict", c.pointer()), c.integer(8), name="main.Gen[go.shape.int]")
    assert arguments(_place(signature)) == ["rax", "rbx"]


def test_before_1_17_all_is_on_the_stack() -> None:
    """ABI0 has arguments and then results there; arm64 followed with 1.18."""
    c = Sources(Language.GO, "Go cmd/compile go1.16.15")
    told = Parameter("p", c.integer(8))
    signature = c.function(told, c.integer(1))
    assert place(signature, "x86_64", go_version="go1.17").name == "Go ABIInternal (amd64)"
    assert place(signature, "aarch64", go_version="go1.17").name == "Go ABI0 (arm64)"
    assert place(signature, "x86_64", go_version="go1.16.15").name == "Go ABI0 (amd64)"
    assembly = attrs.evolve(_sources().function(), symbol="main.f.abi0")
    assert _place(assembly).name == "Go ABI0 (amd64)"


def test_an_unknown_version_is_refused() -> None:
    """Registers or the stack: neither is guessed."""
    c = Sources(Language.GO, "")
    assert arguments(_place(c.function(c.integer(8)))) == ["?"]


def test_parameters_without_a_name_in_old_versions() -> None:
    """What is left out shows by what the debug information says of others; what nothing proves is refused."""
    c = Sources(Language.GO, "Go cmd/compile go1.21.13; regabi")
    number, three = c.integer(8), c.array(c.integer(4), 3, 4)
    rbx = Parameter("told", number, pieces=(Piece(0, 8, InRegister("rbx")),))
    shifted = _place(c.function(rbx))
    assert arguments(shifted) == ["?"] and "may be missing" in shifted.arguments[0].reason
    proven = _place(c.function(number, rbx, number, three, results=(number, three)))
    assert arguments(proven) == ["rax", "rbx", "?", "?"]
    assert results(proven) == ["rax", "?"]


def test_vectors_are_refused() -> None:
    """Go's SIMD types look like structs of integers, and aren't passed so."""
    c = _sources()
    vector = c.struct((0, c.array(c.integer(8), 2, 8)), size=16, name="simd/archsimd.Int64x2")
    assert arguments(_place(c.function(vector, c.integer(8)))) == ["?", "rax"]


@pytest.mark.parametrize("producer", ["GNU Go 12.2.0", "TinyGo", "Go cmd/compile go1.17.1; noregabi"])
def test_other_compilers_and_experiments_are_refused(producer: str) -> None:
    """gccgo and TinyGo have conventions of their own, and Go's can be switched off."""
    c = Sources(Language.GO, producer)
    assert arguments(place(c.function(c.integer(8)), "x86_64", go_version="go1.18")) == ["?"]
