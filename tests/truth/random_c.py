"""Random C and C++ signatures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.truth.model import Array, Enum, Function, Kind, Member, Parameter, Record, Scalar, Special, Type

CHAR = Scalar("char", 1, signed=True)
BOOL = Scalar("_Bool", 1, Kind.BOOL)
INTS = (
    CHAR,
    Scalar("signed char", 1, signed=True),
    Scalar("unsigned char", 1),
    Scalar("short", 2, signed=True),
    Scalar("unsigned short", 2),
    Scalar("int", 4, signed=True),
    Scalar("unsigned int", 4),
    Scalar("long", 8, signed=True),
    Scalar("unsigned long", 8),
    Scalar("long long", 8, signed=True),
    Scalar("unsigned long long", 8),
)
WIDE = (Scalar("__int128", 16, signed=True), Scalar("unsigned __int128", 16))
FLOATS = (Scalar("float", 4, Kind.FLOAT), Scalar("double", 8, Kind.FLOAT))
COMPLEX = (Scalar("_Complex float", 8, Kind.COMPLEX), Scalar("_Complex double", 16, Kind.COMPLEX))
LONG = {
    "x86_64": (
        Scalar("long double", 16, Kind.X87),
        Scalar("_Complex long double/x87", 32, Kind.COMPLEX),
        Scalar("__float128", 16, Kind.QUAD),
    ),
    "aarch64": (Scalar("long double", 16, Kind.QUAD), Scalar("_Complex long double/quad", 32, Kind.COMPLEX)),
}
POINTERS = tuple(
    Scalar(spelling, 8, Kind.POINTER)
    for spelling in ("void *", "long *", "const char *", "struct tk_incomplete *", "char **", "tk_callback")
)
ENUMS = (
    Enum(Scalar("unsigned int", 4), (0, 1, 7, 4000000000)),
    Enum(Scalar("int", 4, signed=True), (-5, 2, 77777, 12345678)),
)
VECTORS = (
    Array(Scalar("int", 4, signed=True), 4, vector=True),
    Array(Scalar("double", 8, Kind.FLOAT), 2, vector=True),
    Array(Scalar("float", 4, Kind.FLOAT), 2, vector=True),
    Array(Scalar("unsigned short", 2), 4, vector=True),
)
BODIES = ("frame", "alloca", "early", "escape", "tail")


class Maker:
    """Makes signatures of one language.

    Attributes:
        rng: where chance comes from.
        architecture: as ``uname -m`` has it.
        cxx: whether it is C++.
    """

    def __init__(self, rng: random.Random, architecture: str, *, cxx: bool = False) -> None:
        self.rng = rng
        self.architecture = architecture
        self.cxx = cxx
        self.seen: list[Type] = []

    def scalar(self) -> Type:
        """A scalar."""
        choices: list[tuple[float, Callable[[], Type]]] = [
            (10, lambda: self.rng.choice(INTS)),
            (1, lambda: BOOL),
            (4, lambda: self.rng.choice(FLOATS)),
            (3, lambda: self.rng.choice(POINTERS)),
            (1, lambda: self.rng.choice(ENUMS)),
            (0.4, lambda: self.rng.choice(WIDE)),
            (
                0.3,
                lambda: self.rng.choices(LONG[self.architecture], (6, 2, 1)[: len(LONG[self.architecture])])[0],
            ),
        ]
        if not self.cxx:
            choices.append((0.4, lambda: self.rng.choice(COMPLEX)))
        made = self.pick(choices)
        if self.cxx and isinstance(made, Scalar) and made.kind is Kind.COMPLEX:
            return FLOATS[1]
        return made

    def pick(self, choices: Sequence[tuple[float, Callable[[], Type]]]) -> Type:
        """One of several, by their weights."""
        return self.rng.choices([make for _, make in choices], [weight for weight, _ in choices])[0]()

    def type(self, depth: int = 0) -> Type:
        """Any type that a parameter or member can have."""
        if self.seen and self.rng.random() < 0.15:
            return self.rng.choice(self.seen)
        if self.rng.random() < (0.55 if depth == 0 else 0.8):
            return self.scalar()
        if self.rng.random() < 0.04 and depth == 0:
            return self.rng.choice(VECTORS)
        made = self.record(depth)
        self.seen.append(made)
        return made

    def record(self, depth: int) -> Record:
        """A struct or union."""
        form = "union" if self.rng.random() < 0.12 else "struct"
        size = self.rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5, 6]) if self.rng.random() > 0.02 else 0
        flavour = self.rng.random()
        if flavour < 0.15:  # alike ones are what conventions treat in a special way
            one = self.rng.choice([*FLOATS, *INTS])
            members = tuple(Member(f"m{i}", one) for i in range(self.rng.randint(1, 5)))
        elif flavour < 0.3 and form == "struct":
            members = tuple(self.bit_field(i) for i in range(max(size, 2)))
        else:
            members = tuple(Member(f"m{i}", self.member_type(depth)) for i in range(size))
        if form == "union":
            members = tuple(m for m in members if m.name) or (Member("m0", INTS[5]),)
        elif self.rng.random() < 0.06 and members:
            inner = Record(
                self.rng.choice(["union", "struct"]), (Member("n0", INTS[5]), Member("n1", FLOATS[0]))
            )
            members = (*members, Member("", inner))
        traits = set()
        chance = self.rng.random()
        if chance < 0.01:
            traits.add("packed")
        elif chance < 0.02:
            traits.add(f"aligned({self.rng.choice([8, 16, 16, 32])})")
        if not self.cxx and self.rng.random() < 0.4:
            traits.add("typedef")
        return Record(form, members, frozenset(traits))

    def member_type(self, depth: int) -> Type:
        """What a member can be."""
        chance = self.rng.random()
        if chance < 0.12:
            element = self.scalar() if self.rng.random() < 0.8 or depth > 1 else self.record(depth + 1)
            return Array(element, self.rng.choice([1, 2, 2, 3, 4, 7]))
        if chance < 0.3 and depth < 2:
            return self.record(depth + 1)
        return self.scalar()

    def bit_field(self, index: int) -> Member:
        """A bit-field, or a plain member among them."""
        chance = self.rng.random()
        if chance < 0.25:
            return Member(f"m{index}", self.rng.choice(INTS))
        of = self.rng.choice([INTS[2], INTS[4], INTS[5], INTS[6], INTS[7], INTS[8]])
        if chance < 0.32:
            return Member("", of, self.rng.randint(0, 3))
        return Member(f"m{index}", of, self.rng.randint(1, 8 * of.size))

    def parameter(self, index: int) -> Parameter:
        """A parameter of any type."""
        of = self.parameter_type()
        traits = set()
        chance = self.rng.random()
        if chance < 0.12:
            traits.add("unused")
        elif chance < 0.3:
            traits.add("partly")
        elif chance < 0.36 and isinstance(of, Scalar) and of.kind is Kind.INT:
            traits.add("constant")
        elif chance < 0.55 and isinstance(of, Scalar) and of.kind is Kind.POINTER:
            traits.add("dereferenced")
        if self.rng.random() < 0.06 and not isinstance(of, Special):
            traits.add("const")
        return Parameter(f"{self.rng.choice(['a', 'key', 'value', 'len', 'p'])}{index}", of, frozenset(traits))

    def parameter_type(self) -> Type:
        """What a parameter can be."""
        return self.type()

    def function(self, number: int) -> Function:
        """A function."""
        count = self.rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12])
        parameters = tuple(self.parameter(i) for i in range(count))
        traits = {self.rng.choice(BODIES)} if self.rng.random() < 0.4 else set()
        traits |= {name for name, chance in self.chances().items() if self.rng.random() < chance}
        result = None if self.rng.random() < 0.35 else self.result()
        return Function(number, parameters, result, frozenset(traits))

    def result(self) -> Type:
        """What a function can return."""
        return self.type()

    def chances(self) -> dict[str, float]:
        """How likely a function has each trait."""
        return {"static": 0.4, "noipa": 0.35, "variadic": 0.04, "twice": 0.3, "kept": 0.7}
