"""What a program must give for true values: the language's documentation, written a second time.

Nothing of tracekit is used but the nodes of a parsed program.
"""

from __future__ import annotations

import fnmatch
import os
from collections import Counter, defaultdict
from collections.abc import Iterable

import attrs
from tests.conformance.truth import Event
from tests.evaluator import FLOAT, Type, Value, convert, evaluate, whole

from tracekit.core.aggregation import Count
from tracekit.core.expr import (
    Arg,
    Binary,
    Builtin,
    BuiltinName,
    Cap,
    Deref,
    Expr,
    Index,
    Len,
    Member,
    Name,
    Reg,
    Str,
    String,
)  # fmt: skip
from tracekit.core.probe import Interval, Probe, Profile, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.syntax import print_expression

Keys = tuple[int | str, ...]

_SIGNED: Type = (64, True)
_UNSIGNED: Type = (64, False)
_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
"""The registers of integer arguments in the System V convention (psABI AMD64, 3.2.3)."""


@attrs.define
class Expected:
    """What one key of a map must have.

    Attributes:
        values: how often each value came; of ``count()``, all events have the value 1.
        bounds: where values are known within bounds only: the least and the most of each.
        extra: how many more events like these there may have been, where only timers know.
    """

    values: Counter[int] = attrs.field(factory=Counter)
    bounds: list[tuple[int, int]] = attrs.field(factory=list)
    extra: int = 0

    @property
    def count(self) -> int:
        """How many events there were."""
        return self.values.total() + len(self.bounds)


def expected(
    program: Program,
    events: Iterable[Event],
    max_string: int,
    pids: frozenset[int] | None,
    *,
    nul_ends: bool = True,
) -> dict[str, dict[Keys, Expected]]:
    """All maps of a program.

    Args:
        program: the program as it was parsed, with names.
        events: what happened.
        max_string: how many bytes of a string are kept, its NUL included.
        pids: the processes that count; None for all.
        nul_ends: whether a NUL ends what is read of a string with a size, too; then the result must tell.
    """
    maps: dict[str, dict[Keys, Expected]] = {name: defaultdict(Expected) for name in program.maps}
    for name, aggregate in program.maps.items():
        if not aggregate.keys:
            maps[name][()] = Expected()
    clauses = [(clause, tuple(map(_pattern, clause.probes))) for clause in program.clauses]
    for event in events:
        if pids is not None and event.numbers.get("pid") not in pids:
            continue
        reader = _Reader(event, max_string, nul_ends)
        for clause, patterns in clauses:
            if not any(fnmatch.fnmatchcase(event.site, p) for p in patterns):
                continue
            if clause.where is not None and not reader.number(clause.where)[0]:
                continue
            for aggregate in clause.aggregates:
                entry = maps[aggregate.name][tuple(map(reader.key, aggregate.keys))]
                _add(entry, reader, None if isinstance(aggregate.function, Count) else aggregate.function.value)
    return {name: dict(entries) for name, entries in maps.items()}


def _add(entry: Expected, reader: _Reader, value: Expr | None) -> None:
    event = reader.event
    if value == Builtin(BuiltinName.ELAPSED):
        entry.bounds.append(event.ranges["elapsed"])
        return
    entry.values[1 if value is None else reader.kept(value)] += event.times
    least, most = event.ranges.get("times", (0, 0))
    entry.extra += most - least


def _pattern(probe: Probe) -> str:
    """A pattern of the sites that a probe sees; it is at instructions that a call comes by once."""
    match probe:
        case Uprobe(binary, function) | Uretprobe(binary, function):
            kind = "uprobe" if isinstance(probe, Uprobe) else "uretprobe"
            name = function.text if function.is_pattern else _literally(function.text)
            return f"{kind}:{_literally(os.path.basename(binary))}:{name}"
        case Usdt(binary, provider, name):
            return f"usdt:{os.path.basename(binary)}:{provider}:{name}"
        case Syscall(name, side):
            return f"syscall:{name}:{side.value}"
        case Interval(unit, count):
            return f"interval:{unit}:{count}"
        case Profile(unit, count):
            return f"profile:{unit}:{count}"


def _literally(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


@attrs.frozen
class _Reader:
    """What expressions are at an event."""

    event: Event
    max_string: int
    nul_ends: bool

    def key(self, node: Expr) -> int | str:
        text = self.text(node)
        return self.kept(node) if text is None else text.decode("utf-8", "surrogateescape")

    def kept(self, node: Expr) -> int:
        """A number as a map keeps it."""
        value = self.number(node)
        return whole(value) if value[1] == FLOAT else value[0]

    def number(self, node: Expr) -> Value:
        return evaluate(node, {}, leaf=self._leaf, read=self._read)

    def _read(self, address: int, size: int) -> bytes:
        for start, found in self.event.memory.items():
            if start <= address and address + size <= start + len(found):
                return found[address - start : address - start + size]
        return b""

    def _leaf(self, node: Expr) -> Value | None:
        match node:
            case Arg(index):
                return convert(self.event.numbers[f"arg{index}"], _SIGNED), _SIGNED
            case Reg(name):
                known = f"arg{_ARGUMENTS.index(name)}" if name in _ARGUMENTS else name
                return convert(self.event.numbers[known], _UNSIGNED), _UNSIGNED
            case Builtin(BuiltinName.ELAPSED):
                # A filter or a key may only ask what the least answers like all that it may be.
                return self.event.ranges["elapsed"][0], _SIGNED
            case Builtin() | Name() | Member() | Index() | Deref() | Len() | Cap() if (
                name := print_expression(node)
            ) in self.event.numbers:
                number = self.event.numbers[name]
                if isinstance(number, float):
                    return number, FLOAT
                return number, _UNSIGNED if name in self.event.unsigned else _SIGNED
            case Binary(op, left, right) if (text := self.text(left)) is not None:
                return int((text == self.text(right)) == (op == "==")), _SIGNED
            case _:
                return None

    def text(self, node: Expr) -> bytes | None:
        """A string's bytes, as far as they are kept; None of what is no string."""
        strings = self.event.strings
        match node:
            case String(value):
                return value.encode("utf-8", "surrogateescape")
            case Builtin(BuiltinName.COMM | BuiltinName.USTACK as name):
                return strings[name.value]
            case Builtin(BuiltinName.FUNC):
                return strings["func"] if "func" in strings else self.event.site.rpartition(":")[2].encode()
            case Str(length=length, size=size):
                room = min(length or self.max_string, self.max_string) - 1
                if (named := strings.get(print_expression(node))) is not None:
                    return named[:room]
                if size is not None:
                    room = min(room, self.number(size)[0])
                    if not self.nul_ends:
                        return self._memory(node.pointer)[:room]
                return self._memory(node.pointer).partition(b"\0")[0][:room]
            case _:
                return None

    def _memory(self, pointer: Expr) -> bytes:
        return self.event.memory.get(convert(self.number(pointer)[0], _UNSIGNED), b"")
