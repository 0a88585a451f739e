"""Functions of Go by the names that their source has."""

import os
import subprocess

import pytest
from tests.symbols.names import GO, ambiguous, listed, missing, one, pattern
from tests.symbols.programs import go_programs, tool

from tracekit.core.probe import FunctionName
from tracekit.symbols import gonames
from tracekit.symbols.functions import find
from tracekit.symbols.image import open_image
from tracekit.symbols.notes import meaning_note, notes


@pytest.fixture(scope="module", params=go_programs())
def image(request, tmp_path_factory):
    """The Go sample, by each Go."""
    folder = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module sample\ngo 1.18\n")
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    command = [tool(request.param), "build", "-o", str(folder / "program"), "."]
    done = subprocess.run(command, check=False, capture_output=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return open_image(str(folder / "program"))


UNIQUE = {
    "main.(*Cache).Insert": "main.(*Cache).Insert",
    "main.Cache.Insert": "main.(*Cache).Insert",
    "(*Cache).Insert": "main.(*Cache).Insert",
    "Cache.Insert": "main.(*Cache).Insert",
    "Insert": "main.(*Cache).Insert",
    "main.Cache.Get": "main.Cache.Get",
    "Cache.Get": "main.Cache.Get",
    "main.closing": "main.closing",
    "main.closing.func1": "main.closing.func1",
    "closing.func1": "main.closing.func1",
    "main.main": "main.main",
}


@pytest.mark.parametrize("name", UNIQUE)
def test_names_of_one_function(image, name):
    """Methods and closures are found with and without package, receiver and star."""
    assert one(image, name).name == UNIQUE[name]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("main.Map[int]", "main.Map[go.shape.int"),
        ("main.Map[ byte ]", "main.Map[go.shape.uint8"),
        ("Map[uint8]", "main.Map[go.shape.uint8"),
        ("main.Pair[string,int]", "main.Pair[go.shape.string"),
        ("main.Pair[int, string]", "main.Pair[go.shape.int"),
        ("main.(*List[int]).Push", "main.(*List[go.shape.int"),
        ("List[string].Push", "main.(*List[go.shape.string"),
    ],
)
def test_instances_by_their_types(image, name, start):
    """A generic function with type arguments is the code of their shape, not what only calls it."""
    found = one(image, name)
    assert found.name.startswith(start)
    assert any("all types of that shape" in note for note in notes(image, found))


def test_instances_are_ambiguous(image):
    """Without type arguments the instances are listed, whether the name could be a pattern or not."""
    assert listed(ambiguous(image, "main.Map"), "shape.int", "shape.uint8")
    assert listed(ambiguous(image, "main.(*List).Push"), "shape.int", "shape.string")
    assert listed(ambiguous(image, "main.(*List[...]).Push"), "shape.int", "shape.string")
    missing(image, "main.Map[float64]")
    missing(image, "main.Map[string]")


def test_what_go_made_for_interfaces(image):
    """A method with a star that Go made from one without is found by its symbol, with a note on other calls."""
    (made,) = find(image, FunctionName("main.(*Cache).Get", exact=True))
    assert made.name == "main.(*Cache).Get"
    assert any("other calls go to main.Cache.Get" in note for note in notes(image, made))
    assert notes(image, one(image, "main.Cache.Get")) == ()
    assert notes(image, one(image, "main.(*Cache).Insert")) == ()


def test_names_without_all_their_scopes(image):
    """Who leaves out the package or the receiver is told which function was taken."""
    note = meaning_note(image, FunctionName("Insert"), one(image, "Insert"))
    assert note == "Insert is taken to mean main.(*Cache).Insert."
    for name in ("main.(*Cache).Insert", "main.Map[int]", "main.M*"):
        assert meaning_note(image, FunctionName(name), find(image, FunctionName(name))[0]) == ""


def test_patterns(image):
    """Patterns match whole symbols."""
    assert all(name.startswith("main.Map[go.shape.") for name in pattern(image, "main.Map*"))
    assert "main.main" in pattern(image, "main.*")


def test_near_names(image):
    """A slip is answered with the function's symbol."""
    assert missing(image, "main.(*Cache).Isnert").near[0] == "main.(*Cache).Insert"


def test_paths_of_packages():
    """Escaped dots of a package's path, and brackets with dots and slashes, are read as Go means them."""
    found = gonames.path("gopkg.in/yaml%2ev3.(*Node[a/b.T,go.shape.int]).Decode.func1")
    assert [part.name for part in found] == ["gopkg", "in", "yaml", "v3", "Node", "Decode", "func1"]
    assert found[4] == gonames.Part("Node", pointer=True, arguments="[a/b.T,int]")
    assert gonames.rank(gonames.path("yaml.v3.Node.Decode.func1"), found) == (1, 1)
    assert gonames.rank(gonames.path("v4.Node.Decode.func1"), found) is None
    assert gonames.path("main.(*T.M") is None
