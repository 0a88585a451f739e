"""Functions of C++ by the names that their source has."""

import subprocess
from collections import Counter

import pytest
from tests.symbols.names import CXX, ambiguous, listed, missing, one, pattern

from tracekit.core.probe import FunctionName
from tracekit.errors import FunctionNotFoundError, UsageError
from tracekit.symbols import sourcenames
from tracekit.symbols.demangle import demangled, readable
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import defined
from tracekit.symbols.spelling import decode


@pytest.fixture(scope="module", params=["g++", "clang++"])
def image(request, build):
    """The C++ sample, by either compiler."""
    return open_image(build(CXX, "-O1", "-std=c++17", "-w", compiler=request.param, suffix=".cc"))


UNIQUE = {
    "ns::f": "_ZN2ns1fEi",
    "ns::f(int)": "_ZN2ns1fEi",
    "::ns::f": "_ZN2ns1fEi",
    "f": "_ZN2ns1fEi",
    "Cache::insert(int)": "_ZN5Cache6insertEi",
    "Cache::insert( int )": "_ZN5Cache6insertEi",
    "Cache::insert(unsigned long, char const*)": "_ZN5Cache6insertEmPKc",
    "Cache::insert(size_t,const char *)": "_ZN5Cache6insertEmPKc",
    "Cache::insert(long unsigned int, const char*)": "_ZN5Cache6insertEmPKc",
    "insert(unsigned long, char const*)": "_ZN5Cache6insertEmPKc",
    "ns::Cache::insert": "_ZN2ns5Cache6insertEc",
    "Cache::insert(char)": "_ZN2ns5Cache6insertEc",
    "Cache::get()": "_ZN5Cache3getEv",
    "Cache::get(void)": "_ZN5Cache3getEv",
    "Cache::get() const": "_ZNK5Cache3getEv",
    "Cache::make": "_ZN5Cache4makeEi",
    "Cache::operator()": "_ZN5CacheclEi",
    "Cache::operator()(int)": "_ZN5CacheclEi",
    "Cache::operator<<": "_ZN5CachelsEi",
    "Cache::operator bool": "_ZNK5CachecvbEv",
    "Cache::operator const char *": "_ZNK5CachecvPKcEv",
    "operator+(Cache const&, long)": "_ZplRK5Cachel",
    "operator+(const Cache &, long)": "_ZplRK5Cachel",
    'operator"" _km': "_Zli3_kmy",
    "ns::hidden": "_ZN2ns12_GLOBAL__N_16hiddenEi",
    "ns::(anonymous namespace)::hidden(int)": "_ZN2ns12_GLOBAL__N_16hiddenEi",
    "Inner::deep": "_ZN2ns5Outer5Inner4deepEv",
    "Vec<int>::push": "_ZN3VecIiE4pushEi",
    "Vec<long int>::push": "_ZN3VecIlE4pushEl",
    "Vec::push(long)": "_ZN3VecIlE4pushEl",
    "Vec<int>::convert<double>": "_ZN3VecIiE7convertIdEET_i",
    "double Vec<int>::convert<double>(int)": "_ZN3VecIiE7convertIdEET_i",
    "Vec::convert": "_ZN3VecIiE7convertIdEET_i",
    "scale": "_Z5scaleIiLi3EET_S0_",
    "scale<int, 3>": "_Z5scaleIiLi3EET_S0_",
    "over(std::vector<int> const&)": "_Z4overRKSt6vectorIiSaIiEE",
    "over(const std::vector<int, std::allocator<int>> &)": "_Z4overRKSt6vectorIiSaIiEE",
    "over(std::function<int (int)>)": "_Z4overSt8functionIFiiEE",
    "over(int (*)(int))": "_Z4overPFiiE",
    "over(const std::string&, unsigned)": "_Z4overRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEj",
    "over(char const* const*, int volatile&, int&&)": "_Z4overPKPKcRViOi",
    "over(unsigned long, ...)": "_Z4overmz",
    "local": "_ZL5locali",
    "tagged": "_Z6taggedB5cxx11v",
    "tagged[abi:cxx11]()": "_Z6taggedB5cxx11v",
    "main::Local::run": "_ZZ4mainEN5Local3runEv",
    "Local::run": "_ZZ4mainEN5Local3runEv",
    "insert_c": "insert_c",
    "_ZN5Cache6insertEi": "_ZN5Cache6insertEi",
}


