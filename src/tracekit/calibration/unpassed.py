"""What of an argument isn't there at the entry, since the function never reads it.

An optimiser that sees a function and its callers lets these leave out what isn't used, whoever else calls it;
and Go forgets it when a goroutine's stack grows. See ``symbols.usage`` and ``symbols.golang``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from tracekit.core.calibration import Argument, Known
from tracekit.core.location import Behind, InRegister, InVector, Location, OnStack, Piece, part
from tracekit.core.signature import Parameter
from tracekit.symbols.usage import EVERYTHING, Usage
from tracekit.values import frozen

REMEDY: Final = (
    "Calibrate it with gdb on a run of the program ('tracekit calibrate' with --expect NAME=VALUE), or build "
    "it with less optimisation, or so that other files can name the function."
)
"""What settles where an argument is that is refused."""

_UNUSED: Final = (
    "the debug information has no place for it, so the function doesn't use it, and LLVM then passes anything"
)
_NEVER_READ: Final = "the function's code never reads it, so that its callers needn't have written it"
_NOT_KEPT: Final = "the function's code never reads it, so that it may be lost when the goroutine's stack grows"


@frozen
class Build:
    """How a function was compiled.

    Attributes:
        llvm: whether LLVM's optimisers saw it.
        optimised: whether any optimiser did; None if the debug information doesn't tell.
        forgets: whether the debug information may lack a parameter that takes a place, unnoticed.
        clone: whether its symbol is that of a copy which an optimiser made for some callers.
        reads: what its code reads.
        behind: the bytes that it reads behind pointers, as ``pointed.read_through`` tells; None where that
            doesn't matter.
    """

    llvm: bool = False
    optimised: bool | None = None
    forgets: bool = False
    clone: bool = False
    reads: Usage = EVERYTHING
    behind: Mapping[InRegister | OnStack, Sequence[range]] | None = None


def unused(parameter: Parameter, where: Sequence[Piece], offset: int, build: Build) -> str:
    """Why some bytes of an argument may not have been passed, which the debug information has no place for.

    Args:
        parameter: the argument.
        where: the bytes' places by the convention.
        offset: bytes from the argument's start to them.
        build: how the function was compiled.

    Returns:
        A reason; empty if they were passed.
    """
    if not build.llvm or build.optimised is False:
        return ""
    gone = parameter.gone if parameter.pieces is None else part(parameter.pieces, offset, 1) is None
    if gone:
        # clang leaves some out that it uses, such as complex numbers.
        return "" if all(_is_read_for_sure(p, build.reads) for p in where) else _UNUSED
    return "" if all(_may_be_read(p, build.reads) for p in where) else _NEVER_READ


def _may_be_read(piece: Piece, reads: Usage) -> bool:
    match piece.location:
        case InRegister(name):
            return reads.reads_register(name)
        case OnStack(offset):
            return reads.stack().may_read(offset, piece.size)
        case _:
            return True


def _is_read_for_sure(piece: Piece, reads: Usage) -> bool:
    match piece.location:
        case InRegister(name) | InVector(name) | Behind(InRegister(name)):
            return name in reads.certain
        case OnStack(offset):
            return reads.stack().surely_reads(offset, piece.size)
        case Behind(OnStack(slot)):
            return reads.stack().surely_reads(slot, 8)
        case _:
            return False


def written(argument: Argument, build: Build) -> Argument:
    """An argument without what callers needn't have written to memory, as the function never reads it."""
    if build.optimised is False:
        return argument
    argument = _only(argument, lambda location: _is_read(location, argument, build), _NEVER_READ)
    if build.behind is None:
        return argument
    left = tuple(one for known in argument.known for one in _looked_at(known, build.behind))
    whole = left == argument.known
    return argument if whole else attrs.evolve(argument, known=left, reason=_NEVER_READ, remedy=REMEDY)


def _looked_at(known: Known, behind: Mapping[InRegister | OnStack, Sequence[range]]) -> Iterator[Known]:
    """What a function reads of a part of an argument."""
    piece = known.piece
    match piece.location:
        case Behind(pointer, first) if pointer in behind:
            for read in _merged(behind[pointer]):
                start, end = max(read.start, first), min(read.stop, first + piece.size)
                if start < end:
                    location = Behind(pointer, start)
                    part_ = Piece(piece.offset + start - first, end - start, location)
                    yield attrs.evolve(known, piece=part_)
        case _:
            yield known


def _merged(ranges: Sequence[range]) -> list[range]:
    """Ranges without those that touch others."""
    found: list[range] = []
    for one in sorted(ranges, key=lambda r: (r.start, r.stop)):
        if found and one.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, one.stop))
        else:
            found.append(one)
    return found


def kept(argument: Argument, build: Build) -> Argument:
    """An argument of Go's without what is lost when the stack grows."""

    def is_kept(location: Location) -> bool:
        match location:
            case InRegister(name) | InVector(name):
                return build.reads.reads_register(name)
            case _:
                return True

    return _only(argument, is_kept, _NOT_KEPT)


def _only(argument: Argument, good: Callable[[Location], bool], reason: str) -> Argument:
    if all(good(k.piece.location) for k in argument.known):
        return argument
    left = tuple(k for k in argument.known if good(k.piece.location))
    return attrs.evolve(argument, known=left, reason=reason, remedy=REMEDY)


def _is_read(location: Location, argument: Argument, build: Build) -> bool:
    match location:
        case Behind(InRegister(name)):
            return build.reads.reads_register(name)
        case Behind(OnStack(slot)):
            return build.reads.stack().may_read(slot, 8)
        case OnStack() if build.llvm:
            # A struct that is copied for the call is written as a whole, or not at all.
            places = [k.piece for k in argument.known if isinstance(k.piece.location, OnStack)]
            return any(build.reads.stack().may_read(_offset(p), p.size) for p in places)
        case _:
            return True


def _offset(piece: Piece) -> int:
    assert isinstance(piece.location, OnStack)
    return piece.location.offset
