"""What a function's code reads of what it is called with.

Optimisers look at a function and its callers together: what the function never reads, callers needn't write.
LLVM leaves such arguments out (``DeadArgumentElimination``), also on the stack and in structs that are copied
for the call; GCC, from version 12 on, leaves out what a hidden pointer points at (``ipa-modref``). The
debug information doesn't always tell, but the code does.

What isn't understood counts as a read: the question is only which arguments are certainly not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import Function

_EVERYTHING: Final = range(-(1 << 62), 1 << 62)


@attrs.frozen
class Usage:
    """What a function reads.

    Attributes:
        registers: the registers for arguments that it reads before it writes them, or that may still hold an
            argument when it calls another function; None for all.
        stack: the bytes that it reads, counted from the stack pointer at its entry.
        addresses: the bytes that it takes the address of, or reads relative to. They tell of the one thing that
            they are in: compilers don't get from there to another.
        certain: the registers for arguments that it reads for sure, so that its callers have to write them.
        bases: what it counts places in its frame from: registers, and what they hold less the stack pointer at
            the entry, once it has set up its frame.
    """

    registers: frozenset[str] | None
    stack: tuple[range, ...]
    certain: frozenset[str] = frozenset()
    addresses: frozenset[int] = frozenset()
    bases: Mapping[str, int] = attrs.field(factory=dict)

    def reads_register(self, name: str) -> bool:
        """Whether it reads a register."""
        return self.registers is None or name in self.registers

    def reads_stack(self, offset: int, size: int) -> bool:
        """Whether it reads any of the bytes of something on the stack, or takes their address."""
        return _EVERYTHING in self.stack or self.surely_reads_stack(offset, size)

    def surely_reads_stack(self, offset: int, size: int) -> bool:
        """The same, without what it only may read."""
        if any(offset <= at < offset + size for at in self.addresses):
            return True
        return any(r.start < offset + size and offset < r.stop for r in self.stack if r != _EVERYTHING)


EVERYTHING: Final = Usage(None, (_EVERYTHING,))
"""What a function reads of which nothing is known."""


NOTHING: Final = Usage(frozenset(), ())
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
    except BinaryError:
        raise
    except Exception:  # bytes that are no code make capstone fail in many ways; then nothing is known
        return EVERYTHING
    if flow.endless:
        return EVERYTHING
    stack = [_EVERYTHING] if flow.all_stack else []
    stack += [range(*r) for r in sorted(flow.stack)]
    return Usage(
        frozenset(flow.read), tuple(stack), frozenset(flow.certain), frozenset(flow.addresses), flow.bases()
    )
