"""Casts: the integer types by the names that C, D and bpftrace have for them."""

from __future__ import annotations

import re
from typing import Final

from tracekit.core.types import INT_TYPES, IntType
from tracekit.syntax.suggest import suggestion
from tracekit.syntax.tokens import Stream
from tracekit.values import frozen

_IN_PARENTHESES: Final = re.compile(r"\s*([^\W\d]\w*+(?:\s++[^\W\d]\w*+)*+)\s*+((?:\*\s*+)*+)\)")
_OPERAND: Final = re.compile(r"\s*[\w\"]")

_WIDTHS: Final = {
    (): 32,
    ("char",): 8,
    ("short",): 16,
    ("int", "short"): 16,
    ("int",): 32,
    ("long",): 64,
    ("int", "long"): 64,
    ("long", "long"): 64,
    ("int", "long", "long"): 64,
}

_NAMED: Final = {
    **INT_TYPES,
    **{f"{name}_t": type_ for name, type_ in INT_TYPES.items()},
    **dict.fromkeys(("size_t", "uintptr_t", "ulong_t", "u_longlong_t"), IntType(64, signed=False)),
    **dict.fromkeys(("ssize_t", "ptrdiff_t", "intptr_t", "longlong_t"), IntType(64)),
    "uchar_t": IntType(8, signed=False),
    "ushort_t": IntType(16, signed=False),
    "uint_t": IntType(32, signed=False),
}


def integer_type(words: list[str]) -> IntType | None:
    """The type that some words name, as on 64-bit Unix (LP64); None if they name none.

    ``char`` is signed, as on x86-64. Besides C's words there are bpftrace's ``int32`` and ``uint8``,
    those of ``<stdint.h>`` and ``<stddef.h>``, and D's ``uchar_t``, ``uint_t`` and ``ulong_t``.
    """
    if len(words) == 1 and words[0] in _NAMED:
        return _NAMED[words[0]]
    base = sorted(w for w in words if w not in ("signed", "unsigned"))
    bits = _WIDTHS.get(tuple(base))
    if bits is None or len(words) - len(base) > 1:
        return None
    return IntType(bits, signed="unsigned" not in words)


@frozen
class CastType:
    """What stands in the parentheses of a cast.

    Attributes:
        type: the integer type.
        stars: how many ``*`` follow it.
        end: index in the source after the closing parenthesis.
    """

    type: IntType
    stars: int
    end: int


def cast_at(s: Stream, start: int) -> CastType | None:
    """The cast at an opening parenthesis; None if it encloses an expression.

    Args:
        s: the source.
        start: index of the parenthesis.

    Raises:
        ProgramSyntaxError: for what can only be a cast, but to a type that isn't known.
    """
    found = _IN_PARENTHESES.match(s.text, start + 1)
    if found is None:
        return None
    words, stars = found[1].split(), found[2].count("*")
    if type_ := integer_type(words):
        return CastType(type_, stars, found.end())
    if not stars and len(words) == 1 and not _OPERAND.match(s.text, found.end()):
        return None
    name = " ".join(words)
    hint = suggestion(name, (*_NAMED, "char", "short", "int", "long", "unsigned int"))
    if "struct" in words or stars:
        hint = hint or "Name the argument, as in value->len, or load a number: *(uint32*)(arg0 + 8)."
    raise s.error(
        f"there is no integer type '{name}'",
        found.start(1),
        found.end(1),
        hint or "Cast to int8, uint8, int16, … uint64, or to a type of C such as int or size_t.",
    )
