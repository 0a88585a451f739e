"""Random C++ signatures."""

from __future__ import annotations

import random

import attrs
from tests.truth.model import Array, Enum, Function, Kind, Member, Record, Scalar, Special, Type
from tests.truth.random_c import FLOATS, INTS, POINTERS, Maker

CHARACTERS = (
    Scalar("wchar_t", 4, signed=True),
    Scalar("char16_t", 2),
    Scalar("char32_t", 4),
    Scalar("char8_t", 1),
)
ENUM_CLASSES = (
    Enum(Scalar("short", 2, signed=True), (-7, 3, 12345)),
    Enum(Scalar("unsigned char", 1), (1, 200, 255)),
    Enum(Scalar("long", 8, signed=True), (-7, 3, 123456789012345)),
)
FORMS = ("method", "constructor", "template", "lambda")


class CxxMaker(Maker):
    """Makes signatures of C++."""

    def __init__(self, rng: random.Random, architecture: str) -> None:
        super().__init__(rng, architecture, cxx=True)

    def scalar(self) -> Type:
        chance = self.rng.random()
        if chance < 0.06:
            return self.rng.choice(CHARACTERS)
        if chance < 0.12:
            return self.rng.choice(ENUM_CLASSES)
        return super().scalar()

    def record(self, depth: int) -> Record:
        if self.rng.random() < 0.45:
            return self.class_type(depth)
        made = super().record(depth)
        if made.form == "union":
            members = tuple(m for m in made.members if trivial(m.type))
            made = attrs.evolve(made, members=members or (Member("m0", INTS[7]),))
        return made

    def class_type(self, depth: int) -> Record:
        """A class with a constructor."""
        members = [
            Member(f"m{i}", self.class_member(depth)) for i in range(self.rng.choice([1, 1, 2, 2, 3, 4]))
        ]
        traits = {"constructor"}
        if self.rng.random() < 0.35:
            traits.add("nontrivial")
        if self.rng.random() < 0.3:
            traits.add("derived")
        if self.rng.random() < 0.12:
            traits.add("virtual")
        return Record("class", tuple(members), frozenset(traits))

    def class_member(self, depth: int) -> Type:
        """What a class of ours can have as a member."""
        return self.record(depth + 1) if depth < 2 and self.rng.random() < 0.2 else self.scalar()

    def parameter_type(self) -> Type:
        if self.rng.random() < 0.3:
            return self.special()
        return self.type()

    def special(self) -> Type:
        """A reference, or a class of the library."""
        simple = self.rng.choice([*INTS, *FLOATS, POINTERS[1]])
        inner = self.type()
        if isinstance(inner, Array) or (isinstance(inner, Record) and "packed" in inner.traits):
            inner = INTS[5]
        choices: list[Type] = [
            *(Special(f"{kind}reference", (inner,)) for kind in ("", "const-", "rvalue-")),
            *(Special(form) for form in ("string", "string", "string_view", "string_view", "nullptr_t")),
            Special("vector", (simple,)),
            Special("shared_ptr", (INTS[7],)),
            Special("unique_ptr", (INTS[7],)),
            Special("span", (simple,)),
            Special("pair", (simple, self.pair_of())),
            Special("optional", (simple,)),
            Special("complex", (FLOATS[1],)),
            Special("member-function"),
            Special("member"),
        ]
        return self.rng.choice(choices)

    def pair_of(self) -> Type:
        """What the second of a pair can be."""
        made = self.scalar()
        return made if isinstance(made, Scalar) and made.kind in {Kind.INT, Kind.FLOAT, Kind.BOOL} else INTS[1]

    def function(self, number: int) -> Function:
        made = super().function(number)
        traits = set(made.traits)
        if self.rng.random() < 0.55:
            form = self.rng.choice(FORMS)
            traits.add(form)
            if form == "method" and self.rng.random() < 0.3:
                traits.add("virtual")
            if form != "template":
                traits.discard("variadic")
            if form == "constructor":
                made = attrs.evolve(made, result=None)
        elif self.rng.random() < 0.3:
            traits.add("namespace")
        if traits & {"lambda"}:
            traits -= {"static", "namespace"}
        if any(isinstance(p.type, Special) for p in made.parameters):
            traits.discard("variadic")
        return attrs.evolve(made, traits=frozenset(traits))

    def chances(self) -> dict[str, float]:
        return super().chances() | {"variadic": 0.03}


def trivial(of: Type) -> bool:
    """Whether a union can have a member of the type."""
    match of:
        case Record(_, members, traits):
            return not traits & {"nontrivial", "virtual"} and all(trivial(m.type) for m in members)
        case Array(element):
            return trivial(element)
        case _:
            return True
