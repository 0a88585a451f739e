"""The page of what runs where says what the tables say."""

from __future__ import annotations

from tests.conformance.case import cases
from tools.support import PAGE, page


def test_the_page_is_current() -> None:
    """docs/support.md is what ``make pages`` writes."""
    assert PAGE.read_text() == page()


def test_the_matrix_is_large_enough() -> None:
    """There are at least the 80 cases that were asked for."""
    assert len(cases()) >= 80
