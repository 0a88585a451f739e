"""From the places of a program's functions to the points at which the kernel is to run our programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from tracekit.backends.base import Place
from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.emit import Source, Word
from tracekit.backends.calls import Call
from tracekit.binaries import open_elf
from tracekit.core.arch import Architecture
from tracekit.core.expr import Reg
from tracekit.core.probe import (
    FunctionProbe,
    Interval,
    Probe,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)  # fmt: skip
from tracekit.core.program import Program
from tracekit.symbols.questions import file_offset
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.backends.tracefs import Describe
    from tracekit.symbols.image import Image

_RESULT: Final = {"x86_64": "rax", "aarch64": "x0"}
"""System V AMD64 ABI 1.0, 3.2.3; AAPCS64 (2024Q3), 6.9; Go's ``src/cmd/compile/abi-internal.md`` agrees."""

_SYSCALL_WORDS: Final = 16
"""Bytes before the first argument, and before the result, in the kernel's ``syscalls`` tracepoints: the common
fields
and the call's number (``format`` in tracefs; each of them has 8 bytes)."""

_ARGUMENTS: Final = 6
"""The most that a system call has."""

_HERTZ: Final[Mapping[str, int]] = {"s": 1, "ms": 1000, "us": 1_000_000}


@frozen
class Instruction:
    """An instruction of a file.

    Attributes:
        path: of ours to the very file, such as ``/proc/self/fd/N``.
        offset: where it is in the file, in bytes.
        semaphore: where in the file the counter is that switches a tracepoint on; 0 if there is none.
        returns: whether the return of the function that begins there is meant, by the kernel's return probe.
    """

    path: str
    offset: int
    semaphore: int = 0
    returns: bool = False

    def __str__(self) -> str:
        """It, for people."""
        semaphore = f", semaphore at {self.semaphore:#x}" if self.semaphore else ""
        return f"{'return of ' if self.returns else ''}{self.path}+{self.offset:#x}{semaphore}"


@frozen
class Named:
    """A place that is told by its name in the source, for a person to read; nothing can run there.

    Attributes:
        text: the probe.
    """

    text: str

    def __str__(self) -> str:
        """It, for people."""
        return self.text


@frozen
class Tracepoint:
    """A tracepoint of the kernel, by its category and name."""

    category: str
    name: str

    def __str__(self) -> str:
        """It, for people."""
        return f"{self.category}:{self.name}"


@frozen
class RawTracepoint:
    """A tracepoint of the kernel as its own code has it, with its arguments; needs no tracefs."""

    name: str

    def __str__(self) -> str:
        """It, for people."""
        return self.name


@frozen
class Timer:
    """A clock.

    Attributes:
        nanoseconds: between two events; 0 if it is told by its frequency.
        hertz: how many events there are a second; 0 if it is told by its period.
        everywhere: whether each processor has one.
    """

    nanoseconds: int
    hertz: int
    everywhere: bool

    def __str__(self) -> str:
        """It, for people."""
        often = f"{self.hertz} Hz" if self.hertz else f"every {self.nanoseconds} ns"
        return f"{often} on each processor" if self.everywhere else often


Point = Instruction | Named | Tracepoint | RawTracepoint | Timer
"""Where a program runs."""


@frozen
class Site:
    """One place at which a probe fires, and what is known there.

    Attributes:
        point: where.
        entry: of a function's return, where it is entered; None for other probes.
        function: the function's name, for ``func``.
        arguments: what ``argN`` are, where they don't follow the C convention.
        retval: what ``retval`` is.
        call: of a function's return, what tells its calls apart.
        bare: whether the function has no frame of its own there, as at its entry, and the return address is
            where the call has put it.
    """

    point: Point
    entry: Point | None = None
    function: str = ""
    arguments: tuple[Source, ...] | None = None
    retval: Source | None = None
    call: Call = Call.THREAD
    bare: bool = False


