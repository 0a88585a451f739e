"""What the sampler in gdb tells, as values: a JSON document a line."""

from __future__ import annotations

import json
from typing import Any

import attrs

from tracekit.backends.gdb.mapped import parse_maps
from tracekit.backends.gdb.understood import understood
from tracekit.calibration.samples import Hit, Region
from tracekit.values import frozen


@frozen
class Told:
    """All that the sampler has told.

    Attributes:
        hits: the entries.
        version: gdb's own word for its version.
        regions: the target's memory, as last told.
        notes: what couldn't be read.
        errors: why it stopped early.
        entry: where a remote program is entered, in its memory; None if that isn't known.
        code: what a remote program has where the function should be.
    """

    hits: tuple[Hit, ...] = ()
    version: str = ""
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    entry: int | None = None
    code: bytes = b""


def read_records(data: bytes) -> Told:
    """What the lines say; a last line that was cut, as by gdb's death, doesn't count.

    Raises:
        EngineError: if one isn't understood.
    """
    with understood():
        return _read(data)


def _read(data: bytes) -> Told:
    hits: list[Hit] = []
    version = ""
    regions: tuple[Region, ...] = ()
    notes: dict[str, None] = {}
    errors: list[str] = []
    entry: int | None = None
    code = b""
    for line in data.split(b"\n")[:-1]:
        record: dict[str, Any] = json.loads(line)
        match record["kind"]:
            case "hit":
                hits.append(_hit(record))
            case "after":
                values = _bytes(record["values"])
                hits[record["hit"]] = attrs.evolve(hits[record["hit"]], after=values)
            case "version":
                version = record["version"]
            case "regions":
                regions = tuple(mapping.region for mapping in parse_maps(record["text"]))
            case "note":
                notes[record["text"]] = None
            case "entry":
                entry = record["address"]
            case "code":
                code = bytes.fromhex(record["data"])
            case "error":
                errors.append(record["text"])
    return Told(tuple(hits), version, regions, tuple(notes), tuple(errors), entry, code)


def _hit(record: dict[str, Any]) -> Hit:
    return Hit(
        registers=record["registers"],
        vectors=_bytes(record["vectors"]),
        stack=bytes.fromhex(record["stack"]),
        memory=_bytes(record["memory"]),
        thread=record["thread"],
    )


def _bytes(values: dict[str, str]) -> dict[str, bytes]:
    return {name: bytes.fromhex(value) for name, value in values.items()}
