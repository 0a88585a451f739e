"""Output of bpftrace as tests write it, and what is read from it."""

from __future__ import annotations

from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Clause, Program
from tracekit.syntax import parse_aggregates

BAR = "|" + "@" * 52 + "|"
OLD = '{"type": "attached_probes", "data": {"probes": 1}}'
NEW = '{"type": "attached_probes", "count": 1, "data": {"probes": 1}}'


def program(text: str) -> Program:
    """A program with these aggregations."""
    return Program((Clause(Uprobe("vals", FunctionName("f")), aggregates=parse_aggregates(text)),))


def read(text: str, asked: str = "", version: str = "") -> Saved:
    """What is read from text output of a program."""
    return parse_saved(
        text.encode("utf-8", "surrogateescape"), program=program(asked) if asked else None, version=version
    )


def one(text: str, asked: str = "", version: str = "") -> Histogram:
    """The only entry of the only map."""
    (found,) = read(text, asked, version).maps
    (histogram,) = found.entries.values()
    return histogram


def rows(*labels: str) -> str:
    """A histogram with one value in each row."""
    return "@:\n" + "".join(f"{label:<16}{1:8} {BAR}\n" for label in labels)


def read_json(*lines: str, asked: str = "", version: str = "") -> Saved:
    """What is read from lines of JSON output of a program."""
    output = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    return parse_saved(output, program=program(asked) if asked else None, version=version)
