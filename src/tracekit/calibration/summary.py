"""Registers and stack words over several entries, for a person who looks for an argument."""

from __future__ import annotations

import bisect
import enum
from collections.abc import Sequence
from itertools import pairwise

from tracekit.calibration.samples import Hit, Region, Samples, stack_key
from tracekit.core.arch import Architecture
from tracekit.core.signature import Language
from tracekit.values import frozen

_SMALL = 1 << 16
_TEXT_BYTES = 24


class Kind(enum.Enum):
    """What values look like."""

    CONSTANT = "constant"
    POINTER = "pointer"
    SMALL = "small integer"
    OTHER = "varies"


@frozen
class Row:
    """A register, or a word on the stack, over all entries.

    Attributes:
        place: the register's name, or as ``[rsp+8]``.
        argument: which integer argument of C it is, such as ``arg2``; empty for none.
        kind: what its values look like.
        distinct: how many different ones there were.
        minimum: the least.
        maximum: the greatest.
        values: the value at each entry; negative where all of them are small as signed numbers.
        regions: the mappings that they point into, if all of them do.
        change: how they go on from entry to entry: ``rises by 7``, ``rises``, ``falls``, or empty.
        text: the text that they point at, the first of several; empty if that isn't text.
    """

    place: str
    argument: str
    kind: Kind
    distinct: int
    minimum: int
    maximum: int
    values: tuple[int, ...]
    regions: tuple[str, ...] = ()
    change: str = ""
    text: str = ""


def summarise(
    samples: Samples,
    arch: Architecture,
    language: Language = Language.OTHER,
    *,
    others: bool = False,
    stack_words: int = 0,
) -> tuple[Row, ...]:
    """A row for each register of an argument, in the order of the arguments.

    Args:
        samples: what was seen.
        arch: whose registers.
        language: whose convention.
        others: whether the other general registers follow.
        stack_words: how many words follow from the first argument on the stack on.
    """
    hits = samples.hits
    if not hits:
        return ()
    go = language is Language.GO
    first = list(arch.go_integers if go else arch.arguments)
    names = first + [n for n in arch.registers if n not in first] if others else first
    rows = []
    for name in names:
        argument = f"arg{arch.arguments.index(name)}" if not go and name in arch.arguments else ""
        values = [hit.registers.get(name) for hit in hits]
        rows.append(_row(name, argument, values, samples.regions, hits[0].memory.get(name, b"")))
    start = arch.go_stack_arguments if go else arch.stack_arguments
    for offset in range(start, start + 8 * stack_words, 8):
        place = f"[{arch.stack_pointer}+{offset}]" if offset else f"[{arch.stack_pointer}]"
        behind = hits[0].memory.get(stack_key(offset), b"")
        rows.append(_row(place, "", [_word(hit, offset) for hit in hits], samples.regions, behind))
    return tuple(row for row in rows if row is not None)


def _word(hit: Hit, offset: int) -> int | None:
    data = hit.stack[offset : offset + 8]
    return int.from_bytes(data, "little") if len(data) == 8 else None


def _row(
    place: str, argument: str, found: Sequence[int | None], mapped: Sequence[Region], behind: bytes
) -> Row | None:
    raw = [value for value in found if value is not None]
    if not raw:
        return None
    regions = _regions(raw, mapped)
    values = _signed(raw)
    distinct = len(set(values))
    if regions:
        kind = Kind.POINTER
    elif distinct == 1:
        kind = Kind.CONSTANT
    elif all(-_SMALL < value < _SMALL for value in values):
        kind = Kind.SMALL
    else:
        kind = Kind.OTHER
    return Row(
        place,
        argument,
        kind,
        distinct,
        min(values),
        max(values),
        tuple(values),
        regions,
        _change(values),
        _text(behind) if regions else "",
    )


def _signed(values: list[int]) -> list[int]:
    """The values as signed numbers of 64 or 32 bits if that makes all of them small and some negative."""
    for bits in (64, 32):
        signed = [v - (1 << bits) if v >> bits - 1 == 1 else v for v in values]
        if min(signed) < 0 and all(-_SMALL < v < _SMALL for v in signed):
            return signed
    return values


def _regions(values: Sequence[int], regions: Sequence[Region]) -> tuple[str, ...]:
    starts = [region.start for region in regions]
    names: dict[str, None] = {}
    for value in values:
        at = bisect.bisect_right(starts, value) - 1
        if at < 0 or value >= regions[at].end:
            return ()
        names[regions[at].name or "anonymous memory"] = None
    return tuple(names)


def _change(values: Sequence[int]) -> str:
    steps = {later - earlier for earlier, later in pairwise(values)}
    if len(values) < 3 or steps == {0}:
        return ""
    if len(steps) == 1:
        (step,) = steps
        return f"rises by {step}" if step > 0 else f"falls by {-step}"
    if min(steps) >= 0:
        return "rises"
    return "falls" if max(steps) <= 0 else ""


def _text(data: bytes) -> str:
    """The C string at the start of some bytes, shortened; empty if it is none."""
    word, end, _ = data.partition(b"\0")
    if not word or not word.isascii() or not word.decode("ascii", "replace").isprintable():
        return ""
    if not end and len(word) < _TEXT_BYTES:
        return ""
    text = word.decode("ascii")
    return text if len(text) <= _TEXT_BYTES else text[: _TEXT_BYTES - 1] + "…"
