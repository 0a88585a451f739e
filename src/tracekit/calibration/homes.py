"""What places later in a function tell of its entry: an argument's home in the caller's frame, or in its own.

Compilers that count places from a register (LLVM's) describe arguments as of after the prologue. What is in
the caller's frame was passed there: LLVM never moves it. What is in the function's own frame was copied there,
and only without optimisation can it be told from where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from tracekit.core.location import Behind, OnStack, Piece, part
from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.source import Array, Passing, Record
from tracekit.symbols.abi import Placed

_LARGEST_IN_REGISTERS = 16
"""Bytes of the largest record that isn't passed as a pointer on arm64, but for those of floats alone."""

_LARGEST_COERCED = 8
"""Bytes of the largest record that clang passes on the stack as if it were a number, and copies to a home."""


def from_entry(signature: Signature, bases: Mapping[str, int], first: int, *, optimised: bool) -> Signature:
    """A signature whose parameters that have a home in the caller's frame have it at the entry, too.

    Args:
        signature: what the debug information says.
        bases: what its code counts places from, as in ``usage.Usage``.
        first: bytes from the stack pointer, at the entry, to the first argument that can be on the stack.
        optimised: whether the function was compiled with optimisation, or may have been. Then what is passed as
            a pointer is said to be where that pointer is (clang 14 to 21).
    """
    in_c = signature.language is Language.C
    # On arm64, LLVM describes copies so, too; and the pointers that it passes for large records (clang 14).
    at_risk = not {"sp", "x29"}.isdisjoint(bases)

    def moved(one: Parameter) -> Parameter:
        at, size = _at(one, bases), signature.types.size(one.type)
        kind = signature.types.resolved(one.type)
        by_value = (
            in_c
            or not isinstance(kind, Array | Record)
            or (isinstance(kind, Record) and kind.passing is Passing.VALUE)
        )
        if at is None or at < first or size <= 0 or (one.home and one.home.pointer):
            return one
        large = isinstance(kind, Array | Record) and size > _LARGEST_IN_REGISTERS
        if (optimised and (at_risk or not by_value)) or (at_risk and (large or not by_value)):
            return one
        return attrs.evolve(one, pieces=(Piece(0, size, OnStack(at)),), unusable="", home=None)

    return attrs.evolve(signature, parameters=tuple(map(moved, signature.parameters)))


def fits(signature: Signature, *, optimised: bool) -> Callable[[Sequence[Placed]], bool]:
    """Tells whether places by a calling convention go with what the debug information says.

    Args:
        signature: what the debug information says, as of the entry.
        optimised: whether the function was compiled with optimisation, or may have been.
    """

    def fit(placed: Sequence[Placed]) -> bool:
        return all(
            _fits(one, rule, signature, optimised)
            for one, rule in zip(signature.parameters, placed, strict=True)
        )

    return fit


def _fits(parameter: Parameter, rule: Placed, signature: Signature, optimised: bool) -> bool:
    if rule.pieces is None:
        return True
    for said in parameter.pieces or ():
        ruled = part(rule.pieces, said.offset, said.size)
        if ruled is not None and ruled != (Piece(0, said.size, said.location),):
            return False
    if optimised or parameter.home is None:
        return True
    if parameter.home.pointer:
        return any(isinstance(p.location, Behind) for p in rule.pieces)
    if any(isinstance(p.location, Behind) for p in rule.pieces):
        return False
    kind = signature.types.resolved(parameter.type)
    in_c = signature.language in (Language.C, Language.CXX)
    return not (
        in_c
        and isinstance(kind, Record)
        and kind.size > _LARGEST_COERCED
        and any(isinstance(p.location, OnStack) for p in rule.pieces)
    )


def _at(parameter: Parameter, bases: Mapping[str, int]) -> int | None:
    """Bytes from the stack pointer at the entry to a parameter's home."""
    home = parameter.home
    if home is None:
        return None
    base = bases.get(home.register) if home.register else 0
    return None if base is None else base + home.offset
