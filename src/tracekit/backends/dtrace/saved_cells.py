r"""Keys and numbers of an entry, as dtrace prints them one after another. Pure.

Text stands as one character for each byte, since columns are counted in bytes. A number is a blank and at least
3, 5 (6), 8 or 16 columns, by its size; a string is two blanks and at least 50 columns, without a mark where it
ends; what dtrace takes for no text is a dump of its bytes (``dt_print_datum`` and ``dt_print_bytes`` in
``dt_consume.c``). Strings have any characters, newlines too, so an entry may have several lines. Blanks at a
string's end can't be told from those that fill its columns, and are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracekit.backends.dtrace.saved_model import HINT, Layout, refused
from tracekit.core.result import Key

HEADER: Final = re.compile(r" {11}value  -{13} Distribution -{13} count *(?=\n|\Z)")
"""The line above a histogram's rows."""

_NUMBER: Final = re.compile(r" {1,16}(0|-?[1-9]\d{0,19})")
_WIDTHS: Final = {3: 8, 5: 16, 6: 16, 8: 32, 16: 64}
"""The bits of the numbers that have so many columns."""

_STRING: Final = 52
_LONGEST: Final = 1024
"""The longest string whose end is looked for; by default dtrace keeps 256 bytes of one."""

_WINDOW: Final = 2048
"""How far from an entry's begin its last string may begin."""

_STRING_ENDS: Final = re.compile(r"[^ ](?= |\Z|\n)")
_DUMP: Final = (
    r" {13}0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f  0123456789abcdef\n"
    r"(?: {5,9}[0-9a-f]{1,5}:(?: [0-9a-f]{2}){1,16} {2,}[ -~]{1,16}\n)+"
)
_BYTE: Final = re.compile(r" ([0-9a-f]{2})(?= )")
_FRAME: Final = r" {14}(?:0x[0-9a-f]+|[^\n]*[`:][^\n]*|  \[ [^\n]* \])\n"
_BLOCK: Final = re.compile(rf"\n?(?:(?P<dump>{_DUMP})|(?:{_FRAME})+)")
"""Keys that have lines of their own: the bytes of what is no text, and stacks."""

_MOST_READINGS: Final = 16

_CELLS_EACH: Final = 2
"""Cells that are tried for each character of the output; recorded ones needed 1.6 at most."""

_CELLS_MORE: Final = 20_000


class Patience:
    """How many cells may be tried yet: of text that is made for it, each line has a great many."""

    def __init__(self, text: str) -> None:
        self._left = _CELLS_MORE + _CELLS_EACH * len(text)

    def take(self, cells: int) -> None:
        """Take some.

        Raises:
            EngineError: if there are no more.
        """
        self._left -= cells
        if self._left < 0:
            raise refused("the output has lines that can be read in far too many ways", HINT)


class _Cell(NamedTuple):
    kind: str
    start: int
    end: int


class Reading(NamedTuple):
    """A way to read an entry.

    Attributes:
        layout: what its keys are.
        keys: the keys.
        value: its number; None if a histogram follows.
        end: the index after it: of a newline, or of the text's end.
        block: whether it begins with a block of lines, above which dtrace prints a blank line.
    """

    layout: Layout
    keys: tuple[Key, ...]
    value: int | None
    end: int
    block: bool


def read_cells(text: str, start: int, patience: Patience) -> list[Reading]:
    """The ways to read what begins at an index, all with the same end; the nearest one, if there are several.

    Args:
        text: the whole output.
        start: the index of the first character of a line.
        patience: for the whole output.

    Returns:
        None of them, if it is no entry.

    Raises:
        EngineError: if there is no more patience.
    """
    if not text.startswith(" ", start):
        return []
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    for limit in (min(line_end, start + 4 * _WINDOW), min(len(text), start + _WINDOW)):
        if found := _chains(text, start, limit, patience):
            return [_reading(text, cells) for cells in found]
    return []


