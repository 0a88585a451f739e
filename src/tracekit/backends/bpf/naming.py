"""Names for the frames of stacks."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from tracekit.backends.bpf.frames import Frame, Stack
from tracekit.backends.bpf.layout import FRAMES
from tracekit.backends.bpf.mappings import Mappings
from tracekit.backends.bpf.stacks import PARTS
from tracekit.binaries import Binary, open_elf
from tracekit.core.escape import printable
from tracekit.core.result import Loss, LossKind
from tracekit.errors import BinaryError
from tracekit.symbols.spots import Spot, spots
from tracekit.values import define, frozen

_FIRST: Final = frozenset(
    ("_start", "main", "__libc_start_call_main", "__libc_start_main", "start_thread", "clone", "clone3",
     "runtime.goexit", "runtime.goexit.abi0", "runtime.rt0_go", "runtime.rt0_go.abi0")
)  # fmt: skip
"""Functions that nobody calls whom one would miss."""

_TOLD: Final = 3
_BEYOND: Final = 1 << 63
"""A file has no place from here on: the kernel takes an address before a mapping for one in its file."""


@frozen
class Place:
    """Where a frame is: in a module, which is a build-id or a path; or nowhere that is known, without one."""

    module: str
    offset: int
    called: bool  # whether it is where a call returns to


class Names:
    """Gives stacks their names, and keeps what it has found."""

    def __init__(self, binaries: Iterable[Binary], mappings: Mappings) -> None:
        """Begin with the binaries that are probed.

        Args:
            binaries: they.
            mappings: the files that may be needed besides.
        """
        self._mappings = mappings
        self._files: dict[str, Binary | None] = {}
        self._modules: dict[str, Binary] = {}
        self._spots: dict[Place, Spot | None] = {}
        for binary in binaries:
            self._add(binary)

    def of(self, found: Mapping[int, Stack]) -> NamedStacks:
        """Name all stacks of a moment, by their numbers."""
        self._mappings.refresh()
        places = {number: self._places(stack) for number, stack in found.items()}
        self._look_up({place for stack in places.values() for place in stack})
        kept = {number: self._trimmed(stack) for number, stack in places.items()}
        texts = self._texts({place for stack in kept.values() for place in stack})
        return NamedStacks(found, kept, texts, self._spots)

    def _places(self, stack: Stack) -> tuple[Place, ...]:
        pid = next((frame.pid for frame in stack.frames if frame.pid), 0)
        return tuple(self._place(frame, pid, called=n > 0) for n, frame in enumerate(stack.frames))

    def _place(self, frame: Frame, pid: int, *, called: bool) -> Place:
        if frame.build_id:
            return Place(frame.build_id, frame.place, called)
        there = self._mappings.at(frame.place, pid)
        if there is None:
            return Place("", frame.place, called)
        binary = self._file(there[0])
        return Place((binary.facts.build_id if binary else "") or there[0], there[1], called)

    def _look_up(self, places: set[Place]) -> None:
        wanted = defaultdict(list)
        for place in places - self._spots.keys():
            wanted[place.module].append(place)
        for module, its in wanted.items():
            binary = self._module(module) if module else None
            # A call returns behind itself, which may be behind its function.
            at = tuple(place.offset - place.called for place in its)
            answers: Sequence[Spot | None] = (None,) * len(its)
            if binary is not None:
                try:
                    answers = binary.ask(spots, at)
                except BinaryError:
                    del binary
            self._spots.update(zip(its, answers, strict=True))

    def _module(self, module: str) -> Binary | None:
        for path in self._mappings.files:
            if module in self._modules:
                break
            self._file(path)
        return self._modules.get(module)

    def _file(self, path: str) -> Binary | None:
        if path not in self._files:
            try:
                self._files[path] = binary = open_elf(path)
                self._add(binary)
                self._modules.setdefault(path, binary)
            except BinaryError:
                self._files[path] = None
        return self._files[path]

    def _add(self, binary: Binary) -> None:
        if binary.facts.build_id:
            self._modules.setdefault(binary.facts.build_id, binary)

    def _trimmed(self, stack: tuple[Place, ...]) -> tuple[Place, ...]:
        """Without what a register held that was no frame pointer, in the last frames that keep none."""
        end = len(stack)
        while end > 1 and not self._is_code(stack[end - 1]):
            end -= 1
        return stack[:end] if self._is_code(stack[end - 1]) else stack

    def _is_code(self, place: Place) -> bool:
        spot = self._spots[place]
        return spot.code if spot is not None else bool(place.module) and place.offset < _BEYOND

    def _texts(self, places: set[Place]) -> dict[Place, str]:
        """A name for each, and no two the same."""
        texts = {place: self._text(place) for place in places}
        alike: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for place, text in texts.items():
            alike[text].add((place.module, place.offset))
        return {
            place: f"{text} ({self._in_module(place)})" if len(alike[text]) > 1 else text
            for place, text in texts.items()
        }

    def _text(self, place: Place) -> str:
        spot = self._spots[place]
        if spot is None or not spot.name:
            return self._in_module(place) if place.module else f"{place.offset:#x}"
        return f"{printable(spot.name)}+{spot.offset + place.called}"

    def _in_module(self, place: Place) -> str:
        binary = self._modules.get(place.module)
        if binary is not None:
            name = os.path.basename(binary.path)
        else:
            name = os.path.basename(place.module) if "/" in place.module else f"[{place.module}]"
        return f"{printable(name)}+{place.offset:#x}"


@define
class NamedStacks:
    """The stacks of a moment, with names.

    Attributes:
        found: the stacks by their numbers.
        places: their frames' places.
        texts: the places' names.
        spots: what is there.
    """

    found: Mapping[int, Stack]
    places: Mapping[int, tuple[Place, ...]]
    texts: Mapping[Place, str]
    spots: Mapping[Place, Spot | None]
    _used: set[int] = attrs.field(factory=set)

    def of(self, number: int) -> str:
        """A stack's frames, one in a line, the innermost first; nothing for 0, which is no stack's number."""
        if not number:
            return ""
        self._used.add(number)
        return "\n".join(self.texts[place] for place in self.places[number])

    def losses(self) -> Iterator[Loss]:
        """What is missing from the stacks that were asked for."""
        most = min(_deepest(), FRAMES * PARTS)
        if cut := sum(self.found[number].found >= most for number in self._used):
            yield Loss(
                LossKind.TRUNCATED,
                f"{cut} stacks have {most} frames, the most there can be: they may be cut, or several in one",
                hint="The kernel's limit is in /proc/sys/kernel/perf_event_max_stack.",
            )

    def notes(self) -> Iterator[str]:
        """What else a reader should know of them."""
        bad = {place for number in self._used for place in self._frameless(number)}
        names = {place: self.texts[place].rpartition("+")[0] for place in bad}
        if known := sorted({name for place, name in names.items() if self._is_named(place)}):
            yield (
                "callers may be missing from stacks: code keeps a frame pointer if it is built with "
                f"-fno-omit-frame-pointer, and these don't: {_listed(known)}"
            )
        if others := sorted({name for place, name in names.items() if not self._is_named(place)}):
            yield (
                "callers may be missing from stacks: without symbols it can't be told whether code keeps "
                f"a frame pointer in {_listed(others)}"
            )
        if unknown := sum(any(not p.module for p in self.places[number]) for number in self._used):
            yield f"{unknown} stacks have addresses for which no file is known, such as those of generated code"

    def _is_named(self, place: Place) -> bool:
        spot = self.spots[place]
        return spot is not None and spot.name != ""

    def _frameless(self, number: int) -> Iterator[Place]:
        """The frames of a stack whose callers the kernel may have passed over."""
        has_caller = len(self.found[number].frames) > self.found[number].found
        for n, place in enumerate(self.places[number]):
            spot = self.spots[place]
            if spot is not None and spot.name in _FIRST:
                return
            at_entry = not n and (has_caller or (spot is not None and spot.offset == 0))
            if spot is not None and not spot.keeps_frame and not at_entry:
                yield place


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _deepest() -> int:
    """How many frames the kernel finds at most."""
    try:
        with open("/proc/sys/kernel/perf_event_max_stack", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 127  # PERF_MAX_STACK_DEPTH in include/uapi/linux/perf_event.h
