"""What rustc's debug information says."""

import pytest
from tests.symbols.dwarf.asking import behind, field, parameter, places, spelled

from tracekit.core.signature import Language
from tracekit.core.source import Array, Base, Encoding, Enumeration, Record

FLAGS = [("-g",), ("-g", "-O", "-Clto=off", "-Ccodegen-units=1"), ("-g", "-O", "-Csymbol-mangling-version=v0")]


@pytest.fixture(params=FLAGS, ids=" ".join)
def program(request, rust_sample):
    """The Rust program, for debugging and for release."""
    return rust_sample(*request.param)


def insert(program, signature):
    """The signature of the method."""
    pattern = "*5cache*5Cache*6insert*"
    return signature(program, pattern)


def test_paths_and_parameters(program, signature):
    """Functions have their crate's path; parameters and result the names of Rust's own types."""
    found = insert(program, signature)
    assert found.language is Language.RUST
    assert found.name.endswith("::cache::Cache::insert")
    crate = found.name.partition("::")[0]
    assert spelled(found) == [
        f"self: &mut {crate}::cache::Cache", "key: &str", "value: &[u8]", "o: core::option::Option<u64>",
        f"c: {crate}::cache::Color",
    ]  # fmt: skip
    assert found.types.spelled(found.result) == "usize"
    assert [found.types.size(p.type) for p in found.parameters] == [8, 16, 16, 16, 1]
    assert "u32" in spelled(signature(program, "*7generic*"))[0]


def test_enums(program, signature):
    """An enum of values has names; one of shapes has a discriminant and, for each value of it, a variant."""
    found = insert(program, signature)
    assert isinstance(color := found.types.resolved(parameter(found, "c")), Enumeration)
    assert (color.size, dict(color.names)) == (1, {1: "Red", 200: "Blue"})
    option = found.types.resolved(parameter(found, "o"))
    assert isinstance(option, Record) and option.discriminant is not None
    assert {v.field.name: v.values for v in option.variants} == {"None": (0,), "Some": (1,)}
    area = signature(program, "*4area*")
    shape = area.types.resolved(behind(area.types, parameter(area, "s")))
    assert isinstance(shape, Record)
    assert [v.field.name for v in shape.variants] == ["Empty", "Circle", "Rect", "Big"]
    rect = next(v.field for v in shape.variants if v.field.name == "Rect")
    at, size, _ = field(area.types, rect.type, "h")
    assert (size, at % 32) == (4, 0)
    assert [area.types.size(p.type) for p in area.parameters] == [8, 8, 8]


def test_wide_pointers(program, signature):
    """A slice is a record of a pointer and a length."""
    found = insert(program, signature)
    value = parameter(found, "value")
    assert field(found.types, value, "length") == (64, 8, None)
    data = behind(found.types, {f.name: f.type for f in found.types.resolved(value).fields}["data_ptr"])
    assert found.types.resolved(data) == Base("u8", 1, Encoding.UNSIGNED)


def test_other_types(program, signature):
    """Characters, units and 128 bits have their sizes."""
    generic = signature(program, "*7generic*")
    assert [generic.types.size(p.type) for p in generic.parameters] == [4, 4, 0]
    plain = signature(program, "plain")
    assert plain.types.resolved(parameter(plain, "x")) == Base("i128", 16, Encoding.SIGNED)
    assert not any(isinstance(t, Array) for t in plain.types.table.values())


def test_places(rust_sample, signature, debug_of):
    """For debugging, nothing usable is said of the entry; for release, registers are."""
    debug = rust_sample("-g")
    assert not any(places(insert(debug, signature)).values())
    release = rust_sample("-g", "-O", "-Clto=off", "-Ccodegen-units=1")
    found = places(insert(release, signature))
    assert found["self"] == "0+8:rdi"
    for value in found.values():
        assert value is None or "stack" not in value
    # All of its variables are in its frame; other functions of its unit tell.
    info, address = debug_of(release, "*7spilled*")
    assert not info.is_unoptimised(address)
    for path, plain in ((release, (False, None)), (debug, (True, None))):
        info, address = debug_of(path, "plain")
        assert info.is_unoptimised(address) in plain
