"""Saved JSON output: counts in hexadecimal, numbers in other forms, what is left out and what is refused."""

from __future__ import annotations

import json

import pytest
from tests.backends.bpftrace.saved_output import NEW, OLD, read_json

from tracekit.backends.saved import Saved
from tracekit.core.histogram import Bucket
from tracekit.core.result import Loss, LossKind
from tracekit.errors import EngineError

PRINTF = r'{"type": "printf", "data": "\u001b[0m"}'


def hist(count: str, key: str = "k") -> str:
    """A record of a histogram with one row."""
    return f'{{"type": "hist", "data": {{"@": {{"{key}": [{{"min": 2, "max": 3, "count": {count}}}]}}}}}}'


def counts(saved: Saved) -> list[int]:
    """The counts of all entries of the only map."""
    (found,) = saved.maps
    return [histogram.count for histogram in found.entries.values()]


@pytest.mark.parametrize(
    ("lines", "version", "count"),
    [
        ((hist("14"),), "", 14),
        ((hist("14"), PRINTF), "", 14),
        ((PRINTF, hist("14")), "0.23.2", 14),
        ((PRINTF, hist("14")), "0.24.0", 0x14),
        ((OLD, PRINTF, hist("14")), "", 14),
        ((NEW, PRINTF, hist("14")), "", 0x14),
        ((NEW, PRINTF, hist("14")), "0.23.2", 14),
        ((OLD, PRINTF, hist("14")), "0.24.0", 0x14),
        ((PRINTF, hist("9")), "", 9),
        ((PRINTF, hist("1c")), "", 0x1C),
        ((PRINTF, hist("14"), hist("1c")), "", 0x1C),
        ((hist("14", r"caf\uffffffc3\uffffffa9"),), "0.27.1", 0x14),
        ((hist("14", r"back\\u1234"),), "0.27.1", 14),
        ((hist("14", r"back\\\\\\u1234"),), "0.27.1", 14),
        ((hist("14", r"back\\\u0001"),), "0.27.1", 0x14),
    ],
)
def test_counts_after_an_escape(lines: tuple[str, ...], version: str, count: int) -> None:
    r"""From 0.24 on, and only then, counts of histograms are hexadecimal once a ``\u`` escape was printed."""
    assert counts(read_json(*lines, version=version)) == [count]


def test_the_escape_decides_within_its_line() -> None:
    """Only the counts after the escape are hexadecimal, also in the line that has it."""
    rows = '[{"min": 2, "max": 3, "count": 14},{"min": 4, "max": 7, "count": 10}]'
    line = f'{{"type": "hist", "data": {{"@": {{"a": {rows}, "\\u0001": {rows}}}}}}}'
    assert counts(read_json(NEW, line)) == [24, 0x24]
    assert counts(read_json(OLD, line)) == [24, 24]


def test_counts_that_can_be_read_in_two_ways_are_refused() -> None:
    """If neither the version nor anything in the output tells, the error says how to get around it."""
    with pytest.raises(EngineError, match="line 2 has the count 14, which is hexadecimal if") as caught:
        read_json(PRINTF, hist("14"))
    assert caught.value.hint == "Give bpftrace's version; or save the output as text, without -f json."


def test_other_numbers_are_never_hexadecimal() -> None:
    """Bounds, keys and the numbers of other maps stay decimal after an escape; lost events don't."""
    lost = '{"type": "lost_events", "count": 93, "data": {"events": 93}}'
    map_ = '{"type": "map", "data": {"@m": {"count": 10, "\\u0001": 20}}}'
    stats = '{"type": "stats", "data": {"@s": {"count": 10, "average": 2, "total": 20}}}'
    saved = read_json(NEW, PRINTF, map_, stats, hist("10", "100"), lost)
    by_name = {m.name: m for m in saved.maps}
    assert [h.sum for h in by_name["m"].entries.values()] == [10, 20]
    assert (by_name["s"].entries[()].count, by_name["s"].entries[()].sum) == (10, 20)
    assert by_name[""].entries[(100,)].buckets == (Bucket(2, 4, 0x10),)
    assert [loss.count for loss in saved.losses] == [0x93]


