r"""Saved ``-f json`` output of bpftrace, 0.17 to 0.27, as prints of maps. Pure.

A line holds one record. Three things in them aren't what they seem (``JsonOutput`` in bpftrace's
``output.cpp``, and ``json.cpp`` from 0.24 on):

- From 0.24 on, once a ``\u`` escape was printed, the counts of histograms and of lost events are hexadecimal.
- Bytes from 0x80 on are printed as ``\uffffffXX``, where characters are signed.
- 0.22 and 0.23 escape the strings in keys twice.

The target may write such records to the same stream; what looks right can't be told from what is right.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from typing import Any, Final

from tracekit.backends.bpftrace.saved_messages import Messages
from tracekit.backends.bpftrace.saved_model import (
    SATURATED,
    Age,
    Average,
    Print,
    Row,
    Stats,
    Value,
    refused,
)
from tracekit.backends.saved import shown

_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u")
_COUNT: Final = re.compile(r', "count": ([0-9a-f]{1,16})\}')
_COUNT_WITH_LETTER: Final = re.compile(r', "count": [0-9]{0,15}[a-f][0-9a-f]{0,15}\}')
_COUNTED_SINCE_0_24: Final = re.compile(
    r'\{"type": "(lost_events|attached_probes)", "count": ([0-9a-f]{1,16}), '
    r'"data": \{"(?:events|probes)": [0-9a-f]{1,16}\}\}'
)
_NAME: Final = re.compile(r"@([A-Za-z0-9_]*)")
_BYTE: Final = re.compile("\uffffff([89a-f][0-9a-f])")
_INTEGER: Final = re.compile(r"-?\d{1,20}")

_EXACT_IN_DOUBLE: Final = 1 << 53
"""Integers beyond are printed as strings from 0.24 on, if a double can't hold them."""

_ROW: Final = {"min", "max", "count"}
_OTHER: Final = ("printf", "value", "time", "cat", "join", "syscall")

_TWICE: Final = (
    "keys with a backslash stand as they were printed: bpftrace 0.22 and 0.23 would have escaped them twice; "
    "with bpftrace's version that is undone"
)

_HINT: Final = (
    "Import bpftrace's own output alone: -o FILE keeps it apart from what the target prints. "
    "If the line means nothing, take it out."
)


class _AlikeError(Exception):
    """An object has a key twice."""


def parse_json(text: str, messages: Messages) -> tuple[dict[str, Print], list[str]]:
    """Read ``-f json`` output.

    Args:
        text: all of it.
        messages: takes what bpftrace says besides its maps.

    Returns:
        The last print of each map by its name, and what the script printed besides, record by record.

    Raises:
        EngineError: if a line isn't understood, or can be read in two ways.
    """
    if _COUNT_WITH_LETTER.search(text):
        messages.age.is_since(0, 24)
    return _JsonReader(messages).read(text.split("\n"))


