"""The screen of a run that goes on: what fits, and that it is true."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import tracekit as tk
from tracekit.core.result import Loss, LossKind, MapResult
from tracekit.render.fitted import fitted
from tracekit.render.live import Moment, rates, render_live

SCHEMES = st.sampled_from([tk.Log2(), tk.Log2(2), tk.Linear(0, 4096, 16), tk.Linear(-50, 50, 1)])
HISTOGRAMS = st.builds(tk.Histogram.of, st.lists(st.integers(-5000, 5000), max_size=60), SCHEMES)
KEYS = st.text(max_size=30)
MAPS = st.builds(
    lambda name, entries: MapResult(name, "hist", ("k",), {(key,): h for key, h in entries.items()}),
    st.sampled_from("abc"),
    st.dictionaries(KEYS, HISTOGRAMS, max_size=6),
)


@settings(max_examples=40)
@given(HISTOGRAMS, st.integers(1, 30))
def test_rows_that_stand_together_count_what_they_cover(histogram: tk.Histogram, lines: int) -> None:
    """Whatever the room, no row is too many, and each has exactly the values between its bounds."""
    found, left_out = fitted(histogram, lines)
    assert len(found) <= lines
    shown = [row for row in found if row is not None]
    assert sum(row.count for row in shown) + left_out == sum(b.count for b in histogram.buckets)
    for row in shown:
        inside = [
            b.count
            for b in histogram.buckets
            if (row.lo is None or (b.lo is not None and b.lo >= row.lo))
            and (row.hi is None or (b.hi is not None and b.hi <= row.hi))
        ]
        assert row.count == sum(inside)


@settings(max_examples=40)
@given(st.lists(MAPS, max_size=3), st.integers(2, 60), st.integers(20, 150), st.text(max_size=200))
def test_every_screen_has_room_for_it(maps: list[MapResult], rows: int, columns: int, text: str) -> None:
    """On terminals of all sizes there are as many lines as rows, none is too wide, and all can be printed."""
    loss = Loss(LossKind.EVENTS, text)
    moment = Moment(text, 1.5, tuple(maps), {}, (loss,) * 5, (text,), text, text)
    lines = render_live(moment, rows, columns)
    assert len(lines) == rows
    assert all(line.cell_len <= columns for line in lines)
    assert all(line.plain.isprintable() for line in lines)


def test_what_is_largest_comes_first_and_the_rest_is_counted() -> None:
    """Of each map the entry with most values is there before any second one."""
    many = {(n,): tk.Histogram.of([1] * (n + 1), tk.Log2()) for n in range(40)}
    maps = (
        MapResult("many", "hist", ("pid",), many),
        MapResult("one", "count", (), {(): tk.Histogram.of([7])}),
    )
    lines = [line.plain for line in render_live(Moment("x", 2, maps), 24, 80)]
    assert lines[0] == "2 s   821 values   x"
    assert lines[2] == "@many[39]: 40 values"
    assert "@one: 1" in lines
    assert "not shown: 38 of 41 entries, with 741 of 821 values" in lines


def test_rates_are_of_the_time_between() -> None:
    """An entry that wasn't there before began at 0."""
    before = (MapResult("m", "count", ("k",), {(1,): tk.Histogram.of([0] * 4)}),)
    now = (MapResult("m", "count", ("k",), {(1,): tk.Histogram.of([0] * 10), (2,): tk.Histogram.of([0])}),)
    assert rates(before, now, 2.0) == {("m", (1,)): 3.0, ("m", (2,)): 0.5}
