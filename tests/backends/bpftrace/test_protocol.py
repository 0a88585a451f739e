"""The output of a run's script becomes exactly the histograms of the events that happened."""

from __future__ import annotations

import re
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.bpftrace.protocol import LOW, Event, output

import tracekit as tk
from tracekit.backends.base import Options, Reading
from tracekit.backends.bpftrace.attach import Site
from tracekit.backends.bpftrace.instrument import Filter, Instrumented, instrument
from tracekit.backends.bpftrace.parse import OutputParser, Ready
from tracekit.backends.plan import Plan
from tracekit.core.arch import X86_64
from tracekit.core.histogram import Histogram
from tracekit.core.result import LossKind
from tracekit.errors import EngineError

NONCE = (1 << 62) | 7_777_777_777
INT64 = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-9, 9) | st.sampled_from([-(1 << 63), LOW, 0])
UINT64 = st.integers(0, (1 << 64) - 1) | st.integers(0, 9) | st.sampled_from([1 << 63, (1 << 64) - 1])
STRINGS = st.binary(max_size=30).map(lambda b: b.replace(b"\0", b"\n")) | st.sampled_from(
    [
        b"",
        b"]: 5",
        b"a\n@b0[1]: 9\n",
        b", 1, 2]: 3\n\n",
        b"4611686018427387904 done\n",
        b"\xff\xfe",
        "caf\u00e9".encode(),
    ]
)


def compiled(text: str, options: Options = Options()) -> Instrumented:
    """The script of a program whose probes are all at one site."""
    program = tk.parse(text)
    sites = {p: (Site("uprobe:x:0x1", "", "f"),) for c in program.clauses for p in c.probes}
    return instrument(program, sites, Filter("pid == 1"), options, X86_64, NONCE)


def plan_of(text: str, options: Options = Options()) -> Plan:
    return compiled(text, options).plan


def read(plan: Plan, data: bytes) -> Reading:
    """What a parser makes of output that comes in one piece."""
    (reading,) = OutputParser(plan).feed(data)
    assert isinstance(reading, Reading)
    return reading


@given(st.lists(INT64, max_size=30), st.sampled_from(["hist(arg0)", "hist(arg0, 3)", "lhist(arg0, -4, 5, 3)"]))
def test_signed_values(values: list[int], aggregation: str) -> None:
    """Count, sum, min, max and every bucket of int64 values are those of the values themselves."""
    plan = plan_of(f"uprobe:a:f {{ @m = {aggregation} }}")
    reading = read(plan, output(plan, {"m": [((), v) for v in values]}))
    expected = Histogram.of(values, plan.maps[0].scheme)
    assert_same(reading, (), expected)


@given(st.lists(UINT64, max_size=30), st.sampled_from(["hist", "stats", "sum", "max"]))
def test_unsigned_values(values: list[int], word: str) -> None:
    """Values from 2**63 on are no negative ones."""
    plan = plan_of(f"uprobe:a:f {{ @m = {word}((uint64)arg0) }}")
    reading = read(plan, output(plan, {"m": [((), v) for v in values]}))
    assert_same(reading, (), Histogram.of(values, plan.maps[0].scheme))


def assert_same(reading: Reading, keys: tuple[object, ...], expected: Histogram) -> None:
    """The histogram is the expected one; only a sum that 64 bits can't tell may be missing, and is told."""
    found = reading.maps[0].entries[keys]  # type: ignore[index]
    if found.sum is None and expected.count:
        assert expected.min is not None and expected.max is not None
        assert expected.count * (expected.max - expected.min) >= 1 << 64
        assert [loss.kind for loss in reading.losses] == [LossKind.OVERFLOW]
        found = attrs.evolve(found, sum=expected.sum)
    assert found == expected


@given(st.lists(st.tuples(st.tuples(STRINGS, INT64, STRINGS), INT64), max_size=12))
def test_keys_come_back_exactly(events: list[Event]) -> None:
    """Strings with newlines, brackets, forged rows and bytes that aren't UTF-8 are what they were."""
    plan = plan_of("uprobe:a:f { @m[str(arg1), arg2, comm] = hist(arg0) }", Options(max_string=200))
    reading = read(plan, output(plan, {"m": events}))
    wanted: dict[tuple[object, ...], list[int]] = {}
    for keys, value in events:
        decoded = tuple(k if isinstance(k, int) else k.decode("utf-8", "surrogateescape") for k in keys)
        wanted.setdefault(decoded, []).append(value)
    assert set(reading.maps[0].entries) == set(wanted)
    for keys, values in wanted.items():
        found = reading.maps[0].entries[keys]  # type: ignore[index]
        assert (found.count, found.min, found.max) == (len(values), min(values), max(values))
        assert found.buckets == Histogram.of(values, tk.Log2()).buckets


