"""What the debug information of C++ says: scopes, methods, templates, bases, and how classes are passed."""

import pytest
from tests.symbols.dwarf.asking import behind, field, parameter, places, spelled
from tests.symbols.dwarf.programs import PASSED

from tracekit.core.signature import Language
from tracekit.core.source import Enumeration, Passing, Pointer, PointerKind, Record, Void

INSERT = "_ZNK5outer5Cache6insertERKNS0_5EntryENS_5PlainE"
BY_NAME = "_ZN5outer5Cache6insertENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
BUILDS = [(compiler, level) for compiler in ("g++", "clang++") for level in ("-O0", "-O2")]


@pytest.fixture(params=BUILDS, ids="".join)
def program(request, cxx_sample):
    """The C++ program, by each compiler."""
    return cxx_sample(*request.param, "-g", "-fno-ipa-sra" if request.param[0] == "g++" else "-g")


def test_names_have_their_scopes(program, signature):
    """Functions and types are named with their namespaces and classes, overloads and instances too."""
    first, second = signature(program, INSERT), signature(program, BY_NAME)
    assert {first.name, second.name} == {"outer::Cache::insert"}
    assert [s.removesuffix(" const") for s in spelled(first)] == [
        "this: const outer::Cache *",
        "e: const outer::Cache::Entry &",
        "p: outer::Plain",
    ]
    assert spelled(second)[1] == "name: std::string"
    assert signature(program, "*3get*").name == "outer::Cache::get<int>"
    assert signature(program, "*6hiddenE*").name == "outer::(anonymous namespace)::hidden"
    assert first.language is Language.CXX
    assert [p.artificial for p in first.parameters] == [True, False, False]


def test_records(program, signature):
    """Members, bases, bit-fields and nested types are there; static members and virtual bases have no place."""
    found = signature(program, INSERT)
    types = found.types
    cache = behind(types, parameter(found, "this"))
    record = types.resolved(cache)
    assert isinstance(record, Record) and record.name == "outer::Cache"
    names = [f.name for f in record.fields]
    assert "instances" not in names
    (base,) = [f for f in record.fields if f.base]
    assert types.resolved(base.type).name == "outer::Base"
    assert field(types, cache, "base_value") == (64, 4, None)
    assert field(types, cache, "entry.len") == (96, 4, None)
    entry = {f.name: f.type for f in types.resolved({f.name: f.type for f in record.fields}["entry"]).fields}
    assert types.resolved(entry["kind"]) == Enumeration("outer::Cache::Kind".replace("Cache::", ""), 1, False,
                                                        {1: "Small", 255: "Large"})  # fmt: skip
    assert types[behind(types, {f.name: f.type for f in record.fields}["next"])] == Void("forward")
    assert field(types, cache, "flag")[2] == 1
    reference = types[parameter(found, "e")]
    assert isinstance(reference, Pointer) and reference.kind is PointerKind.REFERENCE
    assert types.resolved(parameter(found, "p")).passing is Passing.VALUE


def test_pointers_to_members(program, signature):
    """A pointer to data takes 8 bytes, one to a method 16; a constant of its own type is a pointer."""
    get = signature(program, "*3get*")
    assert [get.types.size(p.type) for p in get.parameters] == [8, 8, 8, 16]
    assert get.types.resolved(parameter(get, "value")).kind is PointerKind.RVALUE_REFERENCE
    nothing = signature(program, "*7nothing*")
    assert [nothing.types.size(p.type) for p in nothing.parameters] == [8, 4, 2, 8]


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_constructors_have_their_own_parameters(compiler, cxx_sample, signature):
    """A constructor's form for derived classes takes a table more than that for whole objects."""
    path = cxx_sample(compiler, "-O2", "-g")
    whole, derived = signature(path, "_ZN5outer5CacheC1Ei"), signature(path, "_ZN5outer5CacheC2Ei")
    assert list(places(whole).values()) == ["0+8:rdi", "0+4:rsi"]
    assert list(places(derived).values()) == ["0+8:rdi", "0+8:rsi", "0+4:rdx"]
    assert [p.artificial for p in derived.parameters] == [True, True, False]
    assert whole.result is None


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_invisible_references(compiler, cxx_sample, signature):
    """A class with a copy constructor is behind a pointer in a register."""
    found = signature(cxx_sample(compiler, "-O2", "-g"), BY_NAME)
    assert places(found)["name"] == "0+32:[rsi+0]"
    assert found.types.resolved(parameter(found, "name")).passing is Passing.REFERENCE


@pytest.mark.parametrize(
    "flags", [("-fdebug-types-section", "-gdwarf-4"), ("-fdebug-types-section", "-gdwarf-5")]
)
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_types_in_units_of_their_own(compiler, flags, cxx_sample, signature):
    """Types that are referred to by signature, in .debug_types or in .debug_info, are found."""
    found = signature(cxx_sample(compiler, "-O2", *flags), INSERT)
    assert found.name == "outer::Cache::insert"
    assert field(found.types, behind(found.types, parameter(found, "this")), "entry.len") == (96, 4, None)


def test_link_time_optimisation(cxx_sample, signature):
    """Code that the linker's pass made refers to the source's units, whose language and types count."""
    found = signature(cxx_sample("g++", "-O2", "-g", "-flto", "-fno-ipa-sra"), "*7nothing*")
    assert (found.language, found.name) == (Language.CXX, "outer::nothing")
    assert [s.partition(":")[0] for s in spelled(found)] == ["p", "w", "c", "v"]


def test_identical_functions_that_were_folded(build, signature):
    """Of two functions at one address the symbol's name tells which is meant."""
    path = build(
        "volatile int sink; int one(int first) { return sink += first; }"
        "int two(int second) { return sink += second; }"
        "int main(int c, char **v) { return (one(c) + two(c)) & 0; }",
        "-O2", "-g", "-fno-inline", "-fno-ipa-icf", "-ffunction-sections", "-fuse-ld=gold", "-Wl,--icf=all",
    )  # fmt: skip
    assert signature(path, "one").address == signature(path, "two").address
    assert spelled(signature(path, "one")) == ["first: int"]
    assert spelled(signature(path, "two")) == ["second: int"]


PASSED_NAMES = [line.split()[1] for line in PASSED.splitlines() if line.startswith(("struct", "using"))]


@pytest.mark.parametrize("name", PASSED_NAMES)
def test_how_classes_are_passed(name, build, signature):
    """What g++ doesn't say of a class and its special members tell agrees with what clang says of it."""
    found = [
        signature(
            build(PASSED, "-std=c++17", "-O0", "-g", *more, compiler=compiler, suffix=".cpp"),
            f"_Z{len(name) + 2}f_{name}*",
        )
        for compiler, *more in (("g++",), ("clang++", "-fstandalone-debug"))
    ]
    ours, said = (s.types.resolved(s.parameters[0].type).passing for s in found)
    assert said is not None
    # That a constructor's second parameter has a default, debug information doesn't tell.
    assert ours is (None if name == "Copy" else said)