class _JsonReader:
    def __init__(self, messages: Messages) -> None:
        self.messages = messages
        self.age: Age = messages.age
        self.escaped = False
        self.prints: dict[str, Print] = {}
        self.other: list[str] = []

    def read(self, lines: list[str]) -> tuple[dict[str, Print], list[str]]:
        at = 0
        while at < len(lines):
            line = lines[at]
            end = at + 1
            if line.startswith("{"):
                try:
                    understood = self._record(line, at)
                except _AlikeError as error:
                    raise refused(
                        f"line {end} has two keys of a map that are printed alike, {shown(str(error))}: "
                        "from 0.24 on, bpftrace leaves spaces out of keys in JSON",
                        "Save the output as text, without -f json.",
                        line,
                    ) from None
                except (ValueError, RecursionError):
                    understood = False
            else:
                end = self.messages.take(lines, at) if line else end
                understood = end > at
            if not understood:
                raise refused(f"line {at + 1} is no record of bpftrace's: {shown(line)}", _HINT, line)
            at = end
        return self.prints, self.other

    def _record(self, line: str, at: int) -> bool:
        """Take a record.

        Returns:
            Whether it is one.

        Raises:
            ValueError: if it isn't JSON.
            _AlikeError: if two keys of a map are the same.
        """
        if counted := _COUNTED_SINCE_0_24.fullmatch(line):
            self.age.is_since(0, 24)
            if counted[1] == "lost_events":
                self.messages.lost += int(counted[2], 16 if self.escaped else 10)
            return True
        record = json.loads(self._decimal(line, at), object_pairs_hook=_object)
        match record:
            case {"type": "map" | "hist" | "stats" | "tseries" as kind, "data": dict(data)} if len(data) == 1:
                ((name, value),) = data.items()
                found = _NAME.fullmatch(name)
                return found is not None and self._map(found[1], kind, value)
            case {"type": str(kind), "data": data} if kind in _OTHER:
                self.other.append(_text(data) if isinstance(data, str) else json.dumps(data))
            case {"type": "errorf" | "warnf" | "runtime_error", "msg": str(message)}:
                self.messages.warned(_text(message))
            case {"type": "attached_probes", "data": _}:
                self.age.is_before(0, 24)
            case {"type": "lost_events", "data": {"events": int(events)}}:
                self.messages.lost += events
            case {"type": "helper_error", "helper": str(helper), "retcode": int(code)}:
                self.messages.helper_failed(helper, code)
            case _:
                return False
        return True

    def _decimal(self, line: str, at: int) -> str:
        """The line with counts that are hexadecimal turned into decimal ones."""
        start = 0
        if not self.escaped and (escape := _ESCAPE.search(line)):
            self.escaped, start = True, escape.end()
        older = self.age.before(0, 24)
        if not self.escaped or older or not line.startswith('{"type": "hist"'):
            return line

        def decimal(found: re.Match[str]) -> str:
            if older is None and len(found[1]) > 1:
                raise refused(
                    f"line {at + 1} has the count {found[1]}, which is hexadecimal if it comes from "
                    "bpftrace 0.24 or later, since an escaped character was printed before",
                    "Give bpftrace's version; or save the output as text, without -f json.",
                    line,
                )
            return f', "count": {int(found[1], 16)}}}'

        return line[:start] + _COUNT.sub(decimal, line[start:])

    def _map(self, name: str, kind: str, value: object) -> bool:
        convert = {"map": _number, "stats": _stats, "hist": self._rows}.get(kind, _nothing)
        keyed = isinstance(value, dict) and not (
            kind == "stats" and value.keys() == {"count", "average", "total"}
        )
        last = self.prints.get(name)
        if last is not None and last.keyed != keyed and last.values and value != {}:
            raise ValueError("a map with and without keys")
        found = Print(name, keyed, earlier=0 if last is None else last.earlier + 1)
        if isinstance(value, dict) and keyed:
            for key, inner in value.items():
                text = self._key(key)
                if text in found.values:
                    raise _AlikeError(text)
                found.values[text] = convert(inner)
        else:
            found.values[""] = convert(value)
        self.prints[name] = found
        return True

    def _key(self, key: str) -> str:
        older, newer = self.age.before(0, 22), self.age.before(0, 24) is False
        if "\\" in key and not older and not newer:
            if older is None or self.age.before(0, 24) is None:
                self.messages.notes[_TWICE] = None
            else:
                with suppress(ValueError):  # tuples and arrays in keys are escaped once
                    key = str(json.loads(f'"{key}"'))
        return _text(key)

    def _rows(self, rows: object) -> tuple[Row, ...]:
        if not isinstance(rows, list) or not rows:
            raise ValueError("no rows")
        return tuple(self._row(row) for row in rows)

    def _row(self, row: dict[str, object]) -> Row:
        if not isinstance(row, dict) or not row.keys() <= _ROW or len(row) < 2:
            raise ValueError("no row")
        lo = _integer(row["min"]) if "min" in row else None
        hi = _integer(row["max"]) + 1 if "max" in row else None
        number = _count(row.get("count"))
        if (lo, hi) == (-SATURATED, 1):  # the last bucket's 2**31 in 32 bits
            self.age.is_before(0, 20)
            return Row(SATURATED, 2 * SATURATED, number)
        if lo == SATURATED:
            self.age.is_since(0, 20)
        return Row(lo, hi, number)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, each key of which must be there once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, _ in pairs)
        raise _AlikeError(next(key for key, count in times.items() if count > 1))
    return found


def _integer(value: object) -> int:
    """An integer, which may stand as a string.

    Raises:
        ValueError: if it is none of 64 bits.
    """
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or abs(value) >> 64:
        raise ValueError("no integer")
    return int(value)


def _count(value: object) -> int:
    number = _integer(value)
    if number < 0:
        raise ValueError("no count")
    return number


def _number(value: object) -> int | None:
    """A value of a map; None for what is no number."""
    if isinstance(value, str) and not (_INTEGER.fullmatch(value) and abs(int(value)) >= _EXACT_IN_DOUBLE):
        return None
    return _integer(value) if isinstance(value, int | str) else None


def _stats(value: object) -> Value:
    match value:
        case {"count": count, "average": _, "total": total}:
            return Stats(_count(count), _integer(total))
        case _:
            return Average(_integer(value))


def _nothing(_: object) -> None:
    return None


def _text(text: str) -> str:
    """Text with its bytes restored, as ``surrogateescape`` has them.

    Raises:
        ValueError: if it has surrogates, which bpftrace doesn't print.
    """
    if text.isascii():
        return text
    marked = _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text)
    return marked.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
