"""Output that bpftrace printed for somebody else's script, and that was saved. Pure.

This is for what people have. Our own runs print in a form that can't be misread (see ``parse``); plain
output can be, by keys and by what the target writes, so here everything that isn't understood is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tracekit.backends.bpftrace.saved_json import parse_json
from tracekit.backends.bpftrace.saved_maps import MapReader
from tracekit.backends.bpftrace.saved_messages import Messages
from tracekit.backends.bpftrace.saved_model import SATURATED, Age, Print, Row
from tracekit.backends.bpftrace.saved_text import parse_text
from tracekit.backends.saved import UNKNOWN_FUNCTION, Saved
from tracekit.core.program import Program

_FIRST: Final = re.compile(r'^(?:@|\{"type": ")', re.MULTILINE)
"""What begins the first line that is of a map in text output, or of anything in JSON output."""


def parse_saved(
    output: bytes, *, errors: bytes = b"", program: Program | None = None, version: str = ""
) -> Saved:
    """Read output of bpftrace 0.17 to 0.27, text or ``-f json``.

    Args:
        output: its standard output, or the file of ``-o``.
        errors: its standard error, if that was saved apart.
        program: what was traced, if it is known and tracekit can express it: it tells which function a map has,
            the bounds of ``lhist()``, how many keys there are, and the types of values and keys.
        version: bpftrace's, such as ``0.23.2``, if it is known.

    Raises:
        EngineError: if bpftrace reported an error and gave no result, if a line isn't understood or can be read
            in two ways, or if a map isn't what the program says.
        UsageError: if ``version`` is none.
    """
    age = Age.of(version)
    messages = Messages(age)
    said = errors.decode("utf-8", "backslashreplace")
    messages.read_errors(said)
    text = output.decode("utf-8", "surrogateescape")
    first = _FIRST.search(text)
    json = first is not None and first[0] != "@"
    prints, other = parse_json(text, messages) if json else parse_text(text, messages)
    if not prints:
        messages.fail(said)
    if any(row.lo is not None and row.lo > SATURATED for row in _rows(prints)):
        age.is_since(0, 20)
    reader = MapReader(age, json, messages.notes)
    aggregates = {} if program is None else program.maps
    names = [*(n for n in aggregates if n in prints), *(n for n in prints if n not in aggregates)]
    found = (reader.read(prints[name], aggregates.get(name)) for name in names)
    maps = tuple(m for m in found if m is not None)
    if not prints:
        messages.notes["no map was printed: they were empty, or bpftrace was killed before it could"] = None
    elif missing := [f"@{n}" for n in aggregates if n not in prints]:
        messages.notes[f"not printed, since empty or cleared by the script: {', '.join(missing)}"] = None
    if unknown := [f"@{m.name}" for m in maps if m.function == UNKNOWN_FUNCTION]:
        messages.notes[
            f"without the program it can't be told what the numbers of {', '.join(unknown)} are, such as "
            "counts or sums; each stands as a sum"
        ] = None
    if text and not text.endswith("\n"):
        messages.notes["the output doesn't end with a whole line, so it may have been cut"] = None
    return Saved(maps, (*messages.losses(), *reader.losses), tuple(messages.notes), tuple(other))


def _rows(prints: dict[str, Print]) -> Iterator[Row]:
    for found in prints.values():
        for value in found.values.values():
            if isinstance(value, tuple):
                yield from value
