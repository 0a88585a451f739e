r"""Saved output of dtrace in its default layout, as entries of aggregations. Pure.

At its exit, and for ``printa(@a)``, dtrace prints a line ``keys number`` for each entry, or the keys alone with
a histogram under them, and no name. Without ``-q`` there is a line for each event besides, under a heading. A
script that prints ``#name`` on a line before an aggregation gives it that name; its entries may then also stand
as ``printa("\"%S\" %d %@d\n", @a)`` has them, which can't be misread. A line that is none of that is refused.
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.backends.dtrace.saved_cells import HEADER, Patience, read_cells, unicode
from tracekit.backends.dtrace.saved_messages import Messages
from tracekit.backends.dtrace.saved_model import HINT, Entry, Layout, Row, Rows, refused
from tracekit.backends.saved import shown
from tracekit.core.result import Key
from tracekit.errors import EngineError

_BLOCK: Final = "\xe2\x96[\x88-\x8f]"
"""A piece of a bar in UTF-8 as macOS draws it, from a whole block to an eighth of one."""

_ROW: Final = re.compile(
    r"(?P<label> *(?:<= -\d+|(?:>=|<) -?\d+|abs\(\) < \d+|-?\d+)) "
    rf"(?:\|[@ ]{{40}}|[@ ]{{40}}\||[@ ]{{20}}\|[@ ]{{20}}|\|(?:{_BLOCK}){{0,40}} {{0,40}}) "
    r"(?P<number>-?\d{1,20}) *(?=\n|\Z)"
)
_FIRST: Final = ("<", str(-(1 << 62)))
_LAST: Final = (">=", str(1 << 62))
"""Labels of rows before and after which there are no others; elsewhere dtrace prints a row of zero."""

_EVENTS: Final = re.compile(r"CPU +ID +FUNCTION:NAME *")
_EVENT: Final = re.compile(r" {0,4}\d{1,4} +\d{1,9} +\S*:\S*(?: .*)?")
_CPU: Final = re.compile(r" {4}\[CPU \d{1,4}\](?P<number> +-?\d{1,20})?")
_NAME: Final = re.compile(r"#([A-Za-z_]\w{0,99})")
_TOKEN: Final = re.compile(
    r'(?:"(?P<string>(?:[^"\\\n]|\\[^\n])*)"|(?P<number>0|-?[1-9]\d{0,19}))(?: |(?=\n|\Z))'
)
_ESCAPE: Final = re.compile(r"\\([0-7]{1,3}|.)")
_ESCAPED: Final = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_INTERRUPT: Final = "^C"


def read_layout(text: str, messages: Messages, *, printed: bool = False) -> tuple[list[Entry], list[str]]:
    """Read output in the default layout.

    Args:
        text: all of it, a character for each byte.
        messages: takes what dtrace says besides.
        printed: whether other lines are what the script or the target printed; if not, they are errors.

    Returns:
        The entries in their order; and other lines, of events and of what was printed.

    Raises:
        EngineError: if a line isn't understood.
    """
    return _Reader(text, messages, printed=printed).read()


class _Reader:
    def __init__(self, text: str, messages: Messages, *, printed: bool) -> None:
        self.text = text
        self.patience = Patience(text)
        self.printed = printed
        self.messages = messages
        self.entries: list[Entry] = []
        self.events: list[str] = []
        self.name: str | None = None
        self.blank = True
        self.in_events = False
        self.line = 1

    def read(self) -> tuple[list[Entry], list[str]]:
        at = 0
        while at < len(self.text):
            end = self._take(at)
            self.line += self.text.count("\n", at, end)
            at = end
        return self.entries, self.events

    def _take(self, at: int) -> int:
        """Take what begins at a line's first character; give the index of the line after it."""
        line = self._line(at)
        end = at + len(line) + 1
        if not line:
            self.blank = True
            return end
        if header := HEADER.match(self.text, at):
            rows, end = self._rows(header.end() + 1, at)
            self._add({(): ()}, rows)
            return end
        if self.name is not None and (tokens := self._tokens(at)):
            return tokens
        if per_cpu := _CPU.fullmatch(line):
            return self._per_cpu(end, per_cpu)
        if taken := self._entry(at):
            return taken
        if _EVENTS.fullmatch(line):
            self.in_events = True
        elif self.in_events and _EVENT.fullmatch(line):
            return self._event(at)
        elif named := _NAME.fullmatch(line):
            self.name = named[1]
        elif line.strip() and line != _INTERRUPT and not self.messages.take(unicode(line)):
            if not self.printed:
                raise self._not_understood(at)
            self.events.append(unicode(line))
        return end

    def _line(self, at: int) -> str:
        end = self.text.find("\n", at)
        return self.text[at:] if end < 0 else self.text[at:end]

    def _entry(self, at: int) -> int:
        """Take an entry; give the index of the line after it, or 0 if none begins here."""
        readings = read_cells(self.text, at, self.patience)
        if not readings:
            return 0
        end = readings[0].end
        value: int | Rows
        if readings[0].value is None:
            header = HEADER.match(self.text, end + 1)
            assert header is not None
            value, end = self._rows(header.end() + 1, end + 1)
        else:
            value, end = readings[0].value, end + 1
        keys = {reading.layout: reading.keys for reading in readings}
        self._add(keys, value, block=readings[0].block)
        return end

    def _tokens(self, at: int) -> int:
        """Take an entry in the form of ours, as ``_entry`` does."""
        keys: list[Key] = []
        layout: list[str] = []
        while (found := _TOKEN.match(self.text, at)) is not None:
            number = found["number"]
            keys.append(int(number) if number else _unescaped(found["string"]))
            layout.append("16" if number else "s")
            at = found.end()
        if at < len(self.text) and self.text[at] != "\n":
            return 0
        if keys and (header := HEADER.match(self.text, at + 1)):
            value, end = self._rows(header.end() + 1, at + 1)
            self._add({tuple(layout): tuple(keys)}, value)
            return end
        last = keys.pop() if keys else ""
        if not isinstance(last, int) or self.text[at - 1] == " ":
            return 0
        self._add({tuple(layout[:-1]): tuple(keys)}, last)
        return at + 1

    def _add(self, keys: dict[Layout, tuple[Key, ...]], value: int | Rows, *, block: bool = False) -> None:
        # dtrace begins a print with a blank line, and has one after each histogram.
        fresh = self.blank and not block and isinstance(value, int)
        self.entries.append(Entry(self.line, keys, value, self.name, fresh))
        self.blank = False

    def _rows(self, at: int, header: int) -> tuple[Rows, int]:
        """A histogram's rows, and the index of the line after them."""
        rows = []
        while (found := _ROW.match(self.text, at)) is not None and len(found["label"]) >= 16:
            rows.append(Row(found["label"].strip(), int(found["number"])))
            at = found.end() + 1
        if not rows:
            raise refused(f"line {self._number(header)} begins a histogram, but no row follows", HINT)
        first, last = rows[0], rows[-1]
        if (first.number and not first.label.startswith(_FIRST)) or (
            last.number and not last.label.startswith(_LAST)
        ):
            raise refused(
                f"the histogram in line {self._number(header)} has no row of zero at an end: rows are missing",
                "The output was cut: import the whole of it.",
            )
        return tuple(rows), at

    def _per_cpu(self, end: int, found: re.Match[str]) -> int:
        """Take what ``-x aggpercpu`` prints under an entry; the entry has the sum of it."""
        self.messages.notes["what each CPU counted is left out; the entries have the sums"] = None
        if found["number"] is None:
            header = HEADER.match(self.text, end)
            if header is None:
                raise self._not_understood(end)
            _, end = self._rows(header.end() + 1, end)
        return end

    def _event(self, at: int) -> int:
        """Take an event's line and what its clause printed, up to a blank line or another event."""
        while True:
            line = self._line(at)
            self.events.append(unicode(line))
            at += len(line) + 1
            line = self._line(at)
            if not line.strip() or _EVENT.fullmatch(line):
                return at

    def _number(self, at: int) -> int:
        """The number of the line that an index is in, from 1."""
        return self.text.count("\n", 0, at) + 1

    def _not_understood(self, at: int) -> EngineError:
        line = unicode(self._line(at))
        return refused(f"line {self._number(at)} isn't output of an aggregation: {shown(line)}", HINT, line)


def _unescaped(text: str) -> str:
    r"""A string that ``%S`` printed: ``\ooo`` stands for a byte; its end stands as ``\0``."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return chr(_ESCAPED[code]) if code in _ESCAPED else code

    return unicode(_ESCAPE.sub(character, text)).rstrip("\0")
