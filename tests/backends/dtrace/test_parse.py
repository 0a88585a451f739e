"""The output of a run's program becomes exactly the histograms of the events that happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.bpftrace.test_protocol import INT64, STRINGS, UINT64, assert_same
from tests.backends.dtrace.test_golden import NONCE

import tracekit as tk
from tracekit.backends.base import Options, Reading
from tracekit.backends.dtrace.attach import Site
from tracekit.backends.dtrace.dialect import LINUX
from tracekit.backends.dtrace.instrument import instrument, map_of
from tracekit.backends.dtrace.parse import OutputParser, Ready, unescaped
from tracekit.backends.plan import Plan
from tracekit.core.arch import X86_64
from tracekit.core.histogram import Histogram
from tracekit.core.result import LossKind
from tracekit.errors import EngineError

Event = tuple[tuple[int | bytes, ...], int]
"""The keys, and the value."""

NAMED = {7: "a", 8: "b", 12: "f", 10: "n", 13: "r", 9: "t", 11: "v", 34: '"', 92: "\\"}


def plan_of(text: str, options: Options = Options()) -> Plan:
    """The plan of a program whose probes are all at one site."""
    program = tk.parse(text)
    sites = {p: (Site(("pid1:a:f:entry",), function="f"),) for c in program.clauses for p in c.probes}
    return instrument(program, sites, "pid == 1", options, X86_64, LINUX, NONCE).plan


def escaped(data: bytes, end: str = "\\0") -> str:
    """What ``%S`` prints of a string, by ``strchr2esc``; Linux prints the NUL at its end, too."""
    shown = (f"\\{NAMED[b]}" if b in NAMED else chr(b) if 32 <= b < 127 else f"\\{b:03o}" for b in data)
    return f'"{"".join(shown)}{end}"'


def output(plan: Plan, events: dict[str, Sequence[Event]], kind: str = "result", drop: str = "") -> bytes:
    """A block as a real dtrace would print it: an independent simulation.

    Args:
        plan: of the program.
        events: for each map, what happened.
        kind: ``result`` or ``snapshot``.
        drop: a map of the script that had no room.
    """
    lines = [f"{plan.nonce} {kind} 123"]
    for name in plan.script_maps:
        found = map_of(plan, name)
        table: dict[str, int] = {}
        if found is None:
            total = sum(len(events[m.name]) for m in plan.maps if int(name[1:]) in m.totals)
            table = {"": total} if total else {}
        else:
            groups: dict[str, list[int]] = defaultdict(list)
            for keys, value in events[found.name]:
                shown = "".join(f"{k if isinstance(k, int) else escaped(k)} " for k in keys)
                signed = value - (1 << 64) if value >= 1 << 63 else value
                groups[shown + (f"{signed} " if name[0] == "b" else "")].append(value)
            unsigned = found.type is not None and not found.type.signed
            for shown, values in groups.items():
                moved = [v - (1 << 63) for v in values] if unsigned else values
                total = sum(values) % (1 << 64)
                total -= (total >> 63) << 64
                table[shown] = {"n": min(moved), "x": max(moved), "s": total}.get(name[0], len(values))
        if name != drop:
            lines += [f"{name} {shown}{figure}" for shown, figure in table.items()]
    return "\n".join([*lines, f"{plan.nonce} done\n"]).encode()


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
    assert_same(reading, (), Histogram.of(values, plan.maps[0].scheme))


@given(st.lists(UINT64, max_size=30), st.sampled_from(["hist", "stats", "sum", "max"]))
def test_unsigned_values(values: list[int], word: str) -> None:
    """Values from 2**63 on are no negative ones."""
    plan = plan_of(f"uprobe:a:f {{ @m = {word}((uint64)arg0) }}")
    reading = read(plan, output(plan, {"m": [((), v) for v in values]}))
    assert_same(reading, (), Histogram.of(values, plan.maps[0].scheme))


@given(st.lists(st.tuples(st.tuples(STRINGS, INT64, STRINGS), INT64), max_size=12))
def test_keys_come_back_exactly(events: list[Event]) -> None:
    """Strings with newlines, quotes, forged rows and bytes that aren't UTF-8 are what they were."""
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


@given(st.binary().map(lambda b: b.replace(b"\0", b"")), st.sampled_from(["", "\\0"]))
def test_escapes_are_undone(data: bytes, end: str) -> None:
    """With and without the NUL that Linux prints, whatever the string ends with."""
    assert unescaped(escaped(data, end)[1:-1].encode()) == data