@pytest.mark.parametrize(
    ("row", "bucket"),
    [
        ({"min": 0, "max": 0}, (0, 1)),
        ({"min": 2, "max": 3}, (2, 4)),
        ({"min": 4611686018427387904, "max": "9223372036854775807"}, (2**62, 2**63)),
        ({"min": "9007199254740993", "max": "9007199254740993"}, None),
    ],
)
def test_rows(row: dict[str, object], bucket: tuple[int, int] | None) -> None:
    """Bounds of JSON are inclusive; numbers that a double can't hold are strings from 0.24 on."""
    line = json.dumps({"type": "hist", "data": {"@": [{**row, "count": 1}]}})
    if bucket is None:
        with pytest.raises(EngineError, match="no bucket of hist"):
            read_json(line, asked="@ = hist(arg0)")
    else:
        assert read_json(line, asked="@ = hist(arg0)").maps[0].entries[()].buckets == (Bucket(*bucket, 1),)


def test_the_last_bucket_before_0_20_is_known_by_its_bounds() -> None:
    """2**31 in 32 bits is negative: such a row comes from hist() before 0.20, of whatever version."""
    row = '{"type": "hist", "data": {"@": [{"min": -2147483648, "max": 0, "count": 5}]}}'
    (loss,) = read_json(row, asked="@ = hist((int64)arg0)").losses
    assert loss == Loss(
        LossKind.APPROXIMATE,
        "@: values from 2**31 on are in no bucket, 5 in all, "
        "since hist() of bpftrace before 0.20 doesn't divide them",
        5,
        map="",
        hint="Trace again with tracekit, which divides them.",
    )
    row = '{"type": "hist", "data": {"@": [{"min": 2147483648, "max": 4294967295, "count": 5}]}}'
    assert read_json(row).losses == ()


@pytest.mark.parametrize(
    ("kind", "value", "figures"),
    [
        ("map", "5", [(0, 5)]),
        ("map", '"18446744073709551611"', [(0, 2**64 - 5)]),
        ("map", "true", [(0, 1)]),
        ("map", '{"1": 5, "2": true}', [(0, 5), (0, 1)]),
        (
            "stats",
            '{"count": 3, "average": "3074457345618258601", "total": "9223372036854775805"}',
            [(3, 2**63 - 3)],
        ),
        ("stats", '{"1": {"count": 3, "average": 1, "total": 4}}', [(3, 4)]),
    ],
)
def test_numbers(kind: str, value: str, figures: list[tuple[int, int]]) -> None:
    """Numbers may be strings or truth values; counts and sums are read from each form of map."""
    (found,) = read_json(f'{{"type": "{kind}", "data": {{"@": {value}}}}}').maps
    assert [(h.count, h.sum) for h in found.entries.values()] == figures


@pytest.mark.parametrize(
    ("kind", "value", "note"),
    [
        ("map", '"q"', "@ holds what is neither a number nor a histogram, and is left out"),
        ("map", '"12"', "@ holds what is neither a number nor a histogram, and is left out"),
        ("map", "[1,300]", "@ holds what is neither a number nor a histogram, and is left out"),
        ("map", "1.5", "@ holds what is neither a number nor a histogram, and is left out"),
        ("map", "null", "@ holds what is neither a number nor a histogram, and is left out"),
        ("tseries", '[{"interval_start":"2020","value":1}]', "@ holds what is neither"),
        ("stats", "2", "@ is an average of an unknown number of values, and is left out"),
        ("stats", '{"1": 2}', "@ is an average of an unknown number of values, and is left out"),
        ("stats", "{}", "@ is empty, and is left out"),
    ],
)
def test_what_the_model_cannot_hold_is_left_out_with_a_note(kind: str, value: str, note: str) -> None:
    """Text, tuples, series of time and averages without a count are left out, never in silence."""
    saved = read_json(f'{{"type": "{kind}", "data": {{"@": {value}}}}}')
    assert saved.maps == ()
    assert saved.notes[0].startswith(note)


