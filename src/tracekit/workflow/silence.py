"""Why no event may have come, from what can be seen of the processes, and of what the engine has told."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from tracekit.backends.base import Place, Reading
from tracekit.core.probe import Uretprobe
from tracekit.core.program import Program
from tracekit.core.target import Command, Pids, Target
from tracekit.errors import TracekitError
from tracekit.process.attached import status
from tracekit.process.stacks import entered
from tracekit.symbols.questions import file_offset
from tracekit.workflow.locate import Located
from tracekit.workflow.mapped import running

_MOST: Final = 3
"""Names of functions that a sentence has."""


class Silence:
    """What is known of a run in which nothing happens.

    Args:
        program: what was asked.
        located: where its functions are.
        target: whose events count.
        pids: the target's processes; a command's is held before its first instruction.
    """

    def __init__(self, program: Program, located: Located, target: Target, pids: Sequence[int]) -> None:
        self._program, self._located, self._target, self._pids = program, located, target, pids
        self._files = {name: os.stat(path) for name, path in located.files.items()}
        self._runs = ""
        self._met = False
        self._child = 0
        if isinstance(target, Command):
            self.look()  # it may have ended when one asks

    def look(self) -> None:
        """Look at the target's processes as they are now; what was seen before stays known."""
        if not self._files or not self._pids:
            return
        for pid in self._pids:
            self._met = self._met or self._has_file(pid)
        if isinstance(self._target, Command) and not self._target.follow:
            with suppress(OSError):
                self._runs = os.readlink(f"/proc/{self._pids[0]}/exe")
            self._child = self._child or next(filter(self._has_file, _below(self._pids[0])), 0)

    def reasons(self, told: Reading | None) -> tuple[str, ...]:
        """Why there may be no event, a sentence each; none if nothing is known.

        Args:
            told: the engine's last word, in which no event is counted; None if it has said nothing yet.
        """
        if told is not None and told.hits:
            return (f"the probes were run into {told.hits:,} times, {self._uncounted()}",)
        if self._child:
            return (f"process {self._child}, which the command has started, {self._other()}",)
        if isinstance(self._target, Pids) and (inside := ", ".join(dict.fromkeys(self._entered()))):
            return (f"{inside} seems to be running already: only calls that begin from now on are seen",)
        return tuple(self._by_target(told))

    @property
    def astray(self) -> str:
        """Why no event can come as things are, whatever the engine tells; empty if it may."""
        if self._child and not self._met:
            return f"process {self._child}, which the command has started, {self._other()}"
        return ""

    def _by_target(self, told: Reading | None) -> Iterator[str]:
        files = " or ".join(self._files)
        match self._target:
            case Command(follow=False) if self._met:
                yield f"the command has run {files}, and never called {self._functions()} as far as probes see"
                yield "what it forks counts with --follow"
            case Command(follow=False) if self._files:
                runs = f"the command runs {self._runs}" if self._runs else "the command may run something else"
                yield f"{runs}; if that runs {files} as a child, count it with --follow"
            case Command(follow=False):
                yield "if the command runs the program as a child, count it with --follow"
            case Pids(pids):
                longest = max(map(_age, pids), default=0.0)
                yield f"the process had run for {_time(longest)} before, and what it called then is not seen"
        if told is not None and told.others:
            yield f"other processes ran into the probes {told.others:,} times: perhaps one of them is meant"

    def _other(self) -> str:
        return f"runs {' or '.join(self._files)}: count it with --follow"

    def _uncounted(self) -> str:
        clauses = self._program.clauses
        if all(clause.where is not None for clause in clauses):
            return "and the filter let nothing through"
        if all(isinstance(probe, Uretprobe) for clause in clauses for probe in clause.probes):
            return "and no call has returned that was seen from its start"
        return "and nothing of it was counted"

    def _functions(self) -> str:
        names = list(dict.fromkeys(place.function.name for place in self._places()))
        more = f" or {len(names) - _MOST} more" if len(names) > _MOST else ""
        return ", ".join(names[:_MOST]) + more if names else "what is probed"

    def _places(self) -> Iterator[Place]:
        return (place for found in self._located.places.values() for place in found)

    def _has_file(self, pid: int) -> bool:
        try:
            found = running(pid)
        except TracekitError:
            return True  # we can't say that it hasn't
        return found is not None and any(
            file.is_file(wanted) for file in found.files for wanted in self._files.values()
        )

    def _entered(self) -> Iterator[str]:
        """Functions that a process seems to be in."""
        for place in list(self._places())[:_MOST]:
            with suppress(TracekitError):
                begins = place.image.ask(file_offset, place.function.address)
                code = range(begins, begins + place.function.size)
                if any(entered(pid, os.stat(place.path).st_ino, code) for pid in self._pids):
                    yield place.function.name


def _below(pid: int) -> Iterator[int]:
    """A process's descendants."""
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
            for child in children:
                yield child
                yield from _below(child)


def _age(pid: int) -> float:
    """For how many seconds a process has run."""
    if not status(pid):
        return 0.0
    with suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            began = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    return 0.0


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
