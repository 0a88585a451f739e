"""What Go's debug information says."""

import pytest
from tests.symbols.dwarf.asking import behind, field, parameter, places, spelled

from tracekit.core.signature import Language
from tracekit.core.source import Array, Pointer

FLAGS = [(), ("-gcflags=-N -l",), ("-ldflags=-compressdwarf=false",)]


@pytest.fixture(params=FLAGS, ids=str)
def program(request, go_sample):
    """The Go program, optimised, not optimised, and with debug information that isn't compressed."""
    return go_sample(*request.param)


def test_parameters_and_results(program, signature):
    """Methods have Go's names; results are told from parameters, whether they have names or not."""
    insert, put, nothing = (
        signature(program, f"main.{n}") for n in ("Cache.Insert", "(*Cache).Put", "nothing")
    )
    assert (insert.language, insert.name) == (Language.GO, "main.Cache.Insert")
    assert spelled(insert) == [
        "c: main.Cache", "ctx: context.Context", "key: uint8[32]", "value: []uint8", "expiry: time.Time",
    ]  # fmt: skip
    assert [(r.name, insert.types.spelled(r.type)) for r in insert.results] == [
        ("~r0", "int"),
        ("~r1", "error"),
    ]
    assert insert.result is None
    assert [p.partition(":")[0] for p in spelled(put)] == ["c", "s", "f", "x", "ch", "one", "e"]
    assert [r.name for r in put.results] == ["r"]
    assert put.types.spelled(put.result) == "string"
    assert (nothing.parameters, nothing.results) == ((), ())
    assert insert.file.endswith("/main.go")
    assert all(not r.pieces and r.unusable for r in insert.results)


def test_types(program, signature):
    """Slices, strings, interfaces, functions, channels and arrays have the shapes that Go gives them."""
    insert, put = signature(program, "main.Cache.Insert"), signature(program, "main.(*Cache).Put")
    assert field(insert.types, parameter(insert, "value"), "len") == (64, 8, None)
    assert field(insert.types, parameter(insert, "value"), "cap") == (128, 8, None)
    assert insert.types.size(parameter(insert, "ctx")) == 16
    array = insert.types.resolved(parameter(insert, "key"))
    assert isinstance(array, Array) and (array.count, array.stride) == (32, 1)
    assert field(put.types, parameter(put, "s"), "len") == (64, 8, None)
    assert [put.types.size(p.type) for p in put.parameters] == [8, 16, 8, 8, 8, 2, 16]
    assert isinstance(put.types.resolved(parameter(put, "f")), Pointer)
    cache = behind(put.types, parameter(put, "c"))
    assert put.types[cache].name == "main.Cache"
    assert behind(put.types, {f.name: f.type for f in put.types.resolved(cache).fields}["next"]) == cache


def test_instances_of_generic_functions(program, signature):
    """Each shape is a function of its own."""
    first, second = signature(program, "main.Sum*.int*"), signature(program, "main.Sum*.uint64*")
    assert {first.name.partition("[")[0], second.name.partition("[")[0]} == {"main.Sum"}
    assert first.address != second.address


def test_places(go_sample, signature, debug_of):
    """Optimised Go says in which registers arguments come, and its options tell whether it is optimised."""
    found = places(signature(go_sample(), "main.Cache.Insert"))
    assert {n: found[n] for n in ("c", "ctx", "key", "value")} == {
        "c": "0+8:rax 8+8:rbx 16+8:rcx",
        "ctx": "0+8:rdi 8+8:rsi",
        "key": "0+32:stack+8",
        "value": "0+8:r8 8+8:r9 16+8:r10",
    }
    assert places(signature(go_sample(), "main.(*Cache).Put"))["x"] == "0+8:xmm0"
    for flags, plain in (((), False), (("-gcflags=-N -l",), True)):
        debug, address = debug_of(go_sample(*flags), "main.Cache.Insert")
        assert debug.is_unoptimised(address) is plain


def test_places_on_arm64(go_sample, signature):
    """On arm64 the first argument on the stack is 8 bytes above the stack pointer."""
    found = places(signature(go_sample(architecture="arm64"), "main.Cache.Insert"))
    assert found["c"] == "0+8:x0 8+8:x1 16+8:x2"
    assert found["key"] == "0+32:stack+8"
    assert found["value"] == "0+8:x5 8+8:x6 16+8:x7"


def test_without_debug_information(go_sample):
    """Without DWARF, the error says with what to build."""
    from tracekit.symbols.dwarf import DebugInfoError, open_debug_info
    from tracekit.symbols.image import open_image

    with pytest.raises(DebugInfoError, match="has no debug information") as caught:
        open_debug_info(open_image(go_sample("-ldflags=-w")))
    assert "-ldflags=-w" in caught.value.hint
