"""How long calls take: the time of a call's entry is kept until it returns. Pure."""

from __future__ import annotations

from typing import assert_never

from tracekit.backends.calls import GOROUTINE, Call
from tracekit.backends.dtrace.emit import register
from tracekit.core.arch import Architecture


def started(number: int, call: Call, function: int | None, arch: Architecture) -> tuple[str, str]:
    """The array's entry with the time at which a call began.

    A thread's calls are told apart by the stack pointer, so that a function that calls itself is timed
    rightly; a goroutine's by the depth of its stack, which stays the same when that is copied.

    Source: ``type g`` in Go's ``src/runtime/runtime2.go`` (``stack.lo`` and ``stack.hi`` are its first words).

    Args:
        number: the clause's.
        call: what tells calls apart.
        function: the function's number; None if there is just one.
        arch: the target's processor.

    Returns:
        The entry as it is to be spelled where the function is entered, and where it returns.
    """
    stack = register(arch, arch.stack_pointer)
    last = "" if function is None else f", {function}"
    match call:
        case Call.UNWOUND if arch.return_shift:
            array = f"self->started{number}"
            return f"{array}[{stack}{last}]", f"{array}[{stack} - {arch.return_shift}{last}]"
        case Call.UNWOUND | Call.THREAD:
            place = f"self->started{number}[{stack}{last}]"
        case Call.GOROUTINE:
            goroutine = register(arch, GOROUTINE[arch.name])
            depth = f"*(uint64_t *)copyin({goroutine} + 8, 8) - {stack}"
            place = f"started{number}[pid, {goroutine}, {depth}{last}]"
        case _:
            assert_never(call)
    return place, place
