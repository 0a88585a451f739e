"""Proof 1: of N calls exactly N are counted, however many another process of the same binary makes."""

from __future__ import annotations

import subprocess

import pytest
from tests.faults.builds import values
from tests.faults.cli import Engine, Target
from tests.faults.ledger import Ledger

import tracekit as tk

pytestmark = pytest.mark.live

MOST = {"gdb": 2000}
"""gdb stops the target for each call: 50,000 would take it a quarter of a minute."""


@pytest.mark.parametrize("calls", [0, 1, 1000, 50_000])
def test_exactly_n_beside_noise(engine: Engine, steady: Target, calls: int) -> None:
    """Every call counts once, with its value, and none of the other process's does."""
    calls = min(calls, MOST.get(engine.backend, calls))
    noise = Ledger(steady.path.parent / "noise")
    with subprocess.Popen([steady.path, noise.path, "serve", str(10**12), "0", "0"]) as other:
        try:
            noise.tell("go")
            done = engine.trace(
                f"uprobe:{steady.path}:work {{ @ = hist(arg0) }}", "--", *steady.words("run", calls)
            )
            assert noise["calls"] > 0 and other.poll() is None
        finally:
            noise.tell("stop")
    assert done.status == 0 and done.result.whole, done.said
    expected = tk.Histogram.of(values("steady", "run", calls), tk.Log2())
    assert (done.map.entries or {(): tk.Histogram.of([], tk.Log2())}) == {(): expected}
    assert steady.ledger["calls"] == calls
