"""The part that runs inside gdb, in the Python that gdb was built with (3.8 or later).

``session`` has gdb execute this file, and then calls ``tracekit``. Nothing that a user wrote is part of any
command: what is asked comes as a JSON document, and what was seen goes out as one JSON line each. The target
stays stopped while ``stop`` of a breakpoint runs, which takes about two milliseconds and returns False: then
the target goes on without a word to anybody.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable
from typing import Any

import gdb

from tracekit.backends.gdb.hold import attach, settle

_ARCHITECTURES = {"x86_64": "i386:x86-64"}  # those that gdb calls otherwise than uname
# getauxval(3). In gdb 18 what a command says comes as records of the machine interface.
_AT_ENTRY = re.compile(r"\bAT_ENTRY\b.*?(0x[0-9a-f]+)")
_LARGEST_VALUE = 1 << 16
_LOWEST_POINTER = 4096
_HIGHEST_POINTER = 1 << 56
_STACK_POINTERS = 17
# Entries beyond those wanted, during which the end of the last prologues is waited for: gdb chooses at random
# which of several threads goes on, so that it can be late.
_MOST_SURPLUS = 1000
_PAGE = 4096
_MASK = (1 << 64) - 1
_INTEGERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_PTR)


def _plainly(method: Callable[..., None]) -> Callable[..., None]:
    """Tells why a method failed, since gdb answers only that there was an error."""

    @functools.wraps(method)
    def call(sampler: Sampler, *arguments: Any) -> None:
        try:
            method(sampler, *arguments)
        except BaseException as error:  # see _guarded
            sampler.tell(kind="failure", text=str(error) or type(error).__name__)
            raise

    return call


class Sampler:
    """What was asked, what has been seen, and the breakpoints that see it."""

    def __init__(self, request: str, results: str) -> None:
        with open(request, encoding="utf-8") as file:
            self._ask: dict[str, Any] = json.load(file)
        self._out = os.open(results, os.O_WRONLY | os.O_APPEND)
        self._hits = 0
        self._surplus = 0
        self._pending: dict[int, int] = {}
        self._breakpoints: list[gdb.Breakpoint] = []
        settle()
        self.tell(kind="version", version=gdb.VERSION)

    @_plainly
    def attach(self) -> None:
        """Holds the process; one that is handed over, as soon as it stands still."""
        attach(self._ask["pid"], handover=self._ask["handover"], libraries=self._ask["libraries"])

    @_plainly
    def connect(self) -> None:
        """Takes up a remote stub, and tells where its program is entered, if the stub knows."""
        gdb.execute("set sysroot", to_string=True)
        # Or a gdb for one processor only would find, and say, that registers have wrong sizes.
        name = self._ask["architecture"]
        try:
            gdb.execute(f"set architecture {_ARCHITECTURES.get(name, name)}", to_string=True)
        except gdb.error as error:
            raise gdb.GdbError(f"it doesn't know {name}, but gdb-multiarch does") from error
        gdb.execute(f"target remote {self._ask['remote']}", to_string=True)
        try:
            found = _AT_ENTRY.search(gdb.execute("info auxv", to_string=True))
        except gdb.error:  # what runs on bare metal has no such thing
            return
        if found:
            self.tell(kind="entry", address=int(found[1], 16))

    @_plainly
    def tell_code(self, address: int, size: int) -> None:
        """Tells what is in a remote program's memory, where a function should be."""
        self.tell(kind="code", data=_read(gdb.selected_inferior(), address, size).hex())

    @_plainly
    def await_libraries(self, wanted: bool) -> None:
        """Says whether the target shall stop whenever a library has been mapped."""
        gdb.execute(f"set stop-on-solib-events {int(wanted)}", to_string=True)

    @_plainly
    def place(self, addresses: list[int], bias: int) -> None:
        """Puts breakpoints at some entries, and after the prologue if that was asked.

        Args:
            addresses: where the function is in the target.
            bias: what the first one's distance from the binary's own address is.
        """
        self.remove()
        self._breakpoints = [_Breakpoint(address, self._guarded(self._entered)) for address in addresses]
        if self._ask["after"] is not None:
            gdb.execute(f"add-symbol-file {self._ask['binary']} -o {bias}", to_string=True)
            self._breakpoints.append(_Breakpoint(self._ask["after"] + bias, self._guarded(self._after)))

    @_plainly
    def remove(self) -> None:
        """Takes the breakpoints away."""
        for breakpoint_ in self._breakpoints:
            breakpoint_.delete()
        self._breakpoints = []

    @_plainly
    def tell_regions(self) -> None:
        """Tells how the target's memory is laid out, if that can be known."""
        if self._ask["pid"]:
            with open(f"/proc/{self._ask['pid']}/maps", encoding="utf-8", errors="replace") as file:
                self.tell(kind="regions", text=file.read())

    def _entered(self) -> bool:
        thread = _thread()
        if self._hits == self._ask["hits"]:
            # A call whose prologue's end is still to come may have gone to another thread, as Go does.
            self._pending.pop(thread, None)
            self._surplus += 1
            return not self._pending or self._surplus == _MOST_SURPLUS
        frame, inferior = gdb.newest_frame(), gdb.selected_inferior()
        registers = {name: int(frame.read_register(name)) & _MASK for name in self._ask["registers"]}
        sp = registers[self._ask["stack_pointer"]]
        stack = _read(inferior, sp, self._ask["stack_bytes"])
        pointers = dict(registers)
        for offset in range(0, min(len(stack) // 8, _STACK_POINTERS) * 8, 8):
            pointers[f"[{offset}]"] = int.from_bytes(stack[offset : offset + 8], "little")
        memory = {name: _read(inferior, value, self._ask["memory_bytes"]) for name, value in pointers.items()}
        if not self._hits:
            self.tell_regions()
        self.tell(
            kind="hit",
            registers=registers,
            vectors={name: _vector(frame.read_register(name)).hex() for name in self._ask["vectors"]},
            stack=stack.hex(),
            memory={name: data.hex() for name, data in memory.items() if data},
            thread=thread,
        )
        # Of two entries of a thread without an end of a prologue between them, the first was no call: Go
        # enters a function again when it has moved its stack.
        self._pending[thread] = self._hits
        self._hits += 1
        return self._hits == self._ask["hits"] and self._ask["after"] is None

    def _after(self) -> bool:
        hit = self._pending.pop(_thread(), None)
        if hit is None:  # a loop that begins with the function's first line
            return False
        frame = gdb.newest_frame()
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        values = {}
        for name, symbol in _parameters(frame):
            try:
                data = _raw(symbol.value(frame))
            except BaseException as error:  # see _guarded
                self.tell(kind="note", text=f"gdb can't read {name} after the prologue: {error}")
                continue
            if data is not None:
                values[name] = data.hex()
        self.tell(kind="after", hit=hit, values=values)
        return self._hits == self._ask["hits"] and not self._pending

    def _guarded(self, look: Callable[[], bool]) -> Callable[[], bool]:
        """What a breakpoint does; what fails stops the target and is told, and not printed at every hit."""

        def stop() -> bool:
            try:
                return look()
            except BaseException as error:  # KeyboardInterrupt is what gdb's internal errors become
                self.tell(kind="error", text=f"{type(error).__name__}: {error}")
                return True

        return stop

    def tell(self, **record: Any) -> None:
        """Tell something: one JSON document."""
        os.write(self._out, json.dumps(record).encode() + b"\n")


class _Breakpoint(gdb.Breakpoint):
    """A breakpoint that looks, and as a rule doesn't stop."""

    def __init__(self, address: int, look: Callable[[], bool]) -> None:
        super().__init__(f"*{address:#x}")
        self._look = look

    def stop(self) -> bool:
        return self._look()


def _thread() -> int:
    _, lwp, thread = gdb.selected_thread().ptid
    return int(lwp or thread)


def _read(inferior: Any, address: int, size: int) -> bytes:
    """The memory from an address on, or to the end of its page, or nothing."""
    if not _LOWEST_POINTER <= address < _HIGHEST_POINTER:
        return b""
    for length in (size, min(size, _PAGE - address % _PAGE)):
        try:
            return bytes(inferior.read_memory(address, length))
        except gdb.error:
            continue
    return b""


def _vector(value: Any) -> bytes:
    """A vector register's first 16 bytes: gdb names its views by the architecture."""
    try:
        words = value["v2_int64"]
    except gdb.error:
        words = value["d"]["u"]
    return b"".join(_word(int(words[n]), 8) for n in (0, 1))


def _parameters(frame: Any) -> list[tuple[str, Any]]:
    block = frame.block()
    while block.function is None:
        block = block.superblock
    return [(symbol.name, symbol) for symbol in block if symbol.is_argument]


def _raw(value: Any) -> bytes | None:
    """A value's bytes; None if gdb has none, or more than anybody passes."""
    kind = value.type.strip_typedefs()
    if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        return _word(int(value.referenced_value().address), 8)
    if value.is_optimized_out or kind.sizeof > _LARGEST_VALUE:
        return None
    if value.address is not None:
        return bytes(gdb.selected_inferior().read_memory(int(value.address), kind.sizeof))
    return _word(int(value), kind.sizeof) if kind.code in _INTEGERS else None


def _word(number: int, size: int) -> bytes:
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")
