"""Which compiler made a function, by its own words in the debug information (``DW_AT_producer``)."""

from __future__ import annotations

import enum
import re
from typing import Final

from tracekit.values import frozen


class Maker(enum.Enum):
    """Compilers whose versions differ in how they call."""

    GCC = "gcc"
    CLANG = "clang"
    APPLE_CLANG = "Apple clang"
    RUSTC = "rustc"
    GO = "Go's compiler"
    OTHER = "another compiler"


@frozen
class Compiler:
    """A compiler.

    Attributes:
        maker: which one.
        version: its numbers, the most important first; empty if not known.
    """

    maker: Maker
    version: tuple[int, ...] = ()

    def before(self, *version: int) -> bool:
        """Whether it is known to be older than a version."""
        return bool(self.version) and self.version < version


_PATTERNS: Final = (
    (Maker.RUSTC, r"rustc version ([\d.]+)"),
    (Maker.APPLE_CLANG, r"Apple (?:clang|LLVM) version ([\d.]+)"),
    (Maker.CLANG, r"clang version ([\d.]+)"),
    (Maker.GCC, r"GNU (?:C|C\+\+|GIMPLE)\d* ([\d.]+)"),
    (Maker.GO, r"Go cmd/compile (?:go([\d.]+))?"),
)


def compiler(producer: str) -> Compiler:
    """The compiler of a producer's string, such as ``GNU C17 12.2.0 -mtune=generic -O2``."""
    for maker, pattern in _PATTERNS:
        if found := re.search(pattern, producer):
            return Compiler(maker, numbers(found[1] or ""))
    return Compiler(Maker.OTHER)


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, such as ``1.19.8``."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
