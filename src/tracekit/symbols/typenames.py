"""The types in names of C++ and Rust, in one spelling for all that mean the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tracekit.values import frozen

_TOKEN: Final = re.compile(
    r"""\boperator\b(?:\s*(?:\(\s*\)|\[\s*\]|""\s*\w+|<=>|<<=|>>=|->\*|<<|>>|->|<=|>=|==|!=|\+\+|--|&&
        |\|\||[-+*/%^&|]=|[-+*/%^&|~!=<>,])|\s+(?:new|delete)\b(?:\s*\[\s*\])?|\s+co_await\b)?
    |::|->|&&|\.\.\.|~\s*\w+|[\w$]+|\S""",
    re.VERBOSE,
)
_CLOSING: Final = {"(": ")", "<": ">", "[": "]", "{": "}"}
_DEEPEST: Final = 64

_INTEGERS: Final = frozenset(("signed", "unsigned", "char", "short", "int", "long"))
_KEYWORDS: Final = frozenset(("struct", "class", "enum", "union", "typename"))
_CV: Final = ("const", "volatile")

# What the mangled name has in place of the typedefs that people write most; on 64-bit Linux (LP64).
_TYPEDEFS: Final = {
    "size_t": "unsigned long",
    "ssize_t": "long",
    "ptrdiff_t": "long",
    "uintptr_t": "unsigned long",
    "intptr_t": "long",
    **{f"{sign}int{bits}_t": f"{word}{type_}"
       for sign, word in (("", ""), ("u", "unsigned "))
       for bits, type_ in ((16, "short"), (32, "int"), (64, "long"))},
    "int8_t": "signed char",
    "uint8_t": "unsigned char",
}  # fmt: skip

# The arguments that the standard library's templates have by themselves ([containers], [string.classes]).
_DEFAULTS: Final = tuple(
    f"std::{name}<"
    for name in ("allocator", "char_traits", "less", "hash", "equal_to", "default_delete")
)  # fmt: skip
_VERSIONS: Final = re.compile(r"\bstd::(?:__cxx11|__1|__ndk1)::")
_STRINGS: Final = re.compile(r"\bstd::basic_(string|string_view)<char>")


@frozen
class Group:
    """Brackets and what is in them."""

    opening: str
    inside: tuple[Item, ...] = ()

    def __str__(self) -> str:
        return f"{self.opening}{','.join(types(self.inside))}{_CLOSING[self.opening]}"


Item = str | Group
"""A word, a sign, or brackets."""


def items(text: str) -> tuple[Item, ...] | None:
    """The words, signs and brackets of a name; None if brackets don't match, or are too deep.

    An operator's name is one word, so that its signs are no brackets.
    """
    levels: list[tuple[str, list[Item]]] = [("", [])]
    for found in _TOKEN.finditer(text):
        sign = found[0]
        opening, inside = levels[-1]
        if sign in _CLOSING:
            if len(levels) > _DEEPEST:
                return None
            levels.append((sign, []))
        elif opening and sign == _CLOSING[opening]:
            levels.pop()
            levels[-1][1].append(Group(opening, tuple(inside)))
        elif sign in ")]}":
            return None
        else:
            inside.append(_word(sign))
    return tuple(levels[0][1]) if len(levels) == 1 else None


def split(found: Sequence[Item], at: str) -> list[tuple[Item, ...]]:
    """The parts between the occurrences of a word or sign."""
    parts: list[list[Item]] = [[]]
    for item in found:
        if item == at:
            parts.append([])
        else:
            parts[-1].append(item)
    return [tuple(part) for part in parts]


def types(found: Sequence[Item], *, parameters: bool = False) -> tuple[str, ...]:
    """The types between brackets, each in its one spelling.

    Args:
        found: what stands between the brackets.
        parameters: whether they are of a function: a ``const`` of the parameter itself doesn't count then,
            and ``(void)`` means none.
    """
    if not found:
        return ()
    spelled = [canonical(part, parameter=parameters) for part in split(found, ",")]
    if parameters:
        return () if spelled == ["void"] else tuple(spelled)
    while len(spelled) > 1 and spelled[-1].startswith(_DEFAULTS):
        spelled.pop()
    return tuple(spelled)


def is_type(found: Sequence[Item]) -> bool:
    """Whether items may be a type: names with scopes and arguments, ``*`` and ``&``."""
    return all(_is_specifier(item) or item in ("*", "&", "&&") for item in found)


def canonical(found: Sequence[Item], *, parameter: bool = False) -> str:
    """A type in the order that demanglers have, without spaces that nobody needs.

    ``const`` goes behind what it qualifies, ``long unsigned int`` is ``unsigned long``, and ``struct`` is left
    out.
    """
    start = 0
    while start < len(found) and _is_specifier(found[start]):
        start += 1
    named = [i for i in found[:start] if i not in _CV and i not in _KEYWORDS]
    qualifiers = [word for word in _CV if word in found[:start]]
    rest = list(found[start:])
    if parameter:
        while rest and rest[-1] in _CV and "*" in rest:
            rest.pop()
        if not rest:
            qualifiers = []
    base = _STRINGS.sub(r"std::\1", _VERSIONS.sub("std::", _joined(_base(named))))
    return _joined([*filter(None, [base]), *qualifiers, *rest])


def _is_specifier(item: Item) -> bool:
    if isinstance(item, Group):
        return item.opening == "<"
    return item == "::" or item[0].isalpha() or item[0] in "_$"


def _base(named: list[Item]) -> list[Item]:
    words = [i for i in named if isinstance(i, str)]
    if len(words) == len(named) and words and _INTEGERS.issuperset(words):
        return [_integer(words)]
    name = "".join(words[1:] if words[:1] == ["::"] else words[2:] if words[:2] == ["std", "::"] else words)
    return [_TYPEDEFS[name]] if len(words) == len(named) and name in _TYPEDEFS else named


def _integer(words: list[str]) -> str:
    sign = "unsigned " if "unsigned" in words else ""
    if "char" in words:
        return "signed char" if "signed" in words else f"{sign}char"
    length = "short" if "short" in words else " ".join(w for w in words if w == "long")
    return f"{sign}{length or 'int'}"


def _joined(found: Sequence[Item]) -> str:
    text = ""
    for item in found:
        piece = str(item)
        if text and (text[-1].isalnum() or text[-1] == "_") and (piece[0].isalnum() or piece[0] == "_"):
            text += " "
        text += piece
    return text


def _word(text: str) -> str:
    """A word without the spaces inside an operator's or a destructor's name."""
    words = text.split()
    return " ".join(words) if words[-1][0].isalpha() else "".join(words)
