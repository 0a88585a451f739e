"""Random Rust signatures."""

from __future__ import annotations

import random

from tests.truth.model import Array, Enum, Function, Kind, Member, Parameter, Record, Scalar, Special, Sum, Type

INTS = (
    *(Scalar(f"i{bits}", bits // 8, signed=True) for bits in (8, 16, 32, 64)),
    *(Scalar(f"u{bits}", bits // 8) for bits in (8, 16, 32, 64)),
    Scalar("usize", 8),
    Scalar("isize", 8, signed=True),
)
WIDE = (Scalar("i128", 16, signed=True), Scalar("u128", 16))
OTHERS = (Scalar("bool", 1, Kind.BOOL), Scalar("char", 4, Kind.CHAR))
FLOATS = (Scalar("f32", 4, Kind.FLOAT), Scalar("f64", 8, Kind.FLOAT))
POINTERS = (Scalar("*const u8", 8, Kind.POINTER), Scalar("*mut i32", 8, Kind.POINTER))
ENUMS = (
    Enum(Scalar("u8", 1), (0, 1, 2)),
    Enum(Scalar("i16", 2, signed=True), (-300, 5, 1000)),
    Enum(Scalar("u64", 8), (1, 0x123456789ABC)),
)
U64 = INTS[7]
U8 = INTS[4]
TARGETS = (U64, INTS[2], Array(U8, 5))
C_FORMS = frozenset({"C"})


class RustMaker:
    """Makes signatures of Rust."""

    def __init__(self, rng: random.Random, architecture: str) -> None:
        self.rng = rng
        self.architecture = architecture
        self.seen: list[Type] = []

    def scalar(self) -> Type:
        """A scalar."""
        chance = self.rng.random()
        for limit, choices in ((0.6, INTS), (0.68, OTHERS), (0.83, FLOATS), (0.88, POINTERS), (0.94, ENUMS)):
            if chance < limit:
                return self.rng.choice(choices)
        return self.rng.choice(WIDE)

    def special(self) -> Type:
        """A type of the library."""
        form = self.rng.choice(
            [
                *("ref", "mutref", "box", "slice", "slice", "mutslice", "str", "str", "String", "Vec"),
                *(
                    "option",
                    "option",
                    "option",
                    "result",
                    "dynref",
                    "dynbox",
                    "fnptr",
                    "nonzero",
                    "range",
                    "unit",
                ),
            ]
        )
        match form:
            case "ref" | "mutref" | "box":
                return Special(form, (self.rng.choice(TARGETS),))
            case "slice" | "mutslice" | "Vec":
                return Special(form, (self.rng.choice([U8, INTS[2], U64, FLOATS[1]]),))
            case "option":
                one = self.rng.choice(
                    [self.scalar(), Special("ref", (U64,)), Special("box", (U64,)), Special("nonzero")]
                )
                return Special(form, (self.rng.choice([one, Special("str"), self.scalar()]),))
            case "result":
                return Special(form, (self.scalar(), self.scalar()))
            case "range":
                return Special(form, (self.rng.choice(INTS),))
            case _:
                return Special(form)

    def type(self, depth: int = 0) -> Type:
        """Any type."""
        if self.seen and self.rng.random() < 0.12:
            return self.rng.choice(self.seen)
        chance = self.rng.random()
        if chance < (0.4 if depth == 0 else 0.65) or depth > 2:
            return self.scalar()
        if chance < (0.65 if depth == 0 else 0.78):
            return self.special()
        if chance < 0.71 + 0.08 * (depth > 0):
            return Array(self.type(depth + 1), self.rng.choice([1, 2, 3, 4, 9]))
        made = self.sum(depth) if chance < 0.78 + 0.08 * (depth > 0) else self.record(depth)
        self.seen.append(made)
        return made

    def sum(self, depth: int) -> Sum:
        """An enum whose variants hold something."""
        variants = [self.variant(depth) for _ in range(self.rng.choice([1, 2, 2, 3, 4]))]
        return Sum(tuple(variants), self.rng.choice(["", "", "", "C", "u8"]))

    def variant(self, depth: int) -> Record:
        """One of them."""
        return Record(
            "variant", tuple(Member("", self.type(depth + 1)) for _ in range(self.rng.choice([0, 1, 1, 2])))
        )

    def record(self, depth: int) -> Record:
        """A struct or tuple."""
        form = self.rng.choice(["struct", "struct", "struct", "tuple", "tuple-struct"])
        count = (
            self.rng.choice([0, 1, 1, 2, 2, 3, 4, 5]) if form != "tuple" else self.rng.choice([1, 2, 2, 3, 4])
        )
        traits, chance = set(), self.rng.random()
        if form != "tuple" and chance < 0.25:
            traits.add("C")
        if form == "struct" and chance < 0.06:
            return Record(
                form, tuple(Member(f"m{i}", self.rng.choice(INTS)) for i in range(count)), frozenset({"packed"})
            )
        return Record(
            form, tuple(Member(f"m{i}", self.type(depth + 1)) for i in range(count)), frozenset(traits)
        )

    def c_type(self, depth: int = 0) -> Type:
        """A type that C has, too."""
        chance = self.rng.random()
        if chance < 0.5 or depth > 1:
            return self.rng.choice([*INTS, *FLOATS, *POINTERS, OTHERS[0]])
        form = "union" if chance < 0.54 else "struct"
        count = self.rng.choice([1, 2, 2, 3, 4])
        members = [self.c_type(depth + 1) for _ in range(count)]
        if form == "union":
            members = [m for m in members if isinstance(m, Scalar)] or [U64]
        elif chance < 0.62:
            members[-1] = Array(self.rng.choice([*INTS, *FLOATS]), self.rng.choice([1, 2, 3, 5]))
        return Record(form, tuple(Member(f"m{i}", m) for i, m in enumerate(members)), C_FORMS)

    def function(self, number: int) -> Function:
        """A function."""
        count = self.rng.choice([1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12])
        form = self.rng.choice(
            [*[""] * 6, "no_mangle", *["indirect", "method", "by-value", "generic"] * 2, "extern-c"]
        )
        parameters = []
        for index in range(count):
            chance = self.rng.random()
            traits = {"unused"} if chance < 0.12 else {"partly"} if chance < 0.25 else set()
            of = self.c_type() if form == "extern-c" else self.type()
            name = f"{self.rng.choice(['a', 'key', 'value', 'size'])}{index}"
            if chance > 0.95 and not owning(of):
                name = "_"
            parameters.append(Parameter(name, of, frozenset(traits)))
        traits = {t for t in ("frame", "escape") if self.rng.random() < 0.1}
        traits |= {form} if form else set()
        traits |= {"kept"} if self.rng.random() < 0.7 else set()
        if form == "extern-c" and self.rng.random() < 0.7:
            traits.add("no_mangle")
        result = None
        if self.rng.random() < 0.6:
            result = self.c_type() if form == "extern-c" else self.type()
        return Function(number, tuple(parameters), result, frozenset(traits))


def owning(of: Type) -> bool:
    """Whether a value frees memory when it is dropped, which isn't its own here."""
    match of:
        case Special(form, inner):
            return form in {"box", "String", "Vec", "dynbox"} or any(map(owning, inner))
        case Record(_, members):
            return any(owning(m.type) for m in members)
        case Array(element):
            return owning(element)
        case Sum(variants):
            return any(map(owning, variants))
        case _:
            return False
