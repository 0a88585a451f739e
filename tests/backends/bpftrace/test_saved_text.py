"""Saved text output: rows, numbers, prints that follow each other, what is left out and what is refused."""

from __future__ import annotations

import pytest
from tests.backends.bpftrace.saved_output import BAR, one, read, rows

from tracekit.core.buckets import Linear, Log2, Scheme
from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.result import LossKind
from tracekit.errors import EngineError


@pytest.mark.parametrize(
    ("label", "lo", "hi"),
    [
        ("[2, 4)", 2, 4),
        ("[1K, 2K)", 1024, 2048),
        ("[512K, 1M)", 512 * 1024, 1024**2),
        ("[512M, 1G)", 512 * 1024**2, 1024**3),
        ("[512G, 1T)", 512 * 1024**3, 1024**4),
        ("[512T, 1P)", 512 * 1024**4, 1024**5),
        ("[512P, 1E)", 512 * 1024**5, 1024**6),
        ("[4E, 8E)", 4 * 1024**6, 8 * 1024**6),
        ("[0]", 0, 1),
        ("[1]", 1, 2),
    ],
)
def test_labels_are_exact(label: str, lo: int, hi: int) -> None:
    """Suffixes of labels are exact powers of 1024; a label with one number is a bucket of one value."""
    assert one(rows(label), "@ = hist(arg0)").buckets == (Bucket(lo, hi, 1),)


def test_a_count_may_touch_the_label() -> None:
    """Labels longer than their column leave no space before a long count."""
    row = f"[1073741824, 2147483648)123456789 {BAR}\n"
    assert one("@:\n" + row, "@ = hist(arg0)").count == 123456789


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        (("[0]", "[1]", "[2, 4)"), Log2()),
        (("[2, 4)", "[4, 8)"), Log2()),
        (("[2]", "[3]", "[4, 6)", "[6, 8)", "[8, 12)"), Log2(1)),
        (("[12]", "[13]", "[14]", "[15]", "[16, 18)"), Log2(3)),
        (("[0, 10)", "[10, 20)"), Linear(0, 20, 10)),
        (("(..., 5)", "[5, 15)"), Linear(5, 15, 10)),
        (("(..., 5)", "[5, 15)", "[15, 25)", "[27, ...)"), Linear(5, 27, 10)),
        (("(..., 512)", "[5K, ...)"), Linear(512, 5120, 4608)),
        (("[100, ...)",), Linear(0, 100, 100)),
        (("(..., 7)",), Linear(7, 8, 1)),
        (("[3]", "[4]", "[5]", "[6]"), Linear(3, 7, 1)),
    ],
)
def test_schemes_are_inferred_from_rows(labels: tuple[str, ...], scheme: Scheme) -> None:
    """Without the program, rows alone tell ``hist()`` with its bits from ``lhist()`` with its step."""
    assert one(rows(*labels)).scheme == scheme


def test_the_bucket_above_begins_at_the_last_whole_step() -> None:
    """0.17 and 0.23 label the last row with the upper bound; its values begin at the last whole step."""
    assert one(rows("[80, 90)", "[95, ...)")).buckets == (Bucket(80, 90, 1), Bucket(90, None, 1))
    assert one(rows("[95, ...)"), "@ = lhist(arg0, 0, 95, 10)").buckets == (Bucket(90, None, 1),)
    assert one(rows("[90, ...)"), "@ = lhist(arg0, 0, 95, 10)").buckets == (Bucket(90, None, 1),)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (("[3, 5)", "[5, 8)"), "no hist"),
        (("[4, 2)",), "no hist"),
        (("(..., 0)", "(..., 5)"), "no hist"),
        (("(..., 5)", "[8, 10)", "[10, 12)"), "no hist"),
        (("[-2, 0)",), "no hist"),
        (("[2, 4)", "[2, 4)"), "twice"),
        (("[0, 1)", "[5000, 5001)"), "no hist"),
    ],
)
def test_rows_of_no_histogram_are_refused(labels: tuple[str, ...], reason: str) -> None:
    """Rows that neither ``hist()`` nor ``lhist()`` prints, or that come twice, are refused."""
    with pytest.raises(EngineError, match=reason):
        read(rows(*labels))


