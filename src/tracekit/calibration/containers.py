"""What languages' own strings, slices and vectors are made of: where their data, length and room are.

Sources: libstdc++'s and libc++'s headers (``bits/basic_string.h``, ``string_view``, ``bits/stl_vector.h``,
``bits/stl_tree.h``, ``bits/hashtable.h``, ``bits/stl_list.h``; ``__vector/vector.h``), Rust's ``alloc`` crate
(``String``, ``Vec``, ``RawVec``) and its fat pointers, Go's ``runtime`` (``string.go``, ``slice.go``,
``map.go``, ``chan.go``, ``internal/runtime/maps``). A container is known by its members, whatever it is
called: a struct of the user's with a member ``len`` has that length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tracekit.core.source import Field, Pointer, Record, TypeId, Types

Path = tuple[str, ...]
"""Members, each of the one before."""

LENGTHS: Final[tuple[Path, ...]] = (
    ("len",),
    ("length",),
    ("vec", "len"),
    ("_M_string_length",),
    ("_M_len",),
    ("_M_extent", "_M_extent_value"),
    ("_M_t", "_M_impl", "_M_node_count"),
    ("_M_h", "_M_element_count"),
    ("_M_impl", "_M_node", "_M_size"),
    ("__size_",),
    ("__size",),
    ("used",),
    ("count",),
    ("qcount",),
)
"""Members that count elements."""

CAPACITIES: Final[tuple[Path, ...]] = (
    ("cap",),
    ("buf", "inner", "cap"),
    ("buf", "cap"),
    ("vec", "buf", "inner", "cap"),
    ("vec", "buf", "cap"),
    ("dataqsiz",),
)
"""Members that say for how many elements there is room."""

DATA: Final[tuple[Path, ...]] = (
    ("str",),
    ("array",),
    ("data_ptr",),
    ("buf",),
    ("vec", "buf"),
    ("_M_dataplus", "_M_p"),
    ("_M_str",),
    ("_M_ptr",),
    ("_M_impl", "_M_start"),
    ("__begin_",),
    ("__data_",),
    ("__data",),
)
"""Members that point at the first element, or that have one thing inside which does."""

BOUNDS: Final[tuple[tuple[Path, Path], ...]] = (
    (("_M_impl", "_M_start"), ("_M_impl", "_M_finish")),
    (("__begin_",), ("__end_",)),
)
"""Members that point at the first element and behind the last."""

ROOM: Final[tuple[tuple[Path, Path], ...]] = (
    (("_M_impl", "_M_start"), ("_M_impl", "_M_end_of_storage")),
    (("__begin_",), ("__end_cap_",)),
    (("__begin_",), ("__cap_",)),
)
"""Members that point at the first element and behind the room for the last."""

SMART_POINTERS: Final = ("std::unique_ptr<", "std::shared_ptr<", "std::__uniq_ptr", "alloc::boxed::Box<")

_DEEPEST: Final = 8


def member(types: Types, record: Record, name: str, depth: int = _DEEPEST) -> tuple[Field, int] | None:
    """A member of a record, one of an anonymous member's or a base class's included.

    Returns:
        The member, and the bits from the record's start to it; None if there is none. Its own
        ``bit_offset`` counts from the record that it is directly in.
    """
    candidates = (name, f"__{name}") if name.isdigit() else (name,)
    for field in (*record.fields, *(v.field for v in record.variants)):
        if field.name in candidates:
            return field, field.bit_offset
    if record.discriminant is not None and name == "__discriminant":
        return record.discriminant, record.discriminant.bit_offset
    if depth:
        for field in record.fields:
            inner = types.resolved(field.type)
            if (field.base or not field.name) and isinstance(inner, Record):
                found = member(types, inner, name, depth - 1)
                if found is not None:
                    return found[0], field.bit_offset + found[1]
    return None


def member_names(types: Types, record: Record, depth: int = _DEEPEST) -> Iterator[str]:
    """The names that ``member`` finds."""
    for field in record.fields:
        inner = types.resolved(field.type)
        if field.name and not field.base:
            yield field.name
        elif isinstance(inner, Record) and depth:
            yield from member_names(types, inner, depth - 1)
    yield from (v.field.name for v in record.variants)


def has(types: Types, record: Record, path: Path) -> bool:
    """Whether a record has a member, with the members of it that a path goes on with."""
    inner: Record | None = record
    for name in path:
        found = None if inner is None else member(types, inner, name)
        if found is None:
            return False
        resolved = types.resolved(found[0].type)
        inner = resolved if isinstance(resolved, Record) else None
    return True


def pointer_in(types: Types, number: TypeId, depth: int = _DEEPEST) -> tuple[int, TypeId] | None:
    """The first pointer in a record; wrappers such as Rust's ``NonNull<T>`` and ``std::unique_ptr`` have one.

    Returns:
        The bits from the record's start to it, and its type; None if there is none.
    """
    match types.resolved(number):
        case Pointer():
            return 0, number
        case Record(fields=fields) if depth:
            for field in fields:
                inner = pointer_in(types, field.type, depth - 1)
                if inner is not None:
                    return field.bit_offset + inner[0], inner[1]
    return None
