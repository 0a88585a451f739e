"""Text that comes from a traced program, made fit for a terminal.

Keys, process names, paths and engine messages may hold anything. Whatever a terminal could take for a
command, or a reader for something else (controls, escape sequences, bidirectional overrides, invisible
characters, bytes that aren't UTF-8), is shown by its number instead.
"""

from __future__ import annotations

from typing import Final

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""The text with every character that isn't plainly visible replaced by an escape.

    Printable is what Unicode's categories and ``str.isprintable`` say. Bytes that aren't UTF-8, which
    ``surrogateescape`` keeps, become ``\xHH``; so do ASCII's controls, except ``\n``, ``\r`` and ``\t``;
    other characters become ``\uHHHH`` or ``\UHHHHHHHH``. Backslashes stay as they are.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape's place for the byte
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return _NAMED.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
