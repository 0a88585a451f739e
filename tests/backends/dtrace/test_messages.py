"""What dtrace says while it works: samples of DTrace 2.0.7, and the other systems' words from their sources."""

from __future__ import annotations

import pytest

from tracekit.backends.dtrace.messages import MAX_NOTES, read_messages
from tracekit.core.result import LossKind


@pytest.mark.parametrize(
    ("line", "kind", "count", "option"),
    [
        ("2899 aggregation drops on CPU 0", LossKind.KEYS, 2899, "aggsize"),
        ("1 aggregation drop on CPU 12", LossKind.KEYS, 1, "aggsize"),
        ("72 drops on CPU 1", LossKind.EVENTS, 72, "bufsize"),
        ("490 dynamic variable drops", LossKind.EVENTS, 490, "dynvarsize"),
        ("1 dynamic variable drop with non-empty rinsing list", LossKind.EVENTS, 1, "cleanrate"),
        ("8 dynamic variable drops with non-empty dirty list", LossKind.EVENTS, 8, "cleanrate"),
        ("2 speculative drops", LossKind.EVENTS, 2, "specsize"),
        ("1 failed speculation (available buffer(s) still busy)", LossKind.EVENTS, 1, "nspec"),
        ("292 failed speculations (no speculative buffer available)", LossKind.EVENTS, 292, "nspec"),
        ("3 jstack()/ustack() string table overflows", LossKind.TRUNCATED, 3, "jstackstrsize"),
        ("5 errors in ERROR probe enabling", LossKind.ENGINE, 5, ""),
    ],
)
@pytest.mark.parametrize("tag", ["", "[DTRACEDROP_ANY] "])
def test_each_kind_of_drop_is_a_loss(line: str, kind: LossKind, count: int, option: str, tag: str):
    """Every drop of dt_handle.c becomes a loss with its count, and names the option that would avoid it."""
    messages = read_messages(f"dtrace: {tag}{line}\n".encode())
    (loss,) = messages.losses
    assert (loss.kind, loss.count) == (kind, count)
    assert option in loss.hint
    assert messages.notes == ()


def test_drops_add_up_over_processors_and_time():
    """The same kind of drop is one loss, however often and for however many processors it is told."""
    said = b"dtrace: 72 drops on CPU 1\ndtrace: 4 drops on CPU 0\ndtrace: 1 aggregation drop on CPU 0\n"
    assert [(loss.kind, loss.count) for loss in read_messages(said).losses] == [
        (LossKind.KEYS, 1),
        (LossKind.EVENTS, 76),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "error in dt_clause_0 for probe ID 3974 (pid6140:vals:fstr:entry): invalid address (0x8) at BPF pc 203",
        "error on enabled probe ID 2 (ID 77: pid6140:vals:fstr:entry): invalid address (0x8) in action #1",
        (
            "error on enabled probe ID 2 (ID 77: pid6140:vals:fstr:entry): invalid address (0x8) in predicate "
            "at DIF offset 28"
        ),
    ],
)
def test_failing_clauses_are_counted(line: str):
    """Linux's and the others' words for a clause that was given up tell the same loss, with its probe."""
    (loss,) = read_messages(f"dtrace: {line}\ndtrace: {line}\n".encode()).losses
    assert (loss.kind, loss.count) == (LossKind.EVENTS, 2)
    assert "pid6140:vals:fstr:entry" in loss.message
    assert "invalid address, first (0x8)" in loss.message
    assert "pointer" in loss.hint
    (unread,) = read_messages(f"dtrace: {line}\n".encode(), of_a_run=True).losses
    assert (unread.kind, unread.count) == (LossKind.APPROXIMATE, 1)
    assert "taken for 0" in unread.message


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "error in dt_clause_0 for probe ID 1 (dtrace:::BEGIN): divide-by-zero at BPF pc 184",
            "divide-by-zero",
        ),
        ("error in c for probe ID 1 (a:b:c:d): index out of bounds (-3) at BPF pc 1", "index out of bounds"),
        ("error on enabled probe ID 1 (ID 9: a:b:c:d): out of scratch space in action #2", "scratch space"),
        ("error on enabled probe ID 1 (ID 9: a:b:std::f(int):d): library-level fault", "std::f(int)"),
    ],
)
def test_every_fault_is_told(line: str, fault: str):
    """Faults without an address, without a place, and names with colons and parentheses are understood."""
    messages = read_messages(f"dtrace: {line}\n".encode())
    assert fault in messages.losses[0].message
    assert messages.rest == ()


def test_notices_are_passed_over():
    """What dtrace says when all is well says nothing to the reader of a result."""
    said = b"""dtrace: description 'pid$target:a.out:f64:entry ' matched 2 probes
dtrace: script '/proc/77/fd/3' matched 1 probe
dtrace: allowing destructive actions
dtrace: pid 512 has exited
dtrace: system integrity protection is on, some features will not be available
bufsize increased to 4096

"""
    assert read_messages(said) == read_messages(b"")


def test_what_is_not_understood_is_kept():
    """Any other line, dtrace's or not, is a note, once, with nothing in it that a terminal would obey."""
    messages = read_messages(b"dtrace: buffer size lowered to 2m\ntarget: \x1b[31mred\ntarget: \x1b[31mred\n")
    assert messages.losses == ()
    assert messages.notes == ("dtrace says: buffer size lowered to 2m", "dtrace says: target: \\x1b[31mred")


def test_notes_have_an_end():
    """A target that writes without end to the same place doesn't drown the result; the rest is counted."""
    notes = read_messages("\n".join(f"line {n}" for n in range(100)).encode()).notes
    assert len(notes) == MAX_NOTES + 1
    assert notes[-1] == f"dtrace says {100 - MAX_NOTES} lines more"


def test_a_drop_of_somebody_else_is_no_loss():
    """A target's line that looks like a drop, without dtrace's name before it, is a note only."""
    messages = read_messages(b"12 drops on CPU 0\nmydrops: 12 drops on CPU 0\n")
    assert messages.losses == ()
    assert len(messages.notes) == 2


def test_another_name_of_the_program():
    """dtrace calls itself what it was started as."""
    assert read_messages(b"dtrace-2.0.7: 3 drops on CPU 0\n").losses[0].count == 3


def test_a_gap_in_the_messages_is_a_loss():
    """Where the middle of very long messages was left out, the counts are lower bounds, and that is said."""
    said = b"dtrace: 3 drops on CPU 0\ndtrace: 3 d\n[9000 bytes left out]\nCPU 0\ndtrace: 2 drops on CPU 0\n"
    gap, drops = read_messages(said).losses
    assert gap.kind is LossKind.ENGINE
    assert "9000" in gap.message
    assert drops.count == 5


def test_a_process_that_gets_away_makes_the_result_incomplete():
    """A set-user-id program that the target becomes is out of dtrace's sight, and that is no mere note."""
    (loss,) = read_messages(b"dtrace: pid 512 exec'd a set-id or unobservable program\n").losses
    assert loss.kind is LossKind.INCOMPLETE
