"""Keys of a map, as printed and joined, as keys of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tracekit.backends.bpftrace.saved_model import Print, refused
from tracekit.backends.saved import key_names, shown
from tracekit.core.expr import Expr, type_of
from tracekit.core.program import Aggregate
from tracekit.core.result import Key
from tracekit.core.types import IntType, Type
from tracekit.errors import UsageError
from tracekit.syntax import print_expression

_INTEGER: Final = re.compile(r"0|-?[1-9]\d{0,19}")
_BOOLEAN: Final = {"false": 0, "true": 1}
"""What a comparison is as a key from 0.24 on; 0 and 1 before."""

Keys = list[tuple[Key, ...]]


def split_keys(found: Print, aggregate: Aggregate | None, *, json: bool) -> tuple[tuple[str, ...], Keys, str]:
    """Take keys apart, if that can be done in one way only.

    Several keys are joined, by ``", "`` in text and by ``","`` in JSON, and nothing marks such characters
    inside a string. The program tells how many keys there are, and which are integers. Without it, keys
    are taken apart only where all parts of all of them are integers.

    Args:
        found: the print of a map.
        aggregate: the program's word for it; None if that isn't known.
        json: whether it is in JSON.

    Returns:
        The keys' names; the keys of each value of the print, in its order; and a sentence on what could
        not be told, or the empty string. Keys that can't be taken apart stand as one string, as printed.

    Raises:
        EngineError: if a key isn't of the program's type, or two become the same.
    """
    if not found.keyed:
        return (), [()] * len(found.values), ""
    separator = "," if json else ", "
    printed = list(found.values)
    if aggregate is None:
        names, keys = _without_program(printed, separator)
    else:
        types = [_type(key) for key in aggregate.keys]
        names = tuple(print_expression(key) for key in aggregate.keys)
        parts = [_parts(text, types, separator) for text in printed]
        split = [part for part in parts if part is not None]
        if len(split) < len(parts):
            names, keys = (", ".join(names),), [(text,) for text in printed]
        else:
            columns = [_column(found, type_, [part[n] for part in split]) for n, type_ in enumerate(types)]
            keys = list(zip(*columns, strict=True))
    joined = len(names) == 1 and (aggregate is None or len(aggregate.keys) > 1)
    doubt = ""
    if joined and any(separator in text for text in printed):
        doubt = (
            f"@{found.name}: keys that have {shown(separator)} in them stand as one string, as printed, "
            "since it can't be told whether and where several are joined"
        )
    if len(set(keys)) < len(keys):
        raise refused(f"@{found.name} has keys that are printed alike", "Trace again with numbers as keys.")
    return names, keys, doubt


def _without_program(printed: Sequence[str], separator: str) -> tuple[tuple[str, ...], Keys]:
    split = [text.split(separator) for text in printed]
    widths = {len(parts) for parts in split}
    if len(widths) != 1 or not all(_INTEGER.fullmatch(part) for parts in split for part in parts):
        return ("key",), [(text,) for text in printed]
    width = widths.pop()
    return key_names(width), [tuple(map(int, parts)) for parts in split]


def _type(key: Expr) -> Type | None:
    """A key's type; None if only debug information can tell."""
    try:
        return type_of(key)
    except UsageError:
        return None


def _parts(text: str, types: Sequence[Type | None], separator: str) -> list[str] | None:
    """The parts of joined keys; None if there are several ways.

    Integers have no separator inside, so they come off both ends; what is left is in one way only if it is
    one key, or has as many separators as there must be.
    """
    before: list[str] = []
    after: list[str] = []
    left = list(types)
    while len(left) > 1 and isinstance(left[-1], IntType):
        text, found, part = text.rpartition(separator)
        if not found:
            return None
        after.insert(0, part)
        left.pop()
    while len(left) > 1 and isinstance(left[0], IntType):
        part, found, text = text.partition(separator)
        if not found:
            return None
        before.append(part)
        left.pop(0)
    middle = [text] if len(left) == 1 else text.split(separator)
    return [*before, *middle, *after] if len(middle) == len(left) else None


def _column(found: Print, type_: Type | None, texts: Sequence[str]) -> Sequence[Key]:
    """The keys at one place, in the program's type."""
    if type_ is None and all(map(_INTEGER.fullmatch, texts)):
        return [int(text) for text in texts]
    if not isinstance(type_, IntType):
        return texts
    keys = []
    for text in texts:
        if text not in _BOOLEAN and not _INTEGER.fullmatch(text):
            raise refused(
                f"@{found.name} has the key {shown(text)}, but the program's is a number",
                "Give the program that made this output, and no other; or none.",
            )
        # Versions differ in the sign they show; the bits are the same.
        keys.append(type_.wrap(_BOOLEAN[text] if text in _BOOLEAN else int(text)))
    return keys
