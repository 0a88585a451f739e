"""The output of a run's script, as it comes, into the model. Pure.

Every block of ours stands between two lines that begin with the run's nonce; inside, each map of the plan
is a run of ``@name[keys]: value`` rows in the plan's order. Strings in keys are raw and end at the
nonce, so nothing in them can look like the end of a row. What isn't understood is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tracekit.backends.base import Reading
from tracekit.backends.bpftrace.assemble import Rows, assemble, hits_of
from tracekit.backends.plan import KeyKind, MapPlan, Plan
from tracekit.backends.window import overload_of
from tracekit.core.result import Loss, LossKind
from tracekit.errors import EngineError
from tracekit.values import frozen

_LOST: Final = re.compile(rb"(?i)lost (\d+) events\s*")
_HARMLESS: Final = re.compile(rb"\s*|Attach(?:ing|ed) \d+ probes?\.*\s*")
# 0.23 says so for every event, with the place in the script and a line that underlines it.
_FULL: Final = re.compile(
    rb"[^\n]*WARNING: Map full; can't update element[^\n]*\n"
    rb"(?:Additional Info - helper: [^\n]*\n(?:[^\n]*\n\s*~+\n)?)?"
)
_MARKER: Final = re.compile(
    rb"(?P<word>ready|snapshot|result)(?: (?P<time>\d{1,20})(?P<stop>(?: \d{1,20}){4})?)?"
)
_LONGEST: Final = len(b"\nresult ")
"""How long what a block may end with is, besides the mark."""

_WARNING: Final = re.compile(rb"(?:\S*:\d\S*: )?WARNING: .*", re.DOTALL)


@frozen
class Ready:
    """All probes are attached."""


class OutputParser:
    """Parses a run's output piece by piece.

    Attributes:
        losses: what the engine itself said of losses, so far.
        warnings: its other warnings, so far.
    """

    def __init__(self, plan: Plan) -> None:
        self.losses: list[Loss] = []
        self.warnings: list[str] = []
        self._plan = plan
        self._buffer = bytearray()
        self._searched = 0
        self._finished = False
        self._patterns = {name: re.compile(_row(plan, name, m), re.DOTALL) for name, m in _named(plan).items()}

    def feed(self, data: bytes) -> Iterator[Ready | Reading]:
        """Take the next piece of output; give what it completes.

        Raises:
            EngineError: if something isn't understood.
        """
        self._buffer += data
        mark = b"%d " % self._plan.nonce
        while not self._finished:
            start = 0 if self._buffer.startswith(mark) else self._buffer.find(b"\n" + mark) + 1
            if start == 0 and not self._buffer.startswith(mark):
                return
            end_of_line = self._buffer.find(b"\n", start)
            if end_of_line < 0:
                return
            line = bytes(self._buffer[start + len(mark) : end_of_line])
            marker = _MARKER.fullmatch(line)
            if marker is None or (marker["word"] == b"ready") != (marker["time"] is None):
                self._not_understood(line)
                return
            word, time = marker["word"], marker["time"]
            if word == b"ready":
                self._asides(bytes(self._buffer[:start]))
                del self._buffer[: end_of_line + 1]
                yield Ready()
                continue
            done = b"\n" + mark + (b"done\n" if word == b"result" else b"shown\n")
            searched = max(end_of_line, self._searched - len(mark) - _LONGEST)
            end = self._buffer.find(done, searched)
            if word == b"snapshot":
                # At its end bpftrace drops what it has yet to print, also the rest of a snapshot (0.23, 0.27).
                result = self._buffer.find(b"\n" + mark + b"result ", searched, end if end >= 0 else None)
                if result >= 0:
                    del self._buffer[: result + 1]
                    self._searched = 0
                    continue
            if end < 0:
                self._searched = len(self._buffer)
                return
            self._asides(bytes(self._buffer[:start]))
            rows = self._rows(bytes(self._buffer[end_of_line + 1 : end + 1]))
            del self._buffer[: end + len(done)]
            self._searched = 0
            self._finished = word == b"result"
            maps, losses, notes = assemble(self._plan, rows, final=self._finished)
            hits, others = hits_of(rows)
            over = overload_of((marker["stop"] or b"").split())
            yield Reading(self._finished, int(time), maps, losses, notes, hits, others, over)

    def close(self) -> None:
        """The output has ended: what is left is looked at too, unless the result has come already.

        Raises:
            EngineError: if something isn't understood.
        """
        if not self._finished:
            self._asides(bytes(self._buffer))

    def _rows(self, block: bytes) -> Rows:
        rows: Rows = {name: [] for name in self._plan.script_maps}
        at = 0
        for name in self._plan.script_maps:
            match = self._patterns[name].match
            found = rows[name]
            while at < len(block):
                row = match(block, at)
                if row is not None:
                    found.append(row.groups())
                    at = row.end()
                elif block.startswith(b"@", at):
                    break
                else:
                    at = self._aside(block, at)
        if at < len(block):
            self._not_understood(block[at:])
        return rows

    def _asides(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            at = self._aside(data, at)

    def _aside(self, data: bytes, at: int) -> int:
        """Take a line that isn't a row: something that the engine says of itself."""
        # That a map is full is told, with the exact count, by the totals.
        if full := _FULL.match(data, at):
            return full.end()
        end = data.find(b"\n", at) + 1 or len(data)
        line = data[at:end]
        if lost := _LOST.fullmatch(line):
            count = int(lost[1])
            self.losses.append(Loss(LossKind.EVENTS, f"bpftrace lost {count} of its own messages", count))
        elif _WARNING.fullmatch(line):
            self.warnings.append(line.decode("utf-8", "backslashreplace").strip())
        elif not _HARMLESS.fullmatch(line):
            self._not_understood(line)
        return end

    def _not_understood(self, data: bytes) -> None:
        line = data.split(b"\n", 1)[0].decode("utf-8", "backslashreplace")
        raise EngineError(
            message=f"bpftrace printed what tracekit doesn't understand: {line[:200]!r}",
            hint="Run it with -v to see the script, and report both.",
            engine="bpftrace",
        )


_KEYS: Final[Mapping[KeyKind, Callable[[int], bytes]]] = {
    KeyKind.INTEGER: lambda _: rb"(-?\d+)",
    KeyKind.FUNCTION: lambda _: rb"(-?\d+)",
    KeyKind.STRING: lambda nonce: b"(.*?), %d" % nonce,
    KeyKind.COUNTED: lambda nonce: rb"(.*?, %d, \d+)" % nonce,
}


def _named(plan: Plan) -> Mapping[str, MapPlan | None]:
    by_name: dict[str, MapPlan | None] = dict.fromkeys(plan.script_maps)
    by_name.update({f"{part}{m.number}": m for m in plan.maps for part in m.parts})
    return by_name


def _row(plan: Plan, name: str, map_plan: MapPlan | None) -> bytes:
    """A pattern of one row: the groups are the keys, the bucket or sign where there is one, the value."""
    keys = []
    if map_plan is not None:
        for key in map_plan.keys:
            keys.append(_KEYS[key.kind](plan.nonce))
        if name[0] in "bnx":
            keys.append(rb"(-?\d+)")
    index = rb"\[" + b", ".join(keys) + rb"\]" if keys else b""
    return b"@" + name.encode() + index + rb": (-?\d+)\n"
