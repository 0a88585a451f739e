"""Whatever a person writes as a function's name, the answer is a function or an error in words."""

import contextlib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.symbols.names import CXX

from tracekit.core.probe import FunctionName
from tracekit.errors import TracekitError
from tracekit.symbols import qualified, typenames
from tracekit.symbols.demangle import readable
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import notes


@pytest.fixture(scope="module")
def image(build):
    """The C++ sample, which has C functions too."""
    return open_image(build(CXX, "-O1", "-std=c++17", "-w", compiler="g++", suffix=".cc"))


WORDS = "Cache insert ns f Vec int long unsigned const char std string operator over push as impl for new void"
SIGNS = "( ) < > [ ] { } :: : * & && , ~ ... <= <=> -> #1 $_0 \" ' ; @ = +5 0x1139 a.cc main.go .rs"
PIECES = st.sampled_from(f"{WORDS} {SIGNS}".split())
SPACES = st.sampled_from(["", "", " "])
NAMES = st.lists(st.tuples(PIECES, SPACES), min_size=1, max_size=12).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES | TEXTS, st.booleans())
@example("(" * 5000, True)
@example("<" * 20_000, True)
@example("a " * 8000 + "f()", True)
@example("a::" * 5000 + "f", True)
@example("*" * 5000, False)
@example("Cache::insert(" + "int," * 4000 + ")", True)
def test_any_name(image, text, exact):
    """Names in pieces of real ones, and any text, end in functions of the binary or in a TracekitError."""
    found = ()
    with contextlib.suppress(TracekitError):
        found = find(image, FunctionName(text, exact))
        assert found
    assert len({f.address for f in found}) == len(found)
    for function in found:
        assert image.is_code(function.address)
        assert all(note.isprintable() for note in notes(image, function))


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(["int", "char const*", "std::string", "Vec<long>", "unsigned long"]), max_size=4)
)
def test_spaces_mean_nothing(types):
    """However many spaces stand between the parts of a name, it means the same."""
    plain = qualified.path(f"ns::f<{','.join(types) or 'int'}>({','.join(types)})")
    loose = qualified.path(f"ns :: f < {' , '.join(types) or 'int'} >  ( {'  ,  '.join(types)} ) ")
    assert plain == loose
    assert plain is not None and plain[-1].parameters == tuple(types)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("const char *", "char const*"),
        ("char const volatile *", "volatile const char*"),
        ("struct Cache &", "Cache&"),
        ("long unsigned int", "unsigned long"),
        ("unsigned", "unsigned int"),
        ("short int", "short"),
        ("long long int unsigned", "unsigned long long"),
        ("signed char", "int8_t"),
        ("uint64_t", "unsigned long"),
        ("std::size_t const &", "unsigned long const&"),
        (
            "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > const&",
            "const std::string&",
        ),
        (
            "std::map<int, long, std::less<int>, std::allocator<std::pair<int const, long> > >",
            "std::map<int, long>",
        ),
        ("::ns::T", "::ns::T"),
    ],
)
def test_types_that_are_one(one, other):
    """The spellings of a type that mean one type are one."""
    types = [typenames.types(typenames.items(text)) for text in (one, other)]
    assert types[0] == types[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("char const*", "char* const"),
        ("char*", "char const*"),
        ("int", "unsigned int"),
        ("long", "long long"),
        ("char", "signed char"),
        ("Vec<int>", "Vec<long>"),
        ("T&", "T&&"),
        ("my::size_t", "size_t"),
        ("int (*)(int)", "int (*)(long)"),
    ],
)
def test_types_that_are_two(one, other):
    """Types between which an overload can be chosen stay apart."""
    assert typenames.types(typenames.items(one)) != typenames.types(typenames.items(other))


def test_readable_names_stay_printable():
    """A symbol whose name could write to a terminal is shown as the symbol."""
    assert readable("_Z3\x1b[ma") == "_Z3\x1b[ma"
