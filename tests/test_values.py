"""Classes of values: as attrs makes them, but when they are first used, and for what three methods cost."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import Any, ClassVar

import attrs
import pytest

from tracekit.values import define, frozen


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
class Spot:
    """A plain class that can be imported."""

    x: int
    name: str = ""


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
    """Values can't be changed or ordered, and can be copied, pickled, evolved and matched."""
    point = Point(1, (2,), "n", "s")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        sorted([point, Point(0)])  # type: ignore[type-var]
    assert copy.copy(point) == pickle.loads(pickle.dumps(point)) == point
    assert attrs.evolve(point, x=3) == Point(3, (2,), "n", "s")
    match point:
        case Point(x, y):
            assert (x, y) == (1, (2,))


def finished(cls: type) -> bool:
    """Whether attrs has made a class yet, found without asking for what would make it."""
    return isinstance(vars(cls)["__attrs_attrs__"], tuple)


def base_and_derived() -> tuple[Any, Any]:
    """A class that may be changed and one that has one field more, both new."""

    @define
    class Base:
        x: int
        found: list[int] = attrs.field(factory=list)

    @frozen
    class Derived(Base):
        y: int = attrs.field(default=0, converter=int)

    return Base, Derived


@pytest.mark.parametrize(
    "use",
    [
        lambda cls: cls(1, y="2"),
        attrs.fields,
        attrs.has,
        inspect.signature,
        lambda cls: cls.__match_args__,
        lambda cls: type("Undecorated", (cls,), {})(1),
    ],
    ids=["a value", "fields", "has", "signature", "match", "a value of a class of its"],
)
def test_a_class_is_finished_when_it_is_used(use: Any) -> None:
    """Not before; and it is all there then, with its bases, whatever the first use was."""
    base, derived = base_and_derived()
    assert not finished(base) and not finished(derived)
    use(derived)
    assert finished(base) and finished(derived)
    assert derived.__match_args__ == ("x", "found", "y")
    assert list(inspect.signature(derived).parameters) == ["x", "found", "y"]
    assert derived(1, y="2").y == 2 and derived(1).found == []


def test_a_class_without_equality_of_its_own_is_that_of_attrs() -> None:
    """A class whose values may change compares fields, and can't be hashed."""
    base, _ = base_and_derived()
    one, other = base(1), base(1)
    assert one == other
    other.found.append(3)
    assert one != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def make(cls: Any, together: threading.Barrier, x: int) -> Any:
    """A value, made when all threads are there."""
    together.wait()
    return cls(x, y="2")


def plain_and_derived() -> tuple[Any, Any]:
    """A plain class and one that has fields more, both new."""

    @frozen
    class Plain:
        scale: ClassVar[int] = 10
        x: int
        _hidden: tuple[int, ...] = ()

    @frozen(order=False)
    class Derived(Plain):
        y: int = 0

    return Plain, Derived


def test_plain_values_are_made_without_attrs() -> None:
    """Such a class is finished only when attrs is asked, and before that its values are whole."""
    plain, derived = plain_and_derived()
    value = derived(1, y=3, hidden=(2,))
    assert (value.x, value._hidden, value.y) == (1, (2,), 3) and derived(1)._hidden == () == plain(x=1)._hidden
    assert value == derived(1, (2,), 3) != derived(1) and hash(value) == hash(derived(1, (2,), 3))
    assert repr(value).endswith("Derived(x=1, _hidden=(2,), y=3)")
    assert plain(1) != derived(1)
    match value:
        case derived(x, hidden, y):
            assert (x, hidden, y) == (1, (2,), 3)
    for change in (lambda: setattr(value, "x", 2), lambda: delattr(value, "x"), lambda: setattr(value, "z", 2)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            change()
    assert not finished(plain) and not finished(derived)
    assert [field.name for field in attrs.fields(derived)] == ["x", "_hidden", "y"]
    assert finished(plain) and finished(derived) and value == derived(1, (2,), 3)
    assert attrs.evolve(value, hidden=(4,)) == derived(1, (4,), 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda cls: cls(), "missing 1 required positional argument: 'x'"),
        (lambda cls: cls(1, (), 2, 3), "takes from 2 to 4 positional arguments but 5 were given"),
        (lambda cls: cls(1, x=2), "multiple values for argument 'x'"),
        (lambda cls: cls(hidden=(), y=1), "missing 1 required positional argument: 'x'"),
        (lambda cls: cls(1, _hidden=()), "unexpected keyword argument '_hidden'"),
        (lambda cls: cls(y=1, z=2), "unexpected keyword argument 'z'"),
    ],
    ids=["none", "many", "twice", "without", "private", "unknown"],
)
def test_wrong_arguments_of_plain_classes_are_refused_as_by_attrs(wrong: Any, said: str) -> None:
    """Too few, too many, unknown ones, or one twice: the error is what the compiled method says."""
    with pytest.raises(TypeError, match=said):
        wrong(plain_and_derived()[1])


