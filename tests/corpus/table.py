"""What each recorded run is expected to give: ``python -m tests.corpus.table`` writes it anew, for review.

Runs that give the same stand together in one line of ``bpftrace.expected.json``, so that whatever differs
between versions, between text and JSON, and with and without the program, is to be seen there.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
from tests.corpus.cases import FOLDER, Case, cases

from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.histogram import Histogram
from tracekit.errors import TracekitError

TABLE = FOLDER / "bpftrace.expected.json"


def outcome(case: Case, *, program: bool) -> dict[str, Any]:
    """What a run gives, or the reason why it is refused."""
    try:
        saved = parse_saved(
            case.output,
            errors=case.errors,
            version=case.version,
            program=case.program if program else None,
        )
    except TracekitError as error:
        return {"refused": error.message}
    return _saved(saved)


def _saved(saved: Saved) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"@{m.name}": {
            "function": m.function,
            **({"keys": list(m.key_names)} if m.key_names else {}),
            "entries": [[*keys, _histogram(h)] for keys, h in sorted(m.entries.items(), key=repr)],
        }
        for m in saved.maps
    }
    if saved.losses:
        found["losses"] = [f"{x.kind.value} {x.count}: {x.message}" for x in saved.losses]
    if saved.notes:
        found["notes"] = list(saved.notes)
    if saved.other:
        found["other"] = len(saved.other)
    return found


def _histogram(histogram: Histogram) -> dict[str, Any]:
    scheme, buckets = histogram.scheme, histogram.buckets
    shown: dict[str, Any] = {}
    if scheme is not None:
        parameters = ", ".join(map(str, attrs.astuple(scheme)))
        shown[f"{type(scheme).__name__}({parameters})"] = [[b.lo, b.hi, b.count] for b in buckets]
    figures = {"sum": histogram.sum, "min": histogram.min, "max": histogram.max}
    shown |= {name: figure for name, figure in figures.items() if figure is not None}
    if histogram.count != sum(b.count for b in buckets) or not shown:
        shown["count"] = histogram.count
    return shown


def computed() -> dict[str, list[dict[str, Any]]]:
    """The whole table: by a run's name, the outcomes, each with the runs that have it."""
    grouped: dict[str, dict[str, dict[str, Any]]] = {}
    for case in cases():
        for program in (False, True):
            if program and case.program is None:
                continue
            label = case.label + (" +program" if program else "")
            found = outcome(case, program=program)
            groups = grouped.setdefault(case.name, {})
            groups.setdefault(json.dumps(found), {"of": [], **found})["of"].append(label)
    return {name: list(groups.values()) for name, groups in grouped.items()}


def write() -> None:
    """Write the table, a line for each outcome."""

    def compact(value: object) -> str:
        return json.dumps(value, separators=(",", ":"))

    lines = [
        f"{compact(name)}:[\n" + ",\n".join(f" {compact(group)}" for group in groups) + "\n]"
        for name, groups in computed().items()
    ]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
