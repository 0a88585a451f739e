"""Random Go signatures."""

from __future__ import annotations

import random

from tests.truth.model import (
    Array,
    Function,
    Kind,
    Member,
    Parameter,
    Record,
    Scalar,
    Special,
    Type,
    leaves_in,
)

INTS = (
    *(Scalar(f"int{bits}", bits // 8, signed=True) for bits in (8, 16, 32, 64)),
    *(Scalar(f"uint{bits}", bits // 8) for bits in (8, 16, 32, 64)),
    Scalar("int", 8, signed=True),
    Scalar("uint", 8),
    Scalar("byte", 1),
    Scalar("rune", 4, signed=True),
    Scalar("uintptr", 8),
)
BOOL = Scalar("bool", 1, Kind.BOOL)
FLOATS = (Scalar("float32", 4, Kind.FLOAT), Scalar("float64", 8, Kind.FLOAT))
COMPLEX = (Scalar("complex64", 8, Kind.COMPLEX), Scalar("complex128", 16, Kind.COMPLEX))
POINTERS = tuple(
    Scalar(t, 8, Kind.POINTER) for t in ("*int64", "*byte", "**int32", "unsafe.Pointer", "*string")
)
INT = INTS[8]


class GoMaker:
    """Makes signatures of Go."""

    def __init__(self, rng: random.Random, architecture: str) -> None:
        self.rng = rng
        self.architecture = architecture
        self.seen: list[Type] = []

    def scalar(self) -> Type:
        """A type without parts, as far as a program sees."""
        chance = self.rng.random()
        if chance < 0.45:
            return self.rng.choice(INTS)
        if chance < 0.52:
            return BOOL
        if chance < 0.66:
            return self.rng.choice(FLOATS)
        if chance < 0.7:
            return self.rng.choice(COMPLEX)
        if chance < 0.78:
            return self.rng.choice(POINTERS)
        if chance < 0.86:
            return Special("string")
        if chance < 0.94:
            return Special("slice", (self.rng.choice([INTS[4], INT, Special("string")]),))
        return Special(self.rng.choice(["map", "chan", "func", "any", "error"]))

    def type(self, depth: int = 0) -> Type:
        """Any type."""
        if self.seen and self.rng.random() < 0.1:
            return self.rng.choice(self.seen)
        chance = self.rng.random()
        if chance < (0.62 if depth == 0 else 0.75) or depth > 2:
            return self.scalar()
        if chance < (0.74 if depth == 0 else 0.85):
            return Array(self.type(depth + 1), self.rng.choice([0, 1, 1, 1, 2, 3]))
        count = self.rng.choice([0, 1, 1, 2, 2, 3, 3, 4, 6, 9])
        members = [Member(f"m{i}", self.type(depth + 1)) for i in range(count)]
        if members and self.rng.random() < 0.1:
            members.insert(self.rng.randrange(len(members)), Member("_", self.rng.choice(INTS)))
        made = Record("struct", tuple(members))
        self.seen.append(made)
        return made

    def parameter(self, index: int) -> Parameter:
        """A parameter."""
        chance = self.rng.random()
        traits = {"unused"} if chance < 0.12 else {"partly"} if chance < 0.25 else set()
        name = "_" if self.rng.random() < 0.008 else f"{self.rng.choice(['a', 'key', 'value', 'size'])}{index}"
        return Parameter(name, self.type(), frozenset(traits))

    def function(self, number: int) -> Function:
        """A function."""
        count = self.rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12])
        parameters = [self.parameter(i) for i in range(count)]
        traits = {
            t for t in ("frame", "escape", "nosplit", "named-results", "variadic") if self.rng.random() < 0.1
        }
        form = self.rng.choice(["", "", "", "value", "pointer", "generic", "closure"])
        if form:
            traits.add(form)
        if form in {"value", "pointer"} and not isinstance(parameters[0].type, Record):
            record = Record("struct", (Member("m0", self.scalar()), Member("m1", self.scalar())))
            parameters[0] = Parameter("receiver", record)
        if form == "closure":
            traits -= {"variadic"}
        small = leaves_in(p.type for p in parameters) <= 6 and form in {"", "value", "pointer"}
        if not small or "escape" in traits:
            traits.discard("nosplit")  # such functions have only a few hundred bytes of stack
        result: Type | None = None
        if "nosplit" in traits:
            return Function(number, tuple(parameters), None, frozenset(traits))
        if self.rng.random() < 0.6:
            result = self.type()
        elif self.rng.random() < 0.6:
            result = Record(
                "results", tuple(Member(f"b{i}", self.type()) for i in range(self.rng.randint(2, 3)))
            )
        return Function(number, tuple(parameters), result, frozenset(traits))
