"""Whether types from a file can be: what walks through a type goes into all that is inside of it by value."""

from __future__ import annotations

from typing import Final

from tracekit.core.source import Array, Record, TypeId, Types

_MOST: Final = 200_000
"""Members in all, those of members and so on; the largest structures of kernels have some thousands."""


def check_containment(types: Types) -> None:
    """Refuse types that are inside of themselves, or that come to a great many members.

    Raises:
        ValueError: if there is one.
    """
    known: dict[TypeId, int] = {}
    for number in types.table:
        _members(types, number, known)


def _members(types: Types, number: TypeId, known: dict[TypeId, int]) -> int:
    """How many members a type has by value, itself counted."""
    if number in known:
        if known[number] == 0:
            raise ValueError("a type is inside of itself")
        return known[number]
    known[number] = 0  # being counted
    count = 1
    match types.resolved(number):
        case Record(fields=fields, variants=variants, discriminant=discriminant):
            inside = (*fields, *(v.field for v in variants), *((discriminant,) if discriminant else ()))
            count += sum(_members(types, field.type, known) for field in inside)
        case Array(element=element):
            count += _members(types, element, known)
    if count > _MOST:
        raise ValueError(f"a type has more than {_MOST} members, with those of its members")
    known[number] = count
    return count
