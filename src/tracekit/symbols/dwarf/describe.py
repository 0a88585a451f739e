"""A function's declaration as its language writes it, in one line.

It is for reading, in lists of many functions: types have their own names without scopes, which takes no pass
over their unit.
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.core.signature import Language
from tracekit.symbols.dwarf import producers
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.names import own
from tracekit.symbols.dwarf.parameters import declared, kind
from tracekit.symbols.dwarf.signatures import declared_in
from tracekit.values import frozen

_PACKAGES: Final = re.compile(r"(?:[\w.%~-]+/)+")
_DEEPEST: Final = 8
_LONGEST: Final = 1000
_SIGNS: Final = {
    "DW_TAG_pointer_type": "*",
    "DW_TAG_reference_type": "&",
    "DW_TAG_rvalue_reference_type": "&&",
}
_TAGS: Final = {
    "DW_TAG_structure_type": "struct",
    "DW_TAG_union_type": "union",
    "DW_TAG_enumeration_type": "enum",
}
_QUALIFIERS: Final = {
    "DW_TAG_const_type": "const",
    "DW_TAG_volatile_type": "volatile",
    "DW_TAG_restrict_type": "restrict",
    "DW_TAG_atomic_type": "_Atomic",
}


@frozen
class Described:
    """What a function's entry says for readers.

    Attributes:
        parameters: each with its type, as the language writes it, separated by commas.
        result: the type of what it returns; empty for nothing.
        language: what it is written in.
        file: its source file's path as the compiler was given it; empty if not known.
        line: the line there; 0 if not known.
    """

    parameters: str
    result: str
    language: Language
    file: str
    line: int


def describe(function: Die) -> Described:
    """What a function's entry says for readers.

    Raises:
        Whatever pyelftools raises if the debug information is corrupt.
    """
    chain = list(function.origins())
    language = producers.language(one.unit for one in reversed(chain))
    is_go = language is Language.GO
    shown, results = [], []
    for one in declared(function):
        if one.says("DW_AT_artificial"):
            continue
        spelled = _in_source(kind(one.die), language)
        if is_go and one.says("DW_AT_variable_parameter"):
            results.append(spelled)
        else:
            shown.append(_parameter(own(one.die), spelled, language))
    if any(True for one in chain for _ in one.children("DW_TAG_unspecified_parameters")):
        shown.append("...")
    returned = kind(function)
    if is_go:
        result = f"({', '.join(results)})" if len(results) > 1 else "".join(results)
    else:
        result = "" if returned is None else _in_source(returned, language)
    file, line = declared_in(function)
    return Described(_cut(", ".join(shown)), _cut(result), language, file, line)


def _in_source(die: Die | None, language: Language) -> str:
    """A type as the source writes it: there, Go's packages have only the last part of their paths."""
    spelled = spell(die, tagged=language is Language.C)
    return _PACKAGES.sub("", spelled) if language is Language.GO else spelled


def _parameter(name: str, spelled: str, language: Language) -> str:
    if not name:
        return spelled
    if language is Language.GO:
        return f"{name} {spelled}"
    if language is Language.RUST:
        return f"{name}: {spelled}"
    if "(*)" in spelled:
        return spelled.replace("(*)", f"(*{name})", 1)
    before, bracket, behind = spelled.partition("[")
    if bracket:
        return f"{before}{'' if before.endswith(('*', '&')) else ' '}{name}[{behind}"
    return f"{spelled}{'' if spelled.endswith(('*', '&')) else ' '}{name}"


def spell(die: Die | None, depth: int = _DEEPEST, *, tagged: bool = False) -> str:
    """A type in the words of its language, without scopes.

    Args:
        die: the type's entry; None for void.
        depth: how far its parts are gone into.
        tagged: whether ``struct`` and its like belong to names, as in C.
    """
    if die is None:
        return "void"
    if not depth:
        return "…"
    tag = die.tag
    name = die.text("DW_AT_name")
    if name:
        return f"{_TAGS[tag]} {name}" if tagged and tag in _TAGS else name
    inner = die.reference("DW_AT_type")
    if tag in _SIGNS:
        spelled = spell(inner, depth - 1, tagged=tagged)
        if inner is not None and inner.tag == "DW_TAG_subroutine_type":
            return spelled.replace("()", "(*)", 1)
        return f"{spelled}{'' if spelled.endswith(('*', '&')) else ' '}{_SIGNS[tag]}"
    if tag in _QUALIFIERS:
        spelled = spell(inner, depth - 1, tagged=tagged)
        return f"{spelled}{_QUALIFIERS[tag]}" if spelled.endswith("*") else f"{_QUALIFIERS[tag]} {spelled}"
    if tag == "DW_TAG_array_type":
        return f"{spell(inner, depth - 1, tagged=tagged)}[]"
    if tag == "DW_TAG_subroutine_type":
        return f"{spell(inner, depth - 1, tagged=tagged)} ()({_types(die, depth, tagged=tagged)})"
    return f"{_TAGS[tag]} {{…}}" if tag in _TAGS else "…"


def _types(die: Die, depth: int, *, tagged: bool) -> str:
    types = (one.reference("DW_AT_type") for one in die.children("DW_TAG_formal_parameter"))
    return ", ".join(spell(one, depth - 1, tagged=tagged) for one in types)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
