"""The table of values that one function is called with, and what is true of its leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from tests.truth import values
from tests.truth.model import ROWS, Expected, Function, Kind, Path, Scalar, Truth

ALL = frozenset(range(ROWS))


class Rows:
    """Collects the leaves of a function's arguments while its text is written.

    Attributes:
        fields: the type, name and literals of every value in the table.
        truth: what is true in each call.
        dynamic: how many numbers of ``tk_dyn`` the function's calls use.
    """

    def __init__(self, seed: object, function: Function, literal: Callable[[Scalar, Any], str]) -> None:
        self.seed = f"{seed}:{function.number if function.origin is None else function.origin}"
        self.literal = literal
        self.fields: list[tuple[str, str, list[str]]] = []
        self.truth: list[list[Expected]] = [[] for _ in range(ROWS)]
        self.dynamic = 0

    def rng(self, *what: object) -> Any:
        """Random numbers for a thing of this function."""
        return values.rng_of(self.seed, *what)

    def leaf(
        self,
        scalar: Scalar,
        path: Path,
        active: frozenset[int] = ALL,
        *,
        bits: int | None = None,
        choices: tuple[int, ...] = (),
        constant: bool = False,
        limit: int | None = None,
        floor: int = 0,
    ) -> str:
        """Adds a leaf, and returns the name of its value in the table.

        Args:
            scalar: its type.
            path: where in the arguments it is.
            active: the calls in which it is there.
            bits: a bit-field's width.
            choices: an enumeration's values.
            constant: whether it is the same in every call.
            limit: an integer below which it has to be.
            floor: what is added to it then.
        """
        name = f"l{len(self.fields)}"
        literals = []
        for row in range(ROWS):
            rng = self.rng(*path, 0 if constant else row)
            written, expected = _value(rng, scalar, path, bits, choices, limit, floor)
            literals.append(self.literal(scalar, written))
            if row in active:
                self.truth[row].append(attrs.evolve(expected, source=name))
        self.fields.append((scalar.spelling, name, literals))
        return name

    def number(self, spelling: str, literals: list[str]) -> str:
        """Adds values that are no leaf, and returns their name in the table."""
        name = f"l{len(self.fields)}"
        self.fields.append((spelling, name, literals))
        return name

    def expect(self, expected: Expected, active: frozenset[int] = ALL) -> None:
        """Adds what is true without a value in the table."""
        for row in active:
            self.truth[row].append(expected)

    def dyn(self, path: Path, active: frozenset[int] = ALL) -> int:
        """Adds a leaf whose value the program itself writes into ``tk_dyn``, and returns its index there."""
        index = self.dynamic
        self.dynamic += 1
        self.expect(Expected(path, Truth.DYNAMIC, index), active)
        return index

    def mark_read(self, since: Sequence[int], checks: Sequence[str], *, all_of_it: bool) -> None:
        """Says which leaves the function reads.

        Args:
            since: how many leaves each call had before those in question.
            checks: the conditions that the function evaluates.
            all_of_it: whether it reads them all anyway.
        """
        names = {name for check in checks for name in re.findall(r"c(?:->|\.)(l\d+)\b", check)}
        for row, start in zip(self.truth, since, strict=True):
            for index in range(start, len(row)):
                leaf = row[index]
                read = all_of_it or (leaf.source in names if leaf.source else bool(checks))
                row[index] = attrs.evolve(leaf, read=read)

    def counts(self) -> list[int]:
        """How many leaves each call has by now."""
        return [len(row) for row in self.truth]


def _value(
    rng: Any,
    scalar: Scalar,
    path: Path,
    bits: int | None,
    choices: tuple[int, ...],
    limit: int | None,
    floor: int,
) -> tuple[Any, Expected]:
    width = 8 * scalar.size if bits is None else bits
    mask = (1 << width) - 1
    match scalar.kind:
        case Kind.POINTER:
            value = values.offset(rng)
            return value, Expected(path, Truth.DATA, value)
        case Kind.FLOAT | Kind.X87 | Kind.QUAD:
            real = values.real(rng)
            raw, mask = values.real_bits(scalar.kind, real, scalar.size)
            return real, Expected(path, Truth.BITS, raw, mask)
        case Kind.COMPLEX:
            pair = values.real(rng), values.real(rng)
            return pair, _complex(path, scalar, pair)
        case Kind.BOOL:
            value = rng.randint(0, 1)
        case Kind.CHAR:
            value = values.unicode(rng)
        case Kind.INT if choices:
            value = rng.choice(choices)
        case Kind.INT:
            value = values.integer(rng, width, scalar.signed)
            if limit is not None:
                value = floor + abs(value) % limit
    return value, Expected(path, Truth.BITS, value & mask, mask)


def _complex(path: Path, scalar: Scalar, pair: tuple[float, float]) -> Expected:
    half = scalar.size // 2
    kind = {"x87": Kind.X87, "quad": Kind.QUAD}.get(scalar.spelling.partition("/")[2], Kind.FLOAT)
    (low, mask), (high, _) = (values.real_bits(kind, part, half) for part in pair)
    shift = 8 * half
    return Expected(path, Truth.BITS, low | high << shift, mask | mask << shift)
