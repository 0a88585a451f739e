"""Every case on every engine: equal to what the target says it passed, or refused with a listed reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conformance.case import cases
from tests.conformance.cell import Outcome
from tests.conformance.engines import COLUMNS
from tests.conformance.refusals import REFUSALS, refusal

pytestmark = pytest.mark.xdist_group("conformance")  # whose cells are run by one process, a few at once


@pytest.mark.live
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("case", cases())
def test_cell(outcome: Callable[[str, str], Outcome], case: str, column: str) -> None:
    """Buckets, counts, sums, extremes, keys and told losses are exactly those of the true values."""
    found, listed = outcome(case, column), refusal(case, column)
    assert not found.wrong, "\n".join(found.wrong)
    assert found.refused == ((listed.feature, listed.reason) if listed else None)


def test_every_refusal_is_of_cells_that_there_are() -> None:
    """The table names no case and no engine that isn't in the matrix."""
    for line in REFUSALS:
        assert set(line.cases) <= cases().keys()
        assert any(column.startswith(line.engines) for column in COLUMNS)
