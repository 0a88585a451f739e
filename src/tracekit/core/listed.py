"""The functions of a binary as they are listed: what each is called, and whether a probe can be on it."""

from __future__ import annotations

import enum
from typing import Final

from tracekit.core.signature import Language
from tracekit.values import frozen


class Kind(enum.Enum):
    """What a listed function is, and so whether a probe can be on it."""

    FUNCTION = "function"
    CLONE = "clone"
    INDIRECT = "ifunc"
    UNNAMED = "no symbol"
    INLINED = "inlined"
    PART = "part"
    THUNK = "thunk"
    IMPORTED = "imported"

    @property
    def traceable(self) -> bool:
        """Whether a probe on it sees calls."""
        return self in TRACEABLE


TRACEABLE: Final = (Kind.FUNCTION, Kind.CLONE, Kind.INDIRECT, Kind.UNNAMED)
"""What a probe can be on."""

_LETTERS: Final = {
    Language.C: "c",
    Language.CXX: "+",
    Language.RUST: "r",
    Language.GO: "g",
    Language.OTHER: "-",
}
_LANGUAGES: Final = {letter: language for language, letter in _LETTERS.items()}
_KINDS: Final = {kind.name[:3]: kind for kind in Kind}


@frozen
class Listed:
    """A function of a binary, or what has a function's name there.

    Attributes:
        name: as the source has it, with its scopes and without template arguments and parameters.
        symbol: its name in the symbol table; empty if it has none.
        address: the virtual address of its first instruction; 0 if it has no code of its own.
        size: bytes of its code; 0 if that isn't known.
        kind: what it is.
        language: what it is written in; ``OTHER`` if that isn't known.
        inlined: how many further copies stand inside other functions, as far as the debug information tells.
        entry: where in the debug information it is; 0 if it isn't there.
    """

    name: str
    symbol: str
    address: int = 0
    size: int = 0
    kind: Kind = Kind.FUNCTION
    language: Language = Language.OTHER
    inlined: int = 0
    entry: int = 0

    def line(self) -> str:
        """It as a line of an index, without its end: text that ``listed`` reads."""
        symbol = "=" if self.symbol == self.name else self.symbol
        numbers = f"{self.address:x}\t{self.size:x}\t{self.inlined:x}\t{self.entry:x}"
        return f"{self.name}\t{symbol}\t{self.kind.name[:3]}{_LETTERS[self.language]}\t{numbers}"


def listed(line: str) -> Listed:
    """The function of a line that ``Listed.line`` made.

    Raises:
        ValueError: if it is none.
    """
    name, symbol, what, *numbers = line.split("\t")
    if len(numbers) != 4 or what[:3] not in _KINDS or what[3:] not in _LANGUAGES:
        raise ValueError("no line of an index")
    address, size, inlined, entry = (int(number, 16) for number in numbers)
    return Listed(
        name,
        name if symbol == "=" else symbol,
        address,
        size,
        _KINDS[what[:3]],
        _LANGUAGES[what[3:]],
        inlined,
        entry,
    )
