"""What bpftrace says besides its maps: banners, warnings, losses, errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from tracekit.backends.bpftrace.saved_model import Age, refused
from tracekit.core.result import Loss, LossKind
from tracekit.values import define

_ATTACHING: Final = re.compile(r"Attaching \d{1,9} probes?\.\.\.")
_ATTACHED: Final = re.compile(r"Attached \d{1,9} probes?")
_LOST: Final = re.compile(r"Lost (\d{1,20}) events")
_TOTAL: Final = re.compile(r"Total lost event count: (\d{1,20})")
_LEVEL: Final = re.compile(r"(WARNING|ERROR|FATAL|BUG|HINT|INFO): ")
_PLACE: Final = re.compile(r":\d{1,9}(?:[-:]\d{1,9})*: $")
_MARKER: Final = re.compile(r" *~+")
_HELPER: Final = re.compile(r"Additional Info - helper: (\w{1,60}), retcode: (-?\d{1,20})")
_HELPER_BEFORE_0_20: Final = re.compile(r"Failed to (\w{1,60}): .*?\(?(-?\d{1,20})\)?")
_NO_PROBES: Final = "No probes to attach"
_CRASHES: Final = ("terminate called after throwing", "BUG: ")
_INTERRUPT: Final = "^C"

_HARMLESS: Final = ("couldn't set RLIMIT_", "Could not read functions from ")
"""Warnings that say nothing of the result: limits that newer kernels don't have, lists of kernel functions."""

_LOOKUPS: Final = ("map_lookup_elem", "map_delete_elem")
"""Helpers whose failure only says that a key isn't there; shown with ``-kk``."""

_E2BIG: Final = -7


@define
class Messages:
    """Collects what bpftrace says.

    Attributes:
        age: what its form tells of bpftrace's version.
        lost: how many events it says it lost, message by message.
        lost_total: the same, as it says at its end.
        full: how many updates found their map full.
        failed: by the name of a helper of the kernel, how often it failed.
        errors: its errors.
        notes: what else a reader should know, each sentence once.
    """

    age: Age
    lost: int = 0
    lost_total: int = 0
    full: int = 0
    failed: dict[str, int] = attrs.field(factory=dict)
    errors: list[str] = attrs.field(factory=list)
    notes: dict[str, None] = attrs.field(factory=dict)

    def take(self, lines: Sequence[str], at: int) -> int:
        """Take the message that begins at a line.

        Returns:
            The index of the line after it; ``at`` itself if it is no message of bpftrace.
        """
        line = lines[at]
        if _ATTACHED.fullmatch(line):
            self.age.is_since(0, 24)
        elif found := _LOST.fullmatch(line):
            self.lost += int(found[1])
        elif line == _NO_PROBES or line.startswith(_CRASHES):
            self.errors.append(line)
        elif line != _INTERRUPT and not _ATTACHING.fullmatch(line):
            return self._logged(lines, at)
        return at + 1

    def helper_failed(self, helper: str, code: int) -> None:
        """A function of the kernel failed; ``code`` is what it returned."""
        if helper == "map_update_elem" and code == _E2BIG:
            self.full += 1
        elif helper in _LOOKUPS:
            self.warned(f"{helper}() found no such key")
        else:
            self.failed[helper] = self.failed.get(helper, 0) + 1

    def warned(self, text: str) -> None:
        """bpftrace, or a script's ``warnf()``, gave a warning."""
        self.notes[f"bpftrace warned: {text}"] = None

    def read_errors(self, text: str) -> None:
        """Take standard error; the target may write there too, so what isn't bpftrace's is passed over."""
        lines = text.split("\n")
        at = 0
        while at < len(lines):
            at = max(self.take(lines, at), at + 1)

    def _logged(self, lines: Sequence[str], at: int) -> int:
        line = lines[at]
        level = _LEVEL.search(line)
        if level is None or (
            level.start() and not _PLACE.search(line, max(0, level.start() - 40), level.start())
        ):
            return at
        text = line[level.end() :]
        end = at + 1
        helper = _HELPER.fullmatch(lines[end]) if end < len(lines) else None
        end += helper is not None
        if level.start() and end + 1 < len(lines) and _MARKER.fullmatch(lines[end + 1]):
            end += 2  # the line of the program, and what marks the place in it
        helper = helper or _HELPER_BEFORE_0_20.fullmatch(text)
        if level[1] in ("HINT", "INFO") or any(part in text for part in _HARMLESS):
            return end
        if level[1] != "WARNING":
            self.errors.append(line[: level.start()] + text)
        elif helper:
            self.helper_failed(helper[1], int(helper[2]))
        elif total := _TOTAL.fullmatch(text):
            self.lost_total = int(total[1])
        else:
            self.warned(line[: level.start()] + text)
        return end

    def losses(self) -> Iterator[Loss]:
        """What keeps the maps from being the whole truth."""
        if lost := max(self.lost, self.lost_total):
            yield Loss(
                LossKind.EVENTS,
                f"bpftrace lost {lost} of the events that carry printf() and print(); "
                "what is counted in maps doesn't go through them",
                lost,
            )
        if self.full:
            yield Loss(
                LossKind.KEYS,
                f"a map was full: updates found no room for their key, {self.full} in all",
                self.full,
                hint="Set BPFTRACE_MAX_MAP_KEYS (BPFTRACE_MAP_KEYS_MAX before bpftrace 0.20) and trace again.",
            )
        for helper, times in self.failed.items():
            yield Loss(
                LossKind.ENGINE,
                f"{helper}() failed in the kernel, {times} in all; what it should have given is missing",
                times,
            )
        for error in self.errors:
            crashed = error.startswith(_CRASHES)
            yield Loss(
                LossKind.INCOMPLETE if crashed else LossKind.ENGINE,
                f"bpftrace {'crashed' if crashed else 'reported an error'}: {error}",
            )

    def fail(self, errors: str) -> None:
        """Raise what bpftrace reported, since there is no result.

        Args:
            errors: its standard error.

        Raises:
            EngineError: if it reported an error.
        """
        if self.errors:
            raise refused(
                f"bpftrace gave no result: {self.errors[0]}",
                "There is nothing to import; remove the cause and trace again.",
                errors[-2000:],
            )
