"""One quick pass over a unit: where its functions, scopes and inlined copies are."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import attrs

from tracekit.symbols.dwarf.skipping import Steps, leb, skip
from tracekit.values import frozen

_SCOPES: Final = {
    f"DW_TAG_{tag}_type" for tag in ("structure", "class", "union", "enumeration", "interface")
} | {"DW_TAG_namespace", "DW_TAG_module"}

_REGISTERS: Final = range(0x50, 0x70)
"""``DW_OP_reg0`` … ``DW_OP_reg31``."""

_FBREG: Final = 0x91


class Kind(NamedTuple):
    """What all entries of one abbreviation have in common.

    Attributes:
        tag: ``DW_TAG_…``.
        steps: past the entry's values.
        fixed: bytes of those, if all entries have the same; else -1.
        children: whether entries of their own follow.
        role: one of the constants below.
        before: the steps to the value that the role is about: a function's address, an inlined copy's origin.
        width: bytes of that value; 0 for a LEB128.
        located: the steps to a variable's one place; None if its entries have none, or are of what was inlined.
    """

    tag: str
    steps: Steps
    fixed: int
    children: bool
    role: int = 0
    before: Steps = ()
    width: int = 0
    located: Steps | None = None


OTHER: Final = 0
SCOPE: Final = 1
FUNCTION: Final = 2
RANGED: Final = 3
"""A function in several parts."""
INDEXED: Final = 4
"""A function whose address stands in a table."""
INLINED: Final = 5
INLINED_FAR: Final = 6
"""A copy of a function that another unit describes."""


def role(tag: str, attributes: dict[str, str]) -> tuple[int, str]:
    """What an abbreviation's entries are here, and the attribute that matters of them."""
    if tag in _SCOPES:
        return SCOPE, ""
    if tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in attributes:
        plain = attributes["DW_AT_low_pc"] == "DW_FORM_addr"
        return FUNCTION if plain else INDEXED, "DW_AT_low_pc"
    if tag == "DW_TAG_subprogram" and "DW_AT_ranges" in attributes:
        return RANGED, ""
    if tag == "DW_TAG_inlined_subroutine" and attributes.get("DW_AT_abstract_origin", "")[:-1] == "DW_FORM_ref":
        return INLINED, "DW_AT_abstract_origin"
    if tag == "DW_TAG_inlined_subroutine" and attributes.get("DW_AT_abstract_origin") == "DW_FORM_ref_addr":
        return INLINED_FAR, "DW_AT_abstract_origin"
    return OTHER, ""


@frozen(eq=False)
class Outline:
    """What a unit's pass found; all places are bytes from the unit's start.

    Attributes:
        functions: addresses, with the entries of the functions that begin there.
        indexed: the same by the addresses' numbers in the unit's table.
        ranged: the entries of functions in several parts.
        scopes: the entries of namespaces and types, in order.
        ends: where each of those scopes ends.
        outer: the index of the scope around each; -1 for none.
        inlined: how often each abstract function was inlined.
        inlined_far: the same of functions of other units, by their entries' places in the section.
    """

    functions: dict[int, list[int]] = attrs.field(factory=dict)
    indexed: dict[int, list[int]] = attrs.field(factory=dict)
    ranged: list[int] = attrs.field(factory=list)
    scopes: list[int] = attrs.field(factory=list)
    ends: list[int] = attrs.field(factory=list)
    outer: list[int] = attrs.field(factory=list)
    inlined: Counter[int] = attrs.field(factory=Counter)
    inlined_far: Counter[int] = attrs.field(factory=Counter)

    def around(self, entry: int) -> int:
        """The entry of the innermost scope around an entry; -1 if there is none."""
        found = bisect_left(self.scopes, entry) - 1
        while found >= 0 and self.ends[found] <= entry:
            found = self.outer[found]
        return self.scopes[found] if found >= 0 else -1


def outline(data: bytes, start: int, kind: Callable[[int], Kind]) -> Outline:
    """Pass over a unit.

    Args:
        data: the unit from its header on.
        start: where its first entry is.
        kind: what is known of an abbreviation, by its code.

    Raises:
        IndexError, KeyError, ValueError: if the unit is corrupt.
    """
    found = Outline()
    kinds: dict[int, Kind] = {}
    around: list[int] = []
    scope = -1
    at, end = start, len(data)
    while at < end:
        entry = at
        code = data[at]
        at += 1
        if code >= 0x80:
            code, at = leb(data, entry)
        if not code:
            if not around:
                break
            before = around.pop()
            if before != scope:
                found.ends[scope] = at
                scope = before
            continue
        one = kinds.get(code)
        if one is None:
            one = kinds[code] = kind(code)
        if one.role:
            _note(found, one, data, entry, at)
        if one.children:
            around.append(scope)
            if one.role == SCOPE:
                found.scopes.append(entry)
                found.outer.append(scope)
                found.ends.append(end)
                scope = len(found.scopes) - 1
        at = at + one.fixed if one.fixed >= 0 else skip(data, at, one.steps)
    return found


def variables_in_frames(data: bytes, start: int, kind: Callable[[int], Kind]) -> int | None:
    """How many of a unit's variables have one place in their function's frame.

    Args:
        data: the unit from its header on.
        start: where its first entry is.
        kind: what is known of an abbreviation, by its code.

    Returns:
        None if one is in a register wherever it is known, which takes an optimiser.

    Raises:
        IndexError, KeyError, ValueError: if the unit is corrupt.
    """
    found, at = 0, start
    while at < len(data):
        code, at = leb(data, at)
        if not code:
            continue
        one = kind(code)
        if one.located is not None:
            size, block = leb(data, skip(data, at, one.located))
            if size and data[block] in _REGISTERS:
                return None
            found += size > 0 and data[block] == _FBREG
        at = at + one.fixed if one.fixed >= 0 else skip(data, at, one.steps)
    return found


def _note(found: Outline, one: Kind, data: bytes, entry: int, at: int) -> None:
    if one.role == RANGED:
        found.ranged.append(entry)
    elif one.role != SCOPE:
        at = skip(data, at, one.before)
        value = int.from_bytes(data[at : at + one.width], "little") if one.width else leb(data, at)[0]
        if one.role == INLINED:
            found.inlined[value] += 1
        elif one.role == INLINED_FAR:
            found.inlined_far[value] += 1
        else:
            functions = found.functions if one.role == FUNCTION else found.indexed
            functions.setdefault(value, []).append(entry)
