"""Signatures by hand, in few words."""

from __future__ import annotations

import attrs

from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece
from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Field,
    Passing,
    Pointer,
    Record,
    RecordKind,
    SourceType,
    TypeId,
    Types,
)
from tracekit.symbols.abi import Convention, Placed

_S, _U, _F, _C = Encoding.SIGNED, Encoding.UNSIGNED, Encoding.FLOAT, Encoding.COMPLEX


@attrs.define
class Sources:
    """Makes types, and signatures of them."""

    language: Language = Language.C
    producer: str = "GNU C17 12.2.0 -mtune=generic"
    table: dict[TypeId, SourceType] = attrs.field(factory=dict)

    def add(self, kind: SourceType) -> TypeId:
        """A type's number."""
        number = len(self.table) + 1
        self.table[number] = kind
        return number

    def integer(self, size: int, signed: bool = True, name: str = "") -> TypeId:
        """An integer of some bytes."""
        return self.add(Base(name or f"int{8 * size}", size, _S if signed else _U))

    def real(self, size: int, name: str = "") -> TypeId:
        """A floating-point number of some bytes."""
        return self.add(Base(name or {4: "float", 8: "double", 16: "long double"}[size], size, _F))

    def complex(self, size: int) -> TypeId:
        """A complex number of some bytes in all."""
        return self.add(Base("complex", size, _C))

    def pointer(self, target: TypeId = 0, size: int = 8, name: str = "") -> TypeId:
        """A pointer."""
        return self.add(Pointer(target, name=name, size=size))

    def vector(self, element: TypeId, count: int, stride: int) -> TypeId:
        """A SIMD vector."""
        return self.add(Array(element, count, stride, vector=True))

    def array(self, element: TypeId, count: int, stride: int) -> TypeId:
        """An array."""
        return self.add(Array(element, count, stride))

    def struct(
        self,
        *fields: tuple[int, TypeId] | Field,
        size: int,
        name: str = "s",
        align: int | None = None,
        passing: Passing | None = None,
        kind: RecordKind = RecordKind.STRUCT,
    ) -> TypeId:
        """A record of fields at offsets in bytes."""
        members = tuple(
            f if isinstance(f, Field) else Field(f"m{n}", f[1], 8 * f[0]) for n, f in enumerate(fields)
        )
        return self.add(Record(name, size, kind, members, align, passing))

    def function(
        self,
        *parameters: TypeId | Parameter,
        result: TypeId | None = None,
        results: tuple[TypeId, ...] = (),
        name: str = "f",
        symbol: str = "f",
        variadic: bool = False,
    ) -> Signature:
        """A function's signature."""
        listed = tuple(
            p if isinstance(p, Parameter) else Parameter(f"p{n}", p) for n, p in enumerate(parameters)
        )
        return Signature(
            name=name,
            symbol=symbol,
            address=0,
            language=self.language,
            types=Types(self.table),
            parameters=listed,
            result=result,
            results=tuple(Parameter(f"~r{n}", r) for n, r in enumerate(results)),
            variadic=variadic,
            producer=self.producer,
        )


def short(placed: Placed) -> str:
    """Where something is: ``rdi``, ``[8]`` on the stack, ``*rdi`` behind a pointer, ``?`` if refused."""
    if placed.pieces is None:
        return "?"
    return " ".join(f"{_place(p.location)}{_span(p)}" for p in placed.pieces)


def arguments(convention: Convention) -> list[str]:
    """Where the arguments are."""
    return [short(placed) for placed in convention.arguments]


def results(convention: Convention) -> list[str]:
    """Where the results are."""
    return [short(placed) for placed in convention.results]


def _span(piece: Piece) -> str:
    return f"@{piece.offset}" if piece.offset else ""


def _place(location: Location) -> str:
    match location:
        case InRegister(name) | InVector(name):
            return name
        case InX87(index):
            return f"st{index}"
        case OnStack(offset):
            return f"[{offset}]"
        case Behind(pointer):
            return f"*{_place(pointer)}"
