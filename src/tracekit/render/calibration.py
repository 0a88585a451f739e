"""Calibrations as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tracekit.calibration.report import Row, rows, shortened
from tracekit.calibration.samples import Samples
from tracekit.calibration.summary import Row as RegisterRow
from tracekit.codec.model import to_json
from tracekit.core.calibration import Calibration
from tracekit.core.escape import printable
from tracekit.core.signature import Language
from tracekit.core.verdict import Verdict

FORMAT = "tracekit-calibrate"
"""What the ``format`` of a calibration in JSON is."""

VERSION = 1
"""The format's version."""


def render_calibration(
    calibration: Calibration,
    samples: Samples | None = None,
    registers: Sequence[RegisterRow] = (),
    notes: Sequence[str] = (),
) -> str:
    """A calibration as a table, with what stands behind it.

    Args:
        calibration: what is known of the function.
        samples: what gdb saw; None if nothing was run.
        registers: rows of the register dump; none to leave it out.
        notes: what a reader should know besides.

    Returns:
        Lines, each ended.
    """
    found = tuple(shortened(rows(calibration, samples)))
    lines = [heading(calibration), ""]
    if found:
        lines += table(
            ("name", "type", "at the entry", "bpftrace", "dtrace", "values", "verdict"),
            [_cells(row) for row in found if not row.at_return],
        )
        if returned := [_cells(row) for row in found if row.at_return]:
            lines += [
                "",
                *table(("result", "type", "at the return", "bpftrace", "dtrace", "", "verdict"), returned),
            ]
        lines += ["", *evidence(calibration)]
        if floats := [row.name for row in found if row.is_float]:
            lines.append(f"{printable(', '.join(floats))}: floats, which 'tracekit trace --backend gdb' reads")
    else:
        lines += ["Nothing is known of its arguments."]
    if registers:
        lines += ["", *_registers(registers)]
    lines += [f"warning: {printable(w)}" for w in calibration.warnings]
    lines += [f"note: {printable(n)}" for n in notes]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def dump_calibration(
    calibration: Calibration,
    samples: Samples | None = None,
    registers: Sequence[RegisterRow] = (),
    notes: Sequence[str] = (),
) -> str:
    """The same as one line of JSON, ended; ``calibration`` in it is what the store has."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "calibration": to_json(calibration),
        "rows": [to_json(row) for row in rows(calibration, samples)],
        "hits": None if samples is None else len(samples.hits),
        "registers": [to_json(row) for row in registers],
        "notes": list(notes),
    }
    return json.dumps(document, allow_nan=False) + "\n"


def heading(calibration: Calibration) -> str:
    """Which function a calibration is of, and where its source is."""
    line = f":{calibration.line}" if calibration.line else ""
    place = f" at {calibration.file}{line}" if calibration.file else ""
    name = (
        calibration.name
        if calibration.name == calibration.symbol
        else f"{calibration.name} ({calibration.symbol})"
    )
    language = "" if calibration.language is Language.OTHER else f", {calibration.language.value}"
    return printable(f"{name}{place}{language}, {calibration.architecture}")


def _cells(row: Row) -> tuple[str, ...]:
    return (row.name, row.type, row.place, row.bpftrace, row.dtrace, row.seen, row.verdict.value)


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows in columns; a column without content is left out."""
    kept = [n for n in range(len(head)) if any(cells[n] for cells in body) or not body]
    shown = [[printable(cells[n]) for n in kept] for cells in (head, *body)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def evidence(calibration: Calibration) -> Iterator[str]:
    """Each reason once, with the names that it is for; then what was refused."""
    names: dict[str, list[str]] = {}
    for argument in (*calibration.arguments, *calibration.results):
        for known in argument.known:
            for sentence in known.evidence:
                found = names.setdefault(sentence, [])
                if (name := argument.name or "retval") not in found:
                    found.append(name)
    for sentence, who in names.items():
        yield printable(f"{', '.join(who)}: {sentence}")
    for argument in (*calibration.arguments, *calibration.results):
        if argument.verdict is Verdict.REFUSED and argument.reason:
            yield printable(f"{argument.name or 'retval'} is refused: {argument.reason}")
            if argument.remedy:
                yield f"    {printable(argument.remedy)}"


def _registers(registers: Sequence[RegisterRow]) -> Iterator[str]:
    body = [
        (
            row.place,
            row.argument,
            row.kind.value,
            f"{row.distinct}",
            f"{_number(row.minimum)}"
            if row.distinct == 1
            else f"{_number(row.minimum)} to {_number(row.maximum)}",
            row.change,
            ", ".join(row.regions),
            f'"{row.text}"' if row.text else "",
        )
        for row in registers
    ]
    head = ("register", "argument", "looks like", "distinct", "values", "change", "points into", "text there")
    yield from table(head, body)


def _number(value: int) -> str:
    return f"{value:#x}" if abs(value) >= 1 << 32 else str(value)