@given(st.lists(st.tuples(st.tuples(STRINGS), INT64), max_size=6), st.lists(st.integers(0, 2000), max_size=8))
def test_pieces_may_be_cut_anywhere(events: list[Event], cuts: list[int]) -> None:
    """However the output is cut into pieces, the same comes of it; what follows the result doesn't count."""
    plan = plan_of("uprobe:a:f { @m[str(arg1)] = stats(arg0) }", Options(max_string=200))
    data = b"%d ready\n" % NONCE
    data += output(plan, {"m": events[:2]}, "snapshot") + output(plan, {"m": events}) + b"\nt0 99\n"
    parser = OutputParser(plan)
    bounds = [0, *sorted(min(c, len(data)) for c in cuts), len(data)]
    found = [event for a, b in pairwise(bounds) for event in parser.feed(data[a:b])]
    parser.close()
    assert found == list(OutputParser(plan).feed(data))
    assert [type(e) for e in found] == [Ready, Reading, Reading]
    assert [e.final for e in found if isinstance(e, Reading)] == [False, True]


def test_counted_strings_tell_what_is_cut() -> None:
    """A string with a size is cut where its room ends, or where a NUL ends it."""
    plan = plan_of("uprobe:a:f { @m[str(arg1, arg2)] = count() }", Options(max_string=8))
    rows = ['c0 "abc\\0" 3 1', 'c0 "ab\\0" 4 1', 'c0 "abcdefg\\0" 7 1']
    reading = read(plan, "\n".join([f"{NONCE} result 5", "t0 3", *rows, f"{NONCE} done\n"]).encode())
    assert set(reading.maps[0].entries) == {("abc",), ("ab",), ("abcdefg",)}
    assert [loss.kind for loss in reading.losses] == [LossKind.TRUNCATED]
    assert reading.losses[0].message.startswith("2 keys of @m")


def test_what_found_no_room_is_told() -> None:
    """Totals beside the maps say how many events are missing; a group's figures are there, or none of them."""
    plan = plan_of("uprobe:a:f { @m[arg1] = hist(arg0) }")
    events: list[Event] = [((1,), 5), ((2,), 6)]
    (loss,) = read(plan, output(plan, {"m": events}, drop="b0")).losses
    assert read(plan, output(plan, {"m": events}, "snapshot", drop="b0")).losses == ()
    assert (loss.kind, loss.count, loss.map) == (LossKind.KEYS, 2, "m")
    assert "--max-keys" in loss.hint


@pytest.mark.parametrize(
    "line",
    ["t0 x", "t0", "zz 1", "b0 1", "something else", 'c0 "a" 1', "t0 1 2", " value  -- Distribution --"],
)
def test_what_is_not_understood_is_an_error(line: str) -> None:
    """No line is skipped."""
    plan = plan_of("uprobe:a:f { @m[arg1] = hist(arg0) }")
    with pytest.raises(EngineError, match="doesn't understand"):
        list(OutputParser(plan).feed(f"{NONCE} result 5\n{line}\n{NONCE} done\n".encode()))


@pytest.mark.parametrize("data", ["%d done\n", "%d result x\n", "%d result 1\n%d ready\n", "%d what\n", "%d"])
def test_markers_come_in_their_order(data: str) -> None:
    """A block begins and ends once."""
    parser = OutputParser(plan_of("uprobe:a:f { @m = count() }"))

    def read_all() -> None:
        list(parser.feed(data.replace("%d", str(NONCE)).encode()))
        parser.close()

    with pytest.raises(EngineError):
        read_all()


def test_an_empty_run_has_empty_maps() -> None:
    """Nothing happened: dtrace prints no line, and every map is there with a count of 0."""
    plan = plan_of("uprobe:a:f { @h = hist(arg0); @k[arg1] = count(); @s = stats(arg0) }")
    reading = read(plan, output(plan, {"h": [], "k": [], "s": []}))
    assert [m.entries for m in reading.maps] == [{(): Histogram.of([], tk.Log2())}, {}, {(): Histogram.of([])}]


def test_entries_and_returns_are_compared() -> None:
    """Calls that were not seen to return are a loss."""
    program = tk.parse("uretprobe:a:f { @m = count() }")
    sites = {program.clauses[0].probes[0]: (Site(("pid1:a:f:return",), ("pid1:a:f:entry",), "f"),)}
    plan = instrument(program, sites, "", Options(), X86_64, LINUX, NONCE).plan
    reading = read(plan, f"{NONCE} result 5\nt0 3\ne0 5\nr0 3\nc0 3\n{NONCE} done\n".encode())
    assert [(loss.kind, loss.count) for loss in reading.losses] == [(LossKind.UNRETURNED, 2)]
