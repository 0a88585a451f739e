"""The metrics of a run that goes on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.render.hostile import RESULT as HOSTILE
from tests.render.hostile import WORDS
from tests.render.run_file_sample import RESULT
from tests.results_strategies import SCHEMES

from tracekit import parse
from tracekit.core import result as rs
from tracekit.core.buckets import Log2, Scheme
from tracekit.core.histogram import Histogram
from tracekit.core.types import INT64, INT_TYPES, UINT64, IntType
from tracekit.errors import UsageError
from tracekit.render.live_metrics import Feed, Shape, specimen
from tracekit.render.metrics import EXACT, all_bounds, spreads
from tracekit.render.prometheus import exposition
from tracekit.workflow.serving.shapes import shapes_of

NOW = datetime.now(UTC)
MANY = 1 << 20

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def result(*maps: rs.MapResult, losses: tuple[rs.Loss, ...] = ()) -> rs.Result:
    """What a snapshot or the end of a run says."""
    return attrs.evolve(RESULT, maps=maps, losses=losses)


def samples(feed: Feed, found: rs.Result, *, ended: bool = False) -> Samples:
    """What Prometheus's own reader finds, by name and labels, each once."""
    text = exposition(feed.metrics(found, NOW, ended=ended), found.provenance).decode()
    read: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            place = (sample.name, tuple(sorted(sample.labels.items())))
            assert place not in read
            read[place] = sample.value
    return read


def feed_of(text: str, most: int = MANY) -> Feed:
    return Feed(shapes_of(parse(f"uprobe:./x:f {{ {text} }}")), most)


@settings(max_examples=50)
@given(SCHEMES, st.sampled_from([*INT_TYPES.values()]), st.data())
def test_bounds_are_there_from_the_start(scheme: Scheme, type_: IntType, data: st.DataObject) -> None:
    """Before the first event there are all bounds that any values need, and no value is on their wrong side."""
    bounds = tuple(all_bounds(scheme, type_.minimum, type_.maximum))
    assert list(bounds) == sorted(set(bounds))
    values = data.draw(st.lists(st.integers(type_.minimum, type_.maximum), max_size=20))
    histogram = Histogram.of(values, scheme)
    (spread,) = spreads({(): histogram}, bounds).values()
    ends = {b.hi - 1 for b in histogram.buckets if b.hi is not None}
    assert {end for end in ends if abs(end) <= EXACT and end <= type_.maximum} <= set(bounds)
    below = 0
    for bound, count in zip(spread.bounds, spread.counts, strict=False):
        below += count
        assert below == sum(value <= bound for value in values)
    assert sum(spread.counts) == len(values)


def test_no_event_is_a_zero() -> None:
    """A histogram without events is there with all its buckets, its sum and its count, as 0."""
    empty = rs.MapResult("b", "hist", (), {(): Histogram(Log2(), sum=0)})
    found = samples(feed_of("@b = hist((uint8)arg0)"), result(empty))
    buckets = {dict(labels)["le"]: n for (name, labels), n in found.items() if name == "tracekit_b_bucket"}
    assert buckets == dict.fromkeys(["0", "1", "3", "7", "15", "31", "63", "127", "255", "+Inf"], 0)
    assert found["tracekit_b_count", ()] == found["tracekit_b_sum", ()] == 0


@settings(max_examples=10)
@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(-9, 9)), max_size=20), max_size=4))
def test_no_series_goes_down_or_away(rounds: list[list[tuple[int, int]]]) -> None:
    """However keys and values come, and with room for few keys, counts only grow, and none is lost."""
    feed = feed_of("@b[pid] = hist(arg0); @n[pid] = count()", 700)
    values: dict[int, list[int]] = {}
    before: Samples = {}
    for new in rounds:
        for key, value in new:
            values.setdefault(key, []).append(value)
        spread = {(key,): Histogram.of(of, Log2()) for key, of in values.items()}
        counted = {(key,): Histogram(None, count=len(of)) for key, of in values.items()}
        maps = rs.MapResult("b", "hist", ("pid",), spread), rs.MapResult("n", "count", ("pid",), counted)
        now = samples(feed, result(*maps))
        grown = {at: n for at, n in before.items() if at[0].endswith(("_bucket", "_count", "_total"))}
        assert all(now[at] >= n for at, n in grown.items())
        for name in ("tracekit_b_count", "tracekit_n_total"):
            assert sum(n for at, n in now.items() if at[0] == name) == sum(map(len, values.values()))
        assert len(now) < 700 + 30
        before = now


def test_keys_without_room_are_together() -> None:
    """Keys have series in the order in which they come, the largest first; the others have theirs together."""
    feed = feed_of("@n[comm] = count()", 8 * 4)
    first = {(key,): Histogram(None, count=n) for key, n in {"a": 1, "b": 9, "\\other": 8}.items()}
    later = {**first, ("c",): Histogram(None, count=100), ("d",): Histogram(None, count=5)}
    samples(feed, result(rs.MapResult("n", "count", ("comm",), first)))
    found = samples(feed, result(rs.MapResult("n", "count", ("comm",), later)))
    counts = {dict(labels)["comm"]: n for (name, labels), n in found.items() if name == "tracekit_n_total"}
    assert counts == {"a": 1, "b": 9, "\\\\other": 8, "\\other": 105}
    assert found["tracekit_keys_left_out", (("map", "n"),)] == 2
    assert feed.left_out == {"n": 2}


