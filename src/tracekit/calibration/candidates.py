"""The registers that a value could be in, and the search in them when no debug information names any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tracekit.calibration.expect import Expectation, fits, telling
from tracekit.calibration.samples import Hit, value_at
from tracekit.core.arch import Architecture
from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import InRegister, InVector, Piece
from tracekit.core.signature import Language
from tracekit.core.source import Base, Encoding, TypeId, Types
from tracekit.core.verdict import Verdict
from tracekit.values import frozen

_REMEDY: Final = (
    "Sample more entries (--hits) or a run with more varied data, expect values that are rarer, or look at "
    "--registers."
)


@frozen
class Candidate:
    """A part of a register in which an argument can be.

    Attributes:
        name: the register.
        location: where in it.
        size: how many bytes.
    """

    name: str
    location: InRegister | InVector
    size: int

    def raw(self, hit: Hit) -> int | None:
        """What it had at an entry, as an unsigned number; None if it wasn't seen."""
        data = value_at(hit, (Piece(0, self.size, self.location),), self.size)
        return None if data is None else int.from_bytes(data, "little")


def candidates(arch: Architecture, language: Language, encoding: Encoding, size: int) -> tuple[Candidate, ...]:
    """Where a scalar can be, if it is in a register of an argument.

    Two scalars of four bytes can share one, so both halves count.

    Args:
        arch: whose registers.
        language: whose convention.
        encoding: what the scalar's bits mean: floats have registers of their own.
        size: how many bytes it has.
    """
    go = language is Language.GO
    if encoding in (Encoding.FLOAT, Encoding.COMPLEX):
        names = arch.go_vectors if go else arch.vectors
        return tuple(Candidate(name, InVector(name), size) for name in names)
    names = arch.go_integers if go else arch.arguments
    shifts = (0, 4) if size == 4 else (0,) if size <= 8 else ()
    return tuple(Candidate(name, InRegister(name, shift), size) for name in names for shift in shifts)


def find_unnamed(
    calibration: Calibration,
    arch: Architecture,
    hits: Sequence[Hit],
    wanted: Mapping[str, Sequence[Expectation]],
) -> tuple[Types, tuple[Argument, ...]]:
    """An argument for each name that is expected, in the register that alone had its values.

    Args:
        calibration: of the function, without arguments.
        arch: whose registers.
        hits: what was seen.
        wanted: what is expected, by name.

    Returns:
        The types of the arguments, and the arguments; those whose register isn't unique are refused.
    """
    table = {**calibration.types.table, **{_first(calibration.types) + n: t for n, t in enumerate(_TYPES)}}
    first = _first(calibration.types)
    return Types(table), tuple(
        _find(name, expected, calibration.language, arch, hits, first) for name, expected in wanted.items()
    )


_TYPES: Final = (
    Base("uint64_t", 8, Encoding.UNSIGNED),
    Base("int64_t", 8, Encoding.SIGNED),
    Base("uint32_t", 4, Encoding.UNSIGNED),
    Base("int32_t", 4, Encoding.SIGNED),
)
"""How a register is looked at, in this order: what matches at full width isn't looked for in halves."""


def _first(types: Types) -> TypeId:
    return max(types.table, default=0) + 1


def _find(
    name: str,
    expected: Sequence[Expectation],
    language: Language,
    arch: Architecture,
    hits: Sequence[Hit],
    first: TypeId,
) -> Argument:
    wanted = " or ".join(map(str, expected))
    if not hits:
        return _refused(name, first, "the function was not entered")
    for size in (8, 4):
        matching = [
            (candidate, first + index)
            for candidate in candidates(arch, language, Encoding.UNSIGNED, size)
            for index, type_ in enumerate(_TYPES)
            if type_.size == size and all(_has(candidate, type_, hit, expected) for hit in hits)
        ]
        found = dict(reversed(matching))  # of both signs the first: it is unsigned unless that doesn't match
        if len(found) > 1:
            names = ", ".join(dict.fromkeys(c.name for c, _ in matching))
            return _refused(name, first, f"{names} all had {wanted} at {_count(hits)}")
        for candidate, type_id in found.items():
            values = {candidate.raw(hit) or 0 for hit in hits}
            part = {(8, 0): "", (4, 0): "the low half of "}.get(
                (size, candidate.location.shift), "the high half of "
            )
            where = f"{part}{candidate.name}{_argument_number(candidate.name, language, arch)}"
            if not telling(values):
                always = f"always {min(values)}: not enough variety"
                return _refused(name, first, f"only {where} had {wanted} at {_count(hits)}, but it is {always}")
            variety = f"{len(values)} distinct values" if len(values) > 1 else f"always {min(values)}"
            sentence = (
                f"{name} = {where}: {_count(hits)}, {variety}, as {wanted} says; no other register matched"
            )
            piece = Piece(0, size, candidate.location)
            return Argument(name, type_id, (Known(piece, Verdict.VERIFIED, (sentence,)),))
    return _refused(name, first, f"no register of an argument had {wanted} at {_count(hits)}")


def _has(candidate: Candidate, type_: Base, hit: Hit, expected: Sequence[Expectation]) -> bool:
    raw = candidate.raw(hit)
    if raw is None:
        return False
    bits = 8 * type_.size
    return fits(raw - (raw >> bits - 1 << bits) if type_.encoding is Encoding.SIGNED else raw, expected)


def _refused(name: str, type_: TypeId, reason: str) -> Argument:
    return Argument(name, type_, reason=reason, remedy=_REMEDY)


def _count(hits: Sequence[Hit]) -> str:
    return f"{len(hits)} of {len(hits)} hits"


def _argument_number(name: str, language: Language, arch: Architecture) -> str:
    known = language is not Language.GO and name in arch.arguments
    return f" (arg{arch.arguments.index(name)})" if known else ""
