"""Names in mangled symbols that are read in a hurry."""

from __future__ import annotations

import subprocess

import pytest
from tests.symbols.programs import tool

from tracekit.symbols import qualified
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import defined
from tracekit.symbols.scopes import scoped_name
from tracekit.symbols.sourcenames import source_path
from tracekit.symbols.spelling import decode


@pytest.fixture(scope="module")
def symbols() -> list[str]:
    """The mangled symbols of the C++ library, which has all that the language has."""
    tool("g++")
    asked = ["g++", "-print-file-name=libstdc++.so"]
    path = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    image = open_image(path)
    names = {decode(table.name(row)) for table, row in defined(image)}
    return sorted(name for name in names if name.startswith("_Z"))


def test_a_name_is_the_demanglers(symbols: list[str]) -> None:
    """Of most functions of the C++ library the name is known, and is what a demangler says."""
    known = {symbol: name for symbol in symbols if (name := scoped_name(symbol)) is not None}
    assert len(known) > 0.8 * len(symbols) > 1000
    wrong = {}
    for symbol, name in list(known.items())[::6]:
        path = source_path(symbol)
        said = None if path is None else qualified.spelled(path, arguments=False)
        # For this one, the demangler has the name that it is known by.
        if said not in (name, name.replace("std::basic_string::", "std::string::", 1)):
            wrong[symbol] = name, said
    assert not wrong


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_Z6insertRKi", "insert"),
        ("_ZN5Cache6insertEi", "Cache::insert"),
        ("_ZNK5Cache4sizeEv", "Cache::size"),
        ("_ZN5CacheC2Ev", "Cache::Cache"),
        ("_ZN5CacheD0Ev", "Cache::~Cache"),
        ("_ZN12_GLOBAL__N_14hideEv", "(anonymous namespace)::hide"),
        ("_ZN3BoxI3BoxIiEE3putES1_", "Box::put"),
        ("_ZN3BoxILi3ELb1EE3putEv", "Box::put"),
        ("_ZN3BoxIFivEE3putEv", "Box::put"),
        ("_ZN3BoxIA4_cE3putEv", "Box::put"),
        ("_ZN3BoxIJiNSt4pairIcdE1xEEE3putEv", "Box::put"),
        ("_ZN1a5Cache3put17h0123456789abcdefE", "a::Cache::put"),
    ],
)
def test_names(symbol: str, name: str) -> None:
    """Scopes, constructors, and template arguments of all sorts are read or stepped over."""
    assert scoped_name(symbol) == name


@pytest.mark.parametrize(
    "symbol",
    ["main", "_Z", "_ZN", "_ZTV5Cache", "_ZThn8_N5Cache4sizeEv", "_ZplRK1AS1_", "_ZN5Cache", "_ZN99Cache3putEv",
     "_ZNSt3mapI", "_ZN9$LT$a$GT$3put17h0123456789abcdefE", "_ZN" + "1aI" * 5000, "_Z3fooIXadL_Z3barvEEEvv"],
)  # fmt: skip
def test_what_is_left_to_the_demangler(symbol: str) -> None:
    """Operators, tables, expressions, what is cut or nested without end: nothing is said of it."""
    assert scoped_name(symbol) is None


def test_no_end_of_a_symbol_is_read(symbols: list[str]) -> None:
    """A symbol that is cut anywhere ends in an answer or in none."""
    for symbol in symbols[::200]:
        for end in range(len(symbol)):
            scoped_name(symbol[:end])
