"""The reference itself, on lines and results that are written here by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
import pytest
from tests.conformance.case import Case
from tests.conformance.expected import expected
from tests.conformance.judge import differences
from tests.conformance.truth import read

import tracekit as tk
from tracekit.core.result import Ending, Engine, Machine, MapResult, Provenance, TargetRecord

LINES = """\
uprobe:calls:value pid=7 tid=7 "comm=6122 arg0=-3 arg1=4096 @4096=6869c300
uprobe:calls:value pid=7 tid=8 "comm=6122 arg0=5 arg1=0 times=2
uprobe:calls:value pid=9 tid=9 "comm=62 arg0=100 arg1=0
uretprobe:calls:value pid=7 tid=7 "comm=62 retval=18446744073709551615u elapsed=10..20
"""
CASE = Case("case", "Group", "title", ("./calls",), "")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A file of such lines."""
    file = tmp_path / "truth"
    file.write_text(LINES)
    return file


def test_events_are_filtered_and_grouped(truth: Path) -> None:
    """Sites, filters, processes, how often it happened, memory and strings decide what is counted where."""
    program = tk.parse(
        "uprobe:./calls:value /arg0 < 50/ { @[str(arg1), tid] = sum(arg0 * 2); @u = max((uint8)arg0) }\n"
        "uretprobe:./calls:v* { @e = stats(elapsed); @c[comm == \"b\"] = count() }"
    )  # fmt: skip
    maps = expected(program, read(truth), 64, frozenset({7}))
    values = {name: {keys: e.values for keys, e in entries.items()} for name, entries in maps.items()}
    assert values == {
        "": {("hi\udcc3", 7): Counter({-6: 1}), ("", 8): Counter({10: 2})},
        "u": {(): Counter({253: 1, 5: 2})},
        "e": {(): Counter()},
        "c": {(1,): Counter({1: 1})},
    }
    assert maps["e"][()].bounds == [(10, 20)]


def test_each_figure_is_compared(truth: Path) -> None:
    """A result with one figure other than it must be differs in words; the right one doesn't."""
    program = tk.parse("uprobe:./calls:value { @ = hist(arg0) }")
    maps = expected(program, read(truth), 64, frozenset({7}))
    right = tk.Histogram.of([-3, 5, 5], tk.Log2())
    assert found(program, right, maps) == []
    for change in (
        {"count": 4}, {"sum": 8}, {"min": -4}, {"max": 6}, {"sum": None},
        {"buckets": right.buckets[:1]}, {"buckets": tk.Histogram.of([-3, 5, 9], tk.Log2()).buckets},
    ):  # fmt: skip
        assert len(found(program, attrs.evolve(right, **change), maps)) == 1, change


def found(program: tk.Program, histogram: tk.Histogram, maps: dict) -> list[str]:
    """What is found wrong in a result of one entry."""
    target = TargetRecord(pids=(7,), ending=Ending(status=0))
    provenance = Provenance(program, "", Engine("bpftrace"), target, Machine(), None, None)
    result = tk.Result((MapResult("", "hist", (), {(): histogram}),), provenance)
    return list(differences(CASE, "bpftrace 0.23", program, result, maps, 0))
