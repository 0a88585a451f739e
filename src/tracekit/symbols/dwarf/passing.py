"""How C++ passes a class by value, told by its special members where its compiler doesn't say.

clang says it (``DW_AT_calling_convention``), GCC 12 doesn't. A class is passed as a pointer to a copy if it is
"non-trivial for the purposes of calls": if a copy or move constructor or the destructor isn't trivial, or all
copy and move constructors are deleted.

Source: Itanium C++ ABI, 1.1; C++20, class.copy.ctor p11 and class.dtor p8 (what is trivial). GCC lists all
members that a class declares, and from version 7 on marks what is defaulted (``gcc/dwarf2out.cc``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tracekit.core.source import Passing
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.producers import producer
from tracekit.symbols.dwarf.records import RECORDS, is_static, plain
from tracekit.values import define

_SAID: Final[Mapping[int, Passing]] = {4: Passing.REFERENCE, 5: Passing.VALUE}
"""``DW_CC_pass_by_reference`` and ``DW_CC_pass_by_value`` (DWARF 5, 7.20)."""

_GCC: Final = re.compile(r"GNU C\+\+\d* (\d+)\.")
_FIRST: Final = 7
"""GCC's first version that marks what is defaulted."""

_IN_CLASS: Final = 1
"""``DW_DEFAULTED_in_class``."""

_REFERENCES: Final = ("DW_TAG_reference_type", "DW_TAG_rvalue_reference_type")
_MOVED: Final = "DW_TAG_rvalue_reference_type"
_DEEPEST: Final = 32


@define
class _Evidence:
    """What the members of a class say of how it is passed.

    Attributes:
        reference: whether one of them makes it non-trivial.
        unsure: whether one may, which the debug information doesn't tell.
        deleted: whether it deletes a copy or move constructor.
        kept: whether it declares one that isn't deleted.
    """

    reference: bool = False
    unsure: bool = False
    deleted: bool = False
    kept: bool = False


def passing(die: Die, *, by_value: bool, depth: int = 0) -> Passing | None:
    """How a class is passed by value; None if its debug information doesn't tell.

    Args:
        die: the entry of a class, struct or union of C++.
        by_value: whether one is passed at all; if not, only what the compiler says by itself is of interest.
        depth: how many classes that one is in have been asked.
    """
    said = _SAID.get(die.number("DW_AT_calling_convention") or 0)
    if said is not None:
        return said
    if (
        die.flag("DW_AT_declaration")
        or depth > _DEEPEST
        or not by_value
        or not _lists_members(producer(die.unit))
    ):
        return None
    found = _Evidence()
    several = _alternatives(die)
    for child in die.children("DW_TAG_member", "DW_TAG_inheritance", "DW_TAG_subprogram"):
        if child.tag == "DW_TAG_subprogram" and _role(die, child) in several:
            found.unsure = True
        elif child.tag == "DW_TAG_subprogram":
            _weigh_function(die, child, found)
        elif not is_static(child):
            _weigh_member(child, found, depth)
        if found.reference:
            return Passing.REFERENCE
    if found.unsure:
        return None
    return Passing.REFERENCE if found.deleted and not found.kept else Passing.VALUE


def _lists_members(words: str) -> bool:
    """Whether a compiler lists a class's members and marks the defaulted ones, by its words for itself."""
    found = _GCC.match(words)
    return found is not None and int(found[1]) >= _FIRST and "-gstrict-dwarf" not in words


def _weigh_member(member: Die, found: _Evidence, depth: int) -> None:
    if member.number("DW_AT_virtuality"):
        found.reference = True
        return
    kind = member.reference("DW_AT_type")
    for _ in range(_DEEPEST):
        kind = plain(kind) if kind is not None else None
        if kind is None or kind.tag != "DW_TAG_array_type":
            break
        kind = kind.reference("DW_AT_type")
    if kind is not None and kind.tag in RECORDS:
        inner = passing(kind.reference("DW_AT_signature") or kind, by_value=True, depth=depth + 1)
        found.reference = inner is Passing.REFERENCE
        found.unsure = found.unsure or inner is None


def _weigh_function(die: Die, function: Die, found: _Evidence) -> None:
    if function.number("DW_AT_virtuality"):
        found.reference = True
        return
    name = function.text("DW_AT_name")
    short = die.text("DW_AT_name").partition("<")[0]
    if function.flag("DW_AT_artificial"):
        return
    own = function.number("DW_AT_defaulted") != _IN_CLASS
    if name == f"~{short}":
        found.reference = own
    elif name == short:
        parameters = list(_parameters(function))
        if parameters and _is_reference_to(parameters[0], die):
            if len(parameters) > 1:
                # The others may have defaults, which would make it a copy constructor.
                found.unsure = True
            elif function.flag("DW_AT_deleted"):
                found.deleted = True
            else:
                found.kept = True
                found.reference = own
    elif name == "operator=":
        # With a move assignment, and no constructor for it, there is nothing left to copy with.
        moved = any(kind is not None and plain(kind).tag == _MOVED for kind in _parameters(function))
        found.deleted = found.deleted or moved


def _alternatives(die: Die) -> set[str]:
    """The special members that a class has several of: C++20's ``requires`` chooses among them."""
    seen: set[str] = set()
    several: set[str] = set()
    for child in die.children("DW_TAG_subprogram"):
        role = _role(die, child)
        if role and role in seen:
            several.add(role)
        seen.add(role)
    return several


def _role(die: Die, function: Die) -> str:
    """Which special member a function of a class is; empty for none that counts here."""
    name = function.text("DW_AT_name")
    short = die.text("DW_AT_name").partition("<")[0]
    if function.flag("DW_AT_artificial"):
        return ""
    if name == f"~{short}":
        return "destructor"
    parameters = list(_parameters(function)) if name == short else []
    if len(parameters) == 1 and parameters[0] is not None and _is_reference_to(parameters[0], die):
        return plain(parameters[0]).tag
    return ""


def _parameters(function: Die) -> Iterator[Die | None]:
    """The types of a function's parameters without those that the compiler added."""
    for parameter in function.children("DW_TAG_formal_parameter"):
        if not parameter.flag("DW_AT_artificial"):
            yield parameter.reference("DW_AT_type")


def _is_reference_to(kind: Die | None, die: Die) -> bool:
    if kind is None or plain(kind).tag not in _REFERENCES:
        return False
    target = plain(kind).reference("DW_AT_type")
    if target is None:
        return False
    target = plain(target)
    # In a unit of its own a type may refer to itself by the signature.
    return (target.reference("DW_AT_signature") or target).key == die.key
