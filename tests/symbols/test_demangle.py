"""Demangling: as binutils do it, and safe with symbols that someone made up."""

import subprocess
import sys

import pytest
from tests.symbols.programs import tool

from tracekit.symbols.demangle import demangled, readable
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import defined
from tracekit.symbols.sourcenames import source_path
from tracekit.symbols.spelling import decode, is_renamed, split_clone

DEEP = 100_000

HOSTILE = {
    "pointers": f"_Z1f{'P' * DEEP}i",
    "templates": f"_Z1fI{'1AI' * DEEP}i{'E' * DEEP}Evv",
    "expressions": f"_Z1fIX{'ng' * DEEP}Li1EEEvv",
    "scopes": f"_Z{'Z' * DEEP}1fvE1g",
    "doubled": "_Z1f1AIiiE" + "".join(f"S_IS{n}_S{n}_E" for n in ("", *"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    "a number": f"_Z{'9' * DEEP}f",
    "rust pointers": f"_RNvC1a{'P' * DEEP}i",
    "rust instances": f"_R{'I' * DEEP}C1a",
    "rust references": f"_RMC1a{'R' * DEEP}u",
    "legacy rust": f"_ZN1a{'$LT$' * DEEP}17h0123456789abcdefE",
    "clones": f"_Z1fv{'.isra.0' * DEEP}",
    "zeros": "_Z1f\0i",
    "no text": "_Z1f\udcff\ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_symbols(name):
    """Symbols that are deep, that double at each step or that are no text are left as they are, or are read."""
    symbol = HOSTILE[name]
    assert source_path(symbol) is None or len(readable(symbol)) < len(symbol) + 100


def test_libstdcxx_agrees_with_cxxfilt():
    """All functions of the C++ library that is here have the very names that c++filt gives them."""
    library = subprocess.run(
        [tool("g++"), "-print-file-name=libstdc++.so.6"], check=True, capture_output=True, text=True
    ).stdout.strip()
    image = open_image(library)
    symbols = sorted({decode(table.name(row)) for table, row in defined(image)})
    symbols = [s for s in symbols if demangled(s)]
    assert len(symbols) > 3000
    said = subprocess.run(["c++filt"], input="\n".join(symbols), check=True, capture_output=True, text=True)
    assert list(map(readable, symbols)) == said.stdout.split("\n")
    assert sum(source_path(s) is None for s in symbols) <= len(symbols) / 1000


@pytest.mark.parametrize(
    "symbol",
    ["main", "", "_Z", "_R", "_ZTV5Cache", "_ZThn16_N1B1fEv", "_ZGVZ4mainE1x", "_Znope", "cache_insert"],
)
def test_symbols_that_are_no_functions(symbol):
    """Tables, thunks, guards and names that aren't mangled stand for themselves."""
    assert demangled(symbol) is None
    assert readable(symbol) == symbol


@pytest.mark.parametrize(
    ("symbol", "base", "suffix", "renamed"),
    [
        ("f", "f", "", False),
        ("f.isra.0", "f", ".isra.0", False),
        ("f.constprop.0.isra.1", "f", ".constprop.0.isra.1", False),
        ("f.part.0.cold", "f", ".part.0.cold", False),
        ("f.cold", "f", ".cold", False),
        ("f.lto_priv.3", "f", ".lto_priv.3", True),
        ("_ZL1fi.llvm.1234567890", "_ZL1fi", ".llvm.1234567890", True),
        ("f.lto_priv.0.isra.0", "f", ".lto_priv.0.isra.0", False),
        ("f.avx2.0", "f.avx2.0", "", False),
        ("main.part", "main", ".part", False),
        (".part.0", ".part.0", "", False),
        ("a.b.0", "a.b.0", "", False),
        ("", "", "", False),
    ],
)
def test_suffixes(symbol, base, suffix, renamed):
    """What optimisers append to a symbol is told from what belongs to it."""
    assert split_clone(symbol) == (base, suffix)
    assert is_renamed(suffix) == renamed


def test_the_demangler_is_loaded_late(sample):
    """Who gives a symbol's own name doesn't wait for the demangler."""
    program = """
import sys
from tracekit.core.probe import FunctionName
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import notes
image = open_image(sys.argv[1])
(function,) = find(image, FunctionName("insert"))
assert not notes(image, function)
print(*(name for name in ("demangle", "tracekit.symbols.search", "elftools") if name in sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", program, sample], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == ""
