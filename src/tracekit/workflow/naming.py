"""Names in a program that is to be run: resolved, if need be with a first run of the command under gdb."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

from tracekit.backends.base import Options, Place
from tracekit.core.probe import FunctionProbe, Uprobe, Uretprobe
from tracekit.core.program import Program, is_named
from tracekit.core.target import Command, Target
from tracekit.errors import BinaryError, UnresolvedError, UsageError
from tracekit.workflow.knowledge import Knowledge
from tracekit.workflow.progress import doing
from tracekit.workflow.resolve import Resolved, resolve

_MOST_CALIBRATED: Final = 8
_MOST_WARNED: Final = 4
"""Of how many functions of a pattern it is looked how often they are inlined; each takes up to 0.1 s."""

_Places = Mapping[FunctionProbe, tuple[Place, ...]]


def resolve_for_run(
    program: Program, places: _Places, target: Target, options: Options, knowledge: Knowledge
) -> Resolved:
    """Find out where the arguments are that a program names.

    The command is first run under gdb if that is asked for; or if the binary alone doesn't tell enough, and gdb
    can: in code without optimisation it knows the arguments once the function has set up its frame.

    Args:
        program: what is asked.
        places: the functions of its probes.
        target: whose events are to count.
        options: see ``Options``.
        knowledge: what is known of functions.

    Raises:
        UnresolvedError: if a name means nothing, or its place isn't known well enough all the same.
        UsageError: if a run under gdb is asked for, and there is no command, or there are too many functions.
        TracekitError: if gdb can't run.
    """
    named = list(_named(program, places))
    if options.calibrate:
        _calibrate(named, target, knowledge)
    try:
        with doing("finding out where arguments are"):
            return resolve(program, places, knowledge, options.require)
    except UnresolvedError:
        plain = [
            (binary, place) for binary, place in named if knowledge.is_unoptimised(place.image, place.function)
        ]
        if options.calibrate or not isinstance(target, Command) or not plain:
            raise
        _calibrate(plain, target, knowledge)
        return resolve(program, places, knowledge, options.require)


def warnings_of(places: _Places, knowledge: Knowledge) -> tuple[str, ...]:
    """What a reader should know of the probed functions, such as how many copies of them no probe sees."""
    found: dict[str, None] = {}
    for functions in places.values():
        for place in functions[:_MOST_WARNED]:
            with contextlib.suppress(BinaryError):
                found.update(dict.fromkeys(knowledge.warnings(place.image, place.function)))
    return tuple(found)


def _named(program: Program, places: _Places) -> Iterator[tuple[str, Place]]:
    """The functions whose arguments are named, each once, with the program's name for their binary."""
    seen: set[tuple[str, int]] = set()
    for clause in program.clauses:
        if any(map(is_named, clause.expressions)):
            for probe in clause.probes:
                if not isinstance(probe, Uprobe | Uretprobe):
                    continue
                for place in places[probe]:
                    key = probe.binary, place.function.address
                    if key not in seen:
                        seen.add(key)
                        yield probe.binary, place


def _calibrate(named: list[tuple[str, Place]], target: Target, knowledge: Knowledge) -> None:
    if not isinstance(target, Command):
        raise UsageError(
            "--calibrate starts the command under gdb, and there is none",
            "Calibrate a running process with 'tracekit calibrate BINARY FUNCTION -p PID'.",
        )
    if len(named) > _MOST_CALIBRATED:
        raise UsageError(
            f"{len(named)} functions would have to be calibrated, each by a run of the command",
            "Use a narrower pattern, or calibrate them one by one with 'tracekit calibrate'.",
        )
    from tracekit.workflow.calibrate import calibrate_place

    for binary, place in named:
        name = place.function.name
        knowledge.notes.append(f"the command was first run under gdb, to find the arguments of {name}")
        knowledge.notes += calibrate_place(place, binary, target, knowledge=knowledge).notes
