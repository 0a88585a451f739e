"""How compilers spell a source name in a symbol table."""

from __future__ import annotations

import re
from typing import Final

_CLONE_WORDS: Final = ("isra", "constprop", "part", "lto_priv", "specialized", "llvm", "cold")
_CLONE: Final = re.compile(rf"(?:\.(?:{'|'.join(_CLONE_WORDS)})(?:\.\d+)?)+")
_RENAMED: Final = re.compile(r"(?:\.(?:lto_priv|llvm)\.\d+)+")
_COLD: Final = re.compile(r".*\.cold(?:\.\d+)?", re.DOTALL)


def encode(name: str) -> bytes:
    """A name as it stands in a symbol table."""
    return name.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    """A symbol table's name as text; what isn't UTF-8 comes back from ``encode`` unchanged."""
    return name.decode("utf-8", "surrogateescape")


def split_clone(symbol: str) -> tuple[str, str]:
    """A symbol without what an optimiser appended, and that: ``("f", ".isra.0")``."""
    parts = symbol.split(".")
    end = len(parts)
    while end > 1:
        if parts[end - 1] in _CLONE_WORDS:
            end -= 1
        elif end > 2 and parts[end - 2] in _CLONE_WORDS and parts[end - 1].isdecimal():
            end -= 2
        else:
            break
    base = ".".join(parts[:end])
    return (base, symbol[len(base) :]) if base else (symbol, "")


def is_go_instance(name: str) -> bool:
    """Whether a Go function's name has type arguments, and isn't the code for the types of a shape.

    A symbol of that name only calls the code, with a dictionary of the types.
    Source: Go's ``cmd/compile/internal/noder/reader.go`` (``shapedMethodExpr``, ``shapify``).
    """
    return "[" in name and "go.shape." not in name


def is_renamed(suffix: str) -> bool:
    """Whether an appended part only tells functions of one name apart, whose calls all go to it.

    Source: GCC's ``lto-partition.cc`` (``.lto_priv.0``) and LLVM's ``getGlobalNameForLocal`` (``.llvm.123``),
    which make local functions known to other parts of a program that is optimised as a whole.
    """
    return _RENAMED.fullmatch(suffix) is not None


def is_cold(symbol: str) -> bool:
    """Whether a symbol is the seldom used rest of a function, which is jumped to and never called."""
    return _COLD.fullmatch(symbol) is not None


def is_clone(symbol: str, name: str) -> bool:
    """Whether an optimiser made a symbol from the function ``name``, to be called in its place.

    Source: GCC's ``clone_function_name`` (``.isra.0``, ``.constprop.0``, ``.part.0``, ``.lto_priv.0``),
    LLVM's function specialisation and ThinLTO (``.specialized.1``, ``.llvm.123``).
    """
    return symbol.startswith(name) and _CLONE.fullmatch(symbol[len(name) :]) is not None and not is_cold(symbol)
