"""The true values that a target wrote while it ran; ``targets/truth.h`` describes the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

_WORD = re.compile(r'(@\d+|"[^=]*|[^"@= ][^=]*)=(\S*)(?: |$)')


@attrs.frozen
class Event:
    """What happened once, or several times alike.

    Attributes:
        site: the probe that sees it, with the bare name of its binary: ``uprobe:calls:value``.
        numbers: what it passed, by the expression that stands for it: ``arg0``, ``value.len``; some are
            floats.
        unsigned: those of the numbers that are unsigned numbers of 64 bits.
        ranges: what is known within bounds only, ``elapsed`` and ``times``: the least and the most.
        strings: what it passed as strings: ``comm``, ``str(name)``.
        memory: bytes that it can read, by their address.
        times: how often it happened; the least, if that has bounds only.
    """

    site: str
    numbers: Mapping[str, Any]
    unsigned: frozenset[str]
    ranges: Mapping[str, tuple[int, int]]
    strings: Mapping[str, bytes]
    memory: Mapping[int, bytes]
    times: int = 1


def read(file: Path) -> Iterator[Event]:
    """The events that a target has written, none if it wrote nothing."""
    if file.exists():
        for line in file.read_text().splitlines():
            yield _event(line)


def _event(line: str) -> Event:
    site, _, rest = line.partition(" ")
    numbers: dict[str, Any] = {}
    unsigned, ranges, strings, memory = set(), {}, {}, {}
    for found in _WORD.finditer(rest):
        name, value = found[1], found[2]
        if name.startswith("@"):
            memory[int(name[1:])] = bytes.fromhex(value)
        elif name.startswith('"'):
            strings[name[1:]] = bytes.fromhex(value)
        elif ".." in value:
            least, most = value.split("..")
            ranges[name] = (int(least), int(most))
        elif value.lstrip("-")[:2] in ("0x", "in", "na"):
            numbers[name] = float.fromhex(value)
        else:
            numbers[name] = int(value.removesuffix("u"))
            unsigned |= {name} if value.endswith("u") else set()
    times = ranges["times"][0] if "times" in ranges else numbers.pop("times", 1)
    return Event(site, numbers, frozenset(unsigned), ranges, strings, memory, times)
