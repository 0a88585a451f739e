"""Probes: ``TYPE:…`` with bpftrace's types and their short names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tracekit.core.probe import (
    INTERVAL_UNITS,
    PROFILE_UNITS,
    Interval,
    Probe,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)
from tracekit.syntax.foreign import PROBES
from tracekit.syntax.literals import number
from tracekit.syntax.suggest import suggestion
from tracekit.syntax.tokens import Stream, shown
from tracekit.syntax.words import field, function
from tracekit.values import frozen

_TYPE: Final = re.compile(r"\w+")
_TRACEPOINT: Final = re.compile(r"sys_(enter|exit)_(.+)", re.DOTALL)
_SHORT: Final = {
    "u": "uprobe",
    "ur": "uretprobe",
    "U": "usdt",
    "i": "interval",
    "p": "profile",
    "t": "tracepoint",
}


@frozen
class _Part:
    """What stands between two colons of a probe."""

    text: str
    start: int
    end: int


def probe(s: Stream) -> Probe:
    """Read one probe at the stream's position.

    Raises:
        ProgramSyntaxError: if there is none that the language has.
    """
    start = s.position
    found = _TYPE.match(s.text, start)
    if found is None:
        hint = "Write PROBE { @ = count(); }, such as uprobe:BINARY:FUNCTION { @ = count(); }."
        raise s.error("expected a probe", start, start + 1, hint)
    word, s.end = found[0], found.end()
    s.position = s.end
    type_ = _SHORT.get(word, word)
    if type_ in PROBES:
        raise s.error(f"{word} is not part of the language", start, s.end, PROBES[type_])
    if type_ not in _READERS:
        hint = suggestion(word, _READERS) or f"The types are {', '.join(_READERS)}."
        raise s.error(f"there is no probe type {shown(word)}", start, s.end, hint)
    form, reader = _READERS[type_]
    read = reader(s, start, form)
    if s.text.startswith(":", s.position):
        raise s.error("the probe has too many parts", s.position, s.position + 1, f"Write {form}.")
    return read


def _colon(s: Stream, form: str) -> None:
    if not s.text.startswith(":", s.position):
        hint = f"Write {form}; put what has spaces in quotes."
        raise s.error("expected ':'", s.position, s.position + 1, hint)
    s.position += 1


def _parts(s: Stream, form: str, *names: str) -> list[_Part]:
    found = []
    for what in names:
        _colon(s, form)
        at = s.position
        found.append(_Part(field(s, what), at, s.position))
    return found


def _uprobe(s: Stream, start: int, form: str) -> Probe:
    _colon(s, form)
    binary = field(s, "BINARY")
    _colon(s, form)
    name, offset = function(s)
    return s.make(start, Uprobe, binary, name, offset)


def _uretprobe(s: Stream, start: int, form: str) -> Probe:
    _colon(s, form)
    binary = field(s, "BINARY")
    _colon(s, form)
    at = s.position
    name, offset = function(s)
    if offset:
        raise s.error("a return has no offset", at, s.end, "Use uprobe for a place inside the function.")
    return s.make(start, Uretprobe, binary, name)


def _usdt(s: Stream, start: int, form: str) -> Probe:
    found = _parts(s, form, "BINARY", "PROVIDER")
    if not s.text.startswith(":", s.position):
        at, hint = found[1].start, f"Write {form}; readelf --notes BINARY lists the providers."
        raise s.error("the probe has no provider, or no name", at, s.end, hint)
    s.position += 1
    return s.make(start, Usdt, found[0].text, found[1].text, field(s, "NAME"))


def _syscall(s: Stream, start: int, form: str) -> Probe:
    name, side = _parts(s, form, "NAME", "side")
    sides = {known.value: known for known in Side}
    if side.text not in sides:
        hint = suggestion(side.text, sides) or "Write entry or return."
        raise s.error(f"a system call has no side {shown(side.text)}", side.start, side.end, hint)
    return s.make(start, Syscall, name.text, sides[side.text])


def _tracepoint(s: Stream, start: int, form: str) -> Probe:
    category, name = _parts(s, form, "category", "NAME")
    found = _TRACEPOINT.fullmatch(name.text)
    if category.text != "syscalls" or found is None:
        hint = f"Write {form}, which are syscall:NAME:entry and syscall:NAME:return."
        raise s.error("only the tracepoints of system calls are known", start, s.end, hint)
    return s.make(start, Syscall, found[2], Side.ENTRY if found[1] == "enter" else Side.RETURN)


def _interval(s: Stream, start: int, form: str) -> Probe:
    return s.make(start, Interval, *_timer(s, form, INTERVAL_UNITS))


def _profile(s: Stream, start: int, form: str) -> Probe:
    return s.make(start, Profile, *_timer(s, form, PROFILE_UNITS))


def _timer(s: Stream, form: str, units: tuple[str, ...] | dict[str, int]) -> tuple[str, int]:
    unit, count = _parts(s, form, "UNIT", "COUNT")
    if unit.text not in units:
        hint = suggestion(unit.text, units) or f"The units are {', '.join(units)}."
        raise s.error(f"there is no unit {shown(unit.text)}", unit.start, unit.end, hint)
    return unit.text, s.make(count.start, number, count.text)


_READERS: Final[dict[str, tuple[str, Callable[[Stream, int, str], Probe]]]] = {
    "uprobe": ("uprobe:BINARY:FUNCTION", _uprobe),
    "uretprobe": ("uretprobe:BINARY:FUNCTION", _uretprobe),
    "usdt": ("usdt:BINARY:PROVIDER:NAME", _usdt),
    "syscall": ("syscall:NAME:entry or syscall:NAME:return", _syscall),
    "tracepoint": ("tracepoint:syscalls:sys_enter_NAME or sys_exit_NAME", _tracepoint),
    "interval": ("interval:UNIT:COUNT, such as interval:s:1", _interval),
    "profile": ("profile:UNIT:COUNT, such as profile:hz:99", _profile),
}
