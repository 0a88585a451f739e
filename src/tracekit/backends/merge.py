"""Readings of one program, taken one after the other, into one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

import attrs

from tracekit.backends.base import Reading
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, Loss, MapResult

T = TypeVar("T")


def merged(before: Reading | None, later: Reading) -> Reading:
    """What two readings say together that have no event in common; all that isn't counted is the later's."""
    if before is None:
        return later
    return attrs.evolve(
        later,
        maps=tuple(map(_merged_map, before.maps, later.maps)),
        losses=(*before.losses, *later.losses),
        notes=(*before.notes, *later.notes),
        hits=before.hits + later.hits,
        others=before.others + later.others,
    )


def _merged_map(before: MapResult, later: MapResult) -> MapResult:
    entries: dict[tuple[Key, ...], Histogram] = dict(before.entries)
    for keys, histogram in later.entries.items():
        entries[keys] = entries[keys].merge(histogram) if keys in entries else histogram
    return attrs.evolve(later, entries={keys: entries[keys] for keys in sorted(entries)})


def alike(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Losses of several windows, where those of one kind and map are told once, with how many there were."""
    groups: dict[tuple[object, ...], list[Loss]] = {}
    for loss in losses:
        groups.setdefault((loss.kind, loss.map, _form(loss.message)), []).append(loss)
    return tuple(_together(group) for group in groups.values())


def _together(group: Sequence[Loss]) -> Loss:
    counts = [loss.count for loss in group if loss.count is not None]
    count = sum(counts) if len(counts) == len(group) else None
    return attrs.evolve(group[0], message=_times(group[0].message, len(group)), count=count)


def alike_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """Notes of several windows, where those that differ in numbers are told once."""
    groups: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        groups.setdefault(_form(note), []).append(note)
    return tuple(_times(group[0], len(group)) for group in groups.values())


def _form(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def _times(text: str, times: int) -> str:
    return text if times == 1 else f"{text}; and the like in {times - 1} other windows"
