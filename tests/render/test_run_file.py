"""Run files: nothing is lost, and nothing broken is taken for a result."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import attrs
import pytest
import uhi.schema
from hypothesis import given
from hypothesis import strategies as st
from tests.render.damage import JUNK, change, paths
from tests.render.run_file_sample import RESULT
from tests.results_strategies import RESULTS, maps

from tracekit.core.buckets import Linear, Log2
from tracekit.core.histogram import Histogram
from tracekit.core.result import MapResult, Result, Snapshot
from tracekit.errors import UsageError
from tracekit.render.run_file import dump, dump_snapshot, from_document, load, to_document


@given(RESULTS)
def test_a_result_comes_back_as_it_was(result: Result) -> None:
    """Whatever a result holds, its run file gives it back."""
    assert load(dump(result)) == result


@given(RESULTS)
def test_a_run_file_is_one_line_of_ascii(result: Result) -> None:
    """The text is one line that any encoding can carry and no terminal obeys."""
    text = dump(result)
    assert text.endswith("}\n")
    assert all(" " <= c <= "~" for c in text[:-1])
    assert json.loads(text) == to_document(result)


@given(RESULTS)
def test_the_histograms_are_uhis(result: Result) -> None:
    """UHI's own validator accepts every histogram in a run file."""
    for map_ in to_document(result)["maps"]:
        for entry in map_["entries"]:
            if entry["histogram"]["uhi"] is not None:
                uhi.schema.validate_histogram(entry["histogram"]["uhi"])


def test_a_run_file_says_what_it_is() -> None:
    """The first that stands in it are the format and its version."""
    assert dump(RESULT).startswith('{"format": "tracekit-run", "version": 1, "maps": [')


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (1 << 63, 1 << 63),
        (-1, -1),
        ("1", "1"),
        ("", ""),
        ("é\n\0", "é\n\0"),
        ("caf\udce9", {"bytes": "636166e9"}),
        ("\udcff", {"bytes": "ff"}),
    ],
)
def test_keys_are_integers_text_or_bytes(key: int | str, written: object) -> None:
    """An integer stays one, however great; text stays text; what isn't UTF-8 is written as its bytes."""
    map_ = MapResult("n", "count", ("k",), {(key,): Histogram.of([1])})
    result = attrs.evolve(RESULT, maps=(map_,))
    document = json.loads(dump(result))
    assert document["maps"][0]["entries"][0]["key"] == [written]
    assert load(dump(result)).histogram("n", key) == Histogram.of([1])


def test_integers_stay_exact() -> None:
    """Sums and bounds beyond what a double holds are written as integers and come back."""
    big = Histogram.of([(1 << 60) + 1, (1 << 62) + 3], Log2(5))
    result = attrs.evolve(RESULT, maps=(MapResult("n", "hist", entries={(): big}),))
    assert f'"sum": {(1 << 60) + (1 << 62) + 4}' in dump(result)
    assert load(dump(result)).histogram("n") == big


@given(st.floats(0, 1e6), st.lists(maps(), max_size=2))
def test_a_snapshot_is_one_line_too(at: float, given_maps: list[MapResult]) -> None:
    """A snapshot's maps have the form that they have in a run file, and JSON Lines can be made of snapshots."""
    text = dump_snapshot(Snapshot(at, tuple(given_maps)))
    assert text.count("\n") == 1
    expected = to_document(attrs.evolve(RESULT, maps=tuple(given_maps)))["maps"]
    assert json.loads(text) == {"format": "tracekit-snapshot", "version": 1, "at": at, "maps": expected}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("NaN", "NaN is no number"),
        ('{"format": Infinity}', "Infinity is no number"),
        (b"\xff\xfe\xfd", "no JSON"),
        ("1" * 5000, "no JSON"),
        ('{"format": "tracekit-run", "format": "tracekit-run"}', "twice"),
        ("[" * 100_000, "nested too deeply"),
        ("null", "no run file"),
        ("[]", "no run file"),
        ("{}", "no run file"),
        ('{"format": "tracekit-snapshot", "version": 1}', "no run file"),
        ('{"format": "tracekit-run"}', "of version None"),
        ('{"format": "tracekit-run", "version": 2}', "of version 2; this tracekit reads version 1"),
        ('{"format": "tracekit-run", "version": true}', "of version True"),
        ('{"format": "tracekit-run", "version": "1"}', "of version '1'"),
        ('{"format": "tracekit-run", "version": 1}', "not valid at \\$: complete, losses, maps"),
    ],
)
def test_what_is_no_run_file_is_refused(text: str | bytes, reason: str) -> None:
    """Other files give one sentence that says what they are not."""
    with pytest.raises(UsageError, match=reason):
        load(text)


