"""Whole runs with a real gdb, and the same ones with bpftrace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.test_buckets_live import VALUES
from tests.live.test_dtrace_trace import CASES, TEXTS
from tools.engines import Engine

import tracekit as tk
from tracekit.codec.model import to_json

pytestmark = pytest.mark.live

MORE = {
    "threads": ("uprobe:{b}:value {{ @ = hist(v); @k[v & 3] = sum(v) }}", "threads", "8", "7d0"),
    "recursion": ("uretprobe:{b}:deep {{ @ = hist(retval); @n = stats(retval) }}", "deep", "3e8"),
    "stack": ("uprobe:{b}:nine {{ @ = sum(arg8 * 10 + arg6) }}", "many"),
    "memory": (
        "uprobe:{b}:memory {{ @a = stats(p->i8); @b = stats(p->u16); @c = hist(p->i64) }}",
        *("memory", "7f", "80", "ffff", "8000000000000000"),
    ),
    "own": ("uprobe:{b}:value {{ @[comm, pid == tid, func] = count() }}", "values", "1", "2"),
    "registers": ('uprobe:{b}:value {{ @[reg("rdi"), reg("rsp") & 15] = count() }}', "values", "1", "2"),
    "both ends": (
        "uprobe:{b}:value {{ @ = hist(v) }} uretprobe:{b}:value {{ @r = count() }}",
        *("threads", "4", "64"),
    ),
}  # fmt: skip


@pytest.fixture
def backends(found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both engines: Debian 13's bpftrace, and the system's gdb."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if "bpftrace-trixie" not in found_engines:
        pytest.skip("there is no bpftrace-trixie here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_BPFTRACE", str(found_engines["bpftrace-trixie"].path))
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))


def traced(backend: str, program: str, *argv: str, **options: object) -> tk.Result:
    """A whole run of a command."""
    return tk.run(tk.parse(program), tk.Command(argv), backend=backend, options=tk.Options(**options))  # type: ignore[arg-type]


def same(program: str, *argv: str, **options: object) -> tk.Result:
    """What gdb and bpftrace make of a program, which is the same to the last byte."""
    by_gdb, by_bpftrace = (traced(backend, program, *argv, **options) for backend in ("gdb", "bpftrace"))
    assert to_json(by_gdb.maps) == to_json(by_bpftrace.maps)
    assert by_gdb.complete and by_bpftrace.complete
    assert [(x.kind, x.map) for x in by_gdb.losses] == [(x.kind, x.map) for x in by_bpftrace.losses]
    return by_gdb


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("backends")
def test_both_engines_count_the_same(binaries: Callable[[str], Path], case: str) -> None:
    """Every aggregation, on values at every edge, gives equal histograms."""
    binary = str(binaries("calls"))
    result = same(CASES[case].format(b=binary), binary, "values", *(f"{v % 2**64:x}" for v in VALUES))
    assert result.provenance.engine.name == "gdb"
    assert result.maps[0].total > 0


@pytest.mark.parametrize("case", MORE)
@pytest.mark.usefixtures("backends")
def test_both_engines_see_the_same(binaries: Callable[[str], Path], case: str) -> None:
    """Threads, a thousand nested calls, arguments on the stack, members behind pointers: to the last event."""
    binary = str(binaries("calls"))
    program, *argv = MORE[case]
    assert same(program.format(b=binary), binary, *argv).maps[0].total > 0


@pytest.mark.usefixtures("backends")
def test_strings_are_the_same(binaries: Callable[[str], Path]) -> None:
    """Keys keep every byte: quotes, newlines, what looks like output, and what is no UTF-8."""
    binary = str(binaries("calls"))
    result = same(TEXTS.format(b=binary), binary, "texts")
    assert len(result.maps[0].entries) > 20
