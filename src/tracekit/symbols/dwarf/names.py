"""Names as a source has them, with the scopes that they are in."""

from __future__ import annotations

from typing import Final

from tracekit.symbols.dwarf.entry import Die

_DEEPEST: Final = 64
_ANONYMOUS: Final = "(anonymous namespace)"


def qualified(die: Die, separator: str = "::") -> str:
    """An entry's name behind those of its namespaces and types: ``ns::Class``; empty if it has no name.

    Args:
        die: a function's or type's entry.
        separator: what stands between the names.
    """
    name = own(die)
    if not name:
        return ""
    names = [name]
    at = die
    for known in die.origins():
        # The scope is that of the declaration, not of the definition, which may stand outside of it.
        at = known
    for _ in range(_DEEPEST):
        scope = at.unit.outline.around(at.offset - at.unit.start)
        if scope < 0:
            break
        at = at.unit.die(at.unit.start + scope)
        whole = at.reference("DW_AT_signature") or at
        name = own(whole) or (_ANONYMOUS if at.tag == "DW_TAG_namespace" else "")
        if name:
            names.append(name)
    return separator.join(reversed(names))


def own(die: Die) -> str:
    """An entry's name, or that of what it is a concrete form or the definition of."""
    return next((name for one in die.origins() if (name := one.text("DW_AT_name"))), "")
