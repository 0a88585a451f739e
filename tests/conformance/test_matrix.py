"""Every case on every engine: equal to what the target says it passed, or refused with a listed reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conformance.case import cases
from tests.conformance.cell import Outcome
from tests.conformance.engines import COLUMNS
from tests.conformance.refusals import REFUSALS, refusal


@pytest.mark.live
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("case", cases())
def test_cell(outcome: Callable[[str, str], Outcome], case: str, column: str) -> None:
    """Buckets, counts, sums, extremes, keys and told losses are exactly those of the true values."""
    found, listed = outcome(case, column), refusal(case, column)
    assert not found.wrong, "\n".join(found.wrong)
    assert found.refused == ((listed.feature, listed.reason) if listed else None)


@pytest.mark.live
@pytest.mark.parametrize("case", [name for name, case in cases().items() if not case.varies])
def test_engines_agree(outcome: Callable[[str, str], Outcome], case: str) -> None:
    """Whatever ran it, the maps are the same JSON; but for losses, and where gdb's targets do less."""
    events = {name: column.events for name, column in COLUMNS.items()}
    if not any("{events}" in word for word in cases()[case].command):
        events = dict.fromkeys(events)
    found: dict[object, dict[str, str]] = {}
    for name in COLUMNS:
        if not refusal(case, name):
            cell = outcome(case, name)
            assert not cell.wrong, name
            found.setdefault((events[name], cases()[case].loses(name)), {})[name] = cell.maps
    for maps in found.values():
        assert len(set(maps.values())) == 1, maps


def test_every_refusal_is_of_cells_that_there_are() -> None:
    """The table names no case and no engine that isn't in the matrix."""
    for line in REFUSALS:
        assert set(line.cases) <= cases().keys()
        assert any(column.startswith(line.engines) for column in COLUMNS)
