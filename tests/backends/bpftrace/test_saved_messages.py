"""What bpftrace says besides maps in saved output: losses, warnings, errors."""

from __future__ import annotations

import pytest
from tests.backends.bpftrace.saved_output import read, read_json

from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.core.result import Loss, LossKind


def test_warnings_between_entries_do_not_part_them() -> None:
    """What bpftrace says on standard error may land anywhere if both were saved together."""
    warning = "stdin:1:30-45: WARNING: Map full; can't update element. Try more\n"
    text = (
        f"@k[a]: 1\n{warning}Additional Info - helper: map_update_elem, retcode: -7\nscript\n  ~~~\n@k[b]: 2\n"
    )
    saved = read(text)
    assert list(saved.maps[0].entries) == [("a",), ("b",)]
    assert saved.losses == (
        Loss(
            LossKind.KEYS,
            "a map was full: updates found no room for their key, 1 in all",
            1,
            hint="Set BPFTRACE_MAX_MAP_KEYS (BPFTRACE_MAP_KEYS_MAX before bpftrace 0.20) and trace again.",
        ),
    )


@pytest.mark.parametrize(
    ("line", "losses", "notes"),
    [
        ("Lost 21 events", [(LossKind.EVENTS, 21)], 0),
        ("WARNING: Total lost event count: 9", [(LossKind.EVENTS, 9)], 0),
        (
            "a.bt:1:30-46: WARNING: Failed to map_update_elem: Argument list too long (-7)",
            [(LossKind.KEYS, 1)],
            0,
        ),
        ("a.bt:1:30-46: WARNING: Failed to probe_read_user: Bad address (-14)", [(LossKind.ENGINE, 1)], 0),
        ("a.bt:1:3-4: WARNING: Failed to map_lookup_elem: 0", [], 1),
        ("a.bt:1:57-65: WARNING: Unnecessary cast: expression is already of type uint64", [], 1),
        ("a.bt:1-3: WARNING: something", [], 1),
        ("WARNING: Permission denied: couldn't set RLIMIT_MEMLOCK for bpftrace.", [], 0),
        ("ERROR: Unknown error -1: couldn't set RLIMIT_MEMLOCK for bpftrace.", [], 0),
        ("HINT: try this", [], 0),
        ("BUG: [x.cpp:5] oh", [(LossKind.INCOMPLETE, None)], 0),
        ("Attached 1 probe", [], 0),
    ],
)
def test_messages(line: str, losses: list[tuple[LossKind, int | None]], notes: int) -> None:
    """What bpftrace says on either stream becomes a loss or a note, or is known to be harmless."""
    for saved in (
        parse_saved(f"{line}\n@x: 1\n".encode()),
        parse_saved(b"@x: 1\n", errors=f"{line}\n".encode()),
    ):
        assert [(loss.kind, loss.count) for loss in saved.losses] == losses
        assert len(saved.notes) - 1 == notes


def test_lost_events_are_counted_once() -> None:
    """bpftrace says at its end how many events it lost in all, besides each time that it lost some."""
    saved = parse_saved(
        b"@x: 1\n", errors=b"Lost 2 events\nLost 3 events\nWARNING: Total lost event count: 5\n"
    )
    assert [loss.count for loss in saved.losses] == [5]


@pytest.mark.parametrize(
    ("line", "losses", "notes"),
    [
        ('{"type": "lost_events", "data": {"events": 147}}', [(LossKind.EVENTS, 147)], 0),
        (
            '{"type": "helper_error", "helper": "map_update_elem", "retcode": -7, "line": 1, "col": 3}',
            [(LossKind.KEYS, 1)],
            0,
        ),
        (
            '{"type": "helper_error", "msg": "x", "helper": "probe_read_user", "retcode": -14}',
            [(LossKind.ENGINE, 1)],
            0,
        ),
        ('{"type": "runtime_error", "msg": "Divide by 0", "filename": "f", "line": 1, "col": 2}', [], 1),
        ('{"type": "warnf", "msg": "careful", "filename": "f", "line": 1, "col": 2}', [], 1),
        ("Lost 5 events", [(LossKind.EVENTS, 5)], 0),
        ('{"type": "attached_probes", "count": c, "data": {"probes": c}}', [], 0),
    ],
)
def test_records(line: str, losses: list[tuple[LossKind, int]], notes: int) -> None:
    """Records of lost events and of failures become losses; so does what stands between records as text."""
    saved = read_json(line, '{"type": "map", "data": {"@": 1}}')
    assert [(loss.kind, loss.count) for loss in saved.losses] == losses
    assert len(saved.notes) - 1 == notes
