"""Loads programs and has the kernel run them at their points."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from itertools import groupby
from types import TracebackType
from typing import Self

import attrs

from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.programs import KernelProgram
from tracekit.backends.bpf.refused import Refused
from tracekit.backends.bpf.rights import Kernel
from tracekit.backends.bpf.sites import Instruction, Named, Point, RawTracepoint, Timer, Tracepoint
from tracekit.backends.bpf.trying import MANY
from tracekit.values import define, frozen


@define
class Attached:
    """The programs in the kernel, and what has them run."""

    _programs: list[int] = attrs.field(factory=list)
    _points: list[int] = attrs.field(factory=list)
    _detaching: threading.Thread | None = attrs.field(default=None, init=False)

    def program(self, descriptor: int) -> None:
        """Keep a program."""
        self._programs.append(descriptor)

    def point(self, descriptor: int) -> None:
        """Keep what has one run."""
        self._points.append(descriptor)

    def missed(self) -> int | None:
        """How many events came while a program was at work on that processor already; None if nobody knows."""
        found = [kernel.missed(program) for program in self._programs]
        known = [one for one in found if one is not None]
        return sum(known) if len(known) == len(found) else None

    def detach(self) -> None:
        """Take the probes away: afterwards no program runs any more, and what each missed is the whole."""
        while self._points:
            os.close(self._points.pop())

    def detach_meanwhile(self) -> None:
        """The same, while we go on: it takes the kernel some 25 ms. ``close`` waits for it."""
        thread = threading.Thread(target=self.detach)
        try:
            thread.start()
        except RuntimeError:  # no more threads are to be had
            self.detach()
        else:
            self._detaching = thread

    def close(self) -> None:
        """Take all away. Does nothing more when called again."""
        if self._detaching:
            self._detaching.join()
        self.detach()
        while self._programs:
            os.close(self._programs.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


@frozen
class Ready:
    """A program in the kernel.

    Attributes:
        descriptor: its.
        many: whether it can be attached to many points at once only.
    """

    descriptor: int
    many: bool


def load(
    by: Kernel, program: KernelProgram, maps: Mapping[str, int], attached: Attached, *, many: bool
) -> Ready:
    """Load a program.

    Args:
        by: who does it.
        program: the program.
        maps: the maps' descriptors, by their names.
        attached: what keeps it.
        many: whether the kernel can attach to many points at once.

    Raises:
        Refused: if the kernel refuses it.
    """
    # Its own maps only, since who does it may be given so many.
    used = list(dict.fromkeys(i.map for i in program.code.instructions if i.map))
    code = program.code.encode({name: place for place, name in enumerate(used)})
    descriptors = [maps[name] for name in used]
    # Also a single one: it is taken away twice as fast, and newer kernels want CAP_SYS_ADMIN for the other way.
    many = many and isinstance(program.points[0], Instruction)
    try:
        descriptor = by.load_program(
            program.kind.value,
            code,
            descriptors,
            sleeps=program.sleeps,
            attach=MANY if many else 0,
            name=f"tk_{program.name}"[:15],
        )
    except OSError as error:
        raise Refused("an eBPF program", error, program) from error
    attached.program(descriptor)
    return Ready(descriptor, many)


def attach(by: Kernel, program: KernelProgram, ready: Ready, attached: Attached) -> None:
    """Have a program run at all its points.

    Args:
        by: who does it.
        program: the program.
        ready: it, loaded.
        attached: what keeps the points.

    Raises:
        Refused: if the kernel refuses one.
    """
    numbers = program.numbers or (None,) * len(program.points)
    if ready.many:
        _at_once(by, program, ready, attached)
        return
    for point, number in zip(program.points, numbers, strict=True):
        match point:
            case Instruction():
                what = f"a probe at {point.offset:#x} of the file"
            case Tracepoint(category, name):
                what = f"the tracepoint {category}:{name}"
            case RawTracepoint(name):
                what = f"the tracepoint {name}"
            case _:
                what = "a timer"
        try:
            if isinstance(point, RawTracepoint):
                attached.point(by.raw_tracepoint(point.name, ready.descriptor))
                continue
            for event in _events(by, point):
                attached.point(event)
                link = by.attach(event, ready.descriptor, number)
                if link is not None:
                    attached.point(link)
        except OSError as error:
            raise Refused(what, error) from error


def _at_once(by: Kernel, program: KernelProgram, ready: Ready, attached: Attached) -> None:
    """All points of a file with one call."""
    numbered = [
        (point, number)
        for point, number in zip(program.points, program.numbers or (0,) * len(program.points), strict=True)
        if isinstance(point, Instruction)
    ]

    def file(pair: tuple[Instruction, int]) -> tuple[str, bool]:
        return pair[0].path, pair[0].returns

    for (path, returns), group in groupby(sorted(numbered, key=file), key=file):
        pairs = list(group)
        try:
            link = by.attach_many(
                ready.descriptor,
                path,
                [point.offset for point, _ in pairs],
                [point.semaphore for point, _ in pairs],
                [number for _, number in pairs] if program.numbers else [],
                returns=returns,
                pid=0,
            )
        except OSError as error:
            raise Refused(f"{len(pairs)} probes in a file", error) from error
        attached.point(link)


def _events(by: Kernel, point: Point) -> Iterator[int]:
    match point:
        case Instruction(path, offset, semaphore, returns):
            yield by.uprobe(path, offset, returns=returns, semaphore=semaphore, pid=-1)
        case Tracepoint(category, name):
            from tracekit.backends.tracefs import tracepoint

            number, _ = tracepoint(category, name, BACKEND, by.describe)
            yield by.tracepoint(number)
        case Named() | RawTracepoint():
            raise AssertionError(point)
        case Timer(nanoseconds, hertz, everywhere):
            processors = kernel.online() if everywhere else kernel.online()[:1]
            for processor in processors:
                yield by.timer(nanoseconds, hertz, processor)
