r"""Saved text output of bpftrace, 0.17 to 0.27, as prints of maps. Pure.

A map is printed as rows ``@name[keys]: value``, or as ``@name[keys]:`` with a histogram's buckets under it.
Keys are raw: they may have newlines (stacks do) and anything else, so a key can look like other rows, and
so can what the target writes on the same stream. Where a line can be read in two ways, or in none, the
output is refused. What looks right can't be told from what is right.

Nothing marks where one print of a map ends and the next begins, but rows of other maps, other lines, and
blank lines between: one after a print of numbers, one after each histogram and so two after the last
(``TextOutput`` in bpftrace's ``output.cpp`` and ``text.cpp``). At its exit bpftrace prints blank lines first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tracekit.backends.bpftrace.saved_messages import Messages
from tracekit.backends.bpftrace.saved_model import Print, Row, Stats, Value, refused
from tracekit.backends.saved import shown
from tracekit.errors import EngineError

_NAME = r"(?P<name>[A-Za-z0-9_]*)"
_KEY = r"(?P<key>.*)"
_VALUE = (
    r":(?: (?:(?P<number>-?\d{1,20}|true|false)"
    r"|(?:(?P<record>\{ \.)?count (?:= )?(?P<count>\d{1,20}), \.?average (?:= )?-?\d{1,20}, "
    r"\.?total (?:= )?(?P<total>-?\d{1,20})(?: \})?))?)?"
)
_WITHOUT_KEY: Final = re.compile(rf"@{_NAME}{_VALUE}")
_WITH_KEY: Final = re.compile(rf"@{_NAME}\[{_KEY}\]{_VALUE}")
_NO_NUMBER: Final = re.compile(rf"@{_NAME}(?P<keyed>\[.*?\])?: .+")
_KEY_BEGINS: Final = re.compile(rf"@{_NAME}\[{_KEY}")
_KEY_ENDS: Final = re.compile(rf"{_KEY}\]{_VALUE}")

_BOUND = r"-?\d{1,19}[KMGTPE]?"
_BUCKET: Final = re.compile(
    rf"(?:\(\.\.\., (?P<below>{_BOUND})\)|\[(?P<one>{_BOUND})\]"
    rf"|\[(?P<lo>{_BOUND}), (?:(?P<above>\.\.\.)|(?P<hi>{_BOUND}))\)) *(?P<count>\d{{1,20}}) \|[@ ]{{0,52}}\|"
)
_SUFFIXES: Final = {suffix: 10 * power for power, suffix in enumerate("KMGTPE", start=1)}

_OTHER: Final = re.compile(r".*Ctrl-C to end\.?|\d\d:\d\d:\d\d")
"""What the scripts that come with bpftrace say at their start, and what ``time()`` prints by default."""

_HINT: Final = (
    "Import bpftrace's own output alone: what printf() and the target print is kept apart by "
    "bpftrace's -f json and -o FILE. If the line means nothing, take it out."
)


def parse_text(text: str, messages: Messages) -> tuple[dict[str, Print], list[str]]:
    """Read text output.

    Args:
        text: all of it.
        messages: takes what bpftrace says besides its maps.

    Returns:
        The last print of each map by its name, and the lines that hold nothing of maps.

    Raises:
        EngineError: if a line isn't understood, or can be read in two ways.
    """
    return _TextReader(text.split("\n"), messages).read()


class _TextReader:
    def __init__(self, lines: Sequence[str], messages: Messages) -> None:
        self.lines = lines
        self.messages = messages
        self.prints: dict[str, Print] = {}
        self.other: list[str] = []
        self.current: Print | None = None
        self.in_histograms = False
        self.blanks = 0

    def read(self) -> tuple[dict[str, Print], list[str]]:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            if not line:
                self.blanks += 1
                at += 1
            elif line[0] == "@":
                at = self._entry(at)
            elif (end := self.messages.take(self.lines, at)) > at:
                at = end
            elif _OTHER.fullmatch(line):
                self.other.append(line)
                self.current = None
                at += 1
            else:
                raise self._not_understood(at)
        return self.prints, self.other

    def _entry(self, at: int) -> int:
        """Take the entry of a map that begins at a line; give the index of the line after it."""
        line = self.lines[at]
        if found := _WITH_KEY.fullmatch(line):
            return self._value(found["name"], found["key"], found, at, at + 1)
        if found := _WITHOUT_KEY.fullmatch(line):
            return self._value(found["name"], None, found, at, at + 1)
        if found := _NO_NUMBER.fullmatch(line):
            self._begin(found["name"], found["keyed"] is not None, at).values[line] = None
            return at + 1
        if found := _KEY_BEGINS.fullmatch(line):
            return self._long_key(found["name"], found["key"], at)
        raise self._not_understood(at)

    def _long_key(self, name: str, first: str, at: int) -> int:
        """Take an entry whose key has newlines."""
        parts = [first]
        for end in range(at + 1, len(self.lines)):
            line = self.lines[end]
            if line.startswith("@") and (_WITH_KEY.fullmatch(line) or _WITHOUT_KEY.fullmatch(line)):
                break
            if found := _KEY_ENDS.fullmatch(line):
                return self._value(name, "\n".join((*parts, found["key"])), found, at, end + 1)
            parts.append(line)
        raise refused(
            f"the key that begins in line {at + 1} doesn't end before another entry begins: "
            f"{shown(self.lines[at])}",
            _HINT,
            self.lines[at],
        )

    def _value(self, name: str, key: str | None, found: re.Match[str], at: int, end: int) -> int:
        value: Value
        if number := found["number"]:
            value = int(number) if number[-1] != "e" else int(number == "true")
        elif found["count"]:
            if found["record"]:
                self.messages.age.is_since(0, 24)
            value = Stats(int(found["count"]), int(found["total"]))
        else:
            rows = []
            while end < len(self.lines) and (bucket := _BUCKET.fullmatch(self.lines[end])):
                rows.append(_row(bucket))
                end += 1
            if not rows:
                raise refused(
                    f"line {at + 1} begins a histogram, but no bucket follows: {shown(self.lines[at])}",
                    _HINT,
                    self.lines[at],
                )
            value = tuple(rows)
        self._add(name, key, value, at)
        return end

    def _add(self, name: str, key: str | None, value: Value, at: int) -> None:
        current = self._begin(name, key is not None, at, histogram=isinstance(value, tuple))
        if key is None:
            current.earlier += bool(current.values)
        elif key in current.values:
            raise refused(
                f"line {at + 1} has a key of @{name} for the second time, so that the map was printed "
                f"twice without a mark between, or two keys look alike: {shown(key)}",
                "Save the output with -f json; or keep only the last print of the map in the file.",
                self.lines[at],
            )
        current.values[key or ""] = value

    def _begin(self, name: str, keyed: bool, at: int, *, histogram: bool = False) -> Print:
        """The print that an entry belongs to: the current one, or else another that it begins."""
        separated = self.blanks > (histogram and self.in_histograms)
        if self.current is None or self.current.name != name or separated:
            last = self.prints.get(name)
            self.current = Print(name, keyed, earlier=0 if last is None else last.earlier + 1)
            if last is None or last.keyed == keyed:
                self.prints[name] = self.current
        self.in_histograms = histogram
        self.blanks = 0
        if self.prints[name].keyed != keyed:
            raise refused(
                f"line {at + 1} shows @{name} {'with' if keyed else 'without'} keys, "
                f"unlike the lines before: {shown(self.lines[at])}",
                _HINT,
                self.lines[at],
            )
        return self.current

    def _not_understood(self, at: int) -> EngineError:
        line = self.lines[at]
        return refused(f"line {at + 1} isn't output of a map: {shown(line)}", _HINT, line)


def _row(found: re.Match[str]) -> Row:
    count = int(found["count"])
    if found["one"] is not None:
        value = _bound(found["one"])
        return Row(value, value + 1, count)
    if found["below"] is not None:
        return Row(None, _bound(found["below"]), count)
    return Row(_bound(found["lo"]), None if found["above"] else _bound(found["hi"]), count)


def _bound(label: str) -> int:
    """The number of a label; suffixes are exact powers of 1024."""
    power = _SUFFIXES.get(label[-1], 0)
    return int(label[:-1]) << power if power else int(label)
