"""All functions of a binary, as an index has them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.symbols.conftest import Build
from tests.symbols.programs import tool

from tracekit.core.listed import Kind, Listed, listed
from tracekit.core.probe import FunctionName
from tracekit.core.signature import Language
from tracekit.errors import AmbiguousFunctionError, BinaryError
from tracekit.symbols import declarations, listing
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.image import Image, open_image

SOURCE = """
#include <stdio.h>
int sink;
static inline __attribute__((always_inline)) int tiny(int x) { sink++; return x * 3 + 1; }
static inline __attribute__((always_inline)) int unused_twice(int x) { sink--; return tiny(x) + tiny(sink); }
__attribute__((noinline)) int both(int x) { sink ^= x; return x + sink; }
int also(int x) { return tiny(x) + unused_twice(x); }
static int one(int x) { return x + 1; }
static int (*choose(void))(int) { return one; }
int chosen(int x) __attribute__((ifunc("choose")));
int clone(int x) __asm__("also.isra.0");
int clone(int x) { return sink - x; }
int rest(int x) __asm__("also.cold");
int rest(int x) { return sink - x; }
int main(int argc, char **argv) { return printf("%d", also(argc) + both(tiny(argc)) + chosen(1) + **argv); }
"""

CXX = """
namespace store {
struct Value { long len; };
template <class T> struct Cache {
  T level;
  __attribute__((noinline)) bool insert(const Value &value, T kind) { level += kind; return value.len > level; }
  virtual int size() const;
};
template <class T> int Cache<T>::size() const { return level; }
template struct Cache<int>;
struct Other { virtual int first(); int y; };
int Other::first() { return y; }
struct Both : Other, Cache<long> { int size() const override; };
int Both::size() const { return 7; }
}
int main(int argc, char **) { store::Both b; b.level = argc; return b.insert({argc}, 2) + b.first(); }
"""

RUST = """
struct Cache { level: u32 }
trait Store { fn put(&mut self, key: &str, size: u32) -> Option<u32>; }
impl Store for Cache {
    #[inline(never)] fn put(&mut self, key: &str, size: u32) -> Option<u32> {
        self.level += size + key.len() as u32; Some(self.level)
    }
}
fn main() { let mut c = Cache { level: 1 }; println!("{:?}", c.put("a", std::env::args().count() as u32)); }
"""


def read(path: str) -> list[Listed]:
    """The functions of a binary."""
    image = open_image(path)
    while listing.advance(image, open_debug_info, 1.0) < listing.DONE:
        pass
    return [listed(line) for line in listing.lines(image, 0).splitlines()[1:]]


def by_name(path: str) -> dict[str, Listed]:
    """The same by their names, of those that stand once."""
    return {function.symbol or function.name: function for function in read(path)}


def details(path: str, *functions: Listed) -> list[declarations.Details]:
    """What is told of some functions."""
    return list(declarations.details(open_image(path), open_debug_info, functions))


def test_what_each_function_is(build: Build) -> None:
    """Functions, copies, parts, indirect, inlined and imported ones are told apart."""
    found = by_name(build(SOURCE, "-O2", "-g"))
    kinds = {
        name: found[name].kind for name in ("also", "also.isra.0", "also.cold", "chosen", "tiny", "printf")
    }
    assert kinds == {
        "also": Kind.FUNCTION,
        "also.isra.0": Kind.CLONE,
        "also.cold": Kind.PART,
        "chosen": Kind.INDIRECT,
        "tiny": Kind.INLINED,
        "printf": Kind.IMPORTED,
    }


INLINED = """
static inline __attribute__((always_inline)) int tiny(int x) { __asm__ volatile("nop" : "+r"(x)); return x; }
static inline __attribute__((always_inline)) int twice(int x) { return tiny(x) + tiny(x + 1); }
"""


@pytest.mark.parametrize(
    ("compiler", "suffix", "shared"),
    [("gcc", ".c", "static inline"), ("clang", ".c", "static inline"), ("g++", ".cc", "inline")],
)
def test_inlined_copies_are_counted(build: Build, compiler: str, suffix: str, shared: str) -> None:
    """The number of copies of a function is that of its calls in the source, in all files together."""
    text = INLINED.replace("static inline", shared)
    first = f"{text}int other(int);int main(void) {{ return tiny(1) + other(3); }}"
    second = f"{text}int other(int x) {{ return twice(x) + tiny(x + 7); }}"
    path = build(first, "-O2", "-g", compiler=compiler, suffix=suffix, more=(second,))
    found = {function.name: function for function in read(path)}
    assert (found["tiny"].inlined, found["tiny"].kind, found["tiny"].address) == (4, Kind.INLINED, 0)
    assert (found["twice"].inlined, found["other"].inlined) == (1, 0)


def test_a_function_with_code_may_be_inlined_besides(build: Build) -> None:
    """Of a function that can be probed it is told how many of its calls no probe sees."""
    text = """int tiny(int x) { __asm__ volatile("nop" : "+r"(x)); return x; }
    int main(int argc, char **argv) { return tiny(argc); }"""
    tiny = by_name(build(text, "-O2", "-g"))["tiny"]
    assert (tiny.kind, tiny.inlined) == (Kind.FUNCTION, 1)


def test_a_name_without_a_symbol(build: Build, tmp_path: Path) -> None:
    """Of a function that only debug information names, it is said that it has no symbol, and where it is."""
    path = build(SOURCE, "-O2", "-g")
    bare = str(tmp_path / "bare")
    subprocess.run([tool("objcopy"), "--strip-symbol=both", "-N", "both", path, bare], check=True)
    with_symbol, without = by_name(path)["both"], by_name(bare)["both"]
    assert (without.kind, without.address, without.symbol) == (Kind.UNNAMED, with_symbol.address, "")
    assert without.size == with_symbol.size


def test_no_debug_information(build: Build) -> None:
    """Without debug information the symbols are listed, and the reason is told."""
    image = open_image(build(SOURCE, "-O2"))
    assert listing.advance(image, open_debug_info, 1.0) == listing.DONE
    assert "no debug information" in listing.trouble(image)
    left_out, *rest = listing.lines(image, 0).splitlines()
    assert left_out == "0"
    assert any(line.startswith("both\t") for line in rest)


def test_declarations_of_c(build: Build) -> None:
    """A declaration is that of the source, with its file and line."""
    path = build(
        "typedef unsigned long size;\nstruct v { int a; };\n"
        "const char *f(struct v *const p, size n, int (*call)(int, char *), char name[4], ...) { return 0; }\n"
        "void g(void) {}\nint main(void) { return 0; }",
        "-O0", "-g",
    )  # fmt: skip
    found = by_name(path)
    told = details(path, found["f"], found["g"])
    assert [one.signature for one in told] == [
        "const char *f(struct v *const p, size n, int (*call)(int, char *), char *name, ...)",
        "void g(void)",
    ]
    assert told[0].file.endswith("part0.c")
    assert (told[0].line, told[0].language) == (3, "C")


def test_cxx(build: Build) -> None:
    """C++ functions have names with scopes, and the declaration has template arguments; thunks are told."""
    path = build(CXX, "-O1", "-g", compiler="g++", suffix=".cc")
    found = read(path)
    insert = [f for f in found if f.name == "store::Cache::insert"]
    assert {d.signature for d in details(path, *insert)} == {
        "bool store::Cache<int>::insert(const Value &value, int kind)",
        "bool store::Cache<long>::insert(const Value &value, long int kind)",
    }
    assert any(f.kind is Kind.THUNK for f in found)
    assert all(f.language is Language.CXX for f in insert)


def test_cxx_without_debug_information(build: Build) -> None:
    """The symbol alone gives the declaration, without the names of parameters."""
    path = build(CXX, "-O1", compiler="g++", suffix=".cc")
    (insert,) = (f for f in read(path) if f.symbol == "_ZN5store5CacheIiE6insertERKNS_5ValueEi")
    assert details(path, insert)[0].signature == "store::Cache<int>::insert(store::Value const&, int)"


def test_rust(build: Build) -> None:
    """Rust's functions are declared as in Rust."""
    path = build(RUST, "-g", "-O", compiler="rustc", suffix=".rs")
    (put,) = (f for f in read(path) if re.fullmatch(r"<.*Cache as .*Store>::put", f.name))
    (told,) = details(path, put)
    assert re.fullmatch(
        r"fn <\w+::Cache as \w+::Store>::put\(self: &mut \w+::Cache, key: &str, size: u32\) -> Option<u32>",
        told.signature,
    )
    assert told.language == "Rust"


