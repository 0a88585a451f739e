"""A calibration as rows for a person: each scalar of each argument, where it is, and what was seen of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import attrs

from tracekit.calibration.inscript import in_bpftrace, in_dtrace
from tracekit.calibration.leaves import Leaf, leaves
from tracekit.calibration.samples import Samples
from tracekit.calibration.words import place_in_words
from tracekit.core.arch import Architecture, architecture
from tracekit.core.calibration import Argument, Calibration
from tracekit.core.location import part
from tracekit.core.signature import Language
from tracekit.core.source import Encoding
from tracekit.core.verdict import Verdict, worst
from tracekit.values import frozen

_MANY = 5
"""Elements of an array that are shown as one."""


@frozen
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
        is_float: whether it is a float, which neither of them reads, and gdb does.
    """

    name: str
    type: str
    place: str
    bpftrace: str
    dtrace: str
    seen: str
    verdict: Verdict
    at_return: bool = False
    is_float: bool = False


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


def shortened(listed: Iterable[Row]) -> Iterator[Row]:
    """Rows for reading: those of an array's many elements as one."""

    def kind(row: Row) -> tuple[str, str, str, Verdict, bool]:
        before, _, behind = row.name.rpartition("[")
        return before, behind.partition("]")[2], row.type, row.verdict, row.at_return

    for (array, end, *_), group in itertools.groupby(listed, kind):
        found = list(group)
        if not array or len(found) < _MANY:
            yield from found
            continue
        first, last = (row.name[len(array) + 1 :].partition("]")[0] for row in (found[0], found[-1]))
        yield attrs.evolve(
            found[0],
            name=f"{array}[{first}…{last}]{end}",
            place=f"{found[0].place} to {found[-1].place.removeprefix('the stack at ')}"
            if found[0].place
            else "",
            bpftrace="",
            dtrace="",
            seen="",
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
            bpftrace=in_bpftrace(leaf, pieces, arch, c_arguments=c_arguments),
            dtrace=in_dtrace(leaf, pieces, arch, c_arguments=c_arguments),
            seen="" if samples is None else _seen(leaf, argument, samples),
            verdict=worst(k.verdict for k in own),
            at_return=at_return,
            is_float=leaf.encoding is Encoding.FLOAT and leaf.bits in (32, 64),
        )


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
