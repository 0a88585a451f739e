"""From figures that an engine kept to histograms, where those were read at different moments."""

from __future__ import annotations

import pytest

from tracekit.backends.base import Options
from tracekit.backends.figures import Figures, told
from tracekit.backends.plan import plan_of
from tracekit.core.moments import WORD
from tracekit.syntax import parse


@pytest.mark.parametrize("value", [4096, -5])
def test_a_sum_that_was_read_later(value: int) -> None:
    """While a run goes on, a sum of more values than are counted yet is that sum; at its end it is none."""
    (plan,) = plan_of(parse("uprobe:./x:f { @b = hist(arg0) }"), Options(), 1, ["f"]).maps
    figures = Figures({(): {value: 10}}, {(): 10}, {(): 12 * value % WORD}, {(): value}, {(): value})

    def known(*, final: bool) -> int | None:
        return told(plan, figures, 10, final=final, engine="x", room="").result.entries[()].sum

    assert known(final=False) == 12 * value
    assert known(final=True) is None