HISTOGRAM = ("maps", 0, "entries", 0, "histogram")
UHI = (*HISTOGRAM, "uhi")
EDGES = (*UHI, "axes", 0, "edges")
INDEX = (*UHI, "storage", "index", 0)


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"),
    [
        (("complete",), "yes", "$.complete", "true or false"),
        (("losses", 0, "kind"), "boredom", "$.losses[0].kind", "lost-events"),
        (("losses", 0, "count"), "3", "$.losses[0].count", "an integer"),
        (("provenance", "started"), "yesterday", "$.provenance.started", "isoformat"),
        (("provenance", "started"), "2025-01-02T03:04:05", "$.provenance.started", "a moment such as"),
        (("provenance", "ended"), 0, "$.provenance.ended", "a moment such as"),
        (("provenance", "target", "pids"), [True], "$.provenance.target.pids[0]", "an integer"),
        (("maps", 0, "function"), "median", "$.maps[0].function", "count sum"),
        (("maps", 1, "entries", 0, "key"), [1.5], "$.maps[1].entries[0].key[0]", "an integer"),
        (("maps", 1, "entries", 0, "key"), [True], "$.maps[1].entries[0].key[0]", "an integer"),
        (("maps", 1, "entries", 0, "key"), [None], "$.maps[1].entries[0].key[0]", "a string"),
        (("maps", 1, "entries", 0, "key"), [2, "b"], "$.maps[1]", "the same key"),
        ((*HISTOGRAM, "count"), 2, "$.maps[0].entries[0].histogram", "more than its count"),
        ((*HISTOGRAM, "scheme"), None, "$.maps[0].entries[0].histogram", "without a scheme"),
        ((*HISTOGRAM, "scheme", "step"), 4, "$.maps[0].entries[0].histogram", "not those of its scheme"),
        ((*HISTOGRAM, "scheme", "hi"), 15, "$.maps[0].entries[0].histogram", "not those of its scheme"),
        (EDGES, [0, 8, 16, 24], "$.maps[0].entries[0].histogram", "not those of its scheme"),
        ((*EDGES, 0), 1, "$.maps[0].entries[0].histogram", "not those of its scheme"),
        ((*EDGES, 0), 0.0, "$.maps[0].entries[0].histogram.uhi.axes[0].edges[0]", "an integer"),
        (EDGES, [], "$.maps[0].entries[0].histogram", "no UHI histogram"),
        ((*INDEX, 0), -5, "$.maps[0].entries[0].histogram", "does not fit"),
        ((*INDEX, 0), 9, "$.maps[0].entries[0].histogram", "no UHI histogram"),
        ((*INDEX, 0), 2, "$.maps[0].entries[0].histogram", "each once"),
        ((*UHI, "storage", "values", 0), 0, "$.maps[0].entries[0].histogram", "does not fit"),
        ((*UHI, "storage", "values", 0), -1, "$.maps[0].entries[0].histogram", "more than its count"),
        ((*UHI, "storage", "values"), [1], "$.maps[0].entries[0].histogram", "zip"),
        ((*UHI, "uhi_schema"), 2, "$.maps[0].entries[0].histogram", "does not fit"),
        ((*UHI, "axes", 0, "underflow"), False, "$.maps[0].entries[0].histogram", "does not fit"),
        ((*UHI, "axes"), [], "$.maps[0].entries[0].histogram", "unpack"),
    ],
)
def test_a_broken_run_file_is_refused_with_the_place(
    path: tuple[str | int, ...], value: object, place: str, reason: str
) -> None:
    """One wrong value gives one sentence with the path to it; no broken histogram is taken for one."""
    document = json.loads(dump(RESULT))
    change(document, path, value)
    with pytest.raises(UsageError) as caught:
        from_document(document)
    assert caught.value.message.startswith(f"the run file is not valid at {place}: ")
    assert reason in caught.value.message


@given(st.data())
def test_any_damage_gives_a_result_or_a_sentence(data: st.DataObject) -> None:
    """With any values replaced, a run file is read as what it says, or refused without a traceback."""
    document = json.loads(dump(RESULT))
    for _ in range(data.draw(st.integers(1, 2))):
        change(document, data.draw(st.sampled_from(paths(document))), data.draw(JUNK))
    try:
        found = from_document(document)
    except UsageError:
        return
    assert to_document(found) == document


@pytest.mark.parametrize("moment", ["started", "ended"])
def test_a_moment_without_a_zone_is_not_written(moment: str) -> None:
    """A time of no known zone is an error of the caller's, not something to guess."""
    naive = datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    provenance = attrs.evolve(RESULT.provenance, **{moment: naive})
    with pytest.raises(UsageError, match="no time zone"):
        dump(attrs.evolve(RESULT, provenance=provenance))


def test_a_histogram_without_buckets_has_no_uhi() -> None:
    """Where there are no buckets, there is null and no empty axis, and nothing else is read back."""
    result = attrs.evolve(RESULT, maps=(MapResult("n", "lhist", entries={(): Histogram(Linear(0, 8, 2))}),))
    document = to_document(result)
    assert document["maps"][0]["entries"][0]["histogram"]["uhi"] is None
    empty = Histogram.of([1], Linear(0, 8, 2)).to_uhi()
    empty["storage"] = {"type": "int", "index": [[]], "values": []}
    document["maps"][0]["entries"][0]["histogram"]["uhi"] = empty
    with pytest.raises(UsageError, match="does not fit"):
        from_document(document)
