"""The parts of structs, classes, unions and Rust enums.

Source: DWARF 5, 5.7; DWARF 3, 5.5.6 (bit-fields before version 4); Rust RFC 2195 and rustc's variant parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs

from tracekit.core.source import Field, RecordKind, TypeId, Variant
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.names import qualified
from tracekit.symbols.dwarf.skipping import leb
from tracekit.values import frozen

RECORDS: Final[Mapping[str, RecordKind]] = {
    "DW_TAG_structure_type": RecordKind.STRUCT,
    "DW_TAG_class_type": RecordKind.CLASS,
    "DW_TAG_interface_type": RecordKind.CLASS,
    "DW_TAG_union_type": RecordKind.UNION,
}
"""The tags of what has members."""

_NAMELESS: Final = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type",
                    "DW_TAG_atomic_type", "DW_TAG_template_alias", "DW_TAG_immutable_type",
                    "DW_TAG_subrange_type")  # fmt: skip
ADDRESS: Final = 8
"""Bytes of an address."""

FUNCTIONS: Final = ("DW_TAG_subroutine_type", "DW_TAG_subprogram")

_DEEPEST: Final = 64
_PLUS: Final = 0x23
"""``DW_OP_plus_uconst``."""

_MOST_SEARCHED: Final = 3000
"""Scopes of a unit among which the definition of an incomplete type is looked for; each costs some 20 µs."""

Number = Callable[[Die | None], TypeId]
"""Gives a type's number."""


@frozen
class Body:
    """What is in a record; see ``core.source.Record``."""

    fields: tuple[Field, ...] = ()
    discriminant: Field | None = None
    variants: tuple[Variant, ...] = ()


def body(die: Die, number: Number) -> Body:
    """The parts of a record's entry."""
    fields: list[Field] = []
    discriminant: Field | None = None
    variants: tuple[Variant, ...] = ()
    for child in die.children("DW_TAG_member", "DW_TAG_inheritance", "DW_TAG_variant_part"):
        match child.tag:
            case "DW_TAG_member" if not is_static(child):
                if (field := _field(child, number)) is not None:
                    fields.append(
                        _marked(field, child, fields[-1:]) if die.tag != "DW_TAG_union_type" else field
                    )
            case "DW_TAG_inheritance" if not child.number("DW_AT_virtuality"):
                if (field := _field(child, number)) is not None:
                    fields.append(attrs.evolve(field, base=True))
            case "DW_TAG_variant_part":
                discriminant, variants = _variants(child, number)
    return Body(tuple(fields), discriminant, variants)


def plain(die: Die) -> Die:
    """A type's entry without aliases and qualifiers around it."""
    for _ in range(_DEEPEST):
        if die.tag not in _NAMELESS:
            return die
        target = die.reference("DW_AT_type")
        if target is None:
            return die
        die = target
    return die


def size(die: Die) -> int:
    """Bytes that a value of a type takes, as far as its own entries say; 0 if they don't."""
    known = 1
    for _ in range(_DEEPEST):
        die = plain(die)
        own = die.number("DW_AT_byte_size")
        if own is not None:
            return known * own
        if die.tag.endswith(("pointer_type", "reference_type")):
            return known * ADDRESS
        if die.tag == "DW_TAG_ptr_to_member_type":
            # Itanium C++ ABI, 2.3: an offset for data; an address and an adjustment for functions.
            target = die.reference("DW_AT_type")
            return known * (2 * ADDRESS if target is not None and plain(target).tag in FUNCTIONS else ADDRESS)
        element = die.reference("DW_AT_type")
        if die.tag != "DW_TAG_array_type" or element is None:
            return 0
        for dimension in die.children():
            upper = dimension.number("DW_AT_upper_bound")
            known *= dimension.number("DW_AT_count") or (0 if upper is None else (upper + 1) & 0xFFFFFFFF)
        die = element
    return 0


