"""The soak repeats its runs, and its judge sees what is wrong."""

from __future__ import annotations

import attrs
import pytest
from tests.faults.builds import values
from tests.faults.soak.faults import FAULTS
from tests.faults.soak.judge import judge_result
from tests.faults.soak.plan import Plan, plan
from tests.faults.soak.run import Outcome

import tracekit as tk
from tracekit.core.result import Engine, Loss, LossKind, Machine, MapResult, Provenance, Result, TargetRecord
from tracekit.render.run_file import dump

COLUMNS = ("bpftrace 0.17", "dtrace 2.0.7", "gdb 13")
CALLS = 100


def test_a_seed_repeats_its_runs() -> None:
    """The same seed and number are the same run; every fault is drawn sooner or later."""
    first, again = ([plan("s", n, COLUMNS, {}) for n in range(2000)] for _ in range(2))
    assert first == again
    assert {drawn.fault for drawn in first} == set(FAULTS)


@pytest.fixture
def drawn() -> Plan:
    """A run whose program is a histogram of all calls."""
    only = {"target": "steady", "mode": "run", "program": "hist", "fault": "none"}
    return attrs.evolve(plan("s", 1, COLUMNS, only), calls=CALLS)


def outcome(found: list[int], *losses: Loss, status: int = 0, complete: bool = True) -> Outcome:
    """What a tracekit that has counted some values would leave."""
    maps = (MapResult("a", "hist", entries={(): tk.Histogram.of(found, tk.Log2())}),)
    provenance = Provenance(None, "", Engine("gdb"), TargetRecord(), Machine("", "", "", ""), None, None)
    text = dump(Result(maps, provenance, complete, losses))
    return Outcome(status, text.encode(), "", (CALLS, CALLS), (CALLS, CALLS), True, True)


def test_the_judge_accepts_the_truth(drawn: Plan) -> None:
    """All values, or fewer with the loss that says so, are right."""
    true = values("steady", "run", CALLS)
    assert judge_result(drawn, outcome(true)) == ("whole", [])
    lost = Loss(LossKind.KEYS, "", count=1, map="a")
    assert judge_result(drawn, outcome(true[1:], lost)) == ("marked", [])
    dead = Loss(LossKind.INCOMPLETE, "")
    assert judge_result(drawn, outcome(true[50:], dead, status=1, complete=False)) == ("incomplete", [])


def test_the_judge_sees_what_is_wrong(drawn: Plan) -> None:
    """A call too few or too many, another value, a wrong loss or status, and a cut result are all seen."""
    true = values("steady", "run", CALLS)
    wrong = (
        outcome(true[1:]),
        outcome([*true, 1]),
        outcome([true[0] + 1, *true[1:]]),
        outcome(true[1:], Loss(LossKind.KEYS, "", count=2, map="a")),
        outcome(true, status=1),
        outcome(true[1:], Loss(LossKind.INCOMPLETE, ""), complete=False),
        attrs.evolve(outcome(true), output=outcome(true).output[:80]),
        attrs.evolve(outcome(true), output=b""),
        attrs.evolve(outcome(true), said="Traceback (most recent call last):"),
    )
    assert all(judge_result(drawn, found)[1] for found in wrong)
