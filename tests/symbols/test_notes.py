"""What is said of the calls that a probe on a function sees."""

import pytest
from tests.symbols.names import CXX, ambiguous, one
from tests.symbols.programs import tool

from tracekit.core.probe import FunctionName
from tracekit.symbols.demangle import readable
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import meaning_note, notes


def test_ordinary_functions(sample):
    """Ordinary functions need no note."""
    image = open_image(sample)
    assert notes(image, one(image, "insert")) == ()
    assert notes(image, one(image, "main")) == ()


def test_copies_that_get_calls(sample):
    """A function's specialised copies are named, since a probe on the function misses their calls."""
    image = open_image(sample)
    (note,) = notes(image, one(image, "cache_insert"))
    assert '"cache_insert.constprop.0"' in note and "cold" not in note
    assert "not among these" in note


def test_copies_themselves(sample):
    """A copy and the seldom used rest of a function say what they are."""
    image = open_image(sample)
    (copy,) = notes(image, one(image, "cache_insert.constprop.0"))
    assert copy.startswith("cache_insert.constprop.0 is a copy that the compiler made of cache_insert")
    (rest,) = notes(image, one(image, "cache_insert.cold"))
    assert "seldom used rest of cache_insert" in rest


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("ns::f", True),
        ("ns::f(int)", True),
        ("ns::hidden", True),
        ("_ZN2ns1fEi", True),
        ("insert_c", True),
        ("f", False),
        ("ns::*", True),
        ("Inner::deep", False),
        ("Vec<int>::push", True),
        ("Vec::push(int)", False),
        ("scale", False),
        ("int scale<int, 3>(int)", True),
    ],
)
def test_names_without_all_their_scopes(build, name, whole):
    """Who leaves out scopes or types is told which function was taken, since another may have been inlined."""
    image = open_image(build(CXX, "-O1", "-std=c++17", "-w", compiler="g++", suffix=".cc"))
    found = find(image, FunctionName(name))
    notes_ = {meaning_note(image, FunctionName(name), function) for function in found}
    assert notes_ == ({""} if whole else {f"{name} is taken to mean {readable(found[0].name)}."})


def test_parts(build):
    """A part that gcc split off says that only some calls get as far."""
    text = """int part(int x) __asm__("whole.part.0"); int part(int x) { return x; }
    int main(void) { return part(1); }"""
    image = open_image(build(text))
    (note,) = notes(image, one(image, "whole.part.0"))
    assert "a part of whole" in note


def test_aliases(sample):
    """Two names of one function are said to share their calls."""
    image = open_image(sample)
    (note,) = notes(image, one(image, "cache_remove"))
    assert '"also_remove"' in note and "calls of either name are among these" in note
    (other,) = notes(image, one(image, "also_remove"))
    assert '"cache_remove"' in other


def test_names_that_differ_in_underscores_or_structors(build):
    """A library's own name of a function, and the symbols of one constructor, are no other functions."""
    text = """int store(int x) { return x; } int __store(int x) __attribute__((alias("store")));
    int main(void) { return store(1) + __store(2); }"""
    image = open_image(build(text))
    assert notes(image, one(image, "store")) == ()
    image = open_image(build(CXX, "-O1", "-std=c++17", "-w", compiler="g++", suffix=".cc"))
    assert notes(image, one(image, "_ZN5CacheC1Ei")) == ()


def test_identical_code_folding(build):
    """Functions of the same code that the linker made one are named, since a probe on one fires for all."""
    tool("ld.lld")
    text = """
    #define KEEP extern "C++" __attribute__((noinline, used))
    namespace a { KEEP int same(int x) { return x * 31 + 7; } }
    namespace b { KEEP int same(int x) { return x * 31 + 7; } }
    namespace c { KEEP int other(int x) { return x * 37 + 7; } }
    int main(int x, char **v) { return a::same(x) + b::same(x) + c::other(x); }"""
    flags = ("-O1", "-ffunction-sections", "-fuse-ld=lld", "-Wl,--icf=all")
    image = open_image(build(text, *flags, compiler="clang++", suffix=".cc"))
    first, second = one(image, "a::same"), one(image, "b::same")
    assert first.address == second.address
    (note,) = notes(image, first)
    assert (
        note == 'a::same(int) has its code in common with "b::same(int)": calls of either name are among these.'
    )
    assert notes(image, one(image, "c::other")) == ()
    # The same holds in the middle of the function.
    (inside,) = find(image, FunctionName(hex(first.address + 1)))
    assert any("in common with" in note for note in notes(image, inside))


def test_many_folded_functions(build):
    """Of many functions with one code the note names some and counts the others."""
    aliases = " ".join(f'int f{n}(int) __attribute__((alias("f")));' for n in range(20))
    image = open_image(build(f"int f(int x) {{ return x; }} {aliases} int main(void) {{ return f(1); }}"))
    (note,) = notes(image, one(image, "f"))
    assert "and 15 more" in note


def test_indirect_functions(sample):
    """An IFUNC says that it only chooses."""
    image = open_image(sample)
    assert any("only chooses an implementation" in note for note in notes(image, one(image, "chosen")))


def test_renamed_by_whole_program_optimisation(build):
    """A static function to which gcc gave a new name for the whole program is found by its own."""
    text = 'int f(int x) __asm__("f.lto_priv.0"); int f(int x) { return x; } int main(void) { return f(1); }'
    image = open_image(build(text))
    found = one(image, "f")
    assert found.name == "f.lto_priv.0"
    assert notes(image, found) == ()


def test_a_function_beside_its_renamed_namesake(build):
    """Where only one of two functions of a name got a new one, the other's note says that there are two."""
    text = """int g(int x) __asm__("f.lto_priv.0"); int g(int x) { return x + 1; }
    int f(int x) { return x; } int main(void) { return f(1) + g(1); }"""
    image = open_image(build(text))
    (note,) = notes(image, one(image, "f"))
    assert 'not among these: "f.lto_priv.0"' in note
    assert "copies" not in note


def test_whole_program_optimisation(build):
    """Two static functions of one name that gcc optimises together are listed by their new names."""
    text = "static __attribute__((noinline)) int twin(int x) { volatile int y = x; return y + %d; }"
    other = text % 2 + " int other(int x) { return twin(x); }"
    main = text % 1 + " int other(int); int main(int c, char **v) { return twin(c) + other(c); }"
    image = open_image(build(main, "-O1", "-flto", more=(other,)))
    lines = [candidate.split() for candidate in ambiguous(image, "twin").candidates]
    assert [name for _, name, _ in lines] == ["twin.lto_priv.0", "twin.lto_priv.1"]
    for address, name, _ in lines:
        assert one(image, name).address == int(address, 16)
        assert notes(image, one(image, name)) == ()
