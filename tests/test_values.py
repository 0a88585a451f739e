"""Classes of plain values: as attrs makes them, but for what three of their methods cost."""

from __future__ import annotations

import copy
import pickle

import attrs
import pytest

from tracekit.values import frozen


@frozen
class Point:
    """A point with a note that doesn't count."""

    x: int
    y: tuple[int, ...] = ()
    note: str = attrs.field(default="", eq=False)
    secret: str = attrs.field(default="", repr=False)


@frozen
class Corner(Point):
    """Another class of the same fields, and one more."""

    turns: bool = False


@frozen
class Alike:
    """A class that says itself what is equal."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike) and other.text.lower() == self.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())

    def __repr__(self) -> str:
        return "alike"


@frozen(eq=False)
class Thing:
    """A class whose values are themselves only."""

    name: str


@frozen
class Nothing:
    """A class without fields."""


def test_values_are_equal_by_their_fields() -> None:
    """The same class and the same fields are equal and hash alike; a field may be left out."""
    assert Point(1, (2,), "a") == Point(1, (2,), "b")
    assert hash(Point(1, (2,), "a")) == hash(Point(1, (2,), "b"))
    assert Point(1) != Point(2) and Point(1) != Point(1, secret="s")
    assert Point(1) != Corner(1) and Corner(1) != Corner(1, turns=True)
    assert Point(1) != (1, ()) and Nothing() == Nothing()
    assert len({Nothing(), Nothing(), Point(1), Point(1)}) == 2


def test_what_a_class_defines_stays() -> None:
    """Its own equality, hash and text are used; without equality, a value is itself."""
    assert Alike("A") == Alike("a") and hash(Alike("A")) == hash(Alike("a")) and repr(Alike("A")) == "alike"
    one = Thing("x")
    assert one == one and one != Thing("x") and len({one, Thing("x")}) == 2


def test_the_text_is_that_of_attrs() -> None:
    """It has the class and its fields, but those that aren't to be shown."""
    assert repr(Corner(1, (2,), "n", "s", True)) == "Corner(x=1, y=(2,), note='n', turns=True)"


def test_the_rest_is_attrs() -> None:
    """Values can't be changed or ordered, have slots, and can be copied, pickled, evolved and matched."""
    point = Point(1, (2,), "n", "s")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        sorted([point, Point(0)])  # type: ignore[type-var]
    assert not hasattr(point, "__dict__")
    assert copy.copy(point) == pickle.loads(pickle.dumps(point)) == point
    assert attrs.evolve(point, x=3) == Point(3, (2,), "n", "s")
    match point:
        case Point(x, y):
            assert (x, y) == (1, (2,))
