"""Functions with signatures, as data: what is made at random, written as a program, and shrunk."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import attrs

ROWS = 4
"""How often a program calls each of its functions, each time with other values."""


class Kind(enum.Enum):
    """What a scalar's bits are."""

    INT = "int"
    BOOL = "bool"
    CHAR = "char"  # Rust's: a Unicode scalar value
    FLOAT = "float"
    X87 = "long double"
    QUAD = "__float128"
    COMPLEX = "complex"
    POINTER = "pointer"


@attrs.frozen
class Scalar:
    """A leaf of an argument.

    Attributes:
        spelling: its type, as its language writes it.
        size: bytes; of a complex number, both parts.
        kind: what its bits are.
        signed: whether an integer has a sign.
    """

    spelling: str
    size: int
    kind: Kind = Kind.INT
    signed: bool = False


@attrs.frozen
class Member:
    """A member of a record; one without a name only takes room."""

    name: str
    type: Type
    bits: int | None = None


@attrs.frozen
class Record:
    """A struct, union, class or tuple, with what its language can say of it besides."""

    form: str
    members: tuple[Member, ...]
    traits: frozenset[str] = frozenset()


@attrs.frozen
class Array:
    """Some elements in a row; ``vector`` for a SIMD vector."""

    element: Type
    count: int
    vector: bool = False


@attrs.frozen
class Enum:
    """An enumeration of C's kind; its values are those of the row."""

    scalar: Scalar
    values: tuple[int, ...]


@attrs.frozen
class Sum:
    """A Rust enum whose variants may hold something."""

    variants: tuple[Record, ...]
    repr: str = ""


@attrs.frozen
class Special:
    """A type of a language's library: ``std::string``, ``&str``, Go's slice, and so on."""

    form: str
    inner: tuple[Type, ...] = ()


Type = Scalar | Record | Array | Enum | Sum | Special


@attrs.frozen
class Parameter:
    """A parameter and its traits: ``constant`` (the same in every call), ``unused``, ``partly`` used."""

    name: str
    type: Type
    traits: frozenset[str] = frozenset()


@attrs.frozen
class Function:
    """A function to be called; its name is ``tk`` and its number, and ``x``.

    Attributes:
        number: its number in its program.
        parameters: its parameters.
        result: what it returns; None for nothing.
        traits: how it is written and called, in the words of its language's writer.
        origin: the number of the function that it was shrunk from, whose values it keeps.
    """

    number: int
    parameters: tuple[Parameter, ...]
    result: Type | None = None
    traits: frozenset[str] = frozenset()
    origin: int | None = None

    @property
    def name(self) -> str:
        """A name that no other function's name begins with."""
        return f"tk{self.number}x"


class Truth(enum.Enum):
    """How a leaf's true value is known."""

    BITS = "bits"
    DATA = "an address in the program's tk_data"
    DYNAMIC = "a number in the program's tk_dyn"
    VARIANT = "a variant's name"


Path = tuple[str | int, ...]


@attrs.frozen
class Expected:
    """The true value of a leaf in one call.

    Attributes:
        path: from the parameter's name on. An element ``~name`` means the one member of that name at
            any depth.
        truth: how the value is known.
        value: the bits; or the offset in ``tk_data``; or the index in ``tk_dyn``.
        mask: which bits count.
        name: the variant's name.
        source: the name of its value in the table of rows, if it has one there.
        read: whether the function reads it; if not, an optimiser needn't pass it.
    """

    path: Path
    truth: Truth
    value: int = 0
    mask: int = -1
    name: str = ""
    source: str = ""
    read: bool = True


@attrs.frozen
class Emitted:
    """A program as text, and what is true in it.

    Attributes:
        files: the texts by file name.
        truth: the leaves of a call, by the function's number and the row.
    """

    files: dict[str, str]
    truth: dict[tuple[int, int], list[Expected]]


def simpler_types(of: Type) -> Iterator[Type]:
    """Types with a part less, or with less to say, for the shrinker."""
    match of:
        case Record(form, members, traits):
            for index in range(len(members)):
                yield attrs.evolve(of, members=members[:index] + members[index + 1 :])
            for trait in sorted(traits):
                yield attrs.evolve(of, traits=traits - {trait})
            for index, member in enumerate(members):
                for inner in simpler_types(member.type):
                    changed = attrs.evolve(member, type=inner)
                    yield Record(form, (*members[:index], changed, *members[index + 1 :]), traits)
        case Array(element, count, vector):
            if count > 1 and not vector:
                yield attrs.evolve(of, count=count - 1)
            yield from (attrs.evolve(of, element=e) for e in simpler_types(element))
        case Sum(variants):
            for index, variant in enumerate(variants):
                if len(variants) > 1:
                    yield attrs.evolve(of, variants=variants[:index] + variants[index + 1 :])
                for inner in simpler_types(variant):
                    assert isinstance(inner, Record)
                    yield attrs.evolve(of, variants=(*variants[:index], inner, *variants[index + 1 :]))
        case Special(_, inner):
            for index, one in enumerate(inner):
                for simpler in simpler_types(one):
                    yield attrs.evolve(of, inner=(*inner[:index], simpler, *inner[index + 1 :]))
        case _:
            return


def simpler(function: Function) -> Iterator[Function]:
    """Functions with a part less, the greatest steps first."""
    parameters = function.parameters
    for index in range(len(parameters)):
        yield attrs.evolve(function, parameters=parameters[:index] + parameters[index + 1 :])
    if function.result is not None:
        yield attrs.evolve(function, result=None)
    for trait in sorted(function.traits):
        yield attrs.evolve(function, traits=function.traits - {trait})
    for index, parameter in enumerate(parameters):
        changed: list[Parameter] = [
            *(attrs.evolve(parameter, type=t) for t in simpler_types(parameter.type)),
            *(attrs.evolve(parameter, traits=parameter.traits - {t}) for t in sorted(parameter.traits)),
        ]
        for one in changed:
            yield attrs.evolve(function, parameters=(*parameters[:index], one, *parameters[index + 1 :]))


def leaves_in(types: Iterable[Type]) -> int:
    """About how many leaves some types have."""
    total = 0
    for one in types:
        match one:
            case Record(_, members):
                total += leaves_in(m.type for m in members)
            case Array(element, count):
                total += count * leaves_in([element])
            case Sum(variants):
                total += leaves_in(variants)
            case Special(_, inner):
                total += 2 + leaves_in(inner)
            case _:
                total += 1
    return total
