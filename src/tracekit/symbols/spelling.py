"""How compilers spell a source name in a symbol table."""

from __future__ import annotations

import re
from typing import Final

_CLONE: Final = re.compile(r"(?:\.(?:isra|constprop|part|lto_priv|specialized|llvm|cold)(?:\.\d+)?)+")
_COLD: Final = re.compile(r".*\.cold(?:\.\d+)?", re.DOTALL)
_QUALIFIED: Final = re.compile(r"[^\W\d]\w*(?:::[^\W\d]\w*)*", re.ASCII)


def encode(name: str) -> bytes:
    """A name as it stands in a symbol table."""
    return name.encode("utf-8", "surrogateescape")


def decode(name: bytes) -> str:
    """A symbol table's name as text; what isn't UTF-8 comes back from ``encode`` unchanged."""
    return name.decode("utf-8", "surrogateescape")


def is_cold(symbol: str) -> bool:
    """Whether a symbol is the seldom used rest of a function, which is jumped to and never called."""
    return _COLD.fullmatch(symbol) is not None


def is_clone(symbol: str, name: str) -> bool:
    """Whether an optimiser made a symbol from the function ``name``, to be called in its place.

    Source: GCC's ``clone_function_name`` (``.isra.0``, ``.constprop.0``, ``.part.0``, ``.lto_priv.0``),
    LLVM's function specialisation and ThinLTO (``.specialized.1``, ``.llvm.123``).
    """
    return symbol.startswith(name) and _CLONE.fullmatch(symbol[len(name) :]) is not None and not is_cold(symbol)


def mangled(name: str) -> re.Pattern[str] | None:
    """What the mangled symbols of a C++ or Rust function contain.

    Both the Itanium C++ ABI and Rust (v0 and legacy) write each identifier after its length, so that
    ``Cache::insert`` stands as ``5Cache6insert``.

    Args:
        name: a name as in the source; a list of parameters is left out of account.

    Returns:
        A pattern to search symbols with; None if ``name`` is none that these languages have.
    """
    name = name.partition("(")[0]
    if not _QUALIFIED.fullmatch(name):
        return None
    parts = "".join(f"{len(part)}{part}" for part in name.split("::"))
    return re.compile(rf"_[ZR](?:.*\D)?{parts}", re.DOTALL)
