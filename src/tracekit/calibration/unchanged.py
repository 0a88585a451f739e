"""Which arguments of a function are passed by its convention, though its compiler may call it in another way.

LLVM takes arguments of a function away that no other file can name, and passes what a pointer points at instead
of the pointer (``DeadArgumentElimination``, ``ArgumentPromotion``). Neither leaves a mark, but what the debug
information has for other arguments, and what the code reads, can show that it didn't.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tracekit.calibration.unpassed import Build
from tracekit.core.location import Behind, InRegister, InVector, OnStack, Piece, part
from tracekit.core.signature import Parameter
from tracekit.core.source import Pointer, Types
from tracekit.symbols.abi import Placed
from tracekit.symbols.dwarf.reasons import BELOW, BY_REGISTER

Believed = tuple[Parameter, Placed, tuple[Piece, ...] | None]
"""A parameter, its place by the convention, and what of the debug information's is believed."""

_RESULT: Final = frozenset({"rdi", "x8"})
"""Registers that may have the address of a large result, which no parameter is."""


def unchanged(believed: Sequence[Believed], types: Types, build: Build) -> list[bool]:
    """Whether the convention holds for each parameter of such a function.

    Args:
        believed: its parameters.
        types: their types.
        build: how it was compiled.
    """
    if _reads_all(believed, types, build):
        return [True] * len(believed)
    kept: set[type] = set()
    found = []
    for parameter, rule, said in reversed(believed):
        kinds = {type(p.location) for p in rule.pieces or ()}
        # One that is taken away moves all later ones that would be in registers of its kind. And one that is
        # said to have a home in the frame wasn't replaced by what it points at.
        at_home = parameter.unusable in (BY_REGISTER, BELOW)
        found.append(bool(kinds) and kinds <= kept and at_home)
        for _, where, rule_where in aligned(said, rule.pieces):
            if where is not None and where == rule_where:
                kept |= {type(p.location) for p in where} & {InRegister, InVector}
    return found[::-1]


def _reads_all(believed: Sequence[Believed], types: Types, build: Build) -> bool:
    """Whether a function reads the registers of all of its parameters, and no others that may have arguments.

    With fewer parameters it would read fewer; with what a pointer points at, maybe as many, so that pointers
    have to be where both sides say.
    """
    used: set[str] = set()
    for parameter, rule, said in believed:
        if rule.pieces is None:
            return False
        locations = [p.location for p in rule.pieces]
        in_memory = any(isinstance(one, OnStack | Behind) for one in locations)
        pointer = isinstance(types.resolved(parameter.type), Pointer)
        if (pointer or in_memory) and said != rule.pieces:
            return False
        for one in locations:
            at = one.pointer if isinstance(one, Behind) else one
            if isinstance(at, InRegister | InVector):
                used.add(at.name)
    return used <= build.reads.certain and build.reads.certain - used <= _RESULT


def aligned(
    said: Sequence[Piece] | None, ruled: Sequence[Piece] | None
) -> Iterator[tuple[int, tuple[Piece, ...] | None, tuple[Piece, ...] | None]]:
    """The stretches of a value in which neither side changes its place.

    Yields:
        Where a stretch begins, and its pieces by either side, None if that side has none.
    """
    both = (*(said or ()), *(ruled or ()))
    bounds = sorted({bound for p in both for bound in (p.offset, p.end)})
    for start, end in pairwise(bounds):
        where, rule_where = (part(pieces or (), start, end - start) for pieces in (said, ruled))
        if where or rule_where:
            yield start, where, rule_where