def test_of_many_plain_values_attrs_makes_the_most() -> None:
    """From the hundredth value on, the class is finished; all its values are alike."""
    _, derived = plain_and_derived()
    values = [derived(1, y=3) for _ in range(200)]
    assert finished(derived) and set(values) == {values[0]} and len(values) == 200
    assert inspect.isfunction(derived.__init__) and "*" not in str(inspect.signature(derived))


@pytest.mark.parametrize("early", [False, True], ids=["unfinished", "finished"])
def test_a_plain_class_may_be_derived_from_at_any_time(early: bool) -> None:
    """A base has its fields and defaults, whether attrs has had it or not; and one defined anew counts."""
    plain, _ = plain_and_derived()
    if early:
        attrs.fields(plain)

    @frozen
    class More(plain):  # type: ignore[misc]  # its base was made just now
        y: int = 0

    @frozen
    class Anew(plain):  # type: ignore[misc]  # as above
        x: int = 5

    assert not finished(More) and More(1) == More(1, (), 0) and More.__match_args__ == ("x", "_hidden", "y")
    assert Anew() == Anew(x=5) and [field.name for field in attrs.fields(Anew)] == ["_hidden", "x"]


def test_a_plain_class_can_ask_for_its_signature() -> None:
    """It is that of its fields, not of what makes the first values."""
    _, derived = plain_and_derived()
    assert list(inspect.signature(derived).parameters) == ["x", "hidden", "y"]


def test_plain_values_that_change() -> None:
    """They compare by what they have, can't be hashed, and take what is set."""

    @define
    class Counter:
        count: int = 0

    one, other = Counter(), Counter()
    one.count += 1
    assert one != other and one == Counter(1) and not finished(Counter)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_of_plain_values(how: Any) -> None:
    """They are equal, before and after attrs has had the class."""
    first = Spot(1, "a")
    assert how(first) == first
    attrs.fields(Spot)
    assert how(first) == first == Spot(1, "a")


def test_threads_finish_a_class_once(request: pytest.FixtureRequest) -> None:
    """Many threads that make the first value at once all get a whole one."""
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-5)
    for _ in range(20):
        _, derived = base_and_derived()
        together = threading.Barrier(8)
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(make, repeat(derived), repeat(together), range(8)))
        assert [(value.x, value.y) for value in made] == [(n, 2) for n in range(8)]


@pytest.mark.parametrize("at", ["__attrs_attrs__", "__init__", "__match_args__"])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "with a field"])
def test_a_class_that_could_not_be_finished_is_as_before(at: str, plain: bool) -> None:
    """Whatever interrupts it, such as a Ctrl-C, the next use finishes the class, its converters included."""
    errors: list[BaseException] = []
    stood: list[object] = []

    class Fails(type):
        def __setattr__(cls, name: str, value: object) -> None:
            if not errors:
                stood.append(value)
            elif name == at and not any(value is old for old in stood):
                raise errors.pop()
            super().__setattr__(name, value)

    @frozen
    class Value(metaclass=Fails):
        x: int = 1 if plain else attrs.field(default=1, converter=int)

    errors += [KeyboardInterrupt(), MemoryError()]
    for error in (MemoryError, KeyboardInterrupt):
        with pytest.raises(error):
            attrs.fields(Value)
        assert not finished(Value)
    assert [field.name for field in attrs.fields(Value)] == list(Value.__match_args__) == ["x"]
    value = Value("2" if not plain else 2)  # type: ignore[arg-type]  # for the converter
    assert value.x == 2 and Value().x == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.x = 3  # type: ignore[misc]  # that is what is refused


def test_a_process_forked_meanwhile_can_use_the_class() -> None:
    """A fork waits until no thread is finishing a class, so the child has neither half of one nor a lock."""
    begun, go_on = threading.Event(), threading.Event()

    class Waits(type):
        def __setattr__(cls, name: str, value: object) -> None:
            if name == "__attrs_attrs__" and isinstance(value, tuple):
                begun.set()
                go_on.wait(10)
            super().__setattr__(name, value)

    @frozen
    class Slow(metaclass=Waits):
        x: int = attrs.field()

    thread = threading.Thread(target=Slow, args=[1])
    thread.start()
    assert begun.wait(10)
    threading.Timer(0.2, go_on.set).start()
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends it, if it waits for ever
        os._exit(Slow(2).x)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
