"""What tracekit may ask its helper for, word by word: anything else is refused.

Nothing is opened that is told by name but the kernel's descriptions of tracepoints: binaries come as
descriptors, so nobody gets a probe into a file that they can't read. Programs call nothing but what
``helpers.py`` lists, which reads what the target may read, and counts.

It imports the standard library, ``kernel.py`` and ``helpers.py`` only: ``privileged.py`` runs it as root.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tracekit.backends.bpf import helpers, kernel

Check = Callable[[Any, Sequence[int]], Any]
"""Gives what a word of a request means, with the descriptors that came along; or raises ``ValueError``."""


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError


def _number(below: int, least: int = 0) -> Check:
    def check(value: Any, _descriptors: Sequence[int]) -> int:
        _require(type(value) is int and least <= value < below)
        return int(value)

    return check


def _one_of(*allowed: object) -> Check:
    def check(value: Any, _descriptors: Sequence[int]) -> object:
        _require(any(type(value) is type(one) and value == one for one in allowed))
        return value

    return check


def _several(one: Check) -> Check:
    def check(value: Any, descriptors: Sequence[int]) -> list[Any]:
        _require(type(value) is list)
        return [one(each, descriptors) for each in value]

    return check


def _text(value: Any, _descriptors: Sequence[int]) -> str:
    _require(type(value) is str and re.fullmatch(r"\w{1,100}", value, re.ASCII) is not None)
    return str(value)


def _descriptor(value: Any, descriptors: Sequence[int]) -> int:
    return descriptors[_number(len(descriptors))(value, ())]


def _file(value: Any, descriptors: Sequence[int]) -> str:
    """A path to a file that the other side can read, since it has it open for that."""
    descriptor = _descriptor(value, descriptors)
    _require(not fcntl.fcntl(descriptor, fcntl.F_GETFL) & (os.O_WRONLY | os.O_PATH))
    return f"/proc/self/fd/{descriptor}"


def _code(value: Any, descriptors: Sequence[int]) -> bytes:
    """A program that calls only what ours call, and has no addresses but maps'."""
    _require(type(value) is str and re.fullmatch("([0-9a-f]{16})+", value) is not None)
    code, known = bytes.fromhex(value), {helper.value for helper in helpers.Helper}
    for operation, source, number in kernel.instructions(code):
        if operation & 0xF0 == 0x80 and operation & 7 in (5, 6):  # BPF_CALL of any kind
            _require(operation == 0x85 and source == 0 and number in known)
        if operation == kernel.MAP[0] and source:
            _require(source == kernel.MAP[1] and number in range(len(descriptors)))
    return code


def _or_none(one: Check) -> Check:
    return lambda value, descriptors: None if value is None else one(value, descriptors)


def _attach_many(offsets: list[int], semaphores: list[int], numbers: list[int], **words: Any) -> int:
    _require(0 < len(offsets) == len(semaphores) and len(numbers) in (0, len(offsets)))
    return kernel.attach_many(offsets=offsets, semaphores=semaphores, numbers=numbers, **words)


_FLAG, _WORD, _LONG = _one_of(False, True), _number(1 << 32), _number(1 << 64)
_KNOWN: Final[Mapping[str, tuple[Callable[..., int | None], Mapping[str, Check]]]] = {
    "create_map": (kernel.create_map, {
        "kind": _one_of(1, 2, 5, 6, 7), "key": _WORD, "value": _WORD, "entries": _WORD, "name": _text}),
    "load_program": (kernel.load_program, {
        "kind": _one_of(2, 5, 7, 17), "code": _code, "maps": _several(_descriptor), "sleeps": _FLAG,
        "attach": _one_of(0, 48), "name": _text}),
    "uprobe": (kernel.uprobe, {
        "path": _file, "offset": _LONG, "returns": _FLAG, "semaphore": _WORD, "pid": _one_of(-1)}),
    "tracepoint": (kernel.tracepoint, {"number": _WORD}),
    "raw_tracepoint": (kernel.raw_tracepoint, {"name": _text, "program": _descriptor}),
    "timer": (kernel.timer, {"nanoseconds": _LONG, "hertz": _WORD, "processor": _number(1 << 31)}),
    "mappings": (kernel.mappings, {"pid": _number(1 << 31, least=-1), "processor": _number(1 << 31)}),
    "attach": (kernel.attach, {
        "event": _descriptor, "program": _descriptor, "number": _or_none(_LONG)}),
    "attach_many": (_attach_many, {
        "program": _descriptor, "path": _file, "offsets": _several(_LONG), "semaphores": _several(_LONG),
        "numbers": _several(_LONG), "returns": _FLAG, "pid": _one_of(0)}),
    "describe": (kernel.describe, {"category": _text, "name": _text}),
}  # fmt: skip
"""What does it, and its words."""


def carry_out(message: Any, descriptors: Sequence[int]) -> int | None:
    """Do what a request asks for.

    Args:
        message: its name and its words.
        descriptors: those that came along, which words count from 0 on.

    Returns:
        The descriptor of what was made; None if nothing was.

    Raises:
        ValueError: if it is malformed.
        OSError: if the kernel refuses.
    """
    try:
        name, words = message
        call, checks = _KNOWN[name]
        _require(words.keys() == checks.keys())
        found = {word: check(words[word], descriptors) for word, check in checks.items()}
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError from error
    return call(**found)