@pytest.mark.parametrize("name", UNIQUE)
def test_names_of_one_function(image, name):
    """Overloads, methods, templates, operators and local classes are found by their source names."""
    found = one(image, name)
    assert found.name == UNIQUE[name]
    assert (found.address, found.size) in [
        (row[4], row[5]) for table, row in defined(image) if decode(table.name(row)) == found.name
    ]


def test_overloads_are_ambiguous(image):
    """A name without parameters lists its overloads with signature, symbol and address."""
    error = ambiguous(image, "Cache::insert")
    first, second = "_ZN5Cache6insertEi", "_ZN5Cache6insertEmPKc"
    assert error.candidates == tuple(
        f'{f.address:#x} {source} "{f.name}" (global)'
        for f, source in sorted(
            [
                (one(image, first), "Cache::insert(int)"),
                (one(image, second), "Cache::insert(unsigned long, char const*)"),
            ],
            key=lambda pair: pair[0].address,
        )
    )
    assert "Name one by its address, or by a name that stands here:\n  0x" in error.hint


def test_the_last_part_of_several(image):
    """The last part alone lists the functions of all classes that have it."""
    assert listed(ambiguous(image, "insert"), "Cache::insert(int)", "(unsigned long", "ns::Cache::insert(char)")
    assert listed(ambiguous(image, "Cache::get"), "Cache::get()", "Cache::get() const")
    assert listed(ambiguous(image, "Vec::push"), "Vec<int>::push(int)", "Vec<long>::push(long)")
    assert len(ambiguous(image, "over").candidates) == 6


def test_constructors_and_destructors(image):
    """The symbols of a constructor that are one function count once; others are told apart, and explained."""
    constructor = one(image, "Cache::Cache(int)")
    assert constructor.name in ("_ZN5CacheC1Ei", "_ZN5CacheC2Ei")
    error = ambiguous(image, "Cache::~Cache")
    assert listed(error, '"_ZN5CacheD0Ev"', '"_ZN5CacheD')
    assert "D0 frees the memory too" in error.hint
    assert "frees" not in ambiguous(image, "Cache::insert").hint


def test_lambdas(image):
    """The code of a lambda has the name that gdb shows."""
    symbols = {decode(table.name(row)) for table, row in defined(image)}
    (symbol,) = (s for s in symbols if s.startswith("_ZZ4mainENK") and "clEi" in s)
    assert one(image, readable(symbol)).name == symbol
    assert pattern(image, "main::*::operator()") == {symbol}


def test_every_signature_finds_its_function(image):
    """What an error message lists as a signature is found as such, for every function of the program."""
    symbols = {decode(table.name(row)) for table, row in defined(image)}
    sources = {symbol: readable(symbol) for symbol in symbols if demangled(symbol)}
    assert len(sources) > 30
    texts = subprocess.run(["c++filt", *sources], check=True, capture_output=True, text=True).stdout.split()
    assert " ".join(sources.values()) == " ".join(texts)
    counts = Counter(sources.values())
    for symbol, source in sources.items():
        if counts[source] == 1:
            assert one(image, source).address == one(image, symbol).address


