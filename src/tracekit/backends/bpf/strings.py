"""Strings on the stack of a program: read, cut, and compared. Pure.

Each has its room there: the bytes that are kept, and 0 after them. One byte more than is kept is read, to tell
whether there was more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.backends.bpf.assembler import BACKEND, Assembler
from tracekit.backends.bpf.helpers import Helper
from tracekit.backends.bpf.instructions import Register
from tracekit.backends.bpf.layout import COMM, string_room
from tracekit.core.expr import Builtin, BuiltinName, Expr, Str, String
from tracekit.errors import UnsupportedError, UsageError
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.backends.bpf.emit import Emitter, Values

R0, R1, R2, R3, FP = Register.R0, Register.R1, Register.R2, Register.R3, Register.FP


@frozen
class Strings:
    """Emits the string expressions of one program."""

    emitter: Emitter

    @property
    def asm(self) -> Assembler:
        """Where the instructions go."""
        return self.emitter.asm

    @property
    def values(self) -> Values:
        """What the probe's values are."""
        return self.emitter.values

    def put(self, node: Expr, at: int, limit: int) -> None:
        """Put a string on the stack, up to a number of bytes; whatever follows it there is 0.

        Args:
            node: a string expression.
            at: where, as an offset from ``FP``; there is room for ``string_room(limit)`` bytes.
            limit: how many bytes to keep; byte number ``limit`` becomes 1 if there were more, else 0.
        """
        asm = self.asm
        match node:
            case String(text):
                raw = self.literal(text)
                for word, content in enumerate(_words(raw, string_room(limit))):
                    asm.constant(R1, content)
                    asm.store(FP, at + 8 * word, R1)
                return
            case Builtin(BuiltinName.COMM):
                self._clear(at, string_room(limit))
                asm.address(R1, at)
                asm.constant(R2, COMM)
                asm.call(Helper.GET_CURRENT_COMM)
                return
            case Str(pointer, length, None):
                self.emitter.value(pointer)
                asm.move(R3, R0)
                self._clear(at, string_room(limit))
                kept = limit if length is None else min(limit, length - 1)
                self._read_string(at, kept, limit)
            case _:
                raise UnsupportedError(
                    feature="this string",
                    backend=BACKEND,
                    reason="it is known only where a function is entered",
                )

    def put_counted(self, node: Str, at: int, limit: int) -> None:
        """Put a string that has a size on the stack, as ``string`` does, and its size behind it.

        The 8 bytes after ``string_room(limit)`` are how many bytes are kept.
        """
        assert node.size is not None
        asm = self.asm
        behind = at + string_room(limit)
        self.emitter.value(node.size)
        asm.store(FP, behind, R0)
        self.emitter.value(node.pointer)
        asm.move(R3, R0)
        self._clear(at, string_room(limit))
        whole = asm.label("whole")
        asm.load(R2, FP, behind)
        asm.jump("<=", R2, limit, whole)
        asm.constant(R2, limit)
        asm.store(FP, behind, R2)
        asm.store(FP, at + limit, 1, 1)
        asm.place(whole)
        with asm.room(8) as address:
            asm.store(FP, address, R3)
            self._copy(at, behind, limit, address)

    def literal(self, text: str) -> bytes:
        """The bytes of a literal.

        Raises:
            UsageError: if no string of the target's can be so long.
        """
        raw = text.encode("utf-8", "surrogateescape")
        if len(raw) >= self.values.max_string:
            raise UsageError(
                f"the string {text!r} has {len(raw)} bytes; {self.values.max_string - 1} are kept of a string",
                "Raise --max-string.",
            )
        return raw

    def _read_string(self, at: int, kept: int, limit: int) -> None:
        """The string at ``R3`` onto the stack, up to ``kept`` bytes.

        Older kernels, 6.12 among them, say 0 of an empty string, and not 1 for its NUL
        (``strncpy_from_user_nofault`` in ``mm/maccess.c``).
        """
        asm = self.asm
        good, whole = asm.label("good"), asm.label("whole")
        with asm.room(8) as address:
            if self.values.sleeps:
                asm.store(FP, address, R3)
            self._ask_string(at, kept)
            asm.jump("s>=", R0, 0, good)
            if self.values.sleeps:  # have its pages brought in, and once more
                fault = asm.label("fault")
                # The last one first: the string may end before it, so it need not be there.
                for distance in (kept + 1, 0):
                    asm.load(R3, FP, address)
                    asm.arithmetic("+=", R3, distance)
                    asm.constant(R2, 1)
                    asm.address(R1, at)
                    asm.call(Helper.COPY_FROM_USER)
                asm.jump("!=", R0, 0, fault)
                asm.load(R3, FP, address)
                self._ask_string(at, kept)
                asm.jump("s>=", R0, 0, good)
                asm.place(fault)
        self.values.fault(asm)
        self._clear(at, string_room(limit))
        asm.constant(R0, 0)
        asm.place(good)
        asm.jump("s<=", R0, kept + 1, whole)
        asm.store(FP, at + kept, 0, 1)
        asm.store(FP, at + limit, 1, 1)
        asm.place(whole)

    def _ask_string(self, at: int, kept: int) -> None:
        self.asm.constant(R2, kept + 2)  # one more than is kept, and a NUL
        self.asm.address(R1, at)
        self.asm.call(Helper.PROBE_READ_USER_STR)

    def _copy(self, at: int, size: int, limit: int, address: int) -> None:
        """So many bytes of the target's memory onto the stack; the size and the address are there too.

        Where they can't be read the string is empty.
        """
        asm = self.asm
        good = asm.label("good")
        helpers = [Helper.PROBE_READ_USER, *([Helper.COPY_FROM_USER] if self.values.sleeps else [])]
        for helper in helpers:
            bounded = asm.label("bounded")
            asm.load(R3, FP, address)
            asm.load(R2, FP, size)
            asm.jump("<=", R2, limit, bounded)  # known already, but to the verifier
            asm.constant(R2, limit)
            asm.place(bounded)
            asm.address(R1, at)
            asm.call(helper)
            asm.jump("==", R0, 0, good)
        self.values.fault(asm)
        asm.store(FP, size, 0)
        asm.store(FP, at + limit, 0, 1)
        asm.place(good)

    def _clear(self, at: int, size: int) -> None:
        for offset in range(0, size, 8):
            self.asm.store(FP, at + offset, 0)

    def compare(self, left: Expr, right: Expr, target: str, *, equal: bool) -> None:
        """Jump if two strings are equal, or if they are not."""
        asm = self.asm
        sides = [self._known_function(side) for side in (left, right)]
        if all(isinstance(side, String) for side in sides):
            if (sides[0] == sides[1]) is equal:
                asm.goto(target)
            return
        if isinstance(sides[0], String):
            sides.reverse()
        first, second = sides
        past = asm.label("past")
        differs = past if equal else target
        limit = max(self._most(first), self._most(second))
        with asm.room(_compared(limit)) as a:
            self._compared_string(first, a, limit)
            if isinstance(second, String):
                raw = self.literal(second.value)
                words = _words(raw, string_room(limit))
                if isinstance(first, Str) and first.size is not None:
                    words = [*words, len(raw)]
                for word, content in enumerate(words):
                    asm.load(R0, FP, a + 8 * word)
                    asm.constant(R1, content)
                    asm.jump("!=", R0, R1, differs)
            else:
                if _is_counted(first) != _is_counted(second):
                    raise UnsupportedError(
                        feature="comparing a string that no NUL ends with one that a NUL ends",
                        backend=BACKEND,
                        reason="where the first has a NUL inside, they are alike and are not",
                        remedy="Compare with a literal, or use the strings as keys.",
                    )
                with asm.room(_compared(limit)) as b:
                    self._compared_string(second, b, limit)
                    end = _compared(limit) if _is_counted(first) else string_room(limit)
                    for offset in range(0, end, 8):
                        asm.load(R0, FP, a + offset)
                        asm.load(R1, FP, b + offset)
                        asm.jump("!=", R0, R1, differs)
        if equal:
            asm.goto(target)
        asm.place(past)

    def _compared_string(self, node: Expr, at: int, limit: int) -> None:
        """A string to compare: whether it was cut plays no part."""
        if isinstance(node, Str) and node.size is not None:
            self.put_counted(node, at, limit)
        else:
            self.put(node, at, limit)
        self.asm.store(FP, at + limit, 0, 1)

    def _known_function(self, node: Expr) -> Expr:
        if node == Builtin(BuiltinName.FUNC) and self.values.function is not None:
            return String(self.values.function)
        return node

    def _most(self, node: Expr) -> int:
        match node:
            case String(value):
                return len(self.literal(value))
            case Str(length=int(length)):
                return min(length, self.values.max_string) - 1
            case Builtin(BuiltinName.COMM):
                return COMM - 1
            case _:
                return self.values.max_string - 1


def _compared(limit: int) -> int:
    return string_room(limit) + 8


def _is_counted(node: Expr) -> bool:
    return isinstance(node, Str) and node.size is not None


def _words(raw: bytes, room: int) -> list[int]:
    padded = raw.ljust(room, b"\0")
    return [int.from_bytes(padded[n : n + 8], "little") for n in range(0, room, 8)]
