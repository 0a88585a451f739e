"""Functions that were looked for in a binary."""

from __future__ import annotations

from tracekit.values import frozen


@frozen
class FoundFunction:
    """A function that was looked for.

    Attributes:
        name: as the source has it, with its scopes and without template arguments and parameters.
        symbol: its name in the symbol table; empty if it has none.
        address: the virtual address of its first instruction; None if it has no code in this binary.
        size: bytes of its code; 0 if that isn't known.
        kind: what it is: ``function``, ``clone``, ``ifunc``, ``no symbol``, ``inlined``, ``part``, ``thunk`` or
            ``imported``.
        traceable: whether a probe on it sees calls.
        why: why not, or what to know before; empty if there is nothing to say.
        inlined: how many further copies stand inside other functions, as far as the debug information tells.
        signature: its declaration, as its language writes it.
        language: what it is written in; empty if that isn't known.
        file: its source file's path as the compiler was given it; empty if not known.
        line: the line there; 0 if not known.
    """

    name: str
    symbol: str
    address: int | None
    size: int
    kind: str
    traceable: bool
    why: str
    inlined: int
    signature: str
    language: str
    file: str
    line: int


@frozen
class FoundFunctions:
    """What was found in a binary.

    Attributes:
        binary: its name.
        build_id: what it says of itself; perhaps empty.
        architecture: what it runs on, in the words of ``uname``.
        functions: the best ones, the likeliest first.
        matched: how many there are altogether.
        notes: what a reader should know.
    """

    binary: str
    build_id: str
    architecture: str
    functions: tuple[FoundFunction, ...]
    matched: int
    notes: tuple[str, ...] = ()
