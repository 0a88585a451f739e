"""Proof 2: what is in the buckets and what is told as lost are all there was; without an end, it says so."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from tests.faults.builds import values
from tests.faults.cli import Engine, Target, await_tracing, engine_of, finish, lost

from tracekit.core.result import LossKind

pytestmark = pytest.mark.live

CALLS = 400


@pytest.mark.parametrize("room", [8, 64, 100_000])
def test_buckets_and_losses_are_the_total(engine: Engine, steady: Target, room: int) -> None:
    """Whether or not there is room for all, no event is missing from the sum, and none is there twice."""
    program = f"uprobe:{steady.path}:work {{ @[arg0 & 15] = lhist(arg0, 0, 1024, 64) }}"
    done = engine.trace(program, "--", *steady.words("threads", CALLS), options=["--max-keys", str(room)])
    found = values("steady", "threads", CALLS)
    kept = sum(b.count for h in done.map.entries.values() for b in h.buckets)
    assert kept + lost(done, LossKind.KEYS) == len(found)
    # dtrace has room for a few thousand at the least.
    assert (lost(done, LossKind.KEYS) > 0) == (room < 256 and engine.backend != "dtrace")
    assert done.status == 0
    true = Counter(v & 15 for v in found)
    assert all(sum(b.count for b in h.buckets) <= true[key] for (key,), h in done.map.entries.items())


def test_without_its_end_a_result_is_incomplete(engine_process: Engine, steady: Target) -> None:
    """An engine that is killed has told no end: the text says so first and last, and the status isn't 0."""
    steady.serve(CALLS)
    tracing = engine_process.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}",
        "-p",
        steady.ledger["pid"],
        options=["-f", "text", "--interval", "0.2"],
    )
    await_tracing(tracing)
    os.kill(engine_of(tracing, engine_process.backend), signal.SIGKILL)
    done = finish(tracing)
    lines = [line for line in done.out.splitlines() if line and not line.startswith(("after", " ", "@"))]
    assert done.status == 1
    assert "INCOMPLETE" in lines[0] and "INCOMPLETE" in done.out.splitlines()[-1]
