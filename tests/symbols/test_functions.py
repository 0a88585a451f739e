"""Functions by name, pattern and address, and why there is none."""

import subprocess

import attrs
import pytest
from elftools.elf.elffile import ELFFile
from tests.hang import ends

from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError
from tracekit.symbols.function import Function
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import clone_note


def addresses(path):
    """What nm says: addresses by name."""
    lines = subprocess.run(["nm", path], check=True, capture_output=True).stdout.split(b"\n")
    fields = [line.split(b" ", 2) for line in lines if line[:1].strip()]
    return {name.decode("utf-8", "surrogateescape"): int(address, 16) for address, _, name in fields}


def missing(image, name, exact=False):
    """The error of looking for a function that isn't there."""
    with pytest.raises(FunctionNotFoundError) as caught:
        find(image, FunctionName(name, exact))
    return caught.value


def test_exact_names(sample):
    """A name finds the function of that very name, also if another's name ends in it."""
    image, truth = open_image(sample), addresses(sample)
    for name in ("insert", "cache_insert", "main", "hidden"):
        (function,) = find(image, FunctionName(name))
        assert (function.name, function.address) == (name, truth[name])
        assert function.size > 0
        assert function.local == (name == "hidden")
        assert not function.indirect
        assert function.offset == 0


def test_odd_names(sample):
    """Names with spaces, parentheses and bytes that aren't UTF-8 are found as they are."""
    image, truth = open_image(sample), addresses(sample)
    (function,) = find(image, FunctionName("odd\udcff name"))
    assert function.address == truth["odd\udcff name"]


def test_star_in_a_name(sample):
    """A Go method's star means itself where a symbol has that very name, else anything."""
    image, truth = open_image(sample), addresses(sample)
    names = [f.name for f in find(image, FunctionName("main.(*T).M"))]
    assert names == ["main.(*T).M"]
    both = find(image, FunctionName("main.(*).M"))
    assert {f.address for f in both} == {truth["main.(*T).M"], truth["main.(*BigT).M"]}
    missing(image, "main.(*).M", exact=True)


def test_patterns(sample):
    """A pattern finds all its functions in the order of addresses, each address once, and no .cold parts."""
    image, truth = open_image(sample), addresses(sample)
    found = find(image, FunctionName("cache_*"))
    assert [f.address for f in found] == sorted(
        truth[n] for n in ("cache_insert", "cache_remove", "cache_insert.constprop.0")
    )
    (alias,) = find(image, FunctionName("*_remove"))
    assert alias.name in ("cache_remove", "also_remove")
    assert {f.name for f in find(image, FunctionName("*"))} >= {"main", "insert", "hidden", "_start"}


def test_brackets_and_question_marks_are_letters(build):
    """Only the star is special in a pattern: Go's generic functions have brackets in their names."""
    text = r"""
int a(void) __asm__("\"Map[int]\""); int a(void) { return 1; }
int b(void) __asm__("Mapi"); int b(void) { return 2; }
int main(void) { return a() + b(); }"""
    image = open_image(build(text))
    assert [f.name for f in find(image, FunctionName("Map[int]*"))] == ["Map[int]"]
    missing(image, "Map?*")


def test_patterns_of_many_stars_are_quick(build):
    """No pattern takes exponential time, even on a long name that nearly matches."""
    image = open_image(build(f"int {'a' * 2000}(void) {{ return 1; }} int main(void) {{ return 2; }}"))
    with ends():
        missing(image, "*a" * 50 + "*b")


def test_aliases_are_one_function(sample):
    """Two names of one address are found by either, and an alias isn't ambiguous."""
    image = open_image(sample)
    (one,) = find(image, FunctionName("also_remove"))
    (two,) = find(image, FunctionName("cache_remove"))
    assert attrs.evolve(one, name="") == attrs.evolve(two, name="")


def test_indirect_functions_are_marked(sample):
    """An IFUNC, whose address is its resolver, is marked as such."""
    (function,) = find(open_image(sample), FunctionName("chosen"))
    assert function.indirect


def test_labels_without_a_type(sample):
    """A label that an assembly programmer gave no type is found by its name, but by no pattern."""
    image, truth = open_image(sample), addresses(sample)
    (function,) = find(image, FunctionName("untyped"))
    assert function == Function("untyped", truth["untyped"], size=0)
    missing(image, "untyped*")


def test_addresses(sample):
    """An address finds the function around it, and says how far inside it lies."""
    image = open_image(sample)
    (whole,) = find(image, FunctionName("cache_insert"))
    assert find(image, FunctionName(hex(whole.address))) == (whole,)
    (inside,) = find(image, FunctionName(hex(whole.address + 3)))
    assert inside == attrs.evolve(whole, address=whole.address + 3, size=whole.size - 3, offset=3)


def test_addresses_without_symbols(sample, stripped):
    """In a stripped binary an address stands for itself."""
    address = addresses(sample)["cache_insert"]
    assert find(open_image(stripped), FunctionName(hex(address))) == (Function(hex(address), address, size=0),)


