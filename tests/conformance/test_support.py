"""The page of the matrix says what the tables say."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.case import cases
from tests.conformance.support import page

PAGE = Path(__file__).parents[2] / "docs/support.md"


def test_the_page_is_current() -> None:
    """docs/support.md is what ``python -m tests.conformance --write docs/support.md`` writes."""
    assert PAGE.read_text() == page()


def test_the_matrix_is_large_enough() -> None:
    """There are at least the 80 cases that were asked for."""
    assert len(cases()) >= 80
