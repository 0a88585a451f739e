"""Literals: numbers with their units, and quoted text with its escapes."""

from __future__ import annotations

import re
import struct
from typing import Final

from tracekit.core.types import UINT64
from tracekit.errors import UsageError
from tracekit.syntax.suggest import suggestion
from tracekit.syntax.tokens import Stream, shown

UNITS: Final = {
    "": 1,
    "K": 1 << 10,
    "M": 1 << 20,
    "G": 1 << 30,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
}
"""What a number's unit multiplies it by: powers of 1024, and those of 1000 for KB, MB and GB."""

_HEX: Final = re.compile(r"0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)")
_DECIMAL: Final = re.compile(r"([0-9]+(?:_[0-9]+)*)(?:[eE]([0-9]+))?([A-Za-z]*)")
_FRACTION: Final = re.compile(r"(?:0|[1-9][0-9]{0,19})\.[0-9]{1,40}")
_LONGEST: Final = 20
"""Digits of the greatest number of 64 bits; longer ones are refused before they are computed."""

_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPED: Final = {'"': '\\"', "\\": "\\\\"} | {c: f"\\{letter}" for letter, c in _CONTROLS.items()}


def number(text: str) -> int:
    """The value of a number: ``42``, ``0x2a``, ``1_000``, ``1e6``, ``4K``, ``1MiB``, ``1MB``.

    ``K M G`` and ``KiB MiB GiB`` are powers of 1024, ``KB MB GB`` powers of 1000. An exponent is a
    power of ten and the number stays an exact integer, as in bpftrace.

    Raises:
        UsageError: if it is no such number, or one that doesn't fit 64 bits.
    """
    if found := _HEX.fullmatch(text):
        return _fitting(int(found[1], 16), text)
    found = _DECIMAL.fullmatch(text)
    if found is None or text[:2] in ("0x", "0X"):
        raise UsageError(f"{shown(text)} is no integer", "Write it like 42, 0x2a, 1_000, 1e6 or 4K.")
    digits, exponent, unit = found[1].replace("_", ""), found[2] or "0", found[3]
    if unit not in UNITS:
        hint = suggestion(unit, UNITS) or "The units are K, M, G, KiB, MiB, GiB, KB, MB and GB."
        raise UsageError(f"there is no unit {shown(unit)}", hint)
    if len(digits) > 1 and digits[0] == "0":
        raise UsageError(
            f"{shown(text)} begins with 0", "Octal numbers aren't read: leave the 0 out, or write 0x…."
        )
    if len(digits) > _LONGEST or len(exponent) > 2:
        raise UsageError(f"the number {shown(text)} does not fit 64 bits")
    return _fitting(int(digits) * 10 ** int(exponent) * UNITS[unit], text)


def fraction(text: str) -> float | None:
    """The float nearest to a number such as ``1.5``; None if the text is none."""
    return float(text) if _FRACTION.fullmatch(text) else None


def fraction_text(bits: int) -> str | None:
    """What ``fraction`` reads as these bits; None if it can't be written that way."""
    text = repr(struct.unpack("<d", bits.to_bytes(8, "little"))[0])
    return text if _FRACTION.fullmatch(text) else None


def _fitting(value: int, text: str) -> int:
    if value > UINT64.maximum:
        raise UsageError(f"the number {shown(text)} does not fit 64 bits")
    return value


def escape(s: Stream, at: int) -> tuple[str, int]:
    r"""Read one escape: ``\n``, ``\t``, ``\r``, ``\xHH``, or a backslash before a sign or a space.

    A byte above 0x7f comes as Python's ``surrogateescape`` has it; ``canonical`` joins such bytes.

    Args:
        s: the source.
        at: index of the backslash.

    Returns:
        The character, and the index after the escape.

    Raises:
        ProgramSyntaxError: if there is no such escape.
    """
    letter = s.text[at + 1 : at + 2]
    if letter in _CONTROLS:
        return _CONTROLS[letter], at + 2
    if letter == "x":
        digits = s.text[at + 2 : at + 4]
        if len(digits) < 2 or not all(c in "0123456789abcdefABCDEF" for c in digits):
            raise s.error(r"\x needs two hexadecimal digits", at, at + 2 + len(digits))
        byte = int(digits, 16)
        return chr(byte if byte < 0x80 else 0xDC00 + byte), at + 4
    if letter and letter.isprintable() and not letter.isalnum():
        return letter, at + 2
    raise s.error(f"{shown(s.text[at : at + 2])} is no escape", at, at + 2, r"Use \", \\, \n, \t, \r or \xHH.")


def canonical(text: str) -> str:
    """The same bytes with those that make up UTF-8 joined to characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def unquote(s: Stream, start: int, end: int) -> str:
    """The text between the quotes at ``start`` and before ``end``.

    Raises:
        ProgramSyntaxError: for an escape that doesn't exist, at its place.
    """
    at, end = start + 1, end - 1
    pieces = []
    while (slash := s.text.find("\\", at, end)) >= 0:
        pieces.append(s.text[at:slash])
        character, at = escape(s, slash)
        pieces.append(character)
    pieces.append(s.text[at:end])
    return canonical("".join(pieces))


def quote(text: str) -> str:
    r"""A text in quotes; what is not printable stands as the bytes ``\xHH`` of its UTF-8.

    Raises:
        UsageError: for a lone surrogate that stands for no byte.
    """
    return f'"{"".join(_ESCAPED.get(c) or (c if c.isprintable() else as_bytes(c)) for c in text)}"'


def as_bytes(character: str) -> str:
    r"""The ``\xHH`` of a character's bytes.

    Raises:
        UsageError: for a lone surrogate that stands for no byte.
    """
    try:
        encoded = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(f"{character!r} is a lone surrogate, which is no character") from None
    return "".join(f"\\x{byte:02x}" for byte in encoded)
