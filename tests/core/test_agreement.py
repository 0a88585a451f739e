"""What two counts of the same events may differ by, where the second began later and ended earlier."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.core.agreement import Moments, differences
from tracekit.core.buckets import Linear
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult

SCHEME = Linear(0, 100, 10)
EVENTS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(-5, 120)), max_size=12)
Event = tuple[str, int]


def counted(events: list[Event]) -> tuple[MapResult, ...]:
    """A map of events, by their keys."""
    entries: dict[tuple[Key, ...], Histogram] = {
        (key,): Histogram.of([v for k, v in events if k == key], SCHEME) for key in {k for k, _ in events}
    }
    return (MapResult("m", "lhist", ("comm",), entries),)


def moments(*parts: list[Event]) -> Moments:
    """What the first has by each moment: each part came after the moment before."""
    by = [[event for part in parts[: n + 1] for event in part] for n in range(4)]
    return Moments(*(counted(events) for events in by))


@given(EVENTS, EVENTS, EVENTS, EVENTS, st.data())
def test_whatever_part_of_the_edges_the_second_saw_it_agrees(
    before: list[Event], placing: list[Event], both: list[Event], removing: list[Event], data: st.DataObject
) -> None:
    """It has all events of its time, and any of those that came while its probes came and went."""
    seen = [e for e in (*placing, *removing) if data.draw(st.booleans())]
    first = moments(before, placing, both, removing)
    assert list(differences(first, counted([*both, *seen]), ())) == []
    least, most = first.bounds
    assert least == len(both) and least <= len(both) + len(seen) <= most


@given(EVENTS.filter(bool), EVENTS, st.data())
def test_one_event_too_few_or_too_many_is_a_difference(
    both: list[Event], before: list[Event], data: st.DataObject
) -> None:
    """Where no event came at the edges, each event that is missed, made up, or of another value."""
    first = moments(before, [], both, [])
    at = data.draw(st.integers(0, len(both) - 1))
    assert list(differences(first, counted(both[:at] + both[at + 1 :]), ()))
    assert list(differences(first, counted([*both, both[at]]), ()))
    key, value = both[at]
    moved = [*both[:at], (key, value + 1), *both[at + 1 :]]
    assert list(differences(first, counted(moved), ()))


def test_the_sentences_name_the_place() -> None:
    """Each says where, what the second has, and what it should have."""
    first = moments([], [], [("a", 5), ("a", 15)], [("b", 1)])
    found = list(differences(first, counted([("a", 5), ("a", 25), ("b", 1), ("b", 1)]), ()))
    assert sorted(found) == [
        '@m["a"] in [10, 20): 0, not 1',
        '@m["a"] in [20, 30): 1, not 0',
        '@m["b"] events: 2, not 0 to 1',
        '@m["b"] in [0, 10): 2, not 0 to 1',
    ]


@pytest.mark.parametrize("figure", ["sum", "min", "max"])
def test_figures_count_too(figure: str) -> None:
    """Where all counts agree, another sum, least or greatest is a difference; of times it isn't asked."""
    first = moments([], [], [("a", 5)], [])
    (of_second,) = counted([("a", 5)])
    entries = {("a",): attrs.evolve(of_second.entries[("a",)], **{figure: 6})}
    second = (attrs.evolve(of_second, entries=entries),)
    assert list(differences(first, second, ())) == [f'@m["a"] {figure}: 6, not 5']
    assert list(differences(first, second, ("m",))) == []
