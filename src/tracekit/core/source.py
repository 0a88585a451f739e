"""Types as a program's source declares them: what paths such as ``req->hdr.len`` walk through.

Types refer to one another by number, since they can be cyclic (a list's node points at a node). A
``Types`` holds all that a function's signature can reach, so that it can be stored and compared.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs

from tracekit.values import frozen

TypeId = int
"""A type's number in its ``Types``."""

VOID: Final[TypeId] = 0
"""The number of the type without values; a pointer to what isn't known points at it, too."""


class Encoding(enum.Enum):
    """What the bits of a base type mean."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    BOOL = "bool"
    FLOAT = "float"
    COMPLEX = "complex"


@frozen
class Void:
    """No value, or one of which nothing is known but that it exists.

    Attributes:
        name: an incomplete type's name; ``void`` for none.
    """

    name: str = "void"


@frozen
class Base:
    """A number, a truth value or a character.

    Attributes:
        name: as in the source: ``unsigned int``.
        size: bytes that it takes.
        encoding: what its bits mean. A float of 16 bytes on x86-64 is x87's 80-bit ``long double``, unless
            its name says that it is a ``__float128``; elsewhere it is IEEE's binary128.
    """

    name: str
    size: int
    encoding: Encoding


class PointerKind(enum.Enum):
    """How the source uses a pointer."""

    POINTER = "pointer"
    REFERENCE = "reference"
    RVALUE_REFERENCE = "rvalue-reference"


@frozen
class Pointer:
    """An address of 64 bits.

    Attributes:
        target: the type of what it points at; ``VOID`` if that is not known.
        kind: whether the source hides it, as C++ does behind a reference.
        name: its name, if it has one of its own (Rust's ``&str`` has one for its inner pointer).
        size: bytes; 16 for a C++ pointer to a member function.
    """

    target: TypeId
    kind: PointerKind = PointerKind.POINTER
    name: str = ""
    size: int = 8


@frozen
class Field:
    """A member of a record.

    Attributes:
        name: empty for an anonymous one, whose own members count as the record's.
        type: its type.
        bit_offset: bits from the record's start, counted as the machine numbers a word's bits from its
            least one (little endian); of a bit-field, where its least bit is.
        bit_size: a bit-field's width; None for a member that is none.
        base: whether it is a base class.
    """

    name: str
    type: TypeId
    bit_offset: int
    bit_size: int | None = None
    base: bool = False


@frozen
class Variant:
    """One of the shapes that a Rust enum can have.

    Attributes:
        field: what it holds, under the variant's name.
        values: the discriminant's values that mean it; empty for the one that all others mean.
    """

    field: Field
    values: tuple[int, ...] = ()


class RecordKind(enum.Enum):
    """What the source calls a record."""

    STRUCT = "struct"
    CLASS = "class"
    UNION = "union"


class Passing(enum.Enum):
    """How C++ passes a class by value (``DW_AT_calling_convention`` of the type, DWARF 5, 7.20)."""

    VALUE = "value"
    REFERENCE = "reference"


@frozen
class Record:
    """A struct, class or union; a Go struct, string, slice or interface; a Rust struct, tuple or enum.

    Attributes:
        name: as in the source, qualified; empty for an anonymous one.
        size: bytes that it takes.
        kind: what the source calls it.
        fields: its members in the order of the debug information, base classes too.
        align: its alignment in bytes if the debug information says so; None if not.
        passing: how C++ passes it by value; None if the debug information doesn't say.
        discriminant: of a Rust enum with several variants, what tells them apart; None if nothing does.
        variants: of a Rust enum, its variants.
        arguments: of a generic one, the types that it was made with, in order.
    """

    name: str
    size: int
    kind: RecordKind
    fields: tuple[Field, ...] = ()
    align: int | None = None
    passing: Passing | None = None
    discriminant: Field | None = None
    variants: tuple[Variant, ...] = ()
    arguments: tuple[TypeId, ...] = ()


@frozen
class Array:
    """Elements one after the other, as they are in memory.

    Attributes:
        element: their type.
        count: how many; None if the type doesn't say.
        stride: bytes from one to the next.
        vector: whether it is a SIMD vector, which has registers of its own.
    """

    element: TypeId
    count: int | None
    stride: int
    vector: bool = False


@frozen
class Enumeration:
    """An enumeration of C's kind: an integer whose values have names.

    Attributes:
        name: as in the source.
        size: bytes that it takes.
        signed: whether it has a sign.
        names: the enumerators' names, by their values; of several names for a value the first.
    """

    name: str
    size: int
    signed: bool
    names: Mapping[int, str]


@frozen
class Alias:
    """Another name for a type (``typedef``), or a qualified type, such as a ``const`` one.

    Attributes:
        name: the name; a qualified type's is ``const``, ``volatile``, ``restrict`` or ``_Atomic``.
        target: the type.
        qualifier: whether it only qualifies.
    """

    name: str
    target: TypeId
    qualifier: bool = False


@frozen
class Function:
    """The type of a function, which only pointers point at."""

    name: str = "function"


SourceType = Void | Base | Pointer | Record | Array | Enumeration | Alias | Function
"""A type of the source."""


@frozen
class Types:
    """The types that a function's signature can reach, by their numbers.

    Attributes:
        table: the types. ``VOID`` is known without being in it; a pointer's target may be missing from it,
            where a table was cut to be stored.
    """

    table: Mapping[TypeId, SourceType] = attrs.field(factory=dict)

    def __getitem__(self, number: TypeId) -> SourceType:
        return self.table.get(number, _VOID)

    def resolved(self, number: TypeId) -> SourceType:
        """The type of a number without aliases and qualifiers; ``Void`` if those go in circles."""
        for _ in range(_LONGEST_CHAIN):
            match self[number]:
                case Alias(target=target):
                    number = target
                case found:
                    return found
        return _VOID

    def size(self, number: TypeId) -> int:
        """Bytes that a value of the type takes; 0 if that is not known."""
        match self.resolved(number):
            case Base(size=size) | Pointer(size=size) | Record(size=size) | Enumeration(size=size):
                return size
            case Array(_, count, stride):
                return (count or 0) * stride
            case _:
                return 0

    def spelled(self, number: TypeId, depth: int = 8) -> str:
        """The type as C or its own language writes it, such as ``const uint8_t *``."""
        if depth == 0:
            return "…"
        match self[number]:
            case Alias(name, target, qualifier=True):
                inner = self.spelled(target, depth - 1)
                return f"{inner} {name}" if inner.endswith("*") else f"{name} {inner}"
            case Pointer(target, kind, name):
                if name:
                    return name
                inner = self.spelled(target, depth - 1)
                sign = _SIGNS[kind]
                return f"{inner}{sign}" if inner.endswith("*") else f"{inner} {sign}"
            case Array(element, count, _):
                return f"{self.spelled(element, depth - 1)}[{'' if count is None else count}]"
            case Record(name=name, kind=kind):
                return name or f"{kind.value} {{…}}"
            case Enumeration(name=name):
                return name or "enum {…}"
            case Void(name) | Base(name=name) | Alias(name=name) | Function(name):
                return name


_VOID: Final = Void()
_LONGEST_CHAIN: Final = 64
_SIGNS: Final = {
    PointerKind.POINTER: "*",
    PointerKind.REFERENCE: "&",
    PointerKind.RVALUE_REFERENCE: "&&",
}
