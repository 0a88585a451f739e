"""Functions of Rust by the names that their source has, in both of its manglings."""

import os
import subprocess

import pytest
from tests.symbols.names import RUST, ambiguous, listed, missing, one, pattern
from tests.symbols.programs import tool

from tracekit.symbols.demangle import demangled, readable
from tracekit.symbols.image import open_image
from tracekit.symbols.lookup import defined
from tracekit.symbols.spelling import decode

MANGLINGS = ("v0", "legacy")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The Rust sample in each mangling."""
    folder = tmp_path_factory.mktemp("rust")
    (folder / "sample.rs").write_text(RUST)
    made = {}
    for mangling in MANGLINGS:
        out = str(folder / mangling)
        flags = ["-O", "-C", f"symbol-mangling-version={mangling}", "-Z", "unstable-options"]
        command = [tool("rustc"), *flags, "-o", out, str(folder / "sample.rs")]
        environment = os.environ | {"RUSTC_BOOTSTRAP": "1"}  # which permits -Z, as nightly builds do
        done = subprocess.run(command, check=False, capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        made[mangling] = open_image(out)
    return made


@pytest.fixture(params=MANGLINGS)
def image(request, images):
    """The Rust sample in either mangling."""
    return images[request.param]


UNIQUE = {
    "sample::cache::Plain::travel": "travel",
    "<sample::cache::Plain>::travel": "travel",
    "Plain::travel": "travel",
    "travel": "travel",
    "<sample::cache::Plain as sample::cache::Shape>::area": "5Plain",
    "<Plain as Shape>::area": "5Plain",
    "sample::cache::Plain::area": "Plain",
    "<u32 as Shape>::area": "area",
    "sample::main": "4main",
    "sample::apply": "5apply",
    "größe": "gr",
    "exported": "exported",
}


@pytest.mark.parametrize("name", UNIQUE)
def test_names_of_one_function(image, name):
    """Methods, trait methods, functions and names that aren't ASCII are found without Rust's hash."""
    found = one(image, name)
    assert UNIQUE[name].lstrip("5") in found.name
    assert found.name.startswith(("_R", "_ZN", "exported"))
    if name != "exported":
        assert readable(found.name).rpartition("::")[2] == name.rpartition("::")[2]


def test_symbols_are_found_too(image):
    """Every function is found by its symbol, and by what demanglers show if that is its alone."""
    symbols = {decode(table.name(row)): row[4] for table, row in defined(image)}
    mangled = {s: readable(s) for s in symbols if demangled(s) and "sample" in readable(s)}
    assert len(mangled) > 8
    for symbol, source in mangled.items():
        assert one(image, symbol).address == symbols[symbol]
        if list(mangled.values()).count(source) == 1:
            assert one(image, source).address == symbols[symbol]


def test_instances_are_ambiguous(image):
    """The instances of a generic function or type are listed with their symbols."""
    for name in ("sample::generic", "sample::cache::Cache::store", "store"):
        error = ambiguous(image, name)
        assert len(error.candidates) == 2
        assert {one(image, c.split('"')[1]).address for c in error.candidates} == {
            int(c.split()[0], 16) for c in error.candidates
        }
    assert listed(ambiguous(image, "Shape::area"), "Plain as", "u32 as", "Cache<")


def test_instances_by_their_types(images):
    """In v0 an instance is chosen by its types; the legacy mangling doesn't have them, and none is guessed."""
    for name in ("Cache<u64>::store", "<sample::cache::Cache<u64>>::store", "generic::<u32>"):
        assert one(images["v0"], name)
        assert missing(images["legacy"], name)
    missing(images["v0"], "Cache<u8>::store")


def test_closures(image):
    """A closure is found by what its mangling calls it."""
    symbols = {decode(table.name(row)) for table, row in defined(image)}
    closures = {s for s in symbols if readable(s).startswith("sample::main::{")}
    assert closures
    for symbol in closures:
        assert one(image, readable(symbol)).name == symbol


def test_patterns(image):
    """Patterns match source names whatever the mangling."""
    found = pattern(image, "sample::cache::*")
    assert {readable(s).rpartition("::")[2] for s in found} == {"travel", "store"}
    assert {readable(s).rpartition("::")[2] for s in pattern(image, "*Shape*::area")} == {"area"}
    assert pattern(image, "exp*ed") == {"exported"}


def test_near_names(image):
    """A slip is answered with the name as Rust writes it."""
    assert (
        missing(image, "sample::cache::Plain::travle").near[0].strip('"<>').startswith("sample::cache::Plain")
    )
    assert missing(image, "sample::aply").near[0] == '"sample::apply"'
