"""Strings in comparisons: how many bytes are kept of them, which the versions disagree on.

``str(pointer, length)`` keeps ``length - 1`` bytes, as its NUL needs one, but ``length`` in 0.17. So a
comparison never has it: it has the whole strings, or as many bytes of them as are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from tracekit.core.expr import Builtin, BuiltinName, Expr, Str, String

_MOST_OF_COMM: Final = 15


def most_bytes(node: Expr, max_string: int) -> int:
    """How many bytes a string can have, its NUL left out.

    Args:
        node: a string expression.
        max_string: how many bytes are kept of a string, its NUL included.
    """
    match node:
        case String(value):
            return len(value.encode("utf-8", "surrogateescape"))
        case Str(length=int(length)):
            return min(length, max_string) - 1
        case Builtin(BuiltinName.COMM):
            return _MOST_OF_COMM
        case _:
            return max_string - 1


def comparison(op: str, left: Expr, right: Expr, max_string: int, text: Callable[[Expr], str]) -> str | None:
    """A condition that compares two strings.

    Args:
        op: ``==`` or ``!=``.
        left: a string expression.
        right: another one.
        max_string: see ``most_bytes``.
        text: what emits a string expression.

    Returns:
        The condition; None if the strings are cut in a way that no version can compare.
    """
    (less, short), (more, long) = sorted(
        ((most_bytes(side, max_string), side) for side in (left, right)), key=lambda pair: pair[0]
    )
    never = isinstance(long, String) and _is_cut(short, max_string) and less < more
    if never or (isinstance(short, String) and isinstance(long, String)):
        return "1 == 1" if (short == long) == (op == "==") else "1 == 0"
    if less < more and _is_cut(short, max_string):
        return None
    whole = [text(attrs.evolve(side, length=None) if isinstance(side, Str) else side) for side in (left, right)]
    if less == more and (_is_cut(left, max_string) or _is_cut(right, max_string)):
        return f"strncmp({', '.join(whole)}, {less}) {op} 0"
    return f"{whole[0]} {op} {whole[1]}"


def _is_cut(node: Expr, max_string: int) -> bool:
    return isinstance(node, Str) and node.length is not None and node.length < max_string