@pytest.mark.parametrize(
    ("text", "asked", "reason"),
    [
        (rows("[2, 4)"), "@ = hist(arg0, 1)", r"row \[2, 4\), which is no bucket of hist\(…, 1\)"),
        (rows("[2, 4)"), "@ = lhist(arg0, 0, 100, 10)", r"no bucket of lhist\(…, 0, 100, 10\)"),
        (rows("[90, ...)"), "@ = lhist(arg0, 0, 100, 10)", r"row \[90, \.\.\.\)"),
        (rows("(..., 5)"), "@ = hist(arg0)", r"row \(\.\.\., 5\)"),
        (rows("[2, 4)"), "@ = lhist(arg0, 0, 10000000000, 1000000000)", "cuts to 32 bits"),
        (rows("[2, 4)"), "@ = count()", r"a histogram without keys in the output, but count\(\) with 0 keys"),
        ("@: 5\n", "@ = hist(arg0)", "a number without keys"),
        ("@: -5\n", "@ = count()", "a number without keys"),
        ("@: count 1, average 2, total 2\n", "@ = sum(arg0)", "stats without keys"),
        ("@[1]: 5\n", "@ = count()", "with keys in the output"),
        ("@: 5\n", "@[pid] = count()", "without keys in the output"),
        ("@[a]: 5\n", "@[pid] = count()", "the key 'a', but the program's is a number"),
    ],
)
def test_output_of_another_program_is_refused(text: str, asked: str, reason: str) -> None:
    """A map that can't be the program's is refused, and the sentence says what differs."""
    with pytest.raises(EngineError, match=reason) as caught:
        read(text, asked)
    assert caught.value.hint


def test_values_that_hist_does_not_divide_are_in_no_bucket() -> None:
    """Negative values, and before 0.20 those from 2**31 on, count, are in no bucket, and are a loss."""
    text = rows("(..., 0)", "[0]", "[1G, 2G)", "[2G, 4G)")
    old = read(text, "@ = hist((int64)arg0)", "0.19.1")
    assert old.maps[0].entries[()].count == 4
    assert [b.lo for b in old.maps[0].entries[()].buckets] == [0, 2**30]
    assert [(loss.kind, loss.count, loss.map) for loss in old.losses] == [(LossKind.APPROXIMATE, 1, "")] * 2
    new = read(text, "@ = hist((int64)arg0)", "0.20.0")
    assert [b.lo for b in new.maps[0].entries[()].buckets] == [0, 2**30, 2**31]
    assert [loss.message for loss in new.losses] == [
        "@: values below 0 are in no bucket, 1 in all, since hist() of bpftrace doesn't divide them"
    ]


def test_a_greater_bucket_shows_that_hist_does_not_saturate() -> None:
    """If there is a row above 2**32, the bucket from 2**31 on is one like others, whatever the version."""
    assert [b.lo for b in one(rows("[2G, 4G)", "[4G, 8G)")).buckets] == [2**31, 2**32]
    for said in ("Attached 1 probe\n", "@s: { .count = 1, .average = 1, .total = 1 }\n"):  # since 0.24
        assert read(said + rows("[2G, 4G)")).losses == ()
    (loss,) = read("Attaching 1 probe...\n@s: count 1, average 1, total 1\n" + rows("[2G, 4G)")).losses
    assert loss.hint == "If the output is of a later version, give that version."


def test_unsigned_values_below_zero_are_large() -> None:
    """bpftrace compares as signed numbers: unsigned values in the row below 0 are those from 2**63 on."""
    text = rows("(..., 0)", "[0, 10)", "[10, ...)")
    unsigned = one(text, "@ = lhist((uint64)arg0, 0, 10, 10)")
    assert unsigned.buckets == (Bucket(0, 10, 1), Bucket(10, None, 2))
    assert one(rows("(..., 0)"), "@ = hist((uint64)arg0)").buckets == (Bucket(2**63, 2**64, 1),)
    (loss,) = read(rows("(..., 0)"), "@ = hist((uint64)arg0, 2)").losses
    assert "from 2**63 on" in loss.message


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("@: 5\n", "@ = count()", Histogram(None, count=5)),
        ("@: 0\n", "@ = count()", Histogram(None, count=0)),
        ("@: -5\n", "@ = sum((int64)arg0)", Histogram(None, sum=-5)),
        ("@: 18446744073709551611\n", "@ = sum((int64)arg0)", Histogram(None, sum=-5)),
        ("@: -1\n", "@ = sum((uint64)arg0)", Histogram(None, sum=2**64 - 1)),
        ("@: -5\n", "@ = min((int64)arg0)", Histogram(None, min=-5)),
        ("@: 5\n", "@ = max((int64)arg0)", Histogram(None, max=5)),
        ("@: count 3, average -3, total -11\n", "@ = stats((int64)arg0)", Histogram(None, count=3, sum=-11)),
        ("@: { .count = 3, .average = -3, .total = -11 }\n", "", Histogram(None, count=3, sum=-11)),
        ("@: true\n", "", Histogram(None, sum=1)),
        ("@: false\n", "", Histogram(None, sum=0)),
    ],
)
def test_numbers(text: str, asked: str, expected: Histogram) -> None:
    """A number stands where the program says, or as a sum if the program isn't known."""
    assert one(text, asked) == expected


