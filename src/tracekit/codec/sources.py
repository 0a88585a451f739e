"""Types of the source in JSON: they and enumerators are lists, since JSON has only strings for keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracekit.core.containment import check_containment
from tracekit.core.source import Enumeration, SourceType, TypeId, Types
from tracekit.values import frozen

if TYPE_CHECKING:
    from cattrs import Converter


@frozen
class _Type:
    id: TypeId
    definition: SourceType


@frozen
class _Enumerator:
    value: int
    name: str


@frozen
class _Enumeration:
    name: str
    size: int
    signed: bool
    names: tuple[_Enumerator, ...]


def register(converter: Converter) -> None:
    """Teach a converter these forms."""

    def read_types(value: object, _: object) -> Types:
        found = converter.structure(value, tuple[_Type, ...])
        table = {one.id: one.definition for one in found}
        if len(table) < len(found):
            raise ValueError("two types have the same id")
        types = Types(table)
        check_containment(types)
        return types

    def write_types(value: Types) -> list[Any]:
        return [converter.unstructure(_Type(*one)) for one in value.table.items()]

    def read_enumeration(value: Any, _: object) -> Enumeration:
        found = converter.structure(value, _Enumeration)
        names = {one.value: one.name for one in found.names}
        if len(names) < len(found.names):
            raise ValueError("two enumerators have the same value")
        return Enumeration(found.name, found.size, found.signed, names)

    def write_enumeration(value: Enumeration) -> dict[str, Any]:
        names = tuple(_Enumerator(*one) for one in value.names.items())
        plain: dict[str, Any] = converter.unstructure(_Enumeration(value.name, value.size, value.signed, names))
        return {"type": "enumeration", **plain}

    converter.register_structure_hook(Types, read_types)
    converter.register_unstructure_hook(Types, write_types)
    converter.register_structure_hook(Enumeration, read_enumeration)
    converter.register_unstructure_hook(Enumeration, write_enumeration)
