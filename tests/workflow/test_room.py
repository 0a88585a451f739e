"""Maps that would not fit into memory are refused with the figure, before anything runs."""

from __future__ import annotations

import pytest

import tracekit as tk
from tracekit.errors import UsageError
from tracekit.workflow import room

KEYED = tk.parse("uprobe:./a:f { @[tid] = hist(arg0) }")


def test_what_a_map_needs_grows_with_keys_parts_and_processors() -> None:
    """Each part of a map has all its entries from the start; a map without keys needs nothing to speak of."""
    one = room.needed_bytes(KEYED, tk.Options(max_keys=1000, exact=False), 2)
    assert 5 * one == room.needed_bytes(KEYED, tk.Options(max_keys=1000), 2)
    assert 2 * one == room.needed_bytes(KEYED, tk.Options(max_keys=2000, exact=False), 2)
    assert one + 1000 * 8 * 62 == room.needed_bytes(KEYED, tk.Options(max_keys=1000, exact=False), 64)
    assert room.needed_bytes(tk.parse("uprobe:./a:f { @ = hist(arg0) }"), tk.Options(max_keys=1 << 24), 64) == 0


def test_more_than_there_is_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has both figures; what fits, or can't be known, is taken."""
    monkeypatch.setattr(room, "free_bytes", lambda: 100 << 20)
    with pytest.raises(UsageError, match=r"may need \d\d\.\d GiB .* and 100 MiB are free"):
        room.check_room(KEYED, tk.Options(max_keys=1 << 24))
    room.check_room(KEYED, tk.Options())
    monkeypatch.setattr(room, "free_bytes", lambda: None)
    room.check_room(KEYED, tk.Options(max_keys=1 << 24))


def test_the_machine_has_memory() -> None:
    """What is free is read from the system, where it says so."""
    free = room.free_bytes()
    assert free is None or 0 < free < 1 << 50
