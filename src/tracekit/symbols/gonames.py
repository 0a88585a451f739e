"""Names of Go functions, taken apart so that one that a person writes can be compared with a symbol's.

Methods are ``pkg.T.M`` and ``pkg.(*T).M``; dots in the last element of a package's path are ``%2e``; since Go
1.18 the code of generic functions is shared by types of one shape, as ``pkg.Map[go.shape.int]``
(``go.shape.int_0`` up to 1.19), and a function ``pkg.Map[int]`` only calls it with a dictionary.

Source: Go's ``cmd/compile/internal/ir``, ``noder/reader.go`` and ``cmd/internal/objabi/path.go``.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from tracekit.values import frozen

_PART: Final = re.compile(r"(\(\*)?([^\[\]()*]+)(\[.*\])?(\))?", re.DOTALL)
_ESCAPE: Final = re.compile(r"%([0-9a-f]{2})")
_SHAPE: Final = re.compile(r"go\.shape\.")
_NUMBER: Final = re.compile(r"(\w)_\d+(?=[,\]])")  # Go 1.18 and 1.19 number the arguments
_ALIASES: Final = {"byte": "uint8", "rune": "int32", "any": "interface{}"}
_ALIAS: Final = re.compile(rf"(?<![\w.])(?:{'|'.join(_ALIASES)})(?![\w.])")


@frozen
class Part:
    """One part of a Go name.

    Attributes:
        name: without type arguments, brackets and star.
        pointer: whether it is a receiver with a star.
        arguments: type arguments in one spelling; empty if it has none, or whoever wrote it left them out.
    """

    name: str
    pointer: bool = False
    arguments: str = ""


def path(name: str) -> tuple[Part, ...] | None:
    """The elements of the package's path, the receiver if there is one, and the function's name.

    Returns:
        None if it is no such name.
    """
    parts = []
    for text in _split(name):
        found = _PART.fullmatch(text)
        if found is None or bool(found[1]) != bool(found[4]):
            return None
        parts.append(Part(_ESCAPE.sub(_unescaped, found[2]), bool(found[1]), _arguments(found[3] or "")))
    # Where the path is escaped, one element may now have dots of its own.
    return tuple(
        attrs.evolve(part, name=name) for part in parts for name in part.name.split(".") if name or part.pointer
    )


def rank(wanted: tuple[Part, ...], found: tuple[Part, ...]) -> tuple[int, int] | None:
    """How well a symbol's name is what a person may mean by another.

    Returns:
        None if it isn't; else numbers of which the least is the best: whether ``found`` has further parts,
        and whether it differs in a receiver's star.
    """
    if not 0 < len(wanted) <= len(found):
        return None
    pairs = list(zip(found[len(found) - len(wanted) :], wanted, strict=True))
    if any(f.name != w.name or w.arguments not in ("", f.arguments) for f, w in pairs):
        return None
    return int(len(found) > len(wanted)), int(any(f.pointer != w.pointer for f, w in pairs))


def is_shape(name: str) -> bool:
    """Whether a symbol is the code of a generic function, for the types of one shape."""
    return _SHAPE.search(name) is not None


def of_value(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The name without a receiver's star: of ``T.M`` Go makes ``(*T).M``, and never the other way round."""
    return tuple(attrs.evolve(part, pointer=False) for part in parts)


def _split(name: str) -> list[str]:
    """The parts between dots and slashes that aren't in brackets."""
    parts, depth, start = [], 0, 0
    for index, c in enumerate(name):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and c in "./":
            parts.append(name[start:index])
            start = index + 1
    return [*parts, name[start:]]


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _arguments(text: str) -> str:
    if text == "[...]":  # as Go's own tracebacks write
        return ""
    plain = _NUMBER.sub(r"\1", _SHAPE.sub("", text)) if is_shape(text) else text
    return _ALIAS.sub(lambda found: _ALIASES[found[0]], "".join(plain.split()))
