"""What a binary's debug information says of a function: its name, parameters and types."""

from __future__ import annotations

import enum

from tracekit.core.location import Piece
from tracekit.core.source import TypeId, Types
from tracekit.values import frozen


class Language(enum.Enum):
    """The languages whose calling conventions are known."""

    C = "C"
    CXX = "C++"
    RUST = "Rust"
    GO = "Go"
    OTHER = "another language"


@frozen
class Home:
    """Where the debug information has a parameter once its function has set up its frame.

    Attributes:
        register: the register that the place is counted from, such as ``rbp``; empty for what the stack pointer
            held at the entry.
        offset: bytes from where it points to the place.
        pointer: whether a pointer to the value is there.
    """

    register: str
    offset: int
    pointer: bool = False


@frozen
class Parameter:
    """A parameter of a function, or a result.

    Attributes:
        name: as in the source; empty if it has none there.
        type: its type.
        artificial: whether the compiler added it: C++'s ``this``, Go's ``.dict``.
        pieces: where the debug information says that it is at the entry; None if it says nothing that can
            be used.
        unusable: why not; empty if it can be.
        gone: whether it says that at the entry there is no such thing: an optimiser has removed it, or knows
            its value.
        home: where it has the parameter later, if that is in its frame or its caller's.
    """

    name: str
    type: TypeId
    artificial: bool = False
    pieces: tuple[Piece, ...] | None = None
    unusable: str = ""
    gone: bool = False
    home: Home | None = None


@frozen
class Signature:
    """A function as its source declares it.

    Attributes:
        name: its qualified name in the source: ``Cache::insert``, ``main.(*Cache).Insert``.
        symbol: its name in the symbol table.
        address: the virtual address of its first instruction, in its binary's own numbering.
        language: what it is written in.
        types: all types that its parameters and results reach.
        parameters: in order, those that the compiler added too; ``this`` is one.
        result: the type of what it returns; None for nothing. Of a Go function with several results, None.
        results: of a Go function, its results in order.
        variadic: whether it takes further arguments that have no names.
        local: whether other files can't name it, so that its compiler may change how it is called.
        nocall: whether its compiler says that it isn't called by the rules (``DW_AT_calling_convention`` 3);
            None if it wouldn't say so of this function if it were.
        file: the source file's path as the compiler was given it; empty if not known.
        line: the line of its declaration there; 0 if not known.
        producer: the compiler's own words for itself and its options; empty if not known.
        inlined: how many further copies of it stand inside other functions, as far as was looked; no probe
            sees those.
    """

    name: str
    symbol: str
    address: int
    language: Language
    types: Types
    parameters: tuple[Parameter, ...] = ()
    result: TypeId | None = None
    results: tuple[Parameter, ...] = ()
    variadic: bool = False
    local: bool = False
    nocall: bool | None = None
    file: str = ""
    line: int = 0
    producer: str = ""
    inlined: int = 0
