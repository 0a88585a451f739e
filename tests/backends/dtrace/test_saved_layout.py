"""The default layout, piece by piece, and what can be read in two ways."""

from __future__ import annotations

import pytest
from tests.backends.dtrace.printed import (
    HEADER,
    histogram,
    keys,
    llquantize_labels,
    lquantize_labels,
    one,
    read,
)

from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.histogram import Bucket
from tracekit.core.result import LossKind
from tracekit.errors import EngineError


def rows(*labels: str, numbers: tuple[int, ...]) -> str:
    """A histogram of these rows."""
    lines = zip(labels, numbers, strict=True)
    return HEADER + "".join(f"{label:>16} |{'':40} {n:<9}\n" for label, n in lines)


def test_bars_of_blocks_are_read() -> None:
    """macOS may draw bars with blocks of UTF-8, the last of them an eighth or more of one."""
    text = HEADER + "               1 |" + " " * 40 + " 0        \n"
    text += "               2 |" + "█" * 13 + "▍" + " " * 26 + " 1        \n"
    text += "               4 |" + " " * 40 + " 0        \n"
    assert one(text).buckets == (Bucket(2, 4, 1),)


def test_zero_rows_are_no_buckets() -> None:
    """Rows of zero, before, after and between, leave nothing behind."""
    assert one(rows("0", "1", "2", "4", "8", numbers=(0, 3, 0, 1, 0))).buckets == (
        Bucket(1, 2, 3),
        Bucket(4, 8, 1),
    )


def test_rows_of_macos_have_no_negative_llquantize() -> None:
    """Where one row has all values below the first power, its values are in no bucket, and a loss says so."""
    text = rows("< 10", "10", "20", "30", numbers=(2, 1, 5, 0))
    saved = read(text, "@ = llquantize(arg0, 10, 1, 3, 10)")
    (histogram_,) = saved.maps[0].entries.values()
    assert histogram_.buckets == (Bucket(10, 20, 1), Bucket(20, 30, 5))
    assert histogram_.count == 8
    assert [(x.kind, x.count) for x in saved.losses] == [(LossKind.APPROXIMATE, 2)]


def test_the_least_row_of_quantize_is_two_buckets() -> None:
    """-2**63 is in the row of -2**62, so its values are in no bucket."""
    text = rows("-4611686018427387904", "-2305843009213693952", "-1152921504606846976", numbers=(3, 1, 0))
    saved = read(text)
    (histogram_,) = saved.maps[0].entries.values()
    assert (histogram_.scheme, histogram_.count) == (Log2(), 4)
    assert histogram_.buckets == (Bucket(1 - (1 << 62), 1 - (1 << 61), 1),)
    assert [(x.kind, x.count) for x in saved.losses] == [(LossKind.APPROXIMATE, 3)]


def test_negative_rows_that_mean_two_things_are_refused() -> None:
    """Such rows of an lquantize() and an llquantize() hold different values: only the program tells which."""
    text = rows("-30", "-20", "-10", numbers=(0, 5, 0))
    with pytest.raises(EngineError, match="several ways") as caught:
        read(text)
    assert caught.value.hint == "Give the program."
    assert one(text, "@ = lhist(arg0, -100, 100, 10)").buckets == (Bucket(-20, -10, 5),)
    assert one(text, "@ = llquantize(arg0, 10, 0, 3, 10)").buckets == (Bucket(-29, -19, 5),)


def test_cut_labels_are_read_by_their_order() -> None:
    """10**15 to 10**18 look alike in 15 characters: rows that begin at the middle tell which is which."""
    labels = llquantize_labels(10, 0, 18, 10)
    text = histogram(labels, {(0, 1): 2, (10**16, 2 * 10**16): 7})
    assert one(text).buckets == (Bucket(0, 1, 2), Bucket(10**16, 2 * 10**16, 7))


