"""What is told of a function, apart from what reads it."""

from __future__ import annotations

from tracekit.values import frozen


@frozen
class Function:
    """A function of a binary, or a place in one.

    Attributes:
        name: as in the symbol table; for an address that no symbol covers, that address.
        address: the virtual address to probe: of its first instruction, unless ``offset`` says otherwise.
        size: bytes from ``address`` to the function's end; 0 if the binary doesn't say.
        local: whether other files can't name it, such as a ``static`` function in C.
        indirect: whether it only chooses, once, which implementation calls go to (IFUNC).
        offset: bytes from the function's first instruction to ``address``; not 0 only if the name was
            an address inside a function, where arguments may no longer be where they were.
    """

    name: str
    address: int
    size: int
    local: bool = False
    indirect: bool = False
    offset: int = 0


@frozen
class StackCheck:
    """The check of the stack at a Go function's start.

    Attributes:
        offset: bytes from the function's first instruction to the first one after the check.
        frame: what the check subtracts from the stack pointer, in bytes; 0 for small and for huge frames.
        huge: whether it has another branch first, for frames above 4 KiB, whose subtraction may pass zero.
        loads_g: whether it first loads the goroutine's address into r14, as functions in assembly do on x86-64;
            else r14 (x86-64) or x28 (arm64) has it already. The limit is 16 bytes behind it.
    """

    offset: int
    frame: int = 0
    huge: bool = False
    loads_g: bool = False


@frozen
class Seen:
    """How a probe sees a function.

    Attributes:
        stack_check: see ``Place``.
        returns: see ``Place``.
        goroutine: see ``Place``.
        notes: what a reader should know of the function.
    """

    stack_check: StackCheck | None
    returns: tuple[int, ...]
    goroutine: bool
    notes: tuple[str, ...]
