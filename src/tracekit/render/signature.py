"""A function's arguments with their fields, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import attrs

from tracekit.calibration.fields import Field, fields
from tracekit.codec.model import to_json
from tracekit.core.calibration import Calibration
from tracekit.core.escape import printable
from tracekit.core.verdict import Verdict
from tracekit.render.calibration import evidence, heading, table

FORMAT: Final = "tracekit-signature"
"""What the ``format`` of a signature in JSON is."""

VERSION: Final = 1
"""The format's version."""

_BEHIND: Final = 2
"""The level of what is behind a pointer."""

_MOST: Final = 24
"""Fields of what one pointer points at; JSON has all."""

_MANY: Final = 5
"""Elements of an array that are shown as one."""

_WIDEST: Final = 28
"""Columns of a type; what is left out of a longer one is in its middle."""


def render_signature(calibration: Calibration, declaration: str, notes: Sequence[str] = ()) -> str:
    """A function's declaration, and a table of all that a program can name of it.

    Args:
        calibration: what is known of the function.
        declaration: how its source declares it.
        notes: what a reader should know besides.

    Returns:
        Lines, each ended.
    """
    lines = [printable(declaration), heading(calibration)]
    for at_return, found in groupby(fields(calibration), key=lambda field: field.at_return):
        head = (
            ("result", "type", "bytes", "at the return")
            if at_return
            else ("name", "type", "bytes", "at the entry")
        )
        lines += ["", *table((*head, "verdict"), list(_rows(found)))]
    if not calibration.arguments:
        lines += ["", "It has no arguments, as far as is known."]
    lines += ["", *evidence(calibration)]
    lines += [f"warning: {printable(w)}" for w in calibration.warnings]
    lines += [f"note: {printable(n)}" for n in notes]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def dump_signature(calibration: Calibration, declaration: str, notes: Sequence[str] = ()) -> str:
    """The same as one line of JSON, ended; ``calibration`` in it is what the store has."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "declaration": declaration,
        "fields": [to_json(field) for field in fields(calibration)],
        "calibration": to_json(calibration),
        "notes": list(notes),
    }
    return json.dumps(document, allow_nan=False) + "\n"


def _rows(found: Iterable[Field]) -> Iterator[tuple[str, ...]]:
    for level, group in groupby(found, key=lambda field: field.level):
        some = list(_shortened(group))
        most = _MOST if level == _BEHIND else len(some)
        yield from map(_cells, some[:most])
        if more := len(some[most:]):
            yield (f"{'  ' * level}… {more} more", "", "", "", "")


def _shortened(found: Iterable[Field]) -> Iterator[Field]:
    """The elements of an array as one."""
    for (array, end, *_), group in groupby(found, key=_element):
        some = list(group)
        if not array or len(some) < _MANY:
            yield from some
            continue
        first, last = (field.path[len(array) + 1 :].partition("]")[0] for field in (some[0], some[-1]))
        yield attrs.evolve(some[0], path=f"{array}[{first}…{last}]{end}")


def _element(field: Field) -> tuple[str, str, str, int, Verdict]:
    before, _, behind = field.path.rpartition("[")
    return before, behind.partition("]")[2], field.type, field.bits, field.verdict


def _cells(field: Field) -> tuple[str, ...]:
    size = f"{field.bits // 8}" if field.bits % 8 == 0 else f"{field.bits} bit{'s' if field.bits > 1 else ''}"
    where = f"{size} at {field.offset}" if field.level else size
    return ("  " * field.level + field.path, _cut(field.type), where, field.place, field.verdict.value)


def _cut(text: str) -> str:
    half = _WIDEST // 2 - 1
    return text if len(text) <= _WIDEST else f"{text[:half]}…{text[-half:]}"
