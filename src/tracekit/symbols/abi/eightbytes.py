"""The classes of a value's eightbytes: System V AMD64 ABI 1.0, 3.2.3, "Classification"."""

from __future__ import annotations

import enum
from typing import Final

from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Enumeration,
    Pointer,
    Record,
    SourceType,
    TypeId,
    Types,
    Void,
)
from tracekit.symbols.abi.convention import Ask, rounded
from tracekit.symbols.abi.layout import WORD, Leaf, leaves, scalar_alignment, size_of


class Class(enum.Enum):
    """The ABI's classes."""

    NO_CLASS = enum.auto()
    INTEGER = enum.auto()
    SSE = enum.auto()
    SSEUP = enum.auto()
    X87 = enum.auto()
    X87UP = enum.auto()
    COMPLEX_X87 = enum.auto()
    MEMORY = enum.auto()
    UNNAMED = enum.auto()
    """As ``INTEGER``, but nothing of it is known: bit-fields without names."""


MEMORY: Final = (Class.MEMORY,)
LARGEST: Final = 64
"""Bytes of the largest value that registers can hold: ABI, 3.2.3, classification of aggregates, 1."""

_X87: Final = frozenset({Class.X87, Class.X87UP, Class.COMPLEX_X87})


def classify(types: Types, number: TypeId, ask: Ask) -> tuple[Class, ...]:
    """The class of each eightbyte of a value; ``MEMORY`` alone for a value that is in memory.

    Args:
        types: the types.
        number: the value's.
        ask: answers what debug information doesn't tell.
    """
    kind = types.resolved(number)
    if not isinstance(kind, Record) and not (isinstance(kind, Array) and not kind.vector):
        return _after(list(_of_leaf(kind)), ask)
    size = types.size(number)
    if size > LARGEST:
        return MEMORY
    classes = [Class.NO_CLASS] * (rounded(size, WORD) // WORD)
    for leaf in leaves(types, number):
        for at, found in _spread(leaf):
            if at >= len(classes):
                return MEMORY
            classes[at] = _merged(classes[at], found)
    return _after(classes, ask)


def _spread(leaf: Leaf) -> list[tuple[int, Class]]:
    """Which eightbytes a leaf is in, and its class in each."""
    first = leaf.bit_offset // 64
    if leaf.bit_size is not None:
        last = (leaf.bit_offset + max(1, leaf.bit_size) - 1) // 64
        return [(at, Class.INTEGER) for at in range(first, last + 1)]
    part = leaf.type
    if isinstance(part, Base) and part.encoding is Encoding.COMPLEX:
        half = Base(part.name, part.size // 2, Encoding.FLOAT)
        return [
            place
            for offset in (leaf.bit_offset, leaf.bit_offset + 8 * half.size)
            for place in _spread(Leaf(offset, half))
        ]
    if leaf.offset % scalar_alignment(part):
        return [(first, Class.MEMORY)]
    return [(first + at, found) for at, found in enumerate(_of_leaf(part))]


def _of_leaf(kind: SourceType) -> tuple[Class, ...]:
    size = size_of(kind)
    match kind:
        case Base(encoding=Encoding.FLOAT):
            if size <= WORD:
                return (Class.SSE,)
            return (Class.SSE, Class.SSEUP) if is_binary128(kind) else (Class.X87, Class.X87UP)
        case Base(encoding=Encoding.COMPLEX):
            if size <= 2 * WORD:
                return (Class.SSE,) * (rounded(size, WORD) // WORD)
            return MEMORY if is_binary128(kind) else (Class.COMPLEX_X87,)
        case Base() | Pointer() | Enumeration() | Void():
            return (Class.INTEGER,) * (rounded(size, WORD) // WORD) if size <= 2 * WORD else MEMORY
        case Array():
            return _of_vector(size)
        case _:
            return MEMORY


def _of_vector(size: int) -> tuple[Class, ...]:
    if size % WORD or size > LARGEST:
        return MEMORY
    return (Class.SSE, *(Class.SSEUP,) * (size // WORD - 1))


def is_binary128(kind: Base) -> bool:
    """Whether a float of 16 bytes on x86-64 is IEEE's binary128, as its name says, and not x87's."""
    return kind.encoding in (Encoding.FLOAT, Encoding.COMPLEX) and "128" in kind.name


def _merged(one: Class, other: Class) -> Class:
    """The class of an eightbyte that two members share (3.2.3, classification of aggregates, 4)."""
    if one is other or other is Class.NO_CLASS:
        return one
    if one is Class.NO_CLASS:
        return other
    both = {one, other}
    if Class.MEMORY in both:
        return Class.MEMORY
    if Class.INTEGER in both:
        return Class.INTEGER
    return Class.MEMORY if both & _X87 else Class.SSE


def _after(classes: list[Class], ask: Ask) -> tuple[Class, ...]:
    """What is left after the merger (3.2.3, classification of aggregates, 5)."""
    for at, kind in enumerate(classes):
        before = classes[at - 1] if at else Class.NO_CLASS
        if kind is Class.MEMORY or (kind is Class.X87UP and before is not Class.X87):
            return MEMORY
        if kind is Class.SSEUP and before not in (Class.SSE, Class.SSEUP):
            classes[at] = Class.SSE
    if len(classes) > 2:
        # clang takes a vector with padding behind it for a longer one.
        others = set(classes[1:]) - {Class.SSEUP, Class.NO_CLASS}
        one_vector = classes[0] is Class.SSE and classes[1] is Class.SSEUP and not others
        extension = "AVX" if len(classes) <= 4 else "AVX-512"
        if not one_vector or not ask(f"whether the program is compiled for {extension}"):
            return MEMORY
    return tuple(classes)