def test_too_many_series_are_refused() -> None:
    """What has no room for one key is refused at once, with both figures."""
    with pytest.raises(UsageError, match=r"need at least 20,020 series, and there may be 10,000"):
        feed_of("@b[pid] = lhist(arg0, 0, 10000, 1)", 10_000)
    feed_of("@b = lhist(arg0, 0, 9900, 1)", 10_000)


def test_a_count_that_was_read_later_is_no_loss() -> None:
    """While a run goes on, values beyond those in buckets aren't in no bucket, unless the map was full."""
    late = attrs.evolve(Histogram.of([1, 2], Log2()), count=3)
    map_ = rs.MapResult("b", "hist", (), {(): late})
    feed = feed_of("@b = hist((uint64)arg0)")
    found = samples(feed, result(map_))
    assert found["tracekit_b_sum", ()] == 3 and ("tracekit_b_unbucketed", ()) not in found
    full = rs.Loss(rs.LossKind.KEYS, "1 found no room", 1, "b")
    for really in (samples(feed, result(map_), ended=True), samples(feed, result(map_, losses=(full,)))):
        assert really["tracekit_b_unbucketed", ()] == 1 and ("tracekit_b_sum", ()) not in really


def test_how_the_run_stands() -> None:
    """Whether the run has ended, when the numbers were read, and how often probes were hit, are metrics."""
    feed = feed_of("@n = count()")
    map_ = rs.MapResult("n", "count", (), {(): Histogram(None, count=4)})
    going, over = (samples(feed, result(map_), ended=ended) for ended in (False, True))
    assert (going["tracekit_run_ended", ()], over["tracekit_run_ended", ()]) == (0, 1)
    assert going["tracekit_snapshot_timestamp_seconds", ()] == pytest.approx(NOW.timestamp(), abs=0.01)
    assert going["tracekit_probe_hits_total", (("of", "target"),)] == 4
    assert going["tracekit_probe_hits_total", (("of", "others"),)] == 7


def hostile_feed() -> Feed:
    maps = {
        map_.name: Shape(specimen(attrs.evolve(map_, entries={(): next(iter(map_.entries.values()))})), None)
        for map_ in HOSTILE.maps
    }
    return Feed(maps, MANY)


def test_hostile_text_is_escaped() -> None:
    """Whatever names, keys and messages hold, each key is one visible line of its own."""
    found = hostile_feed().metrics(HOSTILE, NOW, ended=False)
    text = exposition(found, HOSTILE.provenance).decode()
    assert all(line.isprintable() for line in text.split("\n"))
    seen = samples(hostile_feed(), HOSTILE)
    keys = [dict(labels)["comm"] for name, labels in seen if name == "tracekit_bytes_count"]
    assert len(keys) == len(set(keys)) == len(WORDS)


def test_endless_keys_are_cut_and_differ() -> None:
    """Of keys of 1 MB the labels have 1000 characters and a hash, which differs where they do."""
    long = "\0" * (1 << 20)
    entries = {(key,): Histogram(None, count=1) for key in (long + "a", long + "b", "x" * 1000)}
    found = samples(feed_of("@n[comm] = count()"), result(rs.MapResult("n", "count", ("comm",), entries)))
    keys = [dict(labels)["comm"] for name, labels in found if name == "tracekit_n_total"]
    assert Counter(map(len, keys)) == {1000: 1, 1018: 2} and len(set(keys)) == 3


def test_names_that_are_alike_are_found_before_there_is_an_event() -> None:
    """Two maps of which one metric would have the same name are an error when there is nothing to show yet."""
    feed = feed_of("@b = hist(arg0); @b_signed_sum = count()")
    with pytest.raises(UsageError, match="tracekit_b_signed_sum would be there twice"):
        exposition(feed.specimens(result()), RESULT.provenance)
    taken = feed_of("@run_ended = max(arg0)")
    with pytest.raises(UsageError, match="tracekit_run_ended would be there twice"):
        exposition(taken.specimens(result()), RESULT.provenance)
    good = feed_of("@b = hist(arg0); @n[comm] = stats(arg0)")
    assert exposition(good.specimens(result()), RESULT.provenance)


def test_types_that_are_not_known_yet_are_taken_for_the_widest() -> None:
    """Before names are resolved, room is kept for all that their values may be."""
    named, narrow = (
        shapes_of(parse(f"uprobe:./x:f {{ @b = hist({value}) }}"))["b"].bounds
        for value in ("v.len", "(uint16)arg0")
    )
    assert named == tuple(all_bounds(Log2(), INT64.minimum, UINT64.maximum))
    assert narrow == tuple(all_bounds(Log2(), 0, 0xFFFF))
