"""Writes the types and values of C programs, and what C++ has in common with C."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from tests.truth.model import (
    Array,
    Enum,
    Kind,
    Member,
    Path,
    Record,
    Scalar,
    Special,
    Sum,
    Type,
)
from tests.truth.rows import Rows
from tests.truth.values import DATA_SIZE

PRELUDE = f"""\
#include <stddef.h>
#include <stdarg.h>
unsigned char tk_data[{DATA_SIZE}] __attribute__((aligned(64), used));
volatile unsigned long tk_now __attribute__((used));
unsigned long volatile tk_dyn[128] __attribute__((used));
unsigned long volatile tk_bad;
void *volatile tk_row;
typedef int (*tk_callback)(int);
struct tk_incomplete;
void *volatile tk_sink;
"""


@attrs.frozen
class Built:
    """How a value is made, and how the function sees that it is the one that was meant.

    Attributes:
        expression: makes it, from the table's row ``r``.
        checks: conditions that hold if a leaf isn't what the row ``c`` says.
    """

    expression: str
    checks: tuple[str, ...] = ()


def literal(scalar: Scalar, value: Any) -> str:
    """A value as C writes it."""
    match scalar.kind:
        case Kind.POINTER:
            return str(value)
        case Kind.FLOAT:
            return float(value).hex() + ("f" if scalar.size == 4 else "")
        case Kind.X87 | Kind.QUAD:
            return f"({scalar.spelling}){float(value).hex()}L"
        case Kind.COMPLEX:
            suffix = {8: "f", 16: "", 32: "L"}[scalar.size]
            return "__builtin_complex(" + ", ".join(f"{float(v).hex()}{suffix}" for v in value) + ")"
        case _:
            bits = value & ((1 << 8 * scalar.size) - 1)
            if scalar.size <= 8:
                return f"({scalar.spelling}){bits:#x}ULL"
            high, low = bits >> 64, bits & (1 << 64) - 1
            return f"({scalar.spelling})((unsigned __int128){high:#x}ULL << 64 | {low:#x}ULL)"


class CValues:
    """Writes types and values.

    Attributes:
        declared: the names of types that were declared, by the types themselves.
    """

    suffix = ".c"

    def __init__(self, seed: object) -> None:
        self.seed = seed
        self.declared: dict[Type, str] = {}
        self.count = 0
        self.declarations: list[str] = []
        self.before_call: list[str] = []

    # Types

    def spelled(self, of: Type) -> str:
        """A type's name; declares it when it is first asked for."""
        match of:
            case Scalar(spelling):
                return spelling.partition("/")[0]
            case _ if of in self.declared:
                return self.declared[of]
        self.count += 1
        text, name = self.declaration(of, f"t{self.count}_")
        self.declared[of] = name
        self.declarations.append(text)
        return name

    def declaration(self, of: Type, name: str) -> tuple[str, str]:
        """A type's declaration under a name, and how to spell it then."""
        match of:
            case Record(form, members, traits):
                inner = " ".join(self.member(m) for m in members)
                attributes = [t for t in sorted(traits) if t.startswith(("packed", "aligned"))]
                how = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
                if "typedef" in traits:
                    return f"typedef {form} {{ {inner} }}{how} {name};", name
                return f"{form}{how} {name} {{ {inner} }};", f"{form} {name}"
            case Enum(scalar, numbers):
                inner = ", ".join(f"{name}e{i} = {self.enumerator(scalar, v)}" for i, v in enumerate(numbers))
                return f"enum {name} {{ {inner} }};", f"enum {name}"
            case Array(element, count, True):
                size = count * element.size if isinstance(element, Scalar) else 0
                return f"typedef {self.spelled(element)} {name} __attribute__((vector_size({size})));", name
            case _:
                raise AssertionError(of)

    def enumerator(self, scalar: Scalar, value: int) -> str:
        """An enumerator's value."""
        return str(value)

    def member(self, member: Member) -> str:
        """A member's declaration."""
        match member:
            case Member("", Record(form, members)):  # anonymous: its members count as the record's
                return f"{form} {{ {' '.join(self.member(m) for m in members)} }};"
            case Member(name, Array(element, count, False), None):
                return self.member(Member(f"{name}[{count}]", element))
            case Member(name, of, None):
                return f"{self.spelled(of)} {name};"
            case Member(name, of, bits):
                return f"{self.spelled(of)} {name} : {bits};"

    # Values

    def build(self, of: Type, path: Path, access: str, rows: Rows, row: str, traits: frozenset[str]) -> Built:
        """How a value of a type is made and checked."""
        match of:
            case Scalar(kind=Kind.POINTER):
                leaf = rows.leaf(attrs.evolve(of, spelling="size_t"), path)
                cast = of.spelling
                checks = [f"(void *){access} != (void *)(tk_data + c->{leaf})"]
                if "dereferenced" in traits and cast == "long *":
                    checks = [f"*{access} != *(long *)(tk_data + c->{leaf})"]
                return Built(f"({cast})(tk_data + {row}->{leaf})", tuple(checks))
            case Scalar():
                leaf = rows.leaf(of, path, constant="constant" in traits)
                if "constant" in traits:
                    return Built(rows.fields[-1][2][0], (f"{access} != c->{leaf}",))
                return Built(f"{row}->{leaf}", (f"{access} != c->{leaf}",))
            case Enum(scalar, numbers):
                leaf = rows.leaf(scalar, path, choices=numbers)
                return Built(
                    f"({self.spelled(of)}){row}->{leaf}", (f"{access} != ({self.spelled(of)})c->{leaf}",)
                )
            case Record("union", members):
                index = rows.rng("union", *path).randrange(len(members))
                return self.build_record(of, [members[index]], path, access, rows, row)
            case Record(_, members):
                return self.build_record(of, members, path, access, rows, row)
            case Array(element, count, vector):
                built = [
                    self.build(element, (*path, i), f"{access}[{i}]", rows, row, frozenset())
                    for i in range(count)
                ]
                checks = tuple(c for b in built for c in b.checks)
                expressions = ", ".join(b.expression for b in built)
                if vector:
                    return Built(self.braced(self.spelled(of), expressions), checks)
                return Built(f"{{ {expressions} }}", checks)
            case Special() | Sum():
                return self.build_special(of, path, access, rows, row)

    def build_record(
        self, of: Record, members: Sequence[Member], path: Path, access: str, rows: Rows, row: str
    ) -> Built:
        """How a record is made with some of its members, and checked."""
        parts, checks = self.members(members, path, access, rows, row)
        return Built(self.braced(self.spelled(of), ", ".join(parts)), tuple(checks))

    def members(
        self, members: Sequence[Member], path: Path, access: str, rows: Rows, row: str
    ) -> tuple[list[str], list[str]]:
        """How members are initialised, and how checked."""
        parts, checks = [], []
        # C++ wants a name for every member or for none, and an anonymous one has none.
        bare = any(not m.name and isinstance(m.type, Record) for m in members)
        for member in members:
            match member:
                case Member("", Record(form, inner)):
                    if form == "union":
                        inner = (inner[rows.rng("union", *path).randrange(len(inner))],)
                    deeper, found = self.members(inner, path, access, rows, row)
                    parts.append(f"{{ {', '.join(deeper)} }}")
                    checks += found
                case Member(""):
                    continue
                case Member(name, Scalar() as scalar, int(bits)):
                    leaf = rows.leaf(scalar, (*path, name), bits=bits)
                    parts.append(f"{'' if bare else f'.{name} = '}{row}->{leaf}")
                    checks.append(f"{access}.{name} != c->{leaf}")
                case Member(name, of):
                    built = self.build(of, (*path, name), f"{access}.{name}", rows, row, frozenset())
                    parts.append(f"{'' if bare else f'.{name} = '}{built.expression}")
                    checks += built.checks
        return parts, checks

    def braced(self, spelling: str, inside: str) -> str:
        """A value of a record, with what stands between its braces."""
        return f"({spelling}){{ {inside} }}"

    def build_special(self, of: Type, path: Path, access: str, rows: Rows, row: str) -> Built:
        """How a value of a library's type is made; C has none."""
        raise AssertionError(of)
