"""What dtrace says on its standard error while it works: losses, notices, and whatever else. Pure.

Sources: ``dt_handle.c`` (drops, failing clauses) and ``dt_error.c`` of libdtrace, and ``dtrace.c`` of the
command, as they are in oracle/dtrace-utils, apple-oss-distributions/dtrace, illumos-gate and FreeBSD. Their
drops have the same words everywhere; Linux words its failing clauses otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from tracekit.core.escape import printable
from tracekit.core.result import Loss, LossKind
from tracekit.values import frozen

MAX_NOTES: Final = 20
"""How many lines that aren't understood become notes of their own."""

# Its name is what it was started as: ``dtrace``, or the path's last part.
_NAMED: Final = re.compile(r"[\w.+-]*dtrace[\w.+-]*: (?:\[DTRACEDROP_\w+\] )?(?P<text>.*)")
_CUT: Final = re.compile(r"\[(\d+) bytes left out\]")


class _Drop(NamedTuple):
    pattern: re.Pattern[str]
    kind: LossKind
    message: str
    hint: str


_DROPS: Final = (
    _Drop(
        re.compile(r"(\d+) aggregation drops? on CPU \d+"),
        LossKind.KEYS,
        "updates found no room in the aggregation buffer, {n} in all; their keys or buckets are missing",
        "Give aggregations more room with -x aggsize, or use fewer keys.",
    ),
    _Drop(
        re.compile(r"(\d+) drops? on CPU \d+"),
        LossKind.EVENTS,
        "records found no room in the principal buffer, {n} in all; what they would have printed is missing",
        "Give output more room with -x bufsize, or have it read more often with -x switchrate.",
    ),
    _Drop(
        re.compile(r"(\d+) dynamic variable drops?"),
        LossKind.EVENTS,
        "values of thread-local variables or arrays found no room, {n} in all; what needs them is missing",
        "Give variables more room with -x dynvarsize.",
    ),
    _Drop(
        re.compile(r"(\d+) dynamic variable drops? with non-empty rinsing list"),
        LossKind.EVENTS,
        "values of thread-local variables or arrays found no room that was cleaned yet, {n} in all",
        "Have variables cleaned more often with -x cleanrate, or give them more room with -x dynvarsize.",
    ),
    _Drop(
        re.compile(r"(\d+) dynamic variable drops? with non-empty dirty list"),
        LossKind.EVENTS,
        "values of thread-local variables or arrays found no room that was cleaned at all, {n} in all",
        "Have variables cleaned more often with -x cleanrate, or give them more room with -x dynvarsize.",
    ),
    _Drop(
        re.compile(r"(\d+) speculative drops?"),
        LossKind.EVENTS,
        "records found no room in a speculative buffer, {n} in all",
        "Give speculations more room with -x specsize.",
    ),
    _Drop(
        re.compile(r"(\d+) failed speculations? \(available buffer\(s\) still busy\)"),
        LossKind.EVENTS,
        "speculations found every buffer busy with an earlier one, {n} in all",
        "Allow more speculations with -x nspec, or have them cleaned more often with -x cleanrate.",
    ),
    _Drop(
        re.compile(r"(\d+) failed speculations? \(no speculative buffer available\)"),
        LossKind.EVENTS,
        "speculations found no buffer, {n} in all",
        "Allow more speculations with -x nspec.",
    ),
    _Drop(
        re.compile(r"(\d+) jstack\(\)/ustack\(\) string table overflows?"),
        LossKind.TRUNCATED,
        "stacks lack names of their functions, {n} in all",
        "Give names more room with -x jstackstrsize, or record fewer frames with -x ustackframes.",
    ),
    _Drop(
        re.compile(r"(\d+) errors? in ERROR probe enabling"),
        LossKind.ENGINE,
        "failing clauses could not be told, since the ERROR probe failed too, {n} in all",
        "",
    ),
)

_FEWER_KEYS: Final = "Raise --max-keys, or use fewer keys or wider buckets."

# Linux names the clause, the others its place; a fault of the library itself has neither.
_FAULT: Final = re.compile(
    r"error (?:in \S+ for|on enabled) probe ID \d+ \((?:ID \d+: )?(?P<probe>.*)\): (?P<fault>[a-z -]+?)"
    r"(?P<detail> \((?:0x[0-9a-f]+|-?\d+)\))?(?: in (?:predicate|action #\d+))?"
    r"(?: at (?:DIF offset|BPF pc) -?\d+)?"
)
_FAULT_HINTS: Final = {
    "invalid address": "Read only what the pointer surely points at: add a filter, such as 'arg0 != 0'.",
    "invalid alignment": "Read by copyin(), which has no alignment.",
    "divide-by-zero": "Add a filter that keeps the divisor from being 0.",
    "out of scratch space": "Read shorter strings, or give them more room with -x strsize.",
    "invalid kernel access": "dtrace may not read the kernel's memory here; trace as root.",
    "invalid user access": "dtrace may not read this process's memory; trace as root.",
}

