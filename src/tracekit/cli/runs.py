"""How commands take run files and choose among what is in them."""

from __future__ import annotations

import re
import sys
from typing import Any, Final

import attrs
import click

from tracekit import process
from tracekit.core.escape import printable
from tracekit.core.histogram import Histogram
from tracekit.core.result import Key, MapResult, Result
from tracekit.errors import UsageError

_BYTES: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Bytes(click.ParamType[int]):
    """A size such as ``96``, ``64KiB``, ``2GiB``, or ``2GB`` (powers of 1000)."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+)\s*(?:([kmgt])(i?)b?|b?)", value.strip().lower())
        if not match:
            self.fail(f"{value!r} is no size; write it as 96, 64KiB, 2GiB or 2GB.", param, ctx)
        unit = match[2] or ""
        return int(match[1]) * (_BINARY[unit] if match[3] else _BYTES[unit])


class Share(click.ParamType[float]):
    """A share such as ``20%`` or ``0.2``."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float | int):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", value.strip())
        if not match:
            self.fail(f"{value!r} is no share; write it as 20% or 0.2.", param, ctx)
        return float(match[1]) / 100 if match[2] else float(match[1])


def read_run(file: str) -> Result:
    """The result in a run file; ``-`` is standard input.

    Raises:
        UsageError: if it can't be read, or is no run file.
    """
    from tracekit.render.run_file import load

    try:
        if file == "-":
            data = sys.stdin.buffer.read()
        else:
            with process.as_invoking_user(), open(file, "rb") as opened:
                data = opened.read()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{printable(file)} can't be read: {reason}") from error
    try:
        return load(data)
    except UsageError as error:
        raise UsageError(
            f"{printable(file)}: {error.message}",
            error.hint or "Write a run file with 'tracekit trace -f json -o FILE'.",
        ) from error


def chosen_map(result: Result, name: str | None, *, what: str = "the run") -> MapResult:
    """A run's map: the one of this name, or the only one.

    Raises:
        UsageError: if there is none, or there are several and none is named.
    """
    names = " ".join(printable(f"@{map_.name}") for map_ in result.maps)
    if name is None:
        if len(result.maps) == 1:
            return result.maps[0]
        raise UsageError(
            f"{what} has several maps: {names}" if names else f"{what} has no map",
            "Choose one with --map." if names else "",
        )
    for map_ in result.maps:
        if map_.name == name.removeprefix("@"):
            return map_
    raise UsageError(f"{what} has no map {printable(name)}", f"It has {names or 'none'}.")


def chosen_histogram(map_: MapResult, keys: tuple[str, ...], *, what: str = "the run") -> Histogram:
    """A map's histogram: that of the keys as they are shown, or that of all its keys together.

    Raises:
        UsageError: if no event had these keys, or there was no event.
    """
    if not map_.entries:
        raise UsageError(f"{what} has no events in {printable('@' + map_.name)}", "Trace for longer.")
    if keys:
        return map_.entries[_entry(map_, keys, what)]
    first, *rest = map_.entries.values()
    for histogram in rest:
        first = first.merge(histogram)
    return first


def chosen_part(result: Result, name: str | None, keys: tuple[str, ...]) -> Result:
    """A run with one of its maps only, if one is named, and one entry of it, if its keys are given.

    Raises:
        UsageError: if there is no such map or entry, or keys are given and it isn't clear of which map.
    """
    if name is None and not keys:
        return result
    map_ = chosen_map(result, name)
    if keys:
        found = _entry(map_, keys, "the run")
        map_ = attrs.evolve(map_, entries={found: map_.entries[found]})
    return attrs.evolve(result, maps=(map_,))


def _entry(map_: MapResult, keys: tuple[str, ...], what: str) -> tuple[Key, ...]:
    for found in map_.entries:
        if tuple(map(str, found)) == keys:
            return found
    raise UsageError(
        f"{what} has no event with the key {printable(', '.join(keys))}",
        f"The keys are {printable(', '.join(map_.key_names)) or 'none'}; 'tracekit show' has their values.",
    )
