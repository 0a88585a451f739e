"""What a script for people does with the program's functions. Runs inside gdb, in Python 3.8 or later.

It finds functions by gdb's own symbols, and reads what it needs by gdb's own means: slower than what a run
does, and easier to change.
"""

from __future__ import annotations

import time
from typing import Any

import gdb

_MASK = (1 << 64) - 1


class _Registers:
    """The general registers of the thread that has stopped."""

    def __init__(self) -> None:
        self._frame = gdb.newest_frame()

    def __getattr__(self, name: str) -> int:
        return int(self._frame.read_register(name)) & _MASK


class _Vectors(_Registers):
    """The low halves of its vector registers, which gdb has under a name of each processor's."""

    def __getattr__(self, name: str) -> int:
        value = self._frame.read_register(name)
        views = value["d"]["u"] if name.startswith("v") else value["v2_int64"]
        return int(views[0]) & _MASK


class _At(gdb.Breakpoint):
    """A breakpoint that calls a function and lets the target go on."""

    def __init__(self, place: str, run: Any) -> None:
        super().__init__(place, internal=True)
        self._run = run

    def stop(self) -> bool:
        self._run(_Registers(), gdb.selected_thread().ptid[1])
        return False


class Tracing:
    """Traces a program: each probe is a function's name, an offset or None for its return, and what to call."""

    def __init__(self, stack_pointer: str, return_shift: int) -> None:
        self._stack_pointer, self._shift = stack_pointer, return_shift
        self._calls: dict[Any, int] = {}
        self._callers: set[tuple[str, int]] = set()

    def place(self, name: str, offset: int | None, event: Any) -> None:
        """Put a breakpoint some bytes after a function's beginning, or where its calls return (None)."""
        label = name.encode("utf-8", "surrogateescape")

        def at_entry(r: Any, tid: int) -> None:
            event(r, tid, label, 0)

        def at_call(r: Any, tid: int) -> None:
            sp = getattr(r, self._stack_pointer)
            address = load(sp, 8, False) if self._shift else r.x30
            self._calls[name, tid, sp + self._shift] = time.perf_counter_ns()
            if (name, address) not in self._callers:
                self._callers.add((name, address))
                _At(f"*{address:#x}", after_call)

        def after_call(r: Any, tid: int) -> None:
            began = self._calls.pop((name, tid, getattr(r, self._stack_pointer)), None)
            if began is not None:
                event(r, tid, label, time.perf_counter_ns() - began)

        _At(f"*'{name}' + {offset or 0}", at_call if offset is None else at_entry)

    def run(self, names: list[str], maps: list[Any]) -> None:
        """Let the target run to its end, or to Ctrl-C, and print the maps."""
        gdb.execute("continue")
        for name, kept in zip(names, maps):  # noqa: B905, which is of Python 3.10
            gdb.write(f"@{name}\n")
            for keys, g in sorted(kept.groups.items()):
                gdb.write(f"  {list(keys)}: count {g.count}, sum {g.sum}, min {g.least}, max {g.most}\n")
                for inside, count in sorted(g.buckets.items()):
                    gdb.write(f"    {inside}: {count}\n")


def start() -> None:
    """Have a target that stands still at its first instruction, or where gdb has attached to it."""
    for command in ("confirm off", "pagination off", "breakpoint pending off", "startup-with-shell off"):
        gdb.execute(f"set {command}")
    gdb.execute("handle all nostop noprint pass", to_string=True)
    if not gdb.selected_inferior().pid:
        gdb.execute("starti", to_string=True)


def load(address: int, size: int, signed: bool) -> int:
    """An integer in memory; 0 if it can't be read."""
    data = _read(address & _MASK, size)
    return int.from_bytes(data, "little", signed=signed)


def text(address: int, most: int) -> bytes:
    """The string up to its NUL, of which less than ``most`` bytes are kept; empty if it can't be read."""
    found = b""
    while len(found) < most - 1:
        byte = _read(address + len(found), 1)
        if byte in (b"", b"\0"):
            break
        found += byte
    return found


def sized(address: int, size: int, most: int) -> bytes:
    """The bytes of a string that says how many it has, of which ``most`` are kept."""
    return _read(address, min(size, most)) if size else b""


def vectors(_tid: int) -> Any:
    """The vector registers of the thread that has stopped."""
    return _Vectors()


def comm(tid: int) -> bytes:
    """The thread's name."""
    with open(f"/proc/{gdb.selected_inferior().pid}/task/{tid}/comm", "rb") as file:
        return file.read()[:-1]


def cpu(tid: int) -> int:
    """The processor on which the thread has run last (proc(5))."""
    with open(f"/proc/{gdb.selected_inferior().pid}/task/{tid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[36])


def _read(address: int, size: int) -> bytes:
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.error:
        return b""
