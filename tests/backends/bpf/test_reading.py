"""From the bytes of the kernel's maps to histograms, with figures of several processors and several moments."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.backends.bpf.machine import MASK

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.bpf.layout import Layout, layout_of, moments
from tracekit.backends.bpf.reading import Read, Table, read
from tracekit.backends.plan import plan_of
from tracekit.core.histogram import Histogram
from tracekit.core.result import LossKind

PROCESSORS = 3
SIGN = 1 << 63


def layout(text: str, functions: Sequence[str] = (), **options: int) -> Layout:
    """The layout of a program's run."""
    program = tk.parse(f"uprobe:./a:f {{ {text} }}")
    return layout_of(plan_of(program, Options(**options), 0, functions, 100, others=True))


def words(of: Layout, found: Mapping[str, Sequence[int]]) -> Table:
    """The counters: by their names, each processor's."""
    rows = [[0] * len(of.words) for _ in range(PROCESSORS)]
    for name, each in found.items():
        for row, value in zip(rows, each, strict=True):
            row[of.words[name] // 8] = value & MASK
    return Table(b"", b"".join(struct.pack("<Q", v) for row in rows for v in row), 1)


def figures(values: Sequence[int], *, signed: bool = True) -> dict[str, int]:
    """The moments that a processor keeps of values, as ``layout`` describes them."""
    shift = SIGN if signed else 0
    total = sum(values)
    return {
        "count": len(values),
        "low": total & MASK,
        "high": sum(value >> 32 for value in values) & MASK,
        "least": max((~(v + shift) & MASK for v in values), default=0),
        "most": max((v + shift for v in values), default=0),
    }


def without_keys(of: Layout, values: Sequence[Sequence[int]], **more: Sequence[int]) -> Read:
    """What is read of the counters of processors that saw these values each."""
    each = [figures(found) for found in values]
    counted: dict[str, Sequence[int]] = {f"{part}0": [f[part] for f in each] for part in each[0]}
    counted |= {"t0": [len(found) for found in values], "h0": [len(found) for found in values], **more}
    return read(of, words(of, counted), {}, PROCESSORS, str, final=True)


numbers = st.lists(st.integers(-SIGN, SIGN - 1) | st.integers(-3, 3), max_size=4)


@given(st.tuples(numbers, numbers, numbers))
def test_moments_of_all_processors_are_one_histogram(values: tuple[list[int], ...]) -> None:
    """Counts, sums beyond 64 bits and extremes are those of all values, also where a processor saw none."""
    found = without_keys(layout("@ = stats(arg0)"), values)
    assert found.maps[0].entries == {(): Histogram.of([v for some in values for v in some])}
    assert found.losses == () and found.hits == sum(map(len, values))


@pytest.mark.parametrize("values", [[SIGN - 1] * 3, [-SIGN] * 3, [0, -1], [2**63 - 1, -(2**63)]], ids=str)
def test_sums_at_the_ends(values: list[int]) -> None:
    """A sum that has more than 64 bits, or whose halves have different signs, is exact."""
    found = without_keys(layout("@ = sum(arg0)"), [values, [], values])
    assert found.maps[0].entries[()].sum == 2 * sum(values)


def test_unsigned_extremes() -> None:
    """Of a uint64 no value is negative."""
    of = layout("@ = stats((uint64)arg0)")
    each = [figures(v, signed=False) for v in ([0, 2**64 - 1], [5], [])]
    counted = {f"{part}0": [f[part] for f in each] for part in each[0]} | {"t0": [2, 1, 0]}
    found = read(of, words(of, counted), {}, PROCESSORS, str, final=True)
    assert found.maps[0].entries == {(): Histogram.of([0, 2**64 - 1, 5])}


def keyed(of: Layout, entries: Sequence[tuple[bytes, Sequence[Sequence[int]]]]) -> Table:
    """The moments' table: each entry's key, and the values that each processor saw."""
    names = moments(of.plan.maps[0])
    rows = [figures(values)[name] for _, found in entries for values in found for name in names]
    return Table(b"".join(key for key, _ in entries), struct.pack(f"<{len(rows)}Q", *rows), len(entries))


def text_key(text: bytes, room: int, *, limit: int = 0, more: bool = False) -> bytes:
    """A string's bytes in a key."""
    found = bytearray(text.ljust(room, b"\0"))
    if more:
        found[limit] = 1
    return bytes(found)


def test_keys_of_every_kind() -> None:
    """Numbers with their sign, functions by number, and strings with their bytes, cut ones told as such."""
    of = layout("@[arg0, (uint64)arg1, func, str(arg2, 20), comm] = count()", ["f", "g"])
    key = struct.pack("<qQQ", -5, 2**64 - 1, 1)
    comm = text_key(b"a b", 24)
    whole, cut = text_key(b"caf\xe9", 24), text_key(b"x" * 19, 24, limit=19, more=True)
    one, none = [[7], [], [8, 9]], [[], [], []]
    table = keyed(of, [(key + whole + comm, one), (key + cut + comm, one), (bytes(72), none)])
    found = read(of, words(of, {"t0": [2, 0, 4]}), {"m0": table}, PROCESSORS, str, final=True)
    first = (-5, 2**64 - 1, "g")
    counts = {keys: h.count for keys, h in found.maps[0].entries.items()}
    assert counts == {(*first, "caf\udce9", "a b"): 3, (*first, "x" * 19, "a b"): 3, (0, 0, "f", "", ""): 0}
    assert [(x.kind, x.map, x.message.split()[0]) for x in found.losses] == [(LossKind.TRUNCATED, "", "1")]


def test_a_cut_string_and_a_whole_one_that_are_alike_are_one_key() -> None:
    """What is kept decides, so their events are one entry, which is told to be cut."""
    of = layout("@[str(arg0, 20)] = stats(arg1)")
    entries = [(text_key(b"x" * 19, 24, limit=19, more=more), [[1], [2], []]) for more in (False, True)]
    found = read(of, words(of, {"t0": [2, 2, 0]}), {"m0": keyed(of, entries)}, PROCESSORS, str, final=True)
    assert found.maps[0].entries == {("x" * 19,): Histogram.of([1, 2, 1, 2])}
    assert [x.kind for x in found.losses] == [LossKind.TRUNCATED]


def test_buckets_with_and_without_keys() -> None:
    """A row is the bucket of its number; rows without events are none."""
    of = layout("@[arg0] = hist(arg1); @u = lhist(arg1, 0, 10, 5)", max_string=64)
    keyed_rows = b"".join(struct.pack("<qQ", -1, number) for number in (3, 65 + 3))
    tables = {
        "b0": Table(keyed_rows, struct.pack("<6Q", 1, 2, 0, 0, 4, 0), 2),
        "m0": Table(struct.pack("<q", -1), struct.pack("<15Q", *([0] * 15)), 1),
        "b1": Table(b"", struct.pack("<12Q", 0, 0, 0, 0, 5, 0, 0, 0, 0, 6, 0, 0), 4),
    }
    found = read(of, words(of, {"t0": [0, 0, 11]}), tables, PROCESSORS, str, final=False)
    first, second = (m.entries for m in found.maps)
    assert [(b.lo, b.hi, b.count) for b in first[-1,].buckets] == [(-7, -3, 4), (4, 8, 3)]
    assert [(b.lo, b.hi, b.count) for b in second[()].buckets] == [(0, 5, 5), (10, None, 6)]


LOSSES = {
    "no room in a map": ({"t0": [5, 0, 0], "full0": [1, 0, 1]}, LossKind.KEYS, 2),
    "lost events": ({"t0": [5, 0, 0]}, LossKind.EVENTS, 2),
    "reads that failed": ({"t0": [3, 0, 0], "f0": [0, 4, 1]}, LossKind.APPROXIMATE, 5),
    "extremes that were raced for": ({"t0": [3, 0, 0], "raced0": [0, 1, 1]}, LossKind.APPROXIMATE, 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_missing_is_told_with_its_number(name: str) -> None:
    """Whatever the kernel counted as missing is a loss of the result."""
    counted, kind, count = LOSSES[name]
    of = layout("@[arg0] = stats(arg1)")
    table = keyed(of, [(bytes(8), [[1], [2], [3]])])
    found = read(of, words(of, counted), {"m0": table}, PROCESSORS, str, final=True)
    assert [(x.kind, x.count) for x in found.losses] == [(kind, count)]


def test_calls_without_return_are_told() -> None:
    """More entries than returns is a loss, and the other way round a note."""
    program = tk.parse("uretprobe:./a:f { @ = count() }")
    of = layout_of(plan_of(program, Options(), 0, ["f"], 100))
    for entries, losses, notes in ((5, 1, 0), (3, 0, 0), (1, 0, 1)):
        counted = {"t0": [3, 0, 0], "count0": [3, 0, 0], "e0": [entries, 0, 0], "r0": [1, 1, 1]}
        found = read(of, words(of, counted), {}, PROCESSORS, str, final=True)
        assert (len(found.losses), len(found.notes)) == (losses, notes)


def test_other_processes_are_counted_apart() -> None:
    """How often the target ran into probes, and how often others did, are two numbers."""
    of = layout("@ = count()")
    found = read(of, words(of, {"h0": [1, 2, 3], "h1": [10, 0, 5]}), {}, PROCESSORS, str, final=True)
    assert (found.hits, found.others) == (6, 15)
