"""Probes: which names, counts and units they can have, and what a function's name stands for."""

from __future__ import annotations

import pytest

from tracekit.core.probe import (
    INTERVAL_UNITS,
    PROFILE_UNITS,
    FunctionName,
    Interval,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)
from tracekit.errors import UsageError

F = FunctionName("f")

TEXTS = {
    "function": lambda text: FunctionName(text),
    "exact function": lambda text: FunctionName(text, exact=True),
    "binary of uprobe": lambda text: Uprobe(text, F),
    "binary of uretprobe": lambda text: Uretprobe(text, F),
    "binary of usdt": lambda text: Usdt(text, "p", "n"),
    "provider": lambda text: Usdt("a", text, "n"),
    "name": lambda text: Usdt("a", "p", text),
    "syscall": lambda text: Syscall(text, Side.ENTRY),
}


@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("text", ["\n", "a\nb", "a\0", "\x1b[31m", "\x7f", "\t"])
def test_control_characters_are_refused(make, text: str) -> None:
    """No text of a probe can have a control character, which an engine could read as something else."""
    with pytest.raises(UsageError, match="control character") as caught:
        make(text)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
def test_empty_texts_are_refused(make) -> None:
    """No text of a probe can be empty."""
    with pytest.raises(UsageError, match="is empty"):
        make("")


@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("text", ["a b", "\"'\\:;,/*{}", "größe", "\udcff"])
def test_every_other_text_is_a_name(make, text: str) -> None:
    """Spaces, quotes, signs and bytes that aren't UTF-8 are names like others."""
    assert make(text) == make(text)
    assert make(text) != make(text + "x")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uprobe("a", F, -1), "offset -1 is negative"),
        (lambda: Interval("s", 0), "count 0 is not positive"),
        (lambda: Interval("s", -5), "count -5 is not positive"),
        (lambda: Profile("hz", 0), "count 0 is not positive"),
        (lambda: Interval("hz", 1), "no unit 'hz'"),
        (lambda: Interval("", 1), "no unit ''"),
        (lambda: Profile("min", 1), "no unit 'min'"),
    ],
)
def test_numbers_and_units_out_of_range(make, message: str) -> None:
    """Offsets aren't negative, timers have a period, and their units are known."""
    with pytest.raises(UsageError, match=message):
        make()


def test_units() -> None:
    """Every unit that is listed can be used; intervals have lengths, profiles rates too."""
    assert [Interval(unit, 1).unit for unit in INTERVAL_UNITS] == ["s", "ms", "us"]
    assert [Profile(unit, 1).unit for unit in PROFILE_UNITS] == ["hz", "s", "ms", "us"]
    assert INTERVAL_UNITS["s"] == 1000 * INTERVAL_UNITS["ms"] == 1_000_000 * INTERVAL_UNITS["us"] == 10**9


@pytest.mark.parametrize(
    ("name", "pattern", "address"),
    [
        (FunctionName("f"), False, None),
        (FunctionName("f*"), True, None),
        (FunctionName("f*", exact=True), False, None),
        (FunctionName("0x1139"), False, 0x1139),
        (FunctionName("0X1aF"), False, 0x1AF),
        (FunctionName("0x1139", exact=True), False, None),
        (FunctionName("0x11*"), True, None),
        (FunctionName("0xyz"), False, None),
        (FunctionName("1139"), False, None),
    ],
)
def test_what_a_function_name_stands_for(name: FunctionName, pattern: bool, address: int | None) -> None:
    """An unquoted name may be a pattern or an address; a quoted one is only itself."""
    assert name.is_pattern is pattern
    assert name.address == address


def test_exact_and_plain_names_differ() -> None:
    """A quoted and an unquoted name of one text are two names, since a star means two things."""
    assert FunctionName("f*") != FunctionName("f*", exact=True)