def test_patterns(image):
    """Patterns match source names, with and without template arguments, and mangled names as well."""
    assert pattern(image, "ns::*") >= {"_ZN2ns1fEi", "_ZN2ns12_GLOBAL__N_16hiddenEi", "_ZN2ns5Cache6insertEc"}
    assert not any(name.startswith("_ZN5Cache") for name in pattern(image, "ns::*"))
    assert (
        pattern(image, "Vec::pu*")
        == pattern(image, "Vec<*>::push")
        == {"_ZN3VecIiE4pushEi", "_ZN3VecIlE4pushEl"}
    )
    assert pattern(image, "Cache::insert(*, char*") == {"_ZN5Cache6insertEmPKc"}
    assert pattern(image, "_ZN5Cache6insert*") == {"_ZN5Cache6insertEi", "_ZN5Cache6insertEmPKc"}
    assert pattern(image, "insert*") == {"insert_c"}
    assert pattern(image, "*insert*") == {
        "insert_c",
        "_ZN2ns5Cache6insertEc",
        *pattern(image, "_ZN5Cache6insert*"),
    }
    assert pattern(image, "*") >= {"main", "_ZN2ns1fEi"}


def test_stars_that_are_no_wildcards(image):
    """A name with stars that is a function's means that function, though it could be a pattern."""
    (found,) = find(image, FunctionName("Cache::operator const char*"))
    assert found.name == "_ZNK5CachecvPKcEv"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Cache::isnert", '"Cache::insert(int)"'),
        ("isnert", '"Cache::insert(int)"'),
        ("Cash::insert", '"Cache::insert(int)"'),
        ("Cache::insert(float)", '"Cache::insert(int)"'),
        ("ns::insert", '"ns::Cache::insert(char)"'),
        ("Vec<char>::push", '"Vec<int>::push(int)"'),
        ("insert_d", "insert_c"),
    ],
)
def test_near_names(image, name, near):
    """A slip is answered with signatures, in quotes, which find their functions."""
    error = missing(image, name)
    assert error.near[0] == near
    assert one(image, near.strip('"'))


@pytest.mark.parametrize(
    "name", ["Cache::insert(float)", "Cache::insert(int) const", "int", "Cache::", "<>::f", "a b"]
)
def test_names_that_mean_nothing(image, name):
    """Other parameters, other qualifiers and what is no name find nothing, however much of them is right."""
    missing(image, name)


def test_imported_functions(build):
    """An imported C function isn't taken for a method of that name, and imported methods are told."""
    text = """#include <cstdlib>
    #include <string>
    struct A { __attribute__((noinline, used)) void abort() { std::abort(); } };
    int main(int c, char **v) {
      std::string s(v[0]); s.append(v[0]); if (c > 9) A().abort(); return s.size(); }"""
    image = open_image(build(text, "-O1", compiler="g++", suffix=".cc"))
    error = missing(image, "abort")
    assert "imported" in error.hint and "libc.so.6" in error.hint
    assert error.near == ('"A::abort()"',)
    assert one(image, "A::abort").name == "_ZN1A5abortEv"
    assert "libstdc++.so.6" in missing(image, "std::string::append").hint


def test_clones_instead_of_a_method(build):
    """A C++ function that gcc replaced by a specialised copy is answered with that copy's symbol."""
    text = """namespace n {
    static __attribute__((noinline)) int scale(int x, int by) { volatile int y = x; return y * by; } }
    int main(int c, char **v) { return n::scale(c, 3) + n::scale(c + 1, 3); }"""
    image = open_image(build(text, "-O2", compiler="g++", suffix=".cc"))
    error = missing(image, "n::scale")
    assert all(name.startswith('"_ZN1nL5scaleEii.') for name in error.near)
    assert "replaced" in error.hint
    assert one(image, error.near[0].strip('"'))


def test_too_many_to_compare(image, monkeypatch):
    """A name that says too little for a large binary is refused, with what would help."""
    monkeypatch.setattr(sourcenames, "_MOST", 3)
    with pytest.raises(
        UsageError, match=r"'operator\+' would have to be compared with \d+ functions"
    ) as caught:
        find(image, FunctionName("operator+", exact=True))
    assert "mangled name" in caught.value.hint
    assert one(image, "ns::f")
    with pytest.raises(FunctionNotFoundError):
        find(image, FunctionName("nothing::of::this", exact=True))
