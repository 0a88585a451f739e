"""What is told inside of gdb becomes histograms, and says what is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.gdb.counting import Cut, Map
from tracekit.backends.gdb.instrument import instrument
from tracekit.backends.gdb.mi import Told, parse
from tracekit.backends.gdb.parse import reading
from tracekit.core.arch import X86_64
from tracekit.core.result import LossKind


def told(program: str, kept: list[Map], **other: Any) -> Any:
    """A reading of what maps have kept, by way of JSON as gdb tells it."""
    plan = instrument(tk.parse(program), ("f",), Options(), X86_64).plan
    document = {
        "kind": "counted", "final": True, "nanoseconds": 5, "maps": [m.told() for m in kept], "entries": [0],
        "returns": [0], "unreadable": 0, "unfit": 0,
        "stops": 3,
        "guard": [0, 5, 5, 3], "failure": "",
        "totals": [sum(g.count for g in kept[0].groups.values())], **other,
    }  # fmt: skip
    record = parse(json.dumps(document))
    assert isinstance(record, Told)
    return reading(plan, record.document)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)), max_size=30))
def test_moments_are_those_of_the_values(events: list[tuple[int, int]]) -> None:
    """Count, sum, least and greatest value of each group are exact, or the result says that they aren't."""
    kept = Map(100)
    for key, value in events:
        kept.keep((key,), value)
    found = told("uprobe:./a:f { @[arg0] = stats(arg1) }", [kept])
    for key in {key for key, _ in events}:
        values = [v for k, v in events if k == key]
        histogram = found.maps[0].entries[key,]
        assert (histogram.count, histogram.min, histogram.max) == (len(values), min(values), max(values))
        assert histogram.sum == sum(values) or found.losses[0].kind is LossKind.OVERFLOW


@pytest.mark.parametrize(
    "key", [b"plain", b"bad\xff\xfe", "caf\u00e9\U0001f600".encode(), b"", b"{}\n", b"nul\0in"]
)
def test_strings_keep_every_byte(key: bytes) -> None:
    """Also those that are no UTF-8, which stand as surrogateescape has them."""
    kept = Map(100)
    kept.keep((key,))
    (found,) = told("uprobe:./a:f { @[str(arg0)] = count() }", [kept]).maps[0].entries
    assert found[0].encode("utf-8", "surrogateescape") == key


def test_what_is_missing_is_said() -> None:
    """Events without room, cut strings, unreadable addresses, unfit floats, calls without return, failures."""
    kept = Map(1)
    kept.keep((Cut(b"abc"),))
    kept.keep((b"x",))
    found = told(
        "uretprobe:./a:f { @[str(retval)] = count() }", [kept],
        totals=[2], entries=[9], returns=[2], unreadable=3, unfit=4, failure="KeyError: 1",
    )  # fmt: skip
    assert [(x.kind, x.count) for x in found.losses] == [
        (LossKind.KEYS, 1),
        (LossKind.TRUNCATED, None),
        (LossKind.UNRETURNED, 7),
        (LossKind.APPROXIMATE, 3),
        (LossKind.APPROXIMATE, 4),
        (LossKind.INCOMPLETE, None),
    ]
