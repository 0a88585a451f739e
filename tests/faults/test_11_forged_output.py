"""Proof 11: what a target prints in an engine's own words is its output, and no part of the result."""

from __future__ import annotations

import pytest
from tests.faults.cli import Engine, Target, finish

pytestmark = pytest.mark.live

CALLS = 48


def test_the_target_prints_what_engines_print(engine: Engine, steady: Target, tmp_path: object) -> None:
    """Lines of JSON, of MI, of maps, drops and errors on both streams: the count is that of the calls."""
    file = steady.path.with_name("run.json")
    options = ["-o", str(file)]
    done = finish(
        engine.start(
            f"uprobe:{steady.path}:work {{ @ = stats(arg0) }}",
            "--",
            *steady.words("forge", CALLS),
            options=options,
        )
    )
    assert done.status == 0, done.said
    assert done.out.count("@b0[1]: 77\n") == CALLS // 12 and done.out.count("42^done") == CALLS // 12
    assert not [line for line in done.out.splitlines() if line.startswith("{") and "tracekit" in line]
    result = type(done)(0, file.read_text(), "").result
    assert result.whole and result.maps[0].total == CALLS
    assert result.maps[0].entries[()].sum == steady.ledger["sum"]
