"""From the places of a program's functions to the sites at which gdb is to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracekit.backends.base import Place
from tracekit.backends.plan import uses
from tracekit.core.expr import BuiltinName
from tracekit.core.probe import FunctionProbe, Uprobe, Uretprobe
from tracekit.core.program import Program
from tracekit.process.leftover import BREAKPOINTS
from tracekit.symbols.questions import file_offset


def sites(
    program: Program, places: Mapping[FunctionProbe, Sequence[Place]], files: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The sites of a program's probes, as ``tracing.Tracing`` takes them, in the order of its clauses.

    A function's return is seen at its return instructions; where those aren't known, at the return address
    of each call.

    Args:
        program: has function probes only.
        places: where they go.
        files: the paths of the places' binaries.

    Raises:
        BinaryError: if a binary has no code at a place.
    """
    for number, clause in enumerate(program.clauses):
        timed = uses(clause, BuiltinName.ELAPSED)
        for probe in clause.probes:
            assert isinstance(probe, Uprobe | Uretprobe)
            for place in places[probe]:
                common = {
                    "clause": number,
                    "file": files.index(place.path),
                    "function": place.function.name,
                    "call": "goroutine" if place.goroutine else "thread",
                    "timed": timed,
                }
                start = place.function.address + (place.stack_check.offset if place.stack_check else 0)
                if isinstance(probe, Uretprobe):
                    kind = "entry" if place.returns else "call"
                    # A return instruction that is an entry, too, is that of the call before.
                    yield {**common, "kind": "return", "at": _at(place, place.returns)}
                    yield {**common, "kind": kind, "at": _at(place, [start])}
                elif probe.offset:
                    yield {**common, "kind": "event", "at": _at(place, [place.function.address + probe.offset])}
                else:
                    yield {**common, "kind": "event", "at": _at(place, [start])}


def _at(place: Place, addresses: Sequence[int]) -> list[tuple[int, str]]:
    """Where in the file some virtual addresses are, and what a breakpoint replaces there."""
    offsets = [place.image.ask(file_offset, address) for address in addresses]
    size = len(BREAKPOINTS[place.image.machine])
    return [(offset, place.image.bytes_at(offset, size).hex()) for offset in offsets]
