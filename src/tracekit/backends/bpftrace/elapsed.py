"""How long calls take: the time of a call's entry is kept until it returns. Pure."""

from __future__ import annotations

from typing import assert_never

from tracekit.backends.calls import GOROUTINE, Call
from tracekit.core.arch import Architecture


def started(number: int, call: Call, function: int, arch: Architecture) -> tuple[str, str]:
    """The map's entry with the time at which a call began.

    A thread's calls are told apart by the stack pointer, which is the same at the entry and at the return
    instruction, where it points at the return address again. A goroutine wanders between threads, and its
    stack is copied when it grows; how deep it is stays the same. Its address is unique in a process only.

    Source: ``type g`` in Go's ``src/runtime/runtime2.go`` (``stack.lo`` and ``stack.hi`` are its first words).

    Args:
        number: the clause's.
        call: what tells calls apart.
        function: the function's number.
        arch: the target's processor.

    Returns:
        The entry as it is to be spelled where the function is entered, and where it returns.
    """
    stack = f'(uint64)reg("{arch.register(arch.stack_pointer)}")'
    last = f"(int64){function}]"
    match call:
        case Call.UNWOUND:
            before = f"{stack} - (uint64){arch.return_shift}"
            return f"@a{number}[tid, {stack}, {last}", f"@a{number}[tid, {before}, {last}"
        case Call.THREAD:
            entry = f"@a{number}[tid, {stack}, {last}"
        case Call.GOROUTINE:
            goroutine = f'(uint64)reg("{arch.register(GOROUTINE[arch.name])}")'
            depth = f"(uint64)*(uint64*)({goroutine} + (uint64)8) - {stack}"
            entry = f"@g{number}[pid, {goroutine}, {depth}, {last}"
        case _:
            assert_never(call)
    return entry, entry