@given(st.lists(st.tuples(st.tuples(STRINGS), INT64), max_size=6), st.lists(st.integers(0, 2000), max_size=8))
def test_pieces_may_be_cut_anywhere(events: list[Event], cuts: list[int]) -> None:
    """However the output is cut into pieces, the same comes of it."""
    plan = plan_of("uprobe:a:f { @m[str(arg1)] = stats(arg0) }", Options(max_string=200))
    data = b"Attaching 3 probes...\n%d ready\n" % NONCE
    data += output(plan, {"m": events[:2]}, "snapshot") + output(plan, {"m": events}) + b"\n@t0: 99\n"
    parser = OutputParser(plan)
    bounds = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    found = [event for piece in pieces for event in parser.feed(piece)]
    parser.close()
    whole = list(OutputParser(plan).feed(data))
    assert found == whole
    assert [type(e) for e in found] == [Ready, Reading, Reading]
    assert [e.final for e in found if isinstance(e, Reading)] == [False, True]


@given(st.integers(40, 400), st.lists(st.integers(0, 800), max_size=8))
def test_the_result_ends_a_snapshot_that_is_not_whole(length: int, cuts: list[int]) -> None:
    """What bpftrace had yet to print of a snapshot when it was ended is dropped, wherever that was."""
    plan = plan_of("uprobe:a:f { @m[arg1] = count() }")
    snapshot = output(plan, {"m": [((n,), 0) for n in range(20)]}, "snapshot")[:length]
    snapshot = snapshot[: snapshot.rindex(b"\n") + 1]
    data = snapshot + output(plan, {"m": [((n,), 0) for n in range(30)]})
    parser = OutputParser(plan)
    bounds = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    found = [event for a, b in pairwise(bounds) for event in parser.feed(data[a:b])]
    (reading,) = (e for e in found if isinstance(e, Reading) and e.final)
    assert reading.maps[0].total == 30


@pytest.mark.parametrize(
    "aside",
    [
        "Lost 5 events\n",
        "\n",
        (
            "x.bt:3:1-9: WARNING: Map full; can't update element. Try increasing max_map_keys.\n"
            "Additional Info - helper: map_update_elem, retcode: -7\n  @b0[1] = count();\n  ~~~~\n"
        ),
        "x.bt:3:1-9: WARNING: Something else\n",
    ],
)
def test_what_the_engine_says_between_rows_is_no_row(aside: str) -> None:
    """Its own messages may come anywhere; losses and warnings among them are kept."""
    plan = plan_of("uprobe:a:f { @m[arg1] = hist(arg0) }")
    events: list[Event] = [((1,), 5), ((2,), 6)]
    parser = OutputParser(plan)
    (reading,) = parser.feed(output(plan, {"m": events}, aside=aside))
    assert isinstance(reading, Reading)
    assert reading.maps[0].total == 2
    lost = [loss.count for loss in parser.losses]
    assert all(count == 5 for count in lost)
    assert bool(lost) == ("Lost" in aside)
    assert bool(parser.warnings) == ("Something" in aside)


def test_what_is_not_understood_is_an_error_with_the_line() -> None:
    """A row of no map, or a line that isn't known, is never skipped."""
    plan = plan_of("uprobe:a:f { @m = hist(arg0) }")
    for strange in ("@zz: 1\n", "segmentation fault\n", "@b0[x]: 1\n", "@c0: many\n"):
        data = output(plan, {"m": [((), 5)]}).replace(b"@b0", strange.encode() + b"@b0", 1)
        with pytest.raises(EngineError, match=re.escape(repr(strange.strip()))):
            read(plan, data)


def test_a_full_map_gives_the_exact_loss() -> None:
    """What the total has and the map hasn't is told, with its number; extremes are then not known."""
    plan = plan_of("uprobe:a:f { @m[arg1] = hist(arg0) }", Options(max_keys=3))
    events: list[Event] = [((k,), 5) for k in range(10)]
    data = output(plan, {"m": events[:3]}).replace(b"@t0: 3", b"@t0: 10")
    reading = read(plan, data)
    kinds = {loss.kind: loss.count for loss in reading.losses}
    assert kinds[LossKind.KEYS] == 7
    assert LossKind.OVERFLOW in kinds
    assert all(h.min is None and h.sum is None for h in reading.maps[0].entries.values())


