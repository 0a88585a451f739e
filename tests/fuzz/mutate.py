"""Damage: to bytes and text, and to JSON documents by their structure."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

NUMBERS = (
    0, 1, 2, 7, 0x10, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 20, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFF, 1 << 40,
    (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
CONTROLS = (b"\0", b"\x1b[2J", b"\x07", b"\r", b"\xc2\x9b", "\u202e".encode(), b"\xff", b"\xed\xb2\x80")
"""What a terminal may take for a command, and bytes that are no UTF-8."""


def mutated(chance: Random, data: bytes, pieces: Sequence[bytes], most: int = 1 << 14) -> bytes:
    """Text with pieces removed, repeated, moved and put in."""
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((1, 1, 2, 4, 8, 30, 200)))
        match chance.randrange(8):
            case 0:
                data = data[:at] + data[end:]
            case 1:
                data = data[:at] + data[at:end] * chance.choice((2, 2, 3, 10, 500)) + data[end:]
            case 2 | 3:
                data = data[:at] + chance.choice(pieces) + data[chance.choice((at, end)) :]
            case 4:
                data = data[:at] + chance.choice(CONTROLS) + data[at:]
            case 5:
                other = chance.randrange(len(data) + 1)
                data = data[:other] + data[at:end] + data[other:]
            case 6:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case _:
                data = data[:at] + str(number(chance)).encode() + data[at:]
        data = data[:most]
    return data


def number(chance: Random) -> int:
    """A number at a limit, or near it."""
    return (chance.choice(NUMBERS) + chance.choice((-1, 0, 0, 1))) * chance.choice((1, 1, -1))


_VALUES: tuple[Any, ...] = (
    None, True, False, 0.5, 1e308, "", "x", "\x1b[31m\n", "\udcff", "9" * 50, [], {}, [0], {"bytes": "1b5b"},
    {"bytes": "zz"}, 1 << 200, -(1 << 63), "0001-01-01T00:00:00+14:00", {"type": "int", "value": 1},
)  # fmt: skip


def damaged(chance: Random, document: Any, pieces: Sequence[Any] = ()) -> bytes:
    """A JSON document with values replaced, removed, repeated, moved and nested, as text."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        inside, step = _place(chance, document)
        if step is None:
            break
        match chance.randrange(9):
            case 0:
                del inside[step]
            case 1 | 2:
                inside[step] = copy.deepcopy(chance.choice(_VALUES))
            case 3:
                inside[step] = number(chance)
            case 4:
                other, there = _place(chance, document)
                inside[step] = copy.deepcopy(other[there])
            case 5 if isinstance(inside, list) and _is_small(inside[step]):
                inside[step:step] = [copy.deepcopy(inside[step]) for _ in range(chance.choice((1, 2, 300)))]
            case 6 if isinstance(inside, dict):
                inside[str(chance.choice(_VALUES))] = inside.pop(step)
            case 7 if pieces:
                inside[step] = copy.deepcopy(chance.choice(pieces))
            case _ if _is_small(inside[step]):
                inside[step] = _nested(chance, inside[step])
    text = json.dumps(document).encode()
    return mutated(chance, text, _SIGNS, 1 << 16) if chance.random() < 0.2 else text


_SIGNS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"[" * 5000,
    b"9" * 5000,
)


def _place(chance: Random, value: Any) -> tuple[Any, Any]:
    """Some place in a document: what it is inside of, and its key or index; None if there is none."""
    inside: Any = None
    step: Any = None
    while isinstance(value, dict | list) and value and (step is None or chance.random() < 0.8):
        inside = value
        step = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        value = value[step]
    return inside, step


def _is_small(value: Any) -> bool:
    return len(json.dumps(value)) < 1000


def _nested(chance: Random, value: Any) -> Any:
    """The value inside of itself, some levels deep."""
    key = chance.choice(list(value)) if isinstance(value, dict) and value else None
    for _ in range(chance.choice((1, 3, 20, 90))):
        value = [value] if key is None else {**value, key: value}
    # Nothing in it twice: what is changed later is then changed in one place.
    return json.loads(json.dumps(value))
