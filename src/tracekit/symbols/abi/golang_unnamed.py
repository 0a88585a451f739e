"""Go's parameters without a name, which the debug information of Go before 1.22 leaves out.

They take registers all the same: of ``func f(_ context.Context, n int)`` only ``n`` is listed, and it is in
RCX, not in RAX. Measured with Go 1.19 and 1.21, which leave them out, and 1.22 to 1.27, which list them as
``~p0``. Where the debug information says itself that a parameter is where the rules have it, none is missing
before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracekit.core.location import InRegister, InVector, OnStack, Piece, moved, part
from tracekit.core.signature import Parameter
from tracekit.symbols.abi.convention import Placed

FIRST_THAT_LISTS_ALL: Final = (1, 22)

_LEFT_OUT: Final = "Go before 1.22 leaves parameters without a name out of its debug information, and "
_REASON: Final = _LEFT_OUT + "nothing proves that there are none before this one."
_SOME: Final = _LEFT_OUT + "one before this one may be missing."


def only_proven(
    parameters: Sequence[Parameter], arguments: Sequence[Placed], results: Sequence[Placed]
) -> tuple[list[Placed], list[Placed]]:
    """What is left of the rules' answer where parameters may be missing from the list.

    Args:
        parameters: those that are listed.
        arguments: where the rules have them if those are all.
        results: where the rules have the results.
    """
    proven: set[type] = set()
    checked: list[Placed] = []
    for parameter, placed in reversed(list(zip(parameters, arguments, strict=True))):
        if _contradict(parameter.pieces or (), placed.pieces or ()):
            # On the stack the debug information itself is 8 bytes off at times: it proves nothing either way.
            checked.append(Placed(None, _SOME))
            continue
        kinds = _kinds(placed)
        if parameter.pieces:
            proven |= kinds
        checked.append(placed if kinds <= proven else Placed(None, _REASON))
    return checked[::-1], [_without_stack(r) for r in results]


def _contradict(told: Sequence[Piece], ruled: Sequence[Piece]) -> bool:
    """Whether two accounts of where a value is differ.

    Go's offsets of pieces leave padding out, so that they are compared one by one if there are as many.
    """
    if len(told) == len(ruled):
        return any(one.location != other.location for one, other in zip(told, ruled, strict=True))
    for piece in told:
        for at in (piece.offset, piece.end - 1):
            other = part(ruled, at, 1)
            if other and other[0].location != moved(piece.location, at - piece.offset):
                return True
    return False


def _kinds(placed: Placed) -> set[type]:
    """Which kinds of places a value is in; each kind is handed out by itself."""
    kinds = (InRegister, InVector, OnStack)
    return {type(p.location) for p in placed.pieces or () if isinstance(p.location, kinds)}


def _without_stack(result: Placed) -> Placed:
    """Results on the stack are behind all arguments there."""
    return Placed(None, _REASON) if OnStack in _kinds(result) else result
