"""Writes docs/support.md from the tables of features and of the matrix: ``python -m tools.support``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.conformance.case import Case, cases
from tests.conformance.engines import COLUMNS, Column
from tests.conformance.refusals import REFUSALS, Refusal, refusal

from tracekit.backends.registry import backend_names
from tracekit.core.feature import Feature

PAGE: Final = Path(__file__).parents[1] / "docs/support.md"

_HEAD = """\
# What runs where

`make pages` writes this page from the code's tables of [what engines can do](#what-engines-can-do), and
from the tables that `tests/conformance/` holds engines to. A test fails if the page is old.

## What engines can do

What an engine refuses, whatever the program is; the reason is the one that the error gives. Names of
arguments aren't in it: tracekit makes registers and memory of them before an engine is asked. `trace` runs
bpf (eBPF programs of tracekit itself), bpftrace, dtrace and gdb on Linux; `compile` also writes for the dtrace
of macOS, illumos and FreeBSD ([the differences](backends/dtrace.md#systems)).

"""

_MATRIX = """
## Every kind of program on every engine

Every line is a program that is traced on every engine. Its target passes values and writes down what it
passed, and the result must be exactly that: every bucket, count, sum, extreme and key. **yes** means that
it is, and [what is told](#what-is-told) beside the numbers stands with it. A number leads to the reason why
the program is refused, before anything of it runs. There is nothing else: what differs fails.

{cases} programs, {engines} engines, on x86-64 and Linux 6.18. The programs are in
`tests/conformance/cases/`, by the names here. dtrace 2.0.7 now and then loses its last output, which the
result tells: such a run is made again.
"""

_TOLD = {
    "approximate": "how many times a value couldn't be read, and counts as 0 or as an empty string, or a float "
    "has no integer of 64 bits, and counts as the nearest",
    "full-map": "how many events found no room in a map, to the event",
    "lost-events": "that calls before the program's first instruction, by its loader and by constructors of "
    "its libraries, are missing",
    "overflow": "that the sum is left out, where several fit the 64 bits that engines have",
    "truncated": "that strings fill their room, and may be cut or several in one",
    "unreturned": "how many calls were entered but not seen to return, to the call",
}
"""What a result says with each kind of loss."""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *(f"{line}\n" for line in _features())]
    parts.append(_MATRIX.format(cases=len(cases()), engines=len(COLUMNS)))
    for group, listed in groupby(cases().values(), key=lambda case: case.group):
        parts.append(f"\n### {group}\n\n")
        parts += [f"{line}\n" for line in _table(tuple(listed))]
    parts.append("\n## What is told\n\n")
    parts += [f"- **{kind}**: {_TOLD[kind]}.\n" for kind in sorted(_told())]
    parts.append("\n## Reasons\n\n")
    for number, line in enumerate(REFUSALS, 1):
        parts.append(f"{number}. {_who(line)}, {_plain(line.feature)}: {_plain(line.reason)}.\n")
    return "".join(parts)


def _who(line: Refusal) -> str:
    """Which engines refuse."""
    if not line.engines:
        return "every engine"
    backends = dict.fromkeys(c.backend for name, c in COLUMNS.items() if name.startswith(line.engines))
    return " and ".join(backends) if len(backends) > 1 else line.engines


def _features() -> Iterator[str]:
    refused = {name: _refused(name) for name in backend_names()}
    yield f"| | {' | '.join(refused)} |"
    yield "|---|" + "---|" * len(refused)
    for feature in Feature:
        if feature is not Feature.NAME:
            cells = (f"no: {_plain(no[feature][0])}" if feature in no else "yes" for no in refused.values())
            yield f"| {_plain(feature.value)} | {' | '.join(cells)} |"


def _refused(backend: str) -> Mapping[Feature, tuple[str, str]]:
    table: Mapping[Feature, tuple[str, str]] = import_module(f"tracekit.backends.{backend}.features").REFUSED
    return table


def _told() -> set[str]:
    return {kind for case in cases().values() for column in COLUMNS for kind in case.loses(column)}


def _table(listed: tuple[Case, ...]) -> Iterator[str]:
    yield f"| case | {' | '.join(COLUMNS)} |"
    yield "|---|" + "---|" * len(COLUMNS)
    for case in listed:
        cells = " | ".join(_cell(case, column) for column in COLUMNS.values())
        yield f"| `{case.name}`: {_plain(case.title)} | {cells} |"


def _cell(case: Case, column: Column) -> str:
    if line := refusal(case.name, column.name):
        return f"[{REFUSALS.index(line) + 1}](#reasons)"
    words = [f"yes, of {column.events:,}"] if any("{events}" in word for word in case.command) else ["yes"]
    return "; ".join([*words, *(f"told: {kind}" for kind in case.loses(column.name))])


def _plain(text: str) -> str:
    """Text that Markdown takes as it is, in a cell of a table."""
    return "".join(f"\\{c}" if c in "|*_<>[]`" else c for c in text)


if __name__ == "__main__":
    PAGE.write_text(page())
