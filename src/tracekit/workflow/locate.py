"""Finds the functions that a program's probes name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tracekit.backends.base import Place
from tracekit.binaries import Binary as Opened
from tracekit.core.probe import FunctionProbe, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.core.result import Binary
from tracekit.errors import UnsupportedError
from tracekit.symbols.questions import see
from tracekit.values import frozen
from tracekit.workflow.binaries import found_or_known
from tracekit.workflow.binary_file import open_binary
from tracekit.workflow.knowledge import Knowledge


@frozen
class Located:
    """Where a program's probes go.

    Attributes:
        places: the functions of each function probe.
        files: for each binary, by the program's name for it, a path to the very file that was read.
        binaries: what was read.
        notes: what a reader should know.
        descriptors: open files that must stay open while an engine attaches.
    """

    places: Mapping[FunctionProbe, tuple[Place, ...]]
    files: Mapping[str, str]
    binaries: tuple[Binary, ...]
    notes: tuple[str, ...]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def locate(
    program: Program, pids: Sequence[int] = (), max_probes: int = 128, knowledge: Knowledge | None = None
) -> Located:
    """Open the binaries of a program and find its functions in them.

    A binary is opened once; engines are given the open file, so what happens to its name later, or how odd
    the name is, doesn't matter.

    Args:
        program: what is to be run.
        pids: the processes that will be traced, if they run already: binaries are what they have under the
            names in the program (see ``open_binary``).
        max_probes: how many probes functions may need together.
        knowledge: what is known of functions that the binary itself doesn't name; None for the user's store.

    Raises:
        BinaryError: if a binary can't be read.
        FunctionNotFoundError: if it doesn't have the function.
        AmbiguousFunctionError: if it has several.
        TargetError: if none of the processes runs a probed program.
        UnsupportedError: if a probe would harm the target.
        UsageError: if they need too many probes.
    """
    finder = _Finder(pids, knowledge or Knowledge())
    try:
        places: dict[FunctionProbe, tuple[Place, ...]] = {}
        for clause in program.clauses:
            for probe in clause.probes:
                if isinstance(probe, Uprobe | Uretprobe):
                    places[probe] = finder.places(probe)
                elif isinstance(probe, Usdt):
                    from tracekit.symbols.usdt import find_usdt

                    image, _ = finder.open(probe.binary)
                    image.ask(find_usdt, probe.provider, probe.name)
        count = sum(place.probes for found in places.values() for place in found)
        if count > max_probes:
            from tracekit.workflow.preview import too_many

            names = [place.function.name for found in places.values() for place in found]
            raise too_many(names, count, max_probes)
        return Located(places, finder.files, finder.binaries, tuple(finder.notes), tuple(finder.descriptors))
    except BaseException:
        for descriptor in finder.descriptors:
            os.close(descriptor)
        raise


class _Finder:
    def __init__(self, pids: Sequence[int], knowledge: Knowledge) -> None:
        self.pids = pids
        self._knowledge = knowledge
        self.descriptors: list[int] = []
        self.notes: list[str] = []
        self._images: dict[str, tuple[Opened, str]] = {}

    @property
    def binaries(self) -> tuple[Binary, ...]:
        return tuple(Binary(name, image.facts.build_id) for name, (image, _) in self._images.items())

    @property
    def files(self) -> dict[str, str]:
        return {name: path for name, (_, path) in self._images.items()}

    def open(self, binary: str) -> tuple[Opened, str]:
        """The binary of that name, and a path to the very file."""
        if binary not in self._images:
            image, descriptor = open_binary(binary, self.pids)
            self.descriptors.append(descriptor)
            image.check_traceable(os.uname().machine)
            self._images[binary] = image, f"/proc/{os.getpid()}/fd/{descriptor}"
        return self._images[binary]

    def places(self, probe: FunctionProbe) -> tuple[Place, ...]:
        image, path = self.open(probe.binary)
        places = []
        refused: list[UnsupportedError] = []
        found_functions = found_or_known(image, probe.function, self._knowledge)
        for named in found_functions:
            function = named
            if function.indirect and probe.function.is_pattern:
                self.notes.append(f"{function.name} is left out: its code only chooses an implementation")
                continue
            if function.indirect:
                from tracekit.workflow.indirect import implementation

                function = implementation(image, path, named)
                self.notes.append(f"calls of {named.name} go to {function.name} on this machine")
            try:
                seen = image.ask(see, function, probe, len(found_functions) == 1)
            except UnsupportedError as error:
                if not probe.function.is_pattern:
                    raise
                refused.append(error)
                self.notes.append(f"{function.name} is left out: {error.reason}")
                continue
            self.notes += seen.notes
            places.append(Place(image, path, function, seen.stack_check, seen.returns, seen.goroutine))
        if refused and not places:
            raise refused[0]
        return tuple(places)