def test_cut_labels_without_an_anchor_are_refused() -> None:
    """Rows of which all labels are cut can be at several powers, whatever is known of the program."""
    text = histogram(llquantize_labels(10, 0, 18, 10), {(10**16, 2 * 10**16): 7})
    with pytest.raises(EngineError, match="cut to 15 characters"):
        read(text, "@ = llquantize(arg0, 10, 0, 18, 10)")
    with pytest.raises(EngineError):
        read(text)


def test_a_cut_histogram_is_refused() -> None:
    """Without its row of zero at an end, rows are missing."""
    with pytest.raises(EngineError, match="rows are missing"):
        read(rows("0", "1", "2", numbers=(0, 3, 1)))
    with pytest.raises(EngineError, match="no row follows"):
        read(HEADER)


def test_one_scheme_is_found_for_all_keys() -> None:
    """Bounds that one key doesn't show, another does."""
    labels = lquantize_labels(-50, 100, 25)
    first = keys([1]) + "\n" + histogram(labels, {(None, -50): 1})
    second = keys([2]) + "\n" + histogram(labels, {(25, 50): 1, (100, None): 2})
    (found,) = read(f"\n{first}\n{second}\n").maps
    assert found.function == "lhist"
    assert {h.scheme for h in found.entries.values()} == {Linear(-50, 100, 25)}


def test_a_scheme_of_no_kind_is_refused() -> None:
    """Rows that no function of dtrace prints are not taken for something near."""
    with pytest.raises(EngineError, match="no quantize"):
        read(rows("1", "2", "5", "11", numbers=(0, 1, 2, 0)))


def test_numbers_get_the_programs_meaning() -> None:
    """Names, functions and keys are the program's, by the order of its maps."""
    text = "\n" + keys([7]) + "\n" + keys([-2]) + "\n" + keys(["a", 3]) + keys([9]) + "\n"
    saved = read(text, "@n = count(); @least = min(arg0); @by[comm, arg1] = sum(arg2)")
    assert [(m.name, m.function, m.key_names) for m in saved.maps] == [
        ("n", "count", ()), ("least", "min", ()), ("by", "sum", ("comm", "arg1")),
    ]  # fmt: skip
    assert saved.maps[0].entries[()].count == 7
    assert saved.maps[1].entries[()].min == -2
    assert saved.maps[2].entries["a", 3].sum == 9
    assert not saved.losses


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("@a = count()", "2 aggregations, but the program 1"),
        ("@a = count(); @b[pid] = count()", "with 0 keys in the output"),
        ("@a = count(); @b = hist(arg0)", "has numbers with 0 keys in the output"),
        ("@a = count(); @b = count()", "has numbers"),
    ],
)
def test_another_program_is_refused(asked: str, reason: str) -> None:
    """A program that can't have made the output is not forced on it; a count is no negative number."""
    with pytest.raises(EngineError, match=reason):
        read("\n" + keys([7]) + "\n" + keys([-2]) + "\n", asked)


def test_names_that_the_script_prints_are_kept() -> None:
    r"""After ``#name`` it stands in dtrace's layout or as ``"%S" %d %@d``; the last print counts."""
    quoted = '#by\n"pl\\"ain\\n\\0" -1 5\n"caf\\303\\251\\0" 2 6\n'
    printed = f"#by\n{keys(['x', 1, 2])}\n#n\n12\n{quoted}#h\n"
    saved = read(printed + rows("0", "1", "2", numbers=(0, 3, 0)))
    assert {m.name: m.function for m in saved.maps} == {"by": "value", "n": "value", "h": "hist"}
    assert {k: h.sum for k, h in saved.maps[0].entries.items()} == {('pl"ain\n', -1): 5, ("café", 2): 6}
    assert any("@by was printed several times" in note for note in saved.notes)


