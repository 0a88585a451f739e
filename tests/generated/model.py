"""What a program must give for the calls of the target: the language's documentation, run by hand.

Nothing of tracekit is used but the nodes of a program; numbers are ``tests/evaluator.py``'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

import attrs
from tests.evaluator import Type, Value, convert, evaluate

from tracekit.core.aggregation import Count
from tracekit.core.expr import Arg, Binary, Builtin, BuiltinName, Conditional, Expr, Int, Reg, Str, String
from tracekit.core.probe import Uprobe, Uretprobe
from tracekit.core.program import Program

Keys = tuple[int | str, ...]
Read = Callable[[int, int], bytes]
"""Gives bytes of the target's memory, by address and size; fewer where it can't be read."""

_SIGNED: Type = (64, True)
_UNSIGNED: Type = (64, False)
_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")


@attrs.frozen
class Call:
    """A call of one of the target's functions.

    Attributes:
        function: its name.
        arguments: those, as numbers of 64 bits.
        result: what it returned.
    """

    function: str
    arguments: tuple[int, ...]
    result: int


@attrs.frozen
class World:
    """What is the same for all calls: builtins, how many bytes of a string are kept, and the memory."""

    numbers: Mapping[BuiltinName, int]
    comm: bytes
    max_string: int
    read: Read


@attrs.define
class Expected:
    """What a program must give.

    Attributes:
        maps: by map and keys, how often each value came; of ``count()`` all values are 1.
        cut: by map, the keys that have a string of which more was there than is kept.
        faults: by clause, how often memory couldn't be read.
    """

    maps: dict[str, dict[Keys, Counter[int]]] = attrs.field(factory=dict)
    cut: dict[str, set[Keys]] = attrs.field(factory=lambda: defaultdict(set))
    faults: Counter[int] = attrs.field(factory=Counter)


def expected(program: Program, calls: Iterable[Call], world: World) -> Expected:
    """Run a program over all calls."""
    found = Expected({name: defaultdict(Counter) for name in program.maps})
    for call in calls:
        for number, clause in enumerate(program.clauses):
            if not any(
                isinstance(p, Uprobe | Uretprobe) and p.function.text == call.function for p in clause.probes
            ):
                continue
            reader = _Reader(call, world)
            if clause.where is None or reader.number(clause.where)[0]:
                for aggregate in clause.aggregates:
                    function = aggregate.function
                    value = 1 if isinstance(function, Count) else reader.number(function.value)[0]
                    pairs = [reader.key(key) for key in aggregate.keys]
                    keys = tuple(key for key, _ in pairs)
                    found.maps[aggregate.name][keys][value] += 1
                    if any(cut for _, cut in pairs):
                        found.cut[aggregate.name].add(keys)
            found.faults[number] += reader.faults
    for name, aggregate in program.maps.items():
        if not aggregate.keys:
            found.maps[name][()] += Counter()
    return found


@attrs.define
class _Reader:
    """What expressions are at a call, and how often memory couldn't be read for them."""

    call: Call
    world: World
    faults: int = 0

    def number(self, node: Expr) -> Value:
        return evaluate(node, {}, leaf=self._leaf, read=self._read)

    def key(self, node: Expr) -> tuple[int | str, bool]:
        """A key, and whether it was cut."""
        if (text := self._string(node)) is None:
            return self.number(node)[0], False
        return text[0].decode("utf-8", "surrogateescape"), text[1]

    def _read(self, address: int, size: int) -> bytes:
        found = self.world.read(address, size)
        self.faults += len(found) < size
        return found

    def _leaf(self, node: Expr) -> Value | None:
        match node:
            case Arg(index):
                return convert(self.call.arguments[index], _SIGNED), _SIGNED
            case Reg(name):
                return self.call.arguments[_REGISTERS.index(name)], _UNSIGNED
            case Builtin(BuiltinName.RETVAL):
                # A register, as it is; registers are uint64, and retval is an int64.
                return convert(self.call.result, _SIGNED), _SIGNED
            case Builtin(name):
                return self.world.numbers[name], _SIGNED
            case Binary(">=", Builtin(BuiltinName.ELAPSED), Int(0)):
                return 1, _SIGNED
            # Only what is asked for is read: in C, too, the other side isn't evaluated.
            case Binary("&&" | "||" as op, left, right):
                first = bool(self.number(left)[0])
                return int(first if first is (op == "||") else bool(self.number(right)[0])), _SIGNED
            case Conditional(test, then, other):
                chosen = self.number(then if self.number(test)[0] else other)
                return convert(chosen[0], type_ := self._common(then, other)), type_
            case Binary(op, left, right) if (text := self._string(left)) is not None:
                other_text = self._string(right)
                assert other_text is not None
                return int((text[0] == other_text[0]) == (op == "==")), _SIGNED
            case _:
                return None

    def _common(self, *arms: Expr) -> Type:
        """The type of both, for which nothing is read."""
        blind = _Reader(self.call, attrs.evolve(self.world, read=lambda _, size: bytes(size)))
        return _UNSIGNED if _UNSIGNED in [blind.number(arm)[1] for arm in arms] else _SIGNED

    def _string(self, node: Expr) -> tuple[bytes, bool] | None:
        """What is kept of a string, and whether there was more; None of what is no string."""
        most = self.world.max_string - 1
        match node:
            case String(value):
                return value.encode("utf-8", "surrogateescape"), False
            case Builtin(BuiltinName.COMM):
                return self.world.comm, False
            case Builtin(BuiltinName.FUNC):
                return self.call.function.encode(), False
            case Str(pointer, length, None):
                kept = most if length is None else min(length - 1, most)
                return self._until_nul(convert(self.number(pointer)[0], _UNSIGNED), kept)
            case Str(pointer, _, size) if size is not None:
                asked = convert(self.number(size)[0], _UNSIGNED)
                kept = min(asked, most)
                found = self._read(convert(self.number(pointer)[0], _UNSIGNED), kept)
                return (found, asked > kept) if len(found) == kept else (b"", False)
            case _:
                return None

    def _until_nul(self, address: int, kept: int) -> tuple[bytes, bool]:
        # What has no NUL before its memory ends is no string: the kernel looks for one so far.
        found = b""
        while len(found) < kept + 2:
            byte = self._read(address + len(found), 1)
            if not byte:
                return b"", False
            if byte == b"\0":
                break
            found += byte
        return found[:kept], len(found) > kept
