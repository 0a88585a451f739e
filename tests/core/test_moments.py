"""Exact sums from sums modulo 2 to the 64."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.core.moments import WORD, exact_sum
from tracekit.core.types import INT64, UINT64

INT64S = st.integers(INT64.minimum, INT64.maximum)


@given(st.lists(INT64S, min_size=1, max_size=20), st.sampled_from([INT64, UINT64]))
def test_a_wrapped_sum_is_recovered(values: list[int], shown_as: object) -> None:
    """A sum modulo 2**64, signed or not, gives the true one or None, never another."""
    residue = shown_as.wrap(sum(values))  # type: ignore[attr-defined]
    least, most = len(values) * min(values), len(values) * max(values)
    found = exact_sum(residue, least, most)
    assert found == sum(values) if most - least < WORD else found in (None, sum(values))


@given(st.integers(-(1 << 70), 1 << 70), st.integers(0, 1 << 66), st.integers(0, 1 << 66))
def test_none_means_that_several_fit(true: int, below: int, above: int) -> None:
    """None is given exactly when more than one sum between the bounds has the residue."""
    fitting = below // WORD + above // WORD + 1
    found = exact_sum(true % WORD, true - below, true + above)
    assert found == (true if fitting == 1 else None)


def test_a_word_of_values_is_unambiguous() -> None:
    """Bounds one word apart leave no doubt; one further they do."""
    assert exact_sum(5, 5, 4 + WORD) == 5
    assert exact_sum(5, 5, 5 + WORD) is None


def test_figures_that_contradict_each_other_are_an_error() -> None:
    """A residue that no sum between the bounds has is refused."""
    with pytest.raises(ValueError, match="no sum between 10 and 20 is 9"):
        exact_sum(9, 10, 20)
