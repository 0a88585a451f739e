"""Proof 7: of events that find no room in a map, exactly as many are told as there were."""

from __future__ import annotations

import pytest
from tests.faults.builds import values
from tests.faults.cli import Engine, Target, lost

from tracekit.core.result import LossKind

pytestmark = pytest.mark.live

CALLS = 1000


@pytest.mark.parametrize("aggregation", ["count()", "sum(arg0)", "hist(arg0)"])
def test_the_loss_is_exact(engine: Engine, steady: Target, aggregation: str) -> None:
    """Each of 4,000 events in 1,000 groups is in the map or in the loss, and no group in the map lacks any."""
    program = f"uprobe:{steady.path}:work {{ @[arg0] = {aggregation} }}"
    done = engine.trace(program, "--", *steady.words("threads", CALLS), options=["--max-keys", "100"])
    found = values("steady", "threads", CALLS)
    if engine.backend == "dtrace":  # room for all, and so nothing is lost
        assert done.result.whole and done.map.total == len(found)
        return
    hist = aggregation.startswith("hist")
    kept = sum(sum(b.count for b in h.buckets) if hist else h.count for h in done.map.entries.values())
    assert kept > 0 and kept + lost(done, LossKind.KEYS) == len(found)
    assert done.status == 0 and done.result.complete and not done.result.whole
    assert all(h.count == 4 for h in done.map.entries.values())
    assert "--max-keys" in done.said