def test_go(build_go: Build) -> None:
    """Go's functions are declared as in Go; what is inlined across packages is counted."""
    go_sample = build_go("go", "amd64")
    found = by_name(go_sample)
    (told,) = details(go_sample, found["main.recursive"])
    assert told.signature == "func main.recursive(x int) int"
    assert told.language == "Go"
    assert found["main.(*T).M"].kind is Kind.FUNCTION
    assert any(f.kind is Kind.INLINED and f.inlined > 1 for f in found.values())


@pytest.mark.parametrize("program", ["sample", "cxx", "go"])
def test_what_is_listed_can_be_found(program: str, build: Build, request: pytest.FixtureRequest) -> None:
    """Each function that is listed as traceable is found by its name or symbol."""
    if program == "sample":
        path = request.getfixturevalue("sample")
    elif program == "cxx":
        path = build(CXX, "-O1", "-g", compiler="g++", suffix=".cc")
    else:
        path = request.getfixturevalue("build_go")("go", "amd64")
    image = open_image(path)
    some = [f for f in read(path) if f.kind in (Kind.FUNCTION, Kind.CLONE)]
    for function in some[:: 1 + len(some) // 150]:
        assert function.address in _addresses(image, function), function


def _addresses(image: Image, function: Listed) -> set[int]:
    try:
        named = {f.address for f in find(image, FunctionName(function.name, exact=True))}
    except AmbiguousFunctionError:
        named = set()
    return named | {f.address for f in find(image, FunctionName(function.symbol, exact=True))}


def test_a_unit_that_cannot_be_read_is_left_out(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other units say counts, and what is wrong is told."""
    other = "int other(int x) { return x; }"
    image = open_image(
        build(f"int other(int);{INLINED}int main(void) {{ return twice(2); }}", "-g", more=(other,))
    )
    debug = open_debug_info(image)
    real = debug.listed

    def listed_but_one(number: int) -> object:
        if number == 0:
            raise BinaryError("the first unit is odd")
        return real(number)

    monkeypatch.setattr(debug, "listed", listed_but_one)
    assert listing.advance(image, lambda _: debug, 60.0) == listing.DONE
    found = {f.name: f for f in map(listed, listing.lines(image, 0).splitlines()[1:])}
    assert listing.trouble(image) == "the first unit is odd"
    assert (bool(found["main"].entry), bool(found["other"].entry)) == (False, True)


def test_an_answer_has_a_limit(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large binary's functions come in parts, which together are all."""
    path = build(SOURCE, "-O2", "-g")
    whole = read(path)
    monkeypatch.setattr(listing, "PART", 100)
    image = open_image(path)
    listing.advance(image, open_debug_info, 60.0)
    parts = []
    while part := listing.lines(image, len(parts)):
        parts.append(part)
    assert len(parts) > 3
    assert [listed(line) for line in "".join(parts).splitlines()[1:]] == whole
