"""How C++ passes a class by value: in the usual places, or as a pointer to a copy."""

from __future__ import annotations

from typing import Final

from tracekit.core.signature import Language, Signature
from tracekit.core.source import Passing, Record, TypeId, Types
from tracekit.symbols.abi.convention import Ask

_DEEPEST: Final = 32


def by_reference(signature: Signature, number: TypeId, ask: Ask) -> bool:
    """Whether a value of a type is passed and returned as a pointer to it.

    It is if its class is "non-trivial for the purposes of calls" (Itanium C++ ABI, 1.1): has a copy or move
    constructor or a destructor that isn't trivial, or only deleted copy and move constructors. Virtual
    functions and bases, and members that are such, make a class so.

    Args:
        signature: of the function that takes or returns it.
        number: its type.
        ask: answers what debug information doesn't tell.
    """
    kind = signature.types.resolved(number)
    if signature.language is not Language.CXX or not isinstance(kind, Record):
        return False
    if (evident := _evident(signature.types, kind, 0)) is not None:
        return evident
    name = kind.name or "a class without a name"
    return ask(f"whether {name} is passed by value or as a pointer to a copy")


def _evident(types: Types, record: Record, depth: int) -> bool | None:
    """Whether it is passed as a pointer; None if that isn't evident."""
    match record.passing:
        case Passing.REFERENCE:
            return True
        case Passing.VALUE:
            return False
        case None:
            for field in record.fields if depth < _DEEPEST else ():
                kind = types.resolved(field.type)
                if field.name.startswith("_vptr"):
                    return True
                if isinstance(kind, Record) and _evident(types, kind, depth + 1):
                    return True
            return None
