"""Proof 8: Go's stacks that move, exceptions and 200 nested calls end as they would alone, exact or refused.

tests/live/test_returns_live.py has many more of these, with times and values, for bpftrace.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.faults.builds import returned, values
from tests.faults.cli import Done, Engine, Target, lost

from tracekit.core.result import Ending, LossKind

pytestmark = pytest.mark.live

CALLS = 300


def exact_or_refused(done: Done, target: Target, events: int) -> None:
    """Traced, the target has ended as alone, and every event is counted or told; refused, it hasn't run."""
    if done.status == 1:
        assert "can't do" in done.said or "would end this program" in done.said, done.said
        assert target.ledger["pid"] == 0
        return
    assert done.status == 0, done.said
    assert done.result.provenance.target.ending == Ending(status=5)
    assert done.map.total + lost(done, LossKind.UNRETURNED) == events
    assert not [x for x in done.result.losses if x.kind is not LossKind.UNRETURNED]


@pytest.mark.parametrize("kind", ["uprobe", "uretprobe"])
def test_go(engine: Engine, target: Callable[..., Target], kind: str) -> None:
    """Goroutines whose stacks grow and move within the probed function."""
    go = target("go")
    done = engine.trace(f'{kind}:{go.path}:"main.work" {{ @ = count() }}', "--", *go.words("run", CALLS, 0, 5))
    exact_or_refused(done, go, CALLS)
    assert done.status == 0 or engine.backend == "dtrace"


@pytest.mark.parametrize("kind", ["uprobe", "uretprobe"])
def test_exceptions(engine: Engine, target: Callable[..., Target], kind: str) -> None:
    """Every seventh call leaves the probed function by an exception."""
    throws = target("throws")
    done = engine.trace(f"{kind}:{throws.path}:work {{ @ = count() }}", "--", *throws.words("run", CALLS, 0, 5))
    exact_or_refused(done, throws, CALLS)
    if done.status == 0 and kind == "uretprobe":
        assert done.map.total == len(returned("throws", values("throws", "run", CALLS)))


def test_two_hundred_deep(engine: Engine, steady: Target) -> None:
    """The kernel's return probes follow 64 levels: more are seen by other means, or told as missing."""
    done = engine.trace(f"uretprobe:{steady.path}:deep {{ @ = count() }}", "--", *steady.words("deep", 2, 0, 5))
    exact_or_refused(done, steady, 402)
    assert done.result.whole or engine.column == "bpftrace 0.17"
