"""From the places of a program's functions to the sites at which dtrace is to fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from tracekit.backends.base import Place
from tracekit.backends.dtrace.attach import Site, by_name, entry, exits
from tracekit.backends.dtrace.dialect import Dialect
from tracekit.backends.dtrace.loaded import PROGRAM, address, module
from tracekit.backends.dtrace.quoting import BACKEND, module_name, probe_name
from tracekit.backends.dtrace.reach import check_path, check_reach
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionName, FunctionProbe, Probe, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError
from tracekit.symbols.functions import find
from tracekit.symbols.lookup import at


def sites(
    program: Program,
    places: Mapping[FunctionProbe, Sequence[Place]],
    pids: Sequence[int],
    arch: Architecture,
    dialect: Dialect,
) -> dict[Probe, tuple[Site, ...]]:
    """The sites of each of a program's probes.

    Args:
        program: has no unresolved names.
        places: where its function probes go.
        pids: the processes, which have loaded what is probed.
        arch: the target's processor.
        dialect: the system's DTrace.

    Raises:
        UnsupportedError: if dtrace can't probe a place rightly, or a process hasn't loaded a file.
        TargetError: if a process has ended.
    """
    found: dict[Probe, tuple[Site, ...]] = {}
    for probe in (probe for clause in program.clauses for probe in clause.probes):
        match probe:
            case Uprobe():
                found[probe] = tuple(_entry(probe, p, pid, dialect) for p in places[probe] for pid in pids)
            case Uretprobe():
                found[probe] = tuple(_exit(p, pid, arch, dialect) for p in places[probe] for pid in pids)
            case Usdt():
                if not pids:
                    raise _one_by_one(str(probe.name))
                found[probe] = (by_name(probe, arch, dialect, [str(pid) for pid in pids]),)
            case _:
                found[probe] = (by_name(probe, arch, dialect),)
    return found


def check_processes(places: Mapping[FunctionProbe, Sequence[Place]], pids: Sequence[int]) -> None:
    """Refuse functions of no process in particular.

    Raises:
        UnsupportedError: if there are functions, and no processes.
    """
    names = [place.function.name for found in places.values() for place in found]
    if names and not pids:
        raise _one_by_one(names[0])


def _one_by_one(name: str) -> UnsupportedError:
    return UnsupportedError(
        feature=f"{name} in every process",
        backend=BACKEND,
        reason="it probes processes one by one",
        remedy="Name them with -p PID, start a command, or use bpf.",
    )


def _entry(probe: Uprobe, place: Place, pid: int, dialect: Dialect) -> Site:
    start = place.function.address + probe.offset
    if place.stack_check is not None and not probe.offset:
        start += place.stack_check.offset
    return Site(tuple(_probes(place, pid, [start], dialect)), function=place.function.name)


def _exit(place: Place, pid: int, arch: Architecture, dialect: Dialect) -> Site:
    name = place.function.name
    start = place.function.address + (place.stack_check.offset if place.stack_check else 0)
    entries = tuple(_probes(place, pid, [start], dialect))
    if place.returns:
        returns = tuple(_probes(place, pid, place.returns, dialect))
        made = exits(pid, PROGRAM, start, [], name, arch, goroutine=place.goroutine)
        return attrs.evolve(made, probes=returns, entries=entries)
    if len(place.image.ask(find, FunctionName(name))) > 1:
        raise UnsupportedError(
            feature=f"the return of {name}",
            backend=BACKEND,
            reason="it finds returns by a function's name, and there are several of that name",
            remedy="Use bpf, or probe the entry.",
        )
    spelled = probe_name(name, dialect)
    ends = f"pid{pid}:{module_name(module(pid, place).name)}:{spelled}:return"
    return Site((ends,), entries, name)


def _probes(place: Place, pid: int, addresses: Sequence[int], dialect: Dialect) -> Iterator[str]:
    """Descriptions of the probes at some virtual addresses.

    Those of the program itself are by their addresses in memory, which no name can confuse; those of a library
    can't be (2.0.7: "only the a.out module is valid with the '-' function").
    """
    loaded = module(pid, place)
    check_path(place, loaded.path)
    for virtual in addresses:
        place.image.ask(check_reach, virtual, loaded.name == PROGRAM)
        if loaded.name == PROGRAM:
            (spelled,) = entry(pid, PROGRAM, address(pid, place, virtual), "").probes
            yield spelled
            continue
        function = place.image.ask(at, virtual) or place.function
        start = function.address - function.offset
        inside = f"{virtual - start:x}" if virtual != start else "entry"
        yield f"pid{pid}:{module_name(loaded.name)}:{probe_name(function.name, dialect)}:{inside}"
