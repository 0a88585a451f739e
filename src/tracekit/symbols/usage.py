"""What a function's code reads of what it is called with.

Optimisers look at a function and its callers together: what the function never reads, callers needn't write.
LLVM leaves such arguments out (``DeadArgumentElimination``), also on the stack and in structs that are copied
for the call; GCC, from version 12 on, leaves out what a hidden pointer points at (``ipa-modref``). The
debug information doesn't always tell, but the code does.

What isn't understood counts as a read: the question is only which arguments are certainly not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.symbols.flow import Flow

_EVERYTHING: Final = range(-(1 << 62), 1 << 62)


@frozen
class StackUse:
    """What a function reads of what it is called with on the stack.

    Attributes:
        read: the bytes that it reads, counted from the stack pointer at its entry.
        addresses: the bytes that it takes the address of, or reads relative to. They tell of the one thing that
            they are in: compilers don't get from there to another.
    """

    read: tuple[range, ...] = ()
    addresses: frozenset[int] = frozenset()

    def may_read(self, offset: int, size: int) -> bool:
        """Whether it reads any of the bytes of something on the stack, or takes their address."""
        return _EVERYTHING in self.read or self.surely_reads(offset, size)

    def surely_reads(self, offset: int, size: int) -> bool:
        """The same, without what it only may read."""
        if any(offset <= at < offset + size for at in self.addresses):
            return True
        return any(r.start < offset + size and offset < r.stop for r in self.read if r != _EVERYTHING)


_ANY_STACK: Final = StackUse((_EVERYTHING,))


@frozen
class Usage:
    """What a function reads.

    Attributes:
        registers: the registers for arguments that it reads before it writes them, or that may still hold an
            argument when it calls another function; None for all.
        stack: tells what it reads of the stack, for which all of its code must be followed.
        certain: the registers for arguments that it reads for sure, so that its callers have to write them.
        bases: what it counts places in its frame from: registers, and what they hold less the stack pointer at
            the entry, once it has set up its frame.
    """

    registers: frozenset[str] | None
    stack: Callable[[], StackUse]
    certain: frozenset[str] = frozenset()
    bases: Mapping[str, int] = attrs.field(factory=dict)

    def reads_register(self, name: str) -> bool:
        """Whether it reads a register."""
        return self.registers is None or name in self.registers


EVERYTHING: Final = Usage(None, lambda: _ANY_STACK)
"""What a function reads of which nothing is known."""


NOTHING: Final = Usage(frozenset(), StackUse)
"""What a function reads whose code can't be looked at, if what can't be shown to be read isn't to count."""


def usage(image: Image, function: Function, registers: Sequence[str], skip: int = 0) -> Usage:
    """What a function reads of its arguments, by its code.

    Args:
        image: the binary.
        function: a function as ``find`` gives it.
        registers: the registers that may hold arguments, general and vector ones.
        skip: bytes from its first instruction to the one where it is looked at from: in Go, where the stack has
            been checked.

    Raises:
        BinaryError: if the file was cut.
    """
    if not function.size or function.offset or image.machine not in ("x86_64", "aarch64"):
        return EVERYTHING
    from tracekit.symbols.flow import Flow  # which needs capstone: 40 ms

    flow = Flow(image, function)
    try:
        flow.follow(registers, skip)
        bases = flow.bases()
    except BinaryError:
        raise
    except Exception:  # bytes that are no code make capstone fail in many ways; then nothing is known
        return EVERYTHING
    if flow.endless:
        return EVERYTHING
    return Usage(frozenset(flow.read), cache(lambda: _stack(flow)), frozenset(flow.certain), bases)


def _stack(flow: Flow) -> StackUse:
    try:
        flow.follow_beyond()
    except BinaryError:
        raise
    except Exception:  # as above
        return _ANY_STACK
    if flow.endless:
        return _ANY_STACK
    anywhere = [_EVERYTHING] if flow.all_stack else []
    return StackUse((*anywhere, *(range(*r) for r in sorted(flow.stack))), frozenset(flow.addresses))