def test_events_are_left_out_with_a_note() -> None:
    """Lines of events, which dtrace prints without -q, hold nothing of aggregations."""
    events = "CPU     ID                    FUNCTION:NAME\n  1   3974                        f64:entry v=1\n\n"
    saved = read(events + "\n" + keys([4]) + "\n")
    assert saved.maps[0].entries[()].sum == 4
    assert len(saved.other) == 1
    assert any("1 lines that are no aggregation" in note for note in saved.notes)


@pytest.mark.parametrize(
    ("message", "kind", "count"),
    [
        ("12 aggregation drops on CPU 1", LossKind.KEYS, 12),
        ("1 drop on CPU 0", LossKind.EVENTS, 1),
        ("7 dynamic variable drops with non-empty dirty list", LossKind.EVENTS, 7),
        ("3 speculative drops", LossKind.ENGINE, 3),
        ("error on enabled probe ID 1 (ID 2: a:b:c:d): divide-by-zero in action #1", LossKind.ENGINE, 1),
        ("processing aborted: Abort due to systemic unresponsiveness", LossKind.INCOMPLETE, None),
        ("something new", LossKind.ENGINE, None),
    ],
)
def test_messages_are_losses_wherever_they_stand(message: str, kind: LossKind, count: int | None) -> None:
    """What dtrace says on standard error is understood there, and between lines of the output."""
    number = "\n" + keys([4]) + "\n"
    for saved in (read(f"dtrace: {message}\n{number}"), read(number, errors=f"dtrace: {message}\n".encode())):
        assert [(x.kind, x.count) for x in saved.losses] == [(kind, count)]
        assert saved.maps[0].entries[()].sum == 4


def test_what_is_harmless_is_no_loss() -> None:
    """Notices of matched probes and a target's end say nothing of the numbers."""
    said = b"dtrace: description 'BEGIN ' matched 1 probe\ndtrace: pid 12 exited with status 7\nmy own line\n"
    saved = read("\n" + keys([4]) + "\n", errors=said)
    assert not saved.losses
    assert "dtrace said: pid 12 exited with status 7" in saved.notes


def test_a_second_aggregation_begins_where_a_key_comes_again() -> None:
    """Where that leaves one place, or the sorted values fall at one, it is found; else it is refused."""

    def printed(*entries: tuple[int, int]) -> str:
        return "\n" + "".join(keys(entry) + "\n" for entry in entries)

    two = read(printed((1, 1), (2, 5), (3, 4), (1, 9))).maps
    assert [set(m.entries) for m in two] == [{(1,), (2,)}, {(3,), (1,)}]
    with pytest.raises(EngineError, match="lines 3 to 5"):
        read(printed((1, 1), (2, 5), (3, 6), (1, 9)))


def test_keys_that_can_be_read_in_two_ways_are_refused() -> None:
    """A string of 50 bytes and more shows no end: other entries have to, or the output is refused."""
    long = "x" * 50
    with pytest.raises(EngineError, match="several ways"):
        read("\n" + keys([long, 5, 1]) + "\n")
    (found,) = read("\n" + keys(["short", 5, 1]) + "\n" + keys([long, 5, 2]) + "\n").maps
    assert set(found.entries) == {("short", 5), (long, 5)}


@pytest.mark.parametrize(
    "text", ["hello\n", "\n\x00\x01\n", "  odd\n", "@x: 1\n", " 12\n", "\n  a  b\n\n" + HEADER]
)
def test_what_is_not_understood_is_refused_with_its_line(text: str) -> None:
    """No line is passed over; the error names it, on one line."""
    with pytest.raises(EngineError, match=r"line \d") as caught:
        read(text)
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_llquantize_schemes_are_found() -> None:
    """A histogram that shows all its bounds gives the scheme itself."""
    scheme = LogLinear(10, 1, 3, 20)
    labels = llquantize_labels(10, 1, 3, 20)
    counts = {interval: 1 for _, interval in labels}
    assert one(histogram(labels, counts)).scheme == scheme
