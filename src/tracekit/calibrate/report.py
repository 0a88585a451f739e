"""A calibration as rows for a person: each scalar of each argument, where it is, and what was seen of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from tracekit.calibrate.leaves import Leaf, leaves
from tracekit.calibrate.samples import Samples
from tracekit.calibrate.words import place_in_words
from tracekit.core.arch import Architecture, architecture
from tracekit.core.calibration import Argument, Calibration, Verdict, worst
from tracekit.core.location import InRegister, OnStack, Piece, part
from tracekit.core.signature import Language


@attrs.frozen
class Row:
    """A scalar of an argument or of a result.

    Attributes:
        name: its path in the source, such as ``value.len``; ``retval`` for a result without a name.
        type: its type in the source.
        place: where it is, in words; empty if it was refused.
        bpftrace: what reads it in bpftrace's language; empty if nothing does.
        dtrace: what reads it in D; empty if nothing does.
        seen: what values it had, in words; empty if nothing was run.
        verdict: how well its place is known.
        at_return: whether it is a result, there when the function returns.
    """

    name: str
    type: str
    place: str
    bpftrace: str
    dtrace: str
    seen: str
    verdict: Verdict
    at_return: bool = False


def rows(calibration: Calibration, samples: Samples | None = None) -> tuple[Row, ...]:
    """The rows of a function.

    Args:
        calibration: what is known of it.
        samples: what was seen; None if nothing was run.
    """
    arch = architecture(calibration.architecture)
    results = calibration.results
    if len(results) == 1 and not results[0].name:
        results = (attrs.evolve(results[0], name="retval"),)
    return (
        *(row for a in calibration.arguments for row in _rows(calibration, a, arch, samples, at_return=False)),
        *(row for r in results for row in _rows(calibration, r, arch, None, at_return=True)),
    )


def _rows(
    calibration: Calibration,
    argument: Argument,
    arch: Architecture,
    samples: Samples | None,
    *,
    at_return: bool,
) -> Iterator[Row]:
    types = calibration.types
    found = leaves(argument, types)
    if not argument.known or not found:
        verdict = Verdict.REFUSED if argument.reason or found else Verdict.GOOD
        yield Row(argument.name, types.spelled(argument.type), "", "", "", "", verdict, at_return)
        return
    c_arguments = calibration.language is not Language.GO and not at_return
    for leaf in found:
        pieces = part([k.piece for k in argument.known], leaf.offset, leaf.size)
        own = [
            k for k in argument.known if k.piece.offset < leaf.offset + leaf.size and k.piece.end > leaf.offset
        ]
        if pieces is None:
            yield Row(leaf.path, types.spelled(leaf.type), "", "", "", "", Verdict.REFUSED, at_return)
            continue
        yield Row(
            name=leaf.path,
            type=types.spelled(leaf.type) + (f" : {leaf.bits}" if leaf.bits % 8 else ""),
            place=" and ".join(place_in_words(p, arch, c_arguments=False) for p in pieces),
            bpftrace=_bpftrace(pieces, arch, c_arguments=c_arguments),
            dtrace=_dtrace(pieces, arch, c_arguments=c_arguments),
            seen="" if samples is None else _seen(leaf, argument, samples),
            verdict=worst(k.verdict for k in own),
            at_return=at_return,
        )


def _bpftrace(pieces: Sequence[Piece], arch: Architecture, *, c_arguments: bool) -> str:
    match pieces:
        case [Piece(location=InRegister(name))] if c_arguments and name in arch.arguments:
            return f"arg{arch.arguments.index(name)}"
        case [Piece(location=InRegister(name))]:
            return f'reg("{arch.register(name)}")'
        case [Piece(location=OnStack(offset))]:
            return f'*(uint64 *)(reg("{arch.register(arch.stack_pointer)}") + {offset})'
        case _:
            return ""


def _dtrace(pieces: Sequence[Piece], arch: Architecture, *, c_arguments: bool) -> str:
    match pieces:
        case [Piece(location=InRegister(name))] if c_arguments and name in arch.arguments:
            return f"arg{arch.arguments.index(name)}"
        case [Piece(location=InRegister(name))]:
            return f"uregs[R_{name.upper()}]"
        case [Piece(location=OnStack(offset))] if c_arguments and not (offset - arch.stack_arguments) % 8:
            index = len(arch.arguments) + (offset - arch.stack_arguments) // 8
            return f"arg{index}" if index < 10 else ""
        case _:
            return ""


def _seen(leaf: Leaf, argument: Argument, samples: Samples) -> str:
    pieces = [k.piece for k in argument.known]
    raw = [r for hit in samples.hits if (r := leaf.raw_at(hit, pieces)) is not None]
    numbers = [n for r in raw if (n := leaf.number(r)) is not None]
    if not numbers:
        return ""
    low, high, distinct = min(numbers), max(numbers), len(set(numbers))
    if "*" in argument.name or low == high:
        return f"always {_shown(low)}"
    return f"{_shown(low)} to {_shown(high)}, {distinct} distinct"


def _shown(number: float) -> str:
    if isinstance(number, int) and number >= 1 << 32:
        return f"{number:#x}"
    return f"{number:g}" if isinstance(number, float) else str(number)
