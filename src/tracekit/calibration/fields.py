"""The arguments of a function with their fields, and those of what they point at: what a program can name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from tracekit.calibration.leaves import Leaf, leaves
from tracekit.calibration.words import place_in_words
from tracekit.core.arch import Architecture, architecture
from tracekit.core.calibration import Argument, Calibration
from tracekit.core.location import Behind, InRegister, OnStack, Piece, part
from tracekit.core.signature import Language
from tracekit.core.source import Function as FunctionType
from tracekit.core.source import Pointer, PointerKind, Record, Void
from tracekit.core.verdict import Verdict, worst
from tracekit.values import frozen


@frozen
class Field:
    """An argument or result, or a part of one, or of what a pointer in it points at.

    Attributes:
        path: what a program calls it.
        type: its type in the source.
        offset: bytes from the start of the argument, or of what is pointed at, to its first byte.
        bits: how many it has; 0 if that isn't known.
        place: where it is, in words; empty if that isn't known.
        verdict: how well its place is known.
        level: 0 for an argument, 1 for a part of it, 2 for what is behind a pointer.
        at_return: whether it is a result, there when the function returns.
    """

    path: str
    type: str
    offset: int
    bits: int
    place: str
    verdict: Verdict
    level: int
    at_return: bool = False


def fields(calibration: Calibration) -> tuple[Field, ...]:
    """All that a program can name of a function; of large things the first parts."""
    reader = _Reader(calibration, architecture(calibration.architecture))
    results = calibration.results
    if len(results) == 1 and not results[0].name:
        results = (attrs.evolve(results[0], name="retval"),)
    return (
        *(field for argument in calibration.arguments for field in reader.fields(argument)),
        *(attrs.evolve(field, at_return=True) for result in results for field in reader.fields(result)),
    )


class _Reader:
    def __init__(self, calibration: Calibration, arch: Architecture) -> None:
        self._types = calibration.types
        self._arch = arch
        self._by_arrow = calibration.language in (Language.C, Language.CXX)

    def fields(self, argument: Argument) -> Iterator[Field]:
        types = self._types
        size = types.size(argument.type)
        pieces = [k.piece for k in argument.known]
        words = self._words(pieces)
        yield Field(argument.name, types.spelled(argument.type), 0, 8 * size, words, argument.verdict, 0)
        found = leaves(argument, types)
        for leaf in found:
            own = part(pieces, leaf.offset, leaf.size) if pieces else None
            verdict = _verdict(argument, leaf)
            if leaf.path != argument.name:
                place = self._words(own or ())
                type_ = types.spelled(leaf.type)
                yield Field(leaf.path, type_, leaf.offset, leaf.bits, place, verdict, 1)
            yield from self._behind(leaf, own or (), verdict)

    def _behind(self, leaf: Leaf, pieces: Sequence[Piece], verdict: Verdict) -> Iterator[Field]:
        """The fields of what a pointer points at; no further, since types are cyclic."""
        types = self._types
        pointer = types.resolved(leaf.type)
        if not isinstance(pointer, Pointer):
            return
        target = types.resolved(pointer.target)
        if isinstance(target, Void | FunctionType):
            return
        hidden = pointer.kind is not PointerKind.POINTER
        between = "->" if self._by_arrow and not hidden else "."
        for inner in leaves(Argument("", pointer.target), types):
            if isinstance(target, Record):
                path = f"{leaf.path}{between}{inner.path.removeprefix('.')}"
            elif hidden:
                path = f"{leaf.path}{inner.path}"
            else:
                path = f"*{leaf.path}{inner.path}"
            place = self._at(pieces, inner.offset)
            yield Field(path, types.spelled(inner.type), inner.offset, inner.bits, place, verdict, 2)

    def _at(self, pieces: Sequence[Piece], offset: int) -> str:
        match pieces:
            case [Piece(location=InRegister(shift=0) | OnStack() as pointer, size=8)]:
                piece = attrs.evolve(pieces[0], location=Behind(pointer, offset))
                return place_in_words(piece, self._arch, c_arguments=False)
            case []:
                return ""
            case _:
                return f"memory behind that, at +{offset}"

    def _words(self, pieces: Sequence[Piece]) -> str:
        return " and ".join(place_in_words(p, self._arch, c_arguments=False) for p in pieces)


def _verdict(argument: Argument, leaf: Leaf) -> Verdict:
    own = [k for k in argument.known if k.piece.offset < leaf.offset + leaf.size and k.piece.end > leaf.offset]
    return worst(k.verdict for k in own) if own else Verdict.REFUSED
