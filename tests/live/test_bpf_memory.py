"""What our own eBPF programs read of a target: also what isn't in memory, and while others come between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import tracekit as tk

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root"),
]

THREADS = 64


def traced(binary: Path, text: str, *arguments: str) -> tk.Result:
    program = tk.parse(text.replace("{b}", str(binary)))
    return tk.run(program, tk.Command([str(binary), *arguments]), backend="bpf")


def test_pages_that_are_not_in_memory_are_read(binaries: Callable[[str], Path]) -> None:
    """Strings and numbers of pages never touched, given back, or behind a page's end are read all the same."""
    text = 'uprobe:"{b}":text { @s[str(arg0)] = count(); @n[*(uint8*)arg0] = count() }'
    result = traced(binaries("pages"), text)
    assert result.whole, result.losses
    strings = {keys[0]: h.count for keys, h in result["s"].entries.items()}
    assert strings == {f"page {n}!": 2 for n in range(8)} | {f"overpage {n}!": 1 for n in range(1, 8)}
    assert {keys: h.count for keys, h in result["n"].entries.items()} == {(ord("p"),): 16, (ord("o"),): 7}


@pytest.mark.parametrize("pages", ["there", "away"])
def test_threads_on_one_processor_do_not_mix(
    binaries: Callable[[str], Path], tmp_path: Path, pages: str
) -> None:
    """Of 64 threads on one processor each event has its own string and number, also if reading takes a wait."""
    text = (
        'uprobe:"{b}":text { @s[str(arg0), arg1] = count(); @h[str(arg0)] = lhist(arg1, 0, 64, 1); '
        "@all = stats(arg1) }"
    )
    result = traced(binaries("crowd"), text, str(tmp_path / "strings"), "50", pages)
    assert result.whole, result.losses
    found = {keys: h.count for keys, h in result["s"].entries.items()}
    assert found == {(f"of thread {n}", n): 50 for n in range(THREADS)}
    for n in range(THREADS):
        own = result.histogram("h", f"of thread {n}")
        assert [(b.lo, b.count) for b in own.buckets] == [(n, 50)]
        assert (own.sum, own.min, own.max) == (50 * n, n, n)
    total = result.histogram("all")
    assert (total.count, total.sum) == (50 * THREADS, 50 * sum(range(THREADS)))