_LOST_PROCESS: Final = re.compile(r"pid (\d+) exec'd a set-id or unobservable program")

_NOTICES: Final = re.compile(
    r"\w[\w -]* '.*' matched \d+ probes?"
    r"|allowing destructive actions"
    r"|pid \d+ (?:has exited|exited with status \d+|terminated by \S+)"
    # macOS says it on every run; programs that are signed for debugging are not concerned
    r"|system integrity protection is on, some features will not be available"
    r"|could not set thread (?:scheduling )?priority.*",
    re.DOTALL,
)
_UNNAMED_NOTICES: Final = re.compile(r"bufsize increased to \d+|\s*")


@frozen
class Messages:
    """What dtrace said, sorted.

    Attributes:
        losses: what its results lack by its own account, each kind once.
        rest: what else it said, line by line: of a dtrace that failed the reason, else remarks.
    """

    losses: tuple[Loss, ...]
    rest: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The rest, for the readers of a result; each line once."""
        lines = list(dict.fromkeys(self.rest))
        notes = [f"dtrace says: {printable(line)}" for line in lines[:MAX_NOTES]]
        if len(lines) > MAX_NOTES:
            notes.append(f"dtrace says {len(lines) - MAX_NOTES} lines more")
        return tuple(notes)


def read_messages(said: bytes, *, of_a_run: bool = False) -> Messages:
    """Sort what dtrace said.

    Args:
        said: its standard error; of a long one the middle may be left out, with a line that says so.
        of_a_run: whether of a run's own program, in which a clause that fails is one that only reads a value,
            and the value is 0 then.
    """
    drops = dict.fromkeys(_DROPS, 0)
    faults: dict[tuple[str, str], tuple[int, str]] = {}
    losses: list[Loss] = []
    rest: list[str] = []
    for line in _whole_lines(said.decode("utf-8", "surrogateescape").split("\n"), losses):
        named = _NAMED.fullmatch(line)
        text = named["text"] if named else line
        if named and (drop := _drop(text)):
            drops[drop[0]] += drop[1]
        elif named and (fault := _FAULT.fullmatch(text)):
            times, detail = faults.get((fault["probe"], fault["fault"]), (0, fault["detail"] or ""))
            faults[fault["probe"], fault["fault"]] = times + 1, detail
        elif named and (lost := _LOST_PROCESS.fullmatch(text)):
            losses.append(_unobservable(lost[1]))
        elif not (_NOTICES if named else _UNNAMED_NOTICES).fullmatch(text):
            rest.append(text)
    for kind, n in drops.items():
        if n:
            hint = _FEWER_KEYS if of_a_run and kind.kind is LossKind.KEYS else kind.hint
            losses.append(Loss(kind.kind, kind.message.format(n=n), n, hint=hint))
    losses += [(_unread if of_a_run else _abandoned)(*of, *told) for of, told in faults.items()]
    return Messages(tuple(losses), tuple(rest))


def _whole_lines(lines: Sequence[str], losses: list[Loss]) -> list[str]:
    """The lines without those that a gap in the middle has cut; the gap itself becomes a loss."""
    for at, line in enumerate(lines):
        if gap := _CUT.fullmatch(line):
            losses.append(
                Loss(
                    LossKind.ENGINE,
                    f"dtrace said more than is kept: {gap[1]} bytes of its messages are left out, so what it "
                    "lost is more than is told here",
                )
            )
            return [*lines[: max(0, at - 1)], *lines[at + 2 :]]
    return list(lines)


def _drop(text: str) -> tuple[_Drop, int] | None:
    for drop in _DROPS:
        if found := drop.pattern.fullmatch(text):
            return drop, int(found[1])
    return None


def _abandoned(probe: str, fault: str, times: int, detail: str) -> Loss:
    where = f", first{detail}" if detail and times > 1 else detail
    return Loss(
        LossKind.EVENTS,
        f"at {printable(probe)} a clause was given up, {times} in all: {fault}{where}; what it would have "
        "recorded from there on is missing",
        times,
        hint=_FAULT_HINTS.get(fault, ""),
    )


def _unread(probe: str, fault: str, times: int, detail: str) -> Loss:
    where = f", first{detail}" if detail and times > 1 else detail
    return Loss(
        LossKind.APPROXIMATE,
        f"at {printable(probe)} a value could not be read, {times} in all: {fault}{where}; it was taken for 0",
        times,
        hint=_FAULT_HINTS.get(fault, ""),
    )


def _unobservable(pid: str) -> Loss:
    return Loss(
        LossKind.INCOMPLETE,
        f"process {pid} became a program that dtrace may not observe, and what it did then is missing",
        hint="Trace a program that is not set-user-id, and not protected by the system.",
    )