@pytest.mark.parametrize(
    ("text", "asked", "note"),
    [
        ("@: 5\n", "@ = avg(arg0)", "@ is an average of an unknown number of values, and is left out"),
        ("@: some text\n", "", "@ holds what is neither a number nor a histogram, and is left out"),
        ("@[1]: (1, x)\n@[2]: 5\n", "", "@ holds what is neither a number nor a histogram, and is left out"),
        ("@: 18446744073709551611\n", "@ = max((int64)arg0)", "@ has 18446744073709551611, which is no int64"),
    ],
)
def test_what_the_model_cannot_hold_is_left_out_with_a_note(text: str, asked: str, note: str) -> None:
    """Averages without a count, text, tuples, and extremes of another type are left out, never in silence."""
    saved = read(text, asked)
    assert saved.maps == ()
    assert saved.notes[0].startswith(note)
    assert saved.notes[0].endswith("is left out")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello\n", "line 1 isn't output of a map: 'hello'"),
        ("@x: 1\nhello\n", "line 2 isn't output"),
        ("@x: 1\n  @y: 2\n", "line 2 isn't output"),
        ("@x:5\n", "line 1 isn't output"),
        ("@é: 5\n", "line 1 isn't output"),
        (f"[2, 4)   1 {BAR}\n", "line 1 isn't output"),
        (f"@:\n[2, 4)   1 {BAR}\n[4, 8)   x {BAR}\n", "line 3 isn't output"),
        ("@x:\n", "line 1 begins a histogram, but no bucket follows"),
        ("@x: 123456789012345678901\n@y:\n", "line 2 begins a histogram"),
        ("@x[a\nb\n", "the key that begins in line 1 doesn't end"),
        ("@x[a\n@y[1]: 7\nb]: 1\n", "the key that begins in line 1 doesn't end before another entry"),
        ("@x[a]: 1\n@x[b]: 2\n@x[a]: 3\n", "line 3 has a key of @x for the second time"),
        ("@x[a]: 1\n@x: 2\n", "line 2 shows @x without keys, unlike the lines before"),
        ("@x: 2\n@y: 1\n@x[a]: 1\n", "line 3 shows @x with keys"),
        (f"@[1]: 3\n@[2]:\n[2, 4)  1 {BAR}\n", "values of several kinds"),
        ("@[1]: 3\n@[2]: count 1, average 1, total 1\n", "values of several kinds"),
        ("No probes to attach\n", "No probes to attach"),
        ("\x1b[31mred\n", r"'\\x1b\[31mred'"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, reason: str) -> None:
    """No line is passed over: one that isn't understood, or can be two things, is refused and shown."""
    with pytest.raises(EngineError, match=reason) as caught:
        read(text)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_what_bpftraces_own_scripts_say_is_no_map() -> None:
    """The first line of bpftrace's tools, the time, and a terminal's ``^C`` don't stand in the way."""
    said = "Attaching 2 probes...\nTracing block device I/O... Hit Ctrl-C to end.\n09:49:38\n"
    saved = read(f"{said}@x: 1\n^C\n\n\n@x: 2\n")
    assert saved.maps[0].entries[()].sum == 2
    assert saved.other == ("Tracing block device I/O... Hit Ctrl-C to end.", "09:49:38")


def test_prints_are_told_apart_by_what_stands_between() -> None:
    """Other maps, the time and blank lines end a print; keys of the last one alone are kept."""
    for between in ("@other: 1\n", "10:20:30\n", "\n", "\n\n"):
        (found, *_) = read(f"@k[a]: 1\n@k[b]: 2\n{between}@k[c]: 3\n").maps
        assert list(found.entries) == [("c",)], between
    hist = f"@k[a]:\n[2, 4)   1 {BAR}\n\n@k[b]:\n[2, 4)   1 {BAR}\n\n"
    assert len(read(hist).maps[0].entries) == 2
    assert len(read(f"{hist}\n\n{hist[: len(hist) // 2]}").maps[0].entries) == 1


def test_a_map_with_as_many_entries_as_fit_is_noted() -> None:
    """4096 entries are what a map holds by default; 0.17 says nothing when more had no room."""
    text = "".join(f"@[{n}]: 1\n" for n in range(4096))
    assert any("4096 entries" in note for note in read(text).notes)
    assert not any("4096 entries" in note for note in read(text + "@[-1]: 1\n").notes)


def test_a_last_line_without_end_is_noted() -> None:
    """Output that doesn't end with a newline may have been cut in a number."""
    assert any("may have been cut" in note for note in read("@x: 12").notes)
    assert not any("may have been cut" in note for note in read("@x: 12\n").notes)


def test_maps_come_in_the_programs_order() -> None:
    """Maps stand in the program's order, others after them; those not printed are named in a note."""
    saved = read("@z: 1\n@b: 2\n@a: 3\n", "@a = count(); @b = count(); @c = count()")
    assert [m.name for m in saved.maps] == ["a", "b", "z"]
    assert "not printed, since empty or cleared by the script: @c" in saved.notes