def _chains(text: str, start: int, limit: int, patience: Patience) -> list[tuple[_Cell, ...]]:
    """The cells from an index to the nearest end of an entry, in each way that they can be read."""
    following: dict[int, list[_Cell]] = {}
    reached = [start]
    while reached:
        at = reached.pop()
        if at not in following:
            following[at] = list(_cells(text, at, limit))
            patience.take(len(following[at]))
            reached += [cell.end for cell in following[at]]
    chains: dict[int, list[tuple[_Cell, ...]]] = {}
    for at in sorted(following, reverse=True):  # the cells after a cell are known before it
        ways: list[tuple[_Cell, ...]] = [()] if at > start and _ends_keys(text, at) else []
        for cell in following[at]:
            if cell.kind == "16" and _ends_number(text, cell.end):
                ways.append((cell,))
            ways += [(cell, *rest) for rest in chains[cell.end]]
        nearest = min((way[-1].end if way else at for way in ways), default=0)
        chains[at] = [way for way in ways if (way[-1].end if way else at) == nearest][:_MOST_READINGS]
    return chains[start]


def _ends_keys(text: str, at: int) -> bool:
    """Whether keys end here, with a histogram below."""
    return text.startswith("\n", at) and HEADER.match(text, at + 1) is not None


def _ends_number(text: str, at: int) -> bool:
    """Whether a number ends an entry here, and is no key above a block of lines."""
    return at == len(text) or (text[at] == "\n" and not _BLOCK.match(text, at) and not _ends_keys(text, at))


def _reading(text: str, cells: tuple[_Cell, ...]) -> Reading:
    keys = tuple(_key(text, cell) for cell in cells)
    layout = tuple("s" if cell.kind == "dump" else cell.kind for cell in cells)
    end, block = cells[-1].end, cells[0].kind in ("dump", "stack")
    if _ends_keys(text, end):
        return Reading(layout, keys, None, end, block)
    return Reading(layout[:-1], keys[:-1], int(keys[-1]), end, block)


def _cells(text: str, at: int, limit: int) -> Iterator[_Cell]:
    """What can begin at an index."""
    if block := _BLOCK.match(text, at):
        yield _Cell("dump" if block["dump"] else "stack", at, block.end())
        return
    if number := _NUMBER.match(text, at):
        value, columns = int(number[1]), number.end() - at - 1
        for width, bits in _WIDTHS.items():
            fits = -(1 << (bits - 1)) <= value < 1 << bits
            if fits and columns == max(width, len(number[1])):
                yield _Cell(str(width), at, number.end())
    if at < limit and text.startswith("  ", at):
        if at + _STRING <= limit:
            yield _Cell("s", at, at + _STRING)
        if text[at + _STRING - 1 : at + _STRING + 1] != "  ":  # else blanks fill the columns of a shorter one
            for last in _STRING_ENDS.finditer(text, at + _STRING, min(limit, at + _LONGEST)):
                yield _Cell("s", at, last.end())


def _key(text: str, cell: _Cell) -> Key:
    printed = text[cell.start : cell.end]
    match cell.kind:
        case "s":
            whole = printed[2:]
            return unicode(whole.rstrip(" ") if len(printed) == _STRING else whole)
        case "stack":
            return unicode("\n".join(line.strip() for line in printed.split("\n")).strip("\n"))
        case "dump":
            lines = printed[printed.index("abcdef\n") + 7 :].splitlines()
            digits = [
                byte for line in lines for byte in _BYTE.findall(line, line.index(":"), line.index(":") + 50)
            ]
            return bytes.fromhex("".join(digits)).rstrip(b"\0").decode("utf-8", "surrogateescape")
        case _:
            return int(printed)


def unicode(text: str) -> str:
    """Text of characters that are bytes as text of Unicode; ``surrogateescape`` has what isn't UTF-8."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")