def definition(die: Die) -> Die | None:
    """The complete form of a type that is only declared; None if it isn't at hand.

    A type may be in a unit of its own, or elsewhere in the same unit under its name.
    """
    found = die.reference("DW_AT_signature")
    if found is not None:
        return found
    name = qualified(die)
    scopes = die.unit.outline.scopes
    if not name or len(scopes) > _MOST_SEARCHED:
        return None
    return _defined((die.unit.die(die.unit.start + scope) for scope in scopes), die, name)


def _defined(candidates: Iterable[Die], die: Die, name: str) -> Die | None:
    short = die.text("DW_AT_name")
    for candidate in candidates:
        if candidate.flag("DW_AT_declaration") or not candidate.has("DW_AT_byte_size"):
            continue
        same = candidate.text("DW_AT_name") == short and qualified(candidate) == name
        meant = candidate.reference("DW_AT_specification")
        if same or (meant is not None and meant.key == die.key):
            return candidate
    return None


def is_static(member: Die) -> bool:
    """Whether a member is one of the class, not of its values."""
    return member.flag("DW_AT_external") or member.flag("DW_AT_declaration")


def _field(member: Die, number: Number) -> Field | None:
    """A member; None if nothing tells where it is."""
    kind = member.reference("DW_AT_type")
    offset = _byte_offset(member)
    if offset is None:
        return None
    at = 8 * offset
    bits = member.number("DW_AT_bit_size")
    if bits is not None:
        if (first := member.number("DW_AT_data_bit_offset")) is not None:
            at += first
        elif (from_top := member.number("DW_AT_bit_offset")) is not None:
            # Before DWARF 4 bits were counted from the storage unit's highest one.
            storage = member.number("DW_AT_byte_size") or (size(kind) if kind else 0)
            # Of a packed struct the number is negative, in a form without a sign.
            from_top -= (1 << 32) if from_top >> 31 == 1 else 0
            from_top -= (1 << 64) if from_top >> 63 == 1 else 0
            at += 8 * storage - from_top - bits
    return Field(member.text("DW_AT_name"), number(kind), at, bits)


def _marked(field: Field, member: Die, before: Sequence[Field]) -> Field:
    """A member; as a bit-field if it overlaps the bit-field before it.

    clang (13 to 19) doesn't mark bit-fields that are as wide as their type, and rounds their offsets down.
    """
    end = sum(f.bit_offset + f.bit_size for f in before if f.bit_size is not None)
    if field.bit_size is None and field.bit_offset < end < field.bit_offset + 8:
        kind = member.reference("DW_AT_type")
        return attrs.evolve(field, bit_offset=end, bit_size=8 * size(kind)) if kind else field
    return field


def _byte_offset(member: Die) -> int | None:
    """Bytes from the record's start; None if that is computed while the program runs (virtual bases)."""
    if not member.has("DW_AT_data_member_location"):
        return 0
    expression = member.block("DW_AT_data_member_location")
    if expression is None:
        constant = member.form("DW_AT_data_member_location") not in ("DW_FORM_sec_offset", "DW_FORM_loclistx")
        return member.number("DW_AT_data_member_location") if constant else None
    if expression[:1] != bytes([_PLUS]):
        return None
    offset, end = leb(expression, 1)
    return offset if end == len(expression) else None


def _variants(part: Die, number: Number) -> tuple[Field | None, tuple[Variant, ...]]:
    told_by = part.reference("DW_AT_discr")
    variants = []
    for variant in part.children():
        if variant.tag != "DW_TAG_variant":
            continue
        values = _discriminants(variant)
        for member in variant.children():
            field = _field(member, number) if member.tag == "DW_TAG_member" else None
            if field is not None:
                variants.append(Variant(field, values))
    return (_field(told_by, number) if told_by is not None else None), tuple(variants)


def _discriminants(variant: Die) -> tuple[int, ...]:
    value = variant.number("DW_AT_discr_value")
    if value is None and (data := variant.block("DW_AT_discr_value")) is not None:
        value = int.from_bytes(data, "little")  # of 128 bits
    return () if value is None else (value,)
