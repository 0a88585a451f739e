"""The name in a mangled symbol with its scopes, and without template arguments and parameters, read in a hurry.

Taking a symbol apart as ``demangle`` does takes a millisecond, and an index of a large library has 100,000.
A name alone needs no table of substitutions: what comes after it, and what its template arguments say, is
stepped over. What isn't understood here is left to the demangler.

Source: Itanium C++ ABI, 5.1 (mangling); rustc's ``legacy`` mangling.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"\d+")
_SEQUENCE: Final = re.compile(r"[0-9A-Z]*_")
_DISCRIMINATED: Final = re.compile(r"n?\d*_")
_STD: Final = {"a": "allocator", "i": "basic_istream", "o": "basic_ostream", "d": "basic_iostream"}
_VERSIONS: Final = ("__cxx11", "__1", "__ndk1")
"""Namespaces that tell versions of the standard library apart, which its users don't write."""

_RUST_HASH: Final = re.compile(r"h[0-9a-f]{16}")
_DEEPEST: Final = 48
_PREFIXES: Final = "PROKVrCG"
"""Letters before a type that make another of it."""


class _StrangeError(Exception):
    """Something that isn't understood here."""


def scoped_name(symbol: str) -> str | None:
    """The source name in a symbol such as ``_ZN5Cache6insertERKSs``: ``Cache::insert``.

    Returns:
        None for one that isn't understood here: of something else than a plain function, or rarely built.
    """
    if not symbol.startswith("_Z"):
        return None
    try:
        parts = _Reader(symbol).name()
    except (_StrangeError, IndexError):
        return None
    if len(parts) > 1 and _RUST_HASH.fullmatch(parts[-1]) and symbol.startswith("_ZN"):
        # Rust's, whose parts may have escapes.
        return None if "$" in symbol or ".." in symbol else "::".join(parts[:-1])
    return "::".join(part for part in parts if part not in _VERSIONS or parts[0] != "std")


class _Reader:
    def __init__(self, symbol: str) -> None:
        self._text = symbol
        self._at = 2
        self._depth = 0

    def name(self) -> list[str]:
        if self._text[self._at] == "N":
            self._at += 1
            while self._text[self._at] in "VKrRO":
                self._at += 1
            return self._nested()
        parts = self._std() if self._text.startswith("St", self._at) else []
        parts.append(self._source_name())
        if self._text[self._at : self._at + 1] == "B":
            raise _StrangeError
        if self._text[self._at : self._at + 1] == "I":
            self._arguments()
        return parts

    def _std(self) -> list[str]:
        self._at += 2
        return ["std"]

    def _nested(self) -> list[str]:
        """The parts of a name between N and its E, which is passed."""
        parts: list[str] = []
        while True:
            c = self._text[self._at]
            following = self._text[self._at + 1 : self._at + 2]
            if c == "E":
                self._at += 1
                if not parts:
                    raise _StrangeError
                return parts
            if c.isdecimal():
                parts.append(self._source_name())
            elif c == "I" and parts:
                self._arguments()
            elif c == "S" and following == "t" and not parts:
                parts = self._std()
            elif c == "S" and following in _STD and not parts:
                parts = ["std", _STD[following]]
                self._at += 2
            elif c in "CD" and following in "012345" and parts:
                parts.append(("~" if c == "D" else "") + parts[-1])
                self._at += 2
            else:
                raise _StrangeError

    def _source_name(self) -> str:
        found = _NUMBER.match(self._text, self._at)
        if found is None or len(found[0]) > 5:
            raise _StrangeError
        self._at = found.end() + int(found[0])
        if self._at > len(self._text):
            raise _StrangeError
        name = self._text[found.end() : self._at]
        return "(anonymous namespace)" if name.startswith("_GLOBAL_") else name

    def _arguments(self) -> None:
        """Step over template arguments, from their I to after their E."""
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _StrangeError
        while (c := self._text[self._at]) != "E":
            if c == "L":
                self._literal()
            elif c == "J":
                self._arguments()
            else:
                self._type()
        self._at += 1
        self._depth -= 1

    def _literal(self) -> None:
        if self._text[self._at + 1] == "_":
            raise _StrangeError
        self._at += 1
        self._type()
        self._at = self._text.find("E", self._at) + 1
        if not self._at:
            raise _StrangeError

    def _type(self) -> None:
        """Step over a type."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _StrangeError
        while self._text[self._at] in _PREFIXES:
            self._at += 1
        c = self._text[self._at]
        following = self._text[self._at + 1]
        if c == "D" and following == "p":
            self._at += 2
            self._type()
        elif c == "D" and following in "nacdefhisu":
            self._at += 2
        elif c.isdecimal():
            self._source_name()
            self._maybe_arguments()
        elif c == "N":
            self._nested_type()
        elif c == "S":
            self._substitution(following)
        elif c == "T":
            self._at += 1
            self._match(_SEQUENCE)
            self._maybe_arguments()
        elif c == "F":
            self._at += 1
            while self._text[self._at] != "E":
                self._type()
            self._at += 1
        elif c == "A":
            self._at += 1
            self._match(_DISCRIMINATED)
            self._type()
        elif c == "M":
            self._at += 1
            self._type()
            self._type()
        elif c.islower() and c != "u":
            self._at += 1
        else:
            raise _StrangeError
        self._depth -= 1

    def _nested_type(self) -> None:
        """Step over a qualified name that is a type: it may begin with a substitution."""
        self._at += 1
        while (c := self._text[self._at]) != "E":
            following = self._text[self._at + 1]
            if c.isdecimal():
                self._source_name()
            elif c == "I":
                self._arguments()
            elif c == "S":
                self._substitution(following)
            elif c == "T":
                self._at += 1
                self._match(_SEQUENCE)
            else:
                raise _StrangeError
        self._at += 1

    def _substitution(self, following: str) -> None:
        if following == "t":
            self._at += 2
            if self._text[self._at].isdecimal():
                self._source_name()
        elif following.islower():
            self._at += 2
        else:
            self._at += 1
            self._match(_SEQUENCE)
        self._maybe_arguments()

    def _maybe_arguments(self) -> None:
        if self._text[self._at] == "I":
            self._arguments()

    def _match(self, what: re.Pattern[str]) -> None:
        found = what.match(self._text, self._at)
        if found is None:
            raise _StrangeError
        self._at = found.end()