def test_addresses_outside_code(sample):
    """Addresses of data, of nothing, and of a running process are refused with the range that is right."""
    image = open_image(sample)
    for address in (addresses(sample)["cache"], 0, 0x555555555139, 1 << 70):
        error = missing(image, hex(address))
        assert "not among its instructions" in error.hint
        assert f"{image.code[0].start:#x} to " in error.hint


def test_two_static_functions_of_one_name(build):
    """Functions that share a name are refused with the address and the source file of each."""
    text = "static __attribute__((noinline)) int twin(int x) { volatile int y = x; return y + %d; }"
    other = text % 2 + " int other(int x) { return twin(x); }"
    path = build(
        text % 1 + " int other(int); int main(int c, char **v) { return twin(c) + other(c); }", more=(other,)
    )
    image = open_image(path)
    with pytest.raises(AmbiguousFunctionError) as caught:
        find(image, FunctionName("twin"))
    lines = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout.split("\n")
    twins = sorted(int(line.split()[0], 16) for line in lines if line.endswith(" twin"))
    assert caught.value.candidates == (f"{twins[0]:#x} (part0.c)", f"{twins[1]:#x} (part1.c)")
    assert [f.name for f in find(image, FunctionName(hex(twins[1])))] == ["twin"]
    assert [f.address for f in find(image, FunctionName("twi*"))] == twins


def test_versions_of_a_library_function(build, tmp_path):
    """Of two versions of a library's function, the error says which one new programs get."""
    versions = tmp_path / "versions"
    versions.write_text("V1 { global: f; local: *; };\nV2 { global: f; } V1;\n")
    text = """int old(void) { return 1; } int new(void) { return 2; }
__asm__(".symver old, f@V1"); __asm__(".symver new, f@@V2");"""
    path = build(text, "-shared", "-fPIC", f"-Wl,--version-script={versions}", "-s")
    with pytest.raises(AmbiguousFunctionError) as caught:
        find(open_image(path), FunctionName("f"))
    assert sorted(c.split(" ", 1)[1] for c in caught.value.candidates) == [
        "(an old version)",
        "(the current version)",
    ]


def test_near_names(sample):
    """A slip of the keyboard is answered with the name that was meant."""
    error = missing(open_image(sample), "cache_isnert")
    assert error.near[0] == "cache_insert"
    assert "Did you mean cache_insert" in error.hint
    assert missing(open_image(sample), "cach_remov*").near[0] == "cache_remove"


def test_imported_functions(sample):
    """A function that another library defines is answered with the names of the libraries."""
    hint = missing(open_image(sample), "abort").hint
    assert "imported" in hint
    assert "libc.so.6" in hint


def test_variables(sample):
    """The name of a variable is answered by saying so."""
    assert "not a function" in missing(open_image(sample), "cache").hint


def test_stripped_binaries(stripped):
    """Without a symbol table the error says so, and still tells imported functions."""
    image = open_image(stripped)
    assert "no symbol table" in missing(image, "cache_insert").hint
    hint = missing(image, "abort").hint
    assert "libc.so.6" in hint
    assert "no symbol table" in hint


def test_exported_functions_of_a_stripped_library(build):
    """What a stripped library exports is found in its dynamic symbols."""
    image = open_image(build("int exported(void) { return 1; }", "-shared", "-fPIC", "-s"))
    assert image.stripped
    assert [f.name for f in find(image, FunctionName("exported"))] == ["exported"]


def test_clones_beside_the_function(sample):
    """A function that is there and has clones is found, with a note on the calls that go to those."""
    image = open_image(sample)
    (function,) = find(image, FunctionName("cache_insert"))
    note = clone_note(image, function)
    assert '"cache_insert.constprop.0"' in note
    assert "cold" not in note
    (other,) = find(image, FunctionName("insert"))
    assert clone_note(image, other) == ""


def test_clones_instead_of_the_function(build):
    """A function that gcc replaced by a specialised copy is answered with that copy's name."""
    text = """
static __attribute__((noinline)) int scale(int x, int by) { volatile int y = x; return y * by; }
int main(int c, char **v) { return scale(c, 3) + scale(c + 1, 3); }"""
    path = build(text, "-O2")
    copies = [n for n in addresses(path) if n.startswith("scale.")]
    assert copies, "this gcc made no clone of scale()"
    error = missing(open_image(path), "scale")
    assert error.near == tuple(f'"{n}"' for n in copies)
    assert "replaced" in error.hint
    assert find(open_image(path), FunctionName(copies[0], exact=True))


def test_every_function_is_found_by_its_name_and_address(sample):
    """All functions that pyelftools lists are found, by name and by address."""
    image = open_image(sample)
    with open(sample, "rb") as file:
        symbols = list(ELFFile(file).get_section_by_name(".symtab").iter_symbols())
    functions = [s for s in symbols if s["st_info"]["type"] == "STT_FUNC" and s["st_shndx"] != "SHN_UNDEF"]
    assert len(functions) > 15
    for symbol in functions:
        name = symbol.name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        if image.is_code(symbol["st_value"]) and "\ufffd" not in name:
            assert symbol["st_value"] in {f.address for f in find(image, FunctionName(name, exact=True))}
            assert find(image, FunctionName(hex(symbol["st_value"])))[0].offset == 0
