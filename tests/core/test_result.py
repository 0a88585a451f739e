"""Results: how a histogram is found in one, and when it is the whole truth."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from tracekit.core.aggregation import Count
from tracekit.core.histogram import Histogram
from tracekit.core.probe import Interval
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.result import (
    Engine,
    Loss,
    LossKind,
    Machine,
    MapResult,
    Provenance,
    Result,
    Snapshot,
    TargetRecord,
)

ONE, TWO = Histogram.of([1]), Histogram.of([2, 3])
PLAIN = MapResult("n", "sum", entries={(): ONE})
KEYED = MapResult("", "sum", ("pid", "comm"), {(1, "a"): ONE, (2, "b"): TWO})
PROVENANCE = Provenance(
    program=Program([Clause(Interval("s", 1), aggregates=Aggregate("n", Count()))]),
    text="interval:s:1 { @n = count(); }",
    engine=Engine("bpftrace"),
    target=TargetRecord(),
    machine=Machine(),
    started=datetime(2025, 1, 1, tzinfo=UTC),
    ended=datetime(2025, 1, 2, tzinfo=UTC),
)
RESULT = Result((PLAIN, KEYED), PROVENANCE)


def test_maps_are_found_by_name() -> None:
    """A map is found by its name, which may be empty, and a histogram by its keys too."""
    assert RESULT["n"] is PLAIN
    assert RESULT[""] is KEYED
    assert RESULT.histogram("n") is ONE
    assert RESULT.histogram("", 2, "b") is TWO
    assert Snapshot(1.5, (PLAIN,))["n"] is PLAIN


@pytest.mark.parametrize("missing", [("x",), ("n", 1), ("",), ("", 2, "a")])
def test_what_is_not_there_is_a_key_error(missing: tuple[str, ...]) -> None:
    """A map that isn't there, or keys without an event, raise KeyError as a dict would."""
    with pytest.raises(KeyError):
        RESULT.histogram(*missing)


def test_iteration_gives_the_maps() -> None:
    """A result is iterated in the program's order of maps."""
    assert list(RESULT) == [PLAIN, KEYED]


def test_total_adds_the_entries() -> None:
    """A map's total is the number of values in all its entries."""
    assert (PLAIN.total, KEYED.total, MapResult("e", "count").total) == (1, 3, 0)


def test_only_what_lacks_nothing_is_whole() -> None:
    """A result with a loss, or one that the engine didn't finish, isn't whole; notes don't matter."""
    loss = Loss(LossKind.KEYS, "4 keys had no room", 4)
    assert attrs.evolve(RESULT, notes=("a note",)).whole
    assert not attrs.evolve(RESULT, losses=(loss,)).whole
    assert not attrs.evolve(RESULT, complete=False).whole
