"""From the places of a program's functions to the sites at which bpftrace is to fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from tracekit.backends.base import Place
from tracekit.backends.bpftrace.attach import Site, exits, numeric, symbolic, syscall
from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.backends.bpftrace.place import inner_number, number
from tracekit.backends.semaphores import check_semaphores
from tracekit.backends.tracefs import syscall_arguments
from tracekit.core.arch import Architecture
from tracekit.core.probe import FunctionProbe, Probe, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError
from tracekit.symbols.questions import has_exceptions


def sites(
    program: Program,
    places: Mapping[FunctionProbe, Sequence[Place]],
    files: Mapping[str, str],
    arch: Architecture,
    *,
    inner_offsets: bool,
) -> dict[Probe, tuple[Site, ...]]:
    """The sites of each of a program's probes.

    Args:
        program: has no unresolved names.
        places: where its function probes go.
        files: for each binary, by the program's name for it, a path to the very file that was read.
        arch: the target's processor.
        inner_offsets: whether bpftrace can probe inside functions. If not, returns are left to the kernel,
            and Go's check of the stack is repeated at the entry.

    Raises:
        UnsupportedError: if bpftrace can't probe a place rightly.
        UsageError: if there is no such system call.
    """
    found: dict[Probe, tuple[Site, ...]] = {}
    for probe in (probe for clause in program.clauses for probe in clause.probes):
        match probe:
            case Uprobe():
                found[probe] = tuple(_entry(probe, place, inner_offsets) for place in places[probe])
            case Uretprobe():
                found[probe] = tuple(_exit(probe, place, arch, inner_offsets) for place in places[probe])
            case Usdt():
                check_semaphores(probe, files[probe.binary], BACKEND)
                found[probe] = (symbolic(attrs.evolve(probe, binary=files[probe.binary])),)
            case Syscall():
                found[probe] = (syscall(probe, syscall_arguments(probe.name, BACKEND)),)
            case _:
                found[probe] = (symbolic(probe),)
    return found


def _entry(probe: Uprobe, place: Place, inner_offsets: bool) -> Site:
    function, check = place.function, place.stack_check
    address = function.address + probe.offset
    guard = ""
    if check is not None and not probe.offset:
        if inner_offsets:
            address += check.offset
        else:
            guard = _go_guard(place)
    return numeric(probe, place.path, place.image.ask(number, function, address), function.name, guard)


def _exit(probe: Uretprobe, place: Place, arch: Architecture, inner_offsets: bool) -> Site:
    image, function, check = place.image, place.function, place.stack_check
    if place.returns and inner_offsets:
        entry = image.ask(number, function, function.address + (check.offset if check else 0))
        returns = [image.ask(inner_number, function, address) for address in place.returns]
        return exits(place.path, entry, returns, function.name, arch, goroutine=place.goroutine)
    if image.is_go or image.ask(has_exceptions):
        raise UnsupportedError(
            feature=f"the return of {function.name}",
            backend=BACKEND,
            reason="this one can't probe inside a function, and a return probe would end this program",
            remedy="Use bpftrace 0.23 or later, or build the program without -pie or -buildmode=pie.",
        )
    return numeric(probe, place.path, image.ask(number, function, function.address), function.name)


def _go_guard(place: Place) -> str:
    """Go's own check of the stack (``cmp rsp, stackguard0(g); jbe``), true if the call goes on.

    If it is false, the runtime grows the stack and enters the function once more.
    """
    check = place.stack_check
    assert check is not None
    if place.image.machine != "x86_64" or check.huge or check.loads_g:
        raise UnsupportedError(
            feature=f"the Go function {place.function.name}",
            backend=BACKEND,
            reason="this version can't probe after the function's stack check and would count calls twice",
            remedy="Use bpftrace 0.23 or later.",
        )
    return f'(uint64)reg("sp") - (uint64){check.frame} > (uint64)*(uint64*)((uint64)reg("r14") + (uint64)16)'