def test_events_that_are_missing_without_a_full_map_are_lost_events() -> None:
    """The total also shows losses of another cause."""
    plan = plan_of("uprobe:a:f { @m[arg1] = count() }")
    reading = read(plan, output(plan, {"m": [((1,), 0)]}).replace(b"@t0: 1", b"@t0: 4"))
    (loss,) = reading.losses
    assert (loss.kind, loss.count) == (LossKind.EVENTS, 3)


def test_more_counted_than_happened_is_told() -> None:
    """Figures that contradict each other are never shown as right."""
    plan = plan_of("uprobe:a:f { @m[arg1] = count() }")
    reading = read(plan, output(plan, {"m": [((1,), 0)] * 3}).replace(b"@t0: 3", b"@t0: 2"))
    assert [loss.kind for loss in reading.losses] == [LossKind.APPROXIMATE]


@pytest.mark.parametrize("total", [2, 4])
def test_figures_of_a_snapshot_need_not_agree(total: int) -> None:
    """Its maps are read one after the other while events go on; only a full map is a loss then."""
    plan = plan_of("uprobe:a:f { @m[arg1] = count() }", Options(max_keys=2))
    apart = output(plan, {"m": [((1,), 0)] * 3}, "snapshot").replace(b"@t0: 3", b"@t0: %d" % total)
    assert not read(plan, apart).losses
    full = output(plan, {"m": [((1,), 0), ((2,), 0)]}, "snapshot").replace(b"@t0: 2", b"@t0: 4")
    assert [(loss.kind, loss.count) for loss in read(plan, full).losses] == [(LossKind.KEYS, 2)]


def test_a_string_that_fills_its_room_is_told() -> None:
    """It may be cut, and 0.17 keeps a byte more than others: both become the same key."""
    plan = plan_of("uprobe:a:f { @m[str(arg1, 5)] = count() }")
    reading = read(plan, output(plan, {"m": [((b"abcd",), 0), ((b"abcde",), 0), ((b"ab",), 0)]}))
    assert {k: h.count for k, h in reading.maps[0].entries.items()} == {("abcd",): 2, ("ab",): 1}
    assert [(loss.kind, loss.map) for loss in reading.losses] == [(LossKind.TRUNCATED, "m")]


def test_rows_of_zero_may_be_missing() -> None:
    """A greatest value of 0 may have no row: the other row of the sign tells that there was one."""
    plan = plan_of("uprobe:a:f { @m = stats(arg0) }")
    data = output(plan, {"m": [((), 0)]})
    assert b"@x0[0]: 0\n" in data
    ((_, histogram),) = (
        read(plan, data.replace(b"@x0[0]: 0\n", b"").replace(b"@s0: 0\n", b"")).maps[0].entries.items()
    )
    assert histogram == Histogram.of([0])


def test_without_exact_only_what_is_asked_is_collected() -> None:
    """Buckets alone still count; a sum of 64 bits is given with a note that it was not checked."""
    buckets = plan_of("uprobe:a:f { @m = hist(arg0) }", Options(exact=False))
    assert buckets.maps[0].parts == "b"
    assert read(buckets, output(buckets, {"m": [((), 5)]})).maps[0].entries[()].count == 1
    total = plan_of("uprobe:a:f { @m = sum(arg0) }", Options(exact=False))
    reading = read(total, output(total, {"m": [((), -5), ((), 3)]}))
    assert reading.maps[0].entries[()].sum == -2
    assert "not checked" in reading.notes[0]


def test_calls_that_did_not_return_are_told() -> None:
    """Entries without returns are a loss with its number; returns without entries are a note."""
    plan = plan_of("uretprobe:a:f { @m = count() }")
    data = output(plan, {"m": [((), 0)] * 3})
    lost = read(plan, data.replace(b"@c0", b"@e0: 8\n@r0: 3\n@c0"))
    assert [(loss.kind, loss.count) for loss in lost.losses] == [(LossKind.UNRETURNED, 5)]
    early = read(plan, data.replace(b"@c0", b"@e0: 1\n@r0: 3\n@c0"))
    assert not early.losses
    assert "2 calls returned" in early.notes[0]