def sites(
    program: Program,
    places: Mapping[FunctionProbe, Sequence[Place]],
    files: Mapping[str, str],
    arch: Architecture,
    describe: Describe | None = None,
) -> dict[Probe, tuple[Site, ...]]:
    """The sites of each of a program's probes.

    Args:
        program: has no unresolved names.
        places: where its function probes go.
        files: for each binary, by the program's name for it, a path to the very file that was read.
        arch: the machine's processor.
        describe: who opens descriptions of tracepoints; None for us.

    Raises:
        UnsupportedError: if a tracepoint's arguments or its semaphore can't be used.
        UsageError: if there is no such system call.
    """
    found: dict[Probe, tuple[Site, ...]] = {}
    for probe in (probe for clause in program.clauses for probe in clause.probes):
        match probe:
            case Uprobe():
                found[probe] = tuple(_entry(probe, place) for place in places[probe])
            case Uretprobe():
                found[probe] = tuple(site for place in places[probe] for site in _exits(place, arch))
            case Usdt():
                from tracekit.backends.bpf.operands import operands
                from tracekit.backends.semaphores import check_semaphores

                path = files[probe.binary]
                check_semaphores(probe, path, BACKEND)
                found[probe] = tuple(
                    Site(Instruction(path, s.offset, s.semaphore), arguments=operands(s.arguments, probe, arch))
                    for s in open_elf(path, probe.binary).ask(_tracepoints, probe)
                )
            case _:
                found[probe] = (of_kernel(probe, describe),)
    return found


def of_kernel(probe: Syscall | Interval | Profile, describe: Describe | None = None) -> Site:
    """The site of a probe that is in no file; see ``sites``.

    Raises:
        UsageError: if there is no such system call.
    """
    match probe:
        case Syscall(name, side):
            from tracekit.backends.tracefs import syscall_arguments

            return of_syscall(name, side, len(syscall_arguments(name, BACKEND, describe)))
        case _:
            return of_timer(probe)


def of_syscall(name: str, side: Side, arguments: int = _ARGUMENTS) -> Site:
    """The site of a system call.

    Args:
        name: its name.
        side: which end of it.
        arguments: how many it has.
    """
    if side is Side.ENTRY:
        words = tuple(Word(_SYSCALL_WORDS + 8 * n) for n in range(arguments))
        return Site(Tracepoint("syscalls", f"sys_enter_{name}"), arguments=words)
    return Site(Tracepoint("syscalls", f"sys_exit_{name}"), retval=Word(_SYSCALL_WORDS))


def of_timer(probe: Interval | Profile) -> Site:
    """The site of a clock."""
    return Site(_timer(probe.unit, probe.count, everywhere=isinstance(probe, Profile)))


def result_of(arch: Architecture) -> Source:
    """Where a function's result is, as it returns."""
    return Reg(_RESULT[arch.name])


def _timer(unit: str, count: int, *, everywhere: bool) -> Timer:
    if unit == "hz":
        return Timer(0, count, everywhere)
    return Timer(count * 1_000_000_000 // _HERTZ[unit], 0, everywhere)


def _entry(probe: Uprobe, place: Place) -> Site:
    check = place.stack_check if not probe.offset else None
    address = place.function.address + probe.offset + (check.offset if check else 0)
    return Site(_instruction(place, address), function=place.function.name, bare=not probe.offset)


def _exits(place: Place, arch: Architecture) -> Iterator[Site]:
    function, check, result = place.function, place.stack_check, result_of(arch)
    if not place.returns:
        entry = _instruction(place, function.address)
        at_return = attrs.evolve(entry, returns=True)
        yield Site(at_return, entry, function.name, retval=result, call=Call.UNWOUND)
        return
    entry = _instruction(place, function.address + (check.offset if check else 0))
    call = Call.GOROUTINE if place.goroutine else Call.THREAD
    for address in place.returns:
        yield Site(_instruction(place, address), entry, function.name, retval=result, call=call, bare=True)


def _instruction(place: Place, address: int) -> Instruction:
    return Instruction(place.path, place.image.ask(file_offset, address))


@frozen
class _Static:
    """A place of a static tracepoint: it and its semaphore in the file, and its arguments."""

    offset: int
    semaphore: int
    arguments: str


def _tracepoints(image: Image, probe: Usdt) -> tuple[_Static, ...]:
    """All places of a static tracepoint."""
    from tracekit.symbols.usdt import find_usdt

    return tuple(
        _Static(
            file_offset(image, site.address),
            file_offset(image, site.semaphore) if site.semaphore else 0,
            site.arguments,
        )
        for site in find_usdt(image, probe.provider, probe.name)
    )
