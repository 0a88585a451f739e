"""What is known of where a function's arguments are when it is entered, and how well."""

from __future__ import annotations

from tracekit.core.location import Piece
from tracekit.core.signature import Language
from tracekit.core.source import TypeId, Types
from tracekit.core.verdict import Verdict, worst
from tracekit.values import frozen


@frozen
class Known:
    """A part of a value with what is known of its location.

    Attributes:
        piece: which part, and where it is.
        verdict: how well that is known.
        evidence: what says so, a sentence for each source.
    """

    piece: Piece
    verdict: Verdict
    evidence: tuple[str, ...] = ()


@frozen
class Argument:
    """An argument of a function, or a result.

    Attributes:
        name: as in the source; empty if it has none.
        type: its type.
        known: its parts; empty if it was refused as a whole.
        reason: why it was refused, or some part of it; empty if nothing was.
        remedy: what would settle it.
        artificial: whether the compiler added it, as C++'s ``this``.
    """

    name: str
    type: TypeId
    known: tuple[Known, ...] = ()
    reason: str = ""
    remedy: str = ""
    artificial: bool = False

    @property
    def verdict(self) -> Verdict:
        """The worst of its parts."""
        return worst(k.verdict for k in self.known) if self.known else Verdict.REFUSED


@frozen
class Calibration:
    """Where the arguments of one function of one binary are at its entry, and its results at its return.

    Attributes:
        build_id: the binary's, or ``sha256:…`` of its code if it has none.
        architecture: as ``uname -m`` has it.
        symbol: the function's name in the symbol table; for an address without a name, that address.
        address: the virtual address of its entry, in the binary's own numbering.
        name: its name in the source.
        language: what it is written in.
        types: the types of its arguments and results.
        arguments: in the source's order.
        results: what it returns: one, or several in Go.
        file: where its source is; empty if not known.
        line: the line there; 0 if not known.
        warnings: what a reader should know: inlined copies, folded functions, a variable number of arguments.
        tools: what found it out, with versions.
    """

    build_id: str
    architecture: str
    symbol: str
    address: int
    name: str
    language: Language
    types: Types
    arguments: tuple[Argument, ...] = ()
    results: tuple[Argument, ...] = ()
    file: str = ""
    line: int = 0
    warnings: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()

    def argument(self, name: str) -> Argument | None:
        """The argument of that name; None if there is none."""
        return next((a for a in self.arguments if a.name == name), None)
