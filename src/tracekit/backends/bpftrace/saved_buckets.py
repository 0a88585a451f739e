"""Rows of printed histograms as buckets of a scheme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from tracekit.backends.bpftrace.saved_model import SATURATED, Row, refused
from tracekit.core.buckets import MAX_LOG_BITS, Linear, Log2, Range, Scheme
from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.result import Loss, LossKind
from tracekit.values import define

_SIGN: Final = 1 << 63

_FOLDED: Final = {
    True: "from 2**63 on",
    False: "below 0",
    None: "below 0 or, if unsigned, from 2**63 on",
}
"""What is in the row ``(..., 0)`` of ``hist()``, by whether values are unsigned."""

_SATURATED: Final = "from 2**31 on"
"""What is in the last row of ``hist()`` before 0.20."""

_MOST_BUCKETS: Final = 1000
"""bpftrace refuses an ``lhist()`` with more (``lhist() too many buckets``)."""

_HINT: Final = "Give the program that made this output, and no other; or none."


@define
class Division:
    """How the rows of one map become buckets.

    bpftrace's ``hist()`` has one row for all negative values, and before 0.20 one for all from 2**31 on. Those
    are no buckets of the scheme: such values count, but are in no bucket.

    Attributes:
        name: the map's name without ``@``.
        scheme: the buckets.
        unsigned: whether values are of type uint64; None if that isn't known.
        saturates: whether ``hist()`` is that of bpftrace before 0.20; None if that can't be told.
        undivided: how many values were in rows that are no buckets, up to now, by where those rows are.
    """

    name: str
    scheme: Scheme
    unsigned: bool | None = None
    saturates: bool | None = False
    undivided: dict[str, int] = attrs.field(factory=dict)
    _places: dict[tuple[int | None, int | None], Range | str | None] = attrs.field(factory=dict, init=False)

    def histogram(self, rows: Sequence[Row]) -> Histogram:
        """The histogram of one key.

        Raises:
            EngineError: if a row isn't one of the scheme's buckets, or is there twice.
        """
        counts: dict[Range, int] = {}
        seen: set[tuple[int | None, int | None]] = set()
        for lo, hi, number in rows:
            bounds = lo, hi
            if bounds not in self._places:
                self._places[bounds] = self._undivided(lo, hi) or self._bucket(lo, hi)
            place = self._places[bounds]
            if place is None or bounds in seen:
                raise refused(
                    f"@{self.name} has the row {_shown(lo, hi)}, which is no bucket of "
                    f"{described(self.scheme)}, or is there twice",
                    _HINT,
                )
            seen.add(bounds)
            if isinstance(place, str):
                self.undivided[place] = self.undivided.get(place, 0) + number
            else:
                counts[place] = counts.get(place, 0) + number
        return Histogram(
            scheme=self.scheme,
            buckets=tuple(Bucket(r.lo, r.hi, n) for r, n in counts.items() if n),
            count=sum(row.number for row in rows),
        )

    def _undivided(self, lo: int | None, hi: int | None) -> str:
        """Where a row is that ``hist()`` has for values of several buckets; the empty string for others."""
        if not isinstance(self.scheme, Log2):
            return ""
        plain = self.scheme == Log2()
        if lo is None and hi == 0 and not (self.unsigned and plain):
            return _FOLDED[self.unsigned]
        last = (lo, hi) == (SATURATED, 2 * SATURATED) and plain
        return _SATURATED if last and self.saturates is not False else ""

    def _bucket(self, lo: int | None, hi: int | None) -> Range | None:
        """The bucket that a row is; None if it is none."""
        scheme = self.scheme
        if isinstance(scheme, Linear) and lo is None:
            # bpftrace compares as signed numbers: of unsigned ones, those from 2**63 on are below 0.
            above = self.unsigned and scheme.lo == 0
            return (Range(scheme.top, None) if above else Range(None, hi)) if hi == scheme.lo else None
        if isinstance(scheme, Linear) and hi is None:
            # 0.17 and 0.23 print the upper bound of the range here, though the last whole step ends it.
            return Range(scheme.top, None) if lo in (scheme.hi, scheme.top) else None
        if lo is None:
            return scheme.bucket(_SIGN) if self.unsigned and hi == 0 else None
        bucket = scheme.bucket(lo)
        return bucket if bucket == Range(lo, hi) else None

    def losses(self) -> Iterable[Loss]:
        """What is missing from the buckets."""
        for where, count in self.undivided.items():
            if not count:
                continue
            old = where == _SATURATED
            yield Loss(
                LossKind.APPROXIMATE,
                f"@{self.name}: values {where} are in no bucket, {count} in all, since "
                f"hist() of bpftrace{' before 0.20' if old else ''} doesn't divide them",
                count,
                map=self.name,
                hint="If the output is of a later version, give that version."
                if old and self.saturates is None
                else "Trace again with tracekit, which divides them.",
            )


def infer(name: str, rows: Sequence[Row]) -> tuple[Scheme, str]:
    """The scheme of a map whose program isn't known.

    Args:
        name: the map's name.
        rows: those of all its keys.

    Returns:
        The scheme, and a sentence on what couldn't be told, or the empty string.

    Raises:
        EngineError: if neither ``hist()`` nor ``lhist()`` prints such rows.
    """
    bounded = sorted({(r.lo, r.hi) for r in rows if r.lo is not None and r.hi is not None})
    below = {r.hi for r in rows if r.lo is None and r.hi is not None}
    above = {r.lo for r in rows if r.hi is None and r.lo is not None}
    bits = None
    if not above and below <= {0}:
        bits = next((k for k in range(MAX_LOG_BITS + 1) if _all_in(Log2(k), bounded)), None)
    linear = _linear(bounded, below, above)
    if bits == 0 or (bits is not None and linear is None):
        doubt = f"@{name} could also be an lhist(): without the program its rows are taken as hist()'s"
        return Log2(bits), doubt if linear else ""
    if linear is not None:
        # 0.17 and 0.23 print the upper bound of the range for the last row; only steps show where it begins.
        doubt = " (values above may begin lower)" if above and not bounded else ""
        return (
            linear,
            f"@{name}: without the program, the bounds are those of the rows, {described(linear)}{doubt}",
        )
    raise refused(f"the rows of @{name} are those of no hist() or lhist()", _HINT)


def _all_in(scheme: Log2, bounded: Iterable[tuple[int, int]]) -> bool:
    return all(lo >= 0 and scheme.bucket(lo) == Range(lo, hi) for lo, hi in bounded)


def _linear(bounded: Sequence[tuple[int, int]], below: set[int], above: set[int]) -> Linear | None:
    """The ``lhist()`` that prints such rows, with no more buckets than they show; None if there is none."""
    edges = [edge for bounds in bounded for edge in bounds]
    lo = min((*edges, *below), default=0)
    hi = max((*edges, *above), default=lo + 1)
    steps = {end - start for start, end in bounded} or {hi - lo}
    step = min(steps)
    fits = (
        len(steps) == 1
        and step >= 1
        and lo >= 0
        and below <= {lo}
        and above <= {hi}
        and (hi - lo) // step <= _MOST_BUCKETS
        and all((start - lo) % step == 0 for start, _ in bounded)
    )
    return Linear(lo, hi, step) if fits else None


def described(scheme: Scheme) -> str:
    """A scheme in the program's words."""
    match scheme:
        case Log2(bits):
            return f"hist(…, {bits})" if bits else "hist()"
        case Linear(lo, hi, step):
            return f"lhist(…, {lo}, {hi}, {step})"
        case _:
            return "llquantize()"


def _shown(lo: int | None, hi: int | None) -> str:
    return f"(..., {hi})" if lo is None else f"[{lo}, {'...' if hi is None else hi})"
