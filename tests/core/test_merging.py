"""Merging runs: the whole has all events, all that is missing, and says where it comes from."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_result import KEYED, ONE, PLAIN, PROVENANCE, RESULT, TWO
from tests.render.run_file_sample import RESULT as SAMPLE

from tracekit.core.buckets import Linear
from tracekit.core.histogram import Histogram
from tracekit.core.merging import merge
from tracekit.core.result import Engine, Loss, LossKind, MapResult, Result, TargetRecord
from tracekit.errors import UsageError

LATER = attrs.evolve(
    PROVENANCE, started=PROVENANCE.ended, ended=PROVENANCE.ended + timedelta(1), engine=Engine("dtrace")
)
TENS = Linear(0, 100, 10)


def hist(*values: int) -> MapResult:
    return MapResult("h", "lhist", entries={(): Histogram.of(values, TENS)})


@given(st.lists(st.lists(st.integers(-5, 120), max_size=8), min_size=1, max_size=5))
def test_as_if_it_had_been_one_run(runs: list[list[int]]) -> None:
    """The histogram is that of all values, whatever run they came in."""
    provenances = [
        attrs.evolve(PROVENANCE, started=PROVENANCE.started + timedelta(n)) for n in range(len(runs))
    ]
    found = merge([Result((hist(*values),), p) for values, p in zip(runs, provenances, strict=True)])
    assert found.histogram("h") == Histogram.of([v for values in runs for v in values], TENS)
    assert found.merged == (tuple(provenances) if len(runs) > 1 else ())


def test_maps_and_keys_that_one_run_has() -> None:
    """They are in the whole as they are; what both have is added."""
    other = Result((attrs.evolve(KEYED, entries={(2, "b"): ONE, (3, "c"): ONE}), hist(1)), LATER)
    found = merge([RESULT, other])
    assert [map_.name for map_ in found] == ["n", "", "h"]
    assert found[""].entries == {(1, "a"): ONE, (2, "b"): TWO.merge(ONE), (3, "c"): ONE}


def test_where_it_comes_from() -> None:
    """What the runs have in common stands first, from the first's start to the last's end; each is kept."""
    found = merge([Result((PLAIN,), LATER), RESULT])
    assert found.merged == (LATER, PROVENANCE)
    assert found.provenance.program == PROVENANCE.program
    assert found.provenance.engine == Engine("")
    assert (found.provenance.started, found.provenance.ended) == (PROVENANCE.started, LATER.ended)
    third = attrs.evolve(LATER, started=LATER.ended, target=TargetRecord(pids=(1,)))
    again = merge([found, Result((PLAIN,), third)])
    assert again.merged == (LATER, PROVENANCE, third)
    assert again.provenance.target == TargetRecord()
    assert again.histogram("n") == Histogram.of([1, 1, 1])


def test_what_is_missing_from_one_is_missing_from_all() -> None:
    """The whole isn't complete if one run isn't, and has the losses of each."""
    counted = Loss(LossKind.EVENTS, "3 events were lost", 3)
    general = Loss(LossKind.APPROXIMATE, "bpftrace says so")
    parts = [
        Result((PLAIN,), PROVENANCE, losses=(counted, general), notes=("a",)),
        Result((PLAIN,), LATER, complete=False, losses=(counted, general), notes=("a", "b")),
    ]
    found = merge(parts)
    assert not found.complete
    assert found.losses == (counted, counted, general)
    assert found.notes == ("a", "b")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (MapResult("n", "count", entries={(): ONE}), "@n is sum in one run and count in another"),
        (MapResult("n", "sum", ("pid",)), "@n has the keys none in one run and pid in another"),
        (MapResult("", "sum", ("pid", "comm"), {}, ({1: "ONE"}, {})), "@ names its keys' values none in"),
    ],
)
def test_other_maps_of_the_same_name(other: MapResult, message: str) -> None:
    """They are no parts of one whole."""
    with pytest.raises(UsageError, match=message):
        merge([RESULT, Result((other,), LATER)])


def test_other_buckets() -> None:
    """Buckets of one map must be the same, also where no key is in both."""
    keyed = [MapResult("h", "lhist", ("pid",), {(n,): Histogram.of([1], Linear(0, 9, n))}) for n in (1, 3)]
    with pytest.raises(UsageError, match="@h has other buckets"):
        merge([Result((keyed[0],), PROVENANCE), Result((keyed[1],), LATER)])


def test_what_cannot_be_merged() -> None:
    """No run at all, the same run twice, and numbers of unknown meaning."""
    with pytest.raises(UsageError, match="no run to merge"):
        merge([])
    with pytest.raises(UsageError, match="twice"):
        merge([SAMPLE, SAMPLE])
    value = MapResult("v", "value", entries={(): ONE})
    with pytest.raises(UsageError, match="values of @v can't be merged"):
        merge([Result((value,), PROVENANCE), Result((value,), LATER)])
