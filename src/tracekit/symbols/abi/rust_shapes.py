"""What rustc makes of types: one or two scalars, or a block of memory.

Its calling convention is about these shapes (``BackendRepr``). Source: ``compiler/rustc_abi/src/layout.rs``,
compared with what rustc 1.63 and 1.95 make of 110 types. The debug information has the offsets of fields, which
rustc reorders, but not ``#[repr(C)]``, with which a field that is alone in its record is no scalar.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from tracekit.core.source import (
    Base,
    Encoding,
    Enumeration,
    Field,
    Function,
    Pointer,
    Record,
    RecordKind,
    TypeId,
    Types,
)
from tracekit.symbols.abi.convention import Ask, rounded
from tracekit.symbols.abi.layout import WORD, is_empty, size_of
from tracekit.values import frozen

_DEEPEST: Final = 32
_LIBRARY: Final = re.compile(r"(core|alloc|std)::|[(&*\[{]")
_TRANSPARENT_UNION: Final = re.compile(r"(core::mem::)?(maybe_uninit::)?MaybeUninit<")
_ATOMIC: Final = re.compile(r"core::sync::atomic::Atomic")
_VECTOR: Final = re.compile(r"(.*::)?(__m\d+[di]?\b|Simd<)")

FIRST_MEASURED: Final = (1, 63)
LAST_MEASURED: Final = (1, 95)


@frozen
class Scalar:
    """What one or two registers hold.

    Attributes:
        offset: bytes from the value's start.
        size: bytes; 16 takes two registers.
        kind: ``float``, ``pointer``, ``signed`` or ``unsigned``.
    """

    offset: int
    size: int
    kind: str


Shape = tuple[Scalar, ...] | None
"""No scalar for a value without bytes, one or two; None for memory."""


@frozen
class Shapes:
    """Finds the shapes of one signature's types.

    Attributes:
        types: the types.
        version: rustc's; empty if not known.
        ask: answers what debug information doesn't tell.
        function_items: whether what looks like a function pointer may be a function itself.
    """

    types: Types
    version: tuple[int, ...]
    ask: Ask
    function_items: bool = False

    def of(self, number: TypeId, at: int = 0, depth: int = 0, *, beside: bool = False) -> Shape:
        """The shape of a type.

        Args:
            number: the type.
            at: bytes that are added to all offsets.
            depth: how many records it is inside of.
            beside: whether it may become one of a pair.
        """
        if depth > _DEEPEST:
            return None
        kind = self.types.resolved(number)
        size = size_of(kind)
        match kind:
            case _ if is_empty(self.types, number):
                return () if not size else None
            case Base(size=0):
                return ()
            case Base(encoding=Encoding.FLOAT):
                return (Scalar(at, size, "float"),)
            case Base(encoding=Encoding.SIGNED) | Enumeration(signed=True):
                return (Scalar(at, size, "signed"),)
            case Base() | Enumeration():
                return (Scalar(at, size, "unsigned"),)
            case Pointer() if self._is_function_item(number):
                return ()
            case Pointer(size=8):
                return (Scalar(at, size, "pointer"),)
            case Record() as record if _VECTOR.match(record.name) or _ATOMIC.match(record.name):
                return None
            case Record(kind=RecordKind.UNION) as record:
                return self._of_union(record, at, depth)
            case Record(discriminant=Field()) as record:
                return self._of_enum(record, at, depth, beside)
            case Record() as record:
                fields = [*record.fields, *(v.field for v in record.variants)]
                return self._of_struct(record, fields, at, depth, beside)
            case _:
                return None

    def _is_function_item(self, number: TypeId) -> bool:
        kind = self.types.resolved(number)
        return (
            self.function_items
            and isinstance(kind, Pointer)
            and isinstance(self.types.resolved(kind.target), Function)
            and self.ask("whether a function is passed by its address or by its type alone")
        )

    def _sized(self, fields: list[Field]) -> list[Field]:
        return [f for f in fields if self.types.size(f.type) and not self._is_function_item(f.type)]

    def _of_struct(self, record: Record, fields: list[Field], at: int, depth: int, beside: bool) -> Shape:
        """``univariant``: "Unpack newtype ABIs and find scalar pairs"."""
        sized = self._sized(fields)
        beside |= len(sized) > 1
        shapes = [self.of(f.type, at + f.bit_offset // 8, depth + 1, beside=beside) for f in sized]
        match sized, shapes:
            case [], _:
                return ()
            case [field], [shape]:
                if field.bit_offset or self.types.size(field.type) != record.size or shape is None:
                    return None
                return None if self._is_block(record, shape, beside) else shape
            case [_, _], [(Scalar() as one,), (Scalar() as other,)]:
                return _pair(one, other, at, record)
            case _:
                return None

    def _is_block(self, record: Record, shape: tuple[Scalar, ...], beside: bool) -> bool:
        """Whether a record of one field is memory since it is ``#[repr(C)]``, as far as that matters."""
        if len(shape) != 1 or record.variants or _LIBRARY.match(record.name):
            return False
        return (beside or shape[0].kind == "float") and self.ask(f"whether {record.name} is #[repr(C)]")

    def _of_union(self, record: Record, at: int, depth: int) -> Shape:
        shapes = {self.of(f.type, at, depth + 1) for f in self._sized(list(record.fields))}
        if len(shapes) != 1:
            return None
        (shape,) = shapes
        if shape and sum(s.size for s in shape) < record.size and len(shape) == 1:
            return None
        if _TRANSPARENT_UNION.match(record.name) or shape is None:
            return shape
        if len(shape) == 1 and shape[0].kind != "float":
            return shape
        return None if self.ask(f"whether {record.name} is #[repr(C)]") else shape

    def _of_enum(self, record: Record, at: int, depth: int, beside: bool) -> Shape:
        """``layout_of_enum``: a tag, or a value of a field that it can't have otherwise (a niche)."""
        payloads = []
        niche = None
        for variant in record.variants:
            inner = self.types.resolved(variant.field.type)
            fields = self._sized(list(inner.fields)) if isinstance(inner, Record) else []
            if not variant.values and len(record.variants) > 1:
                niche = (variant, fields)
            elif fields:
                payloads.append(fields)
        if niche is not None:
            inner = self.types.resolved(niche[0].field.type)
            if payloads or not isinstance(inner, Record):
                return None
            whole = attrs.evolve(inner, size=record.size, name="{variant}")
            return self._of_struct(whole, niche[1], at, depth, beside)
        assert record.discriminant is not None
        tag_at = at + record.discriminant.bit_offset // 8
        tag = Scalar(tag_at, self.types.size(record.discriminant.type), "unsigned")
        if not payloads:
            return (tag,) if tag.size == record.size else None
        if any(len(fields) != 1 for fields in payloads):
            return None
        shapes = [self.of(f.type, at + f.bit_offset // 8, depth + 1, beside=True) for (f,) in payloads]
        scalars = {shape[0] for shape in shapes if shape is not None and len(shape) == 1}
        if any(shape is None or len(shape) != 1 for shape in shapes):
            return None
        if len({(s.offset, s.size, s.kind == "float") for s in scalars}) != 1:
            return None
        if len(scalars) > 1 and not self._unites():
            return None
        return _pair(tag, next(iter(scalars)), at, record)

    def _unites(self) -> bool:
        """Whether integers of both signs and pointers count as one kind: in 1.95, not in 1.63."""
        if self.version and self.version >= LAST_MEASURED:
            return True
        if self.version and self.version < (1, 64):
            return False
        return self.ask("whether the program's rustc treats integers and pointers in an enum's variants alike")


def _pair(one: Scalar, other: Scalar, at: int, record: Record) -> Shape:
    """Two scalars, if they are where rustc puts two scalars; in a packed record they are none."""
    first, second = sorted((one, other), key=lambda s: s.offset)
    packed = record.align is not None and record.align < min(max(first.size, second.size), WORD)
    if packed or first.offset != at:
        return None
    for largest in (2 * WORD, WORD):  # Until 1.77, integers of 16 bytes are aligned to 8.
        follows = rounded(first.size, min(second.size, largest))
        align = min(max(first.size, second.size), largest)
        if second.offset == at + follows and rounded(follows + second.size, align) == record.size:
            return first, second
    return None