def test_what_the_script_prints_is_kept_apart() -> None:
    """Records of printf() and its like are no maps; they are kept, with their bytes restored."""
    lines = (
        r'{"type": "printf", "data": "esc \u001b[0m \uffffffc3\uffffffa9\n"}',
        '{"type": "time", "data": "09:49:38\\n"}',
        '{"type": "value", "data": [1,"x",-2]}',
    )
    assert read_json(*lines).other == ("esc \x1b[0m é\n", "09:49:38\n", '[1, "x", -2]')


@pytest.mark.parametrize(
    "line",
    [
        "target: stdout line",
        "{",
        "{}",
        "[]",
        '{"type": "map"}',
        '{"type": "map", "data": 5}',
        '{"type": "map", "data": {}}',
        '{"type": "map", "data": {"x": 1}}',
        '{"type": "map", "data": {"@x": 1, "@y": 2}}',
        '{"type": "map", "data": {"@x": 99999999999999999999999}}',
        '{"type": "hist", "data": {"@x": 5}}',
        '{"type": "hist", "data": {"@x": []}}',
        '{"type": "hist", "data": {"@x": [{}]}}',
        '{"type": "hist", "data": {"@x": [{"count": 1}]}}',
        '{"type": "hist", "data": {"@x": [{"min": 1, "max": 1}]}}',
        '{"type": "hist", "data": {"@x": [{"min": 1, "max": 1, "count": -1}]}}',
        '{"type": "hist", "data": {"@x": [{"min": 1, "max": 1, "count": 1, "more": 1}]}}',
        '{"type": "hist", "data": {"@x": [{"min": "a", "max": 1, "count": 1}]}}',
        '{"type": "hist", "data": {"@x": [{"min": 1, "max": 1, "count": 1c}]}}',
        '{"type": "stats", "data": {"@x": {"count": -1, "average": 1, "total": 1}}}',
        '{"type": "stats", "data": {"@x": "a"}}',
        '{"type": "unknown", "data": 1}',
        '{"type": "printf", "data": "\\ud800\\uffff"}',
        '{"type": "printf", "data": "cut',
        "[" * 100_000,
        '{"type": "value", "data": ' + "[" * 100_000 + "}",
        '{"type": "value", "data": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_record_is_refused(line: str) -> None:
    """No line is passed over: one that isn't a record of bpftrace's is refused and shown."""
    with pytest.raises(EngineError, match="line 2 is no record of bpftrace's") as caught:
        read_json(OLD, line)
    assert caught.value.hint
    assert len(caught.value.message) < 200


def test_a_map_has_keys_or_none() -> None:
    """A map can't be printed with keys and without; an empty print, which shows none, fits both."""
    with pytest.raises(EngineError, match="line 2 is no record"):
        read_json('{"type": "map", "data": {"@x": {"a": 1}}}', '{"type": "map", "data": {"@x": 7}}')
    stats = '{"count": 1, "average": 5, "total": 5}'
    for value in (stats, f'{{"a": {stats}}}'):
        saved = read_json(
            '{"type": "stats", "data": {"@x": {}}}', f'{{"type": "stats", "data": {{"@x": {value}}}}}'
        )
        assert [h.sum for h in saved.maps[0].entries.values()] == [5]


def test_a_target_that_writes_json_does_not_make_text_json() -> None:
    """What comes first tells text output from JSON."""
    fake = '{"type": "map", "data": {"@fake": 1}}'
    with pytest.raises(EngineError, match="line 2 isn't output of a map"):
        read_json("@x: 1", fake)
    with pytest.raises(EngineError, match="line 2 is no record"):
        read_json(fake, "@x: 1")
