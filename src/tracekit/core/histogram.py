"""The result type: buckets with exact counts, and the exact figures next to them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from tracekit.core.buckets import Linear, Range, Scheme
from tracekit.core.display import Shown
from tracekit.errors import UsageError
from tracekit.values import frozen

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray


@frozen
class Bucket:
    """How many values were in ``[lo, hi)``.

    Attributes:
        lo: the least value that belongs to it; None if there is none.
        hi: the least value above it; None if there is none.
        count: how many there were, at least 1.
    """

    lo: int | None
    hi: int | None
    count: int

    @property
    def range(self) -> Range:
        """The interval without the count."""
        return Range(self.lo, self.hi)


@frozen
class Quantile:
    """What is known of a quantile.

    Attributes:
        lo: no value that is the quantile is below it; None if unknown.
        hi: every value that is the quantile is below it; None if unknown.
        estimate: a guess in between, as if values were spread evenly; None without both bounds.
    """

    lo: int | None
    hi: int | None
    estimate: float | None


@frozen
class Traits:
    """What kind of axis this is, in UHI's words."""

    circular: bool = False
    discrete: bool = False


@frozen
class Axis:
    """The bounded buckets of a histogram as a UHI axis: a sequence of pairs of edges."""

    edges: tuple[int, ...]
    traits: Traits = Traits()

    def __len__(self) -> int:
        return max(0, len(self.edges) - 1)

    def __getitem__(self, index: int) -> tuple[float, float]:
        index = range(len(self))[index]
        return (self.edges[index], self.edges[index + 1])

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self.edges, self.edges[1:], strict=False)


def _key(bucket: Bucket) -> float:
    return -math.inf if bucket.lo is None else bucket.lo


def _sorted(buckets: Iterable[Bucket]) -> tuple[Bucket, ...]:
    return tuple(sorted((b for b in buckets if b.count), key=_key))


@frozen
class Histogram(Shown):
    """The values of one key of one map.

    It satisfies UHI's ``PlottableHistogram`` structurally, so histoprint, mplhep and boost-histogram take
    it as it is; ``values()`` and the like need numpy (``pip install 'tracekit[hist]'``).

    Attributes:
        scheme: how values are divided; None for count, sum, min, max, avg and stats.
        buckets: ascending and disjoint, those with a count above 0.
        count: how many values there were. Not less than the sum of the buckets' counts.
        sum: their exact sum; None if it wasn't collected or isn't known.
        min: the least; None if it wasn't collected or there was none.
        max: the greatest; None if it wasn't collected or there was none.
    """

    scheme: Scheme | None
    buckets: tuple[Bucket, ...] = attrs.field(default=(), converter=_sorted)
    count: int = 0
    sum: int | None = None
    min: int | None = None
    max: int | None = None

    def __attrs_post_init__(self) -> None:
        if not self.buckets and self.count >= 0:
            return
        if sum(b.count for b in self.buckets) > self.count or any(b.count < 0 for b in self.buckets):
            raise ValueError("a histogram's buckets have more than its count")
        if self.scheme is None and self.buckets:
            raise ValueError("a histogram without a scheme has buckets")
        ranges = [b.range for b in self.buckets]
        if len(set(ranges)) < len(ranges) or not all(map(self._has, ranges)):
            raise ValueError("a histogram's buckets are not those of its scheme, each once")

    def _has(self, found: Range) -> bool:
        inside = found.lo if found.lo is not None else None if found.hi is None else found.hi - 1
        return self.scheme is not None and inside is not None and self.scheme.bucket(inside) == found

    @classmethod
    def of(cls, values: Iterable[int], scheme: Scheme | None = None) -> Histogram:
        """The histogram of values that are at hand."""
        listed = list(values)
        counts: dict[Range, int] = {}
        if scheme is not None:
            for value in listed:
                found = scheme.bucket(value)
                counts[found] = counts.get(found, 0) + 1
        return cls(
            scheme=scheme,
            buckets=tuple(Bucket(r.lo, r.hi, n) for r, n in counts.items()),
            count=len(listed),
            sum=sum(listed),
            min=min(listed, default=None),
            max=max(listed, default=None),
        )

    @property
    def mean(self) -> Fraction | None:
        """The exact mean; None if the sum isn't known or there was no value."""
        from fractions import Fraction

        return None if self.sum is None or not self.count else Fraction(self.sum, self.count)

    def merge(self, other: Histogram) -> Histogram:
        """The histogram of both ones' values. Associative and commutative; empty ones change nothing.

        Raises:
            UsageError: if the schemes differ.
        """
        if self.scheme != other.scheme:
            raise UsageError(f"can't merge buckets of {self.scheme} with those of {other.scheme}")
        if not self.count and (other.count or self.sum is None):
            return other
        if not other.count:
            return self
        counts = {b.range: b.count for b in self.buckets}
        for b in other.buckets:
            counts[b.range] = counts.get(b.range, 0) + b.count
        known = self.sum is not None and other.sum is not None
        return Histogram(
            scheme=self.scheme,
            buckets=tuple(Bucket(r.lo, r.hi, n) for r, n in counts.items()),
            count=self.count + other.count,
            sum=(self.sum or 0) + (other.sum or 0) if known else None,
            min=None if self.min is None or other.min is None else min(self.min, other.min),
            max=None if self.max is None or other.max is None else max(self.max, other.max),
        )

    __add__ = merge

    def quantile(self, q: float | Fraction) -> Quantile:
        """Where the value at rank ``ceil(q * n)`` of the ``n`` values in buckets is.

        Args:
            q: from 0 (the least value) to 1 (the greatest).

        Raises:
            UsageError: if ``q`` is out of range, or there are no buckets or no values.
        """
        from fractions import Fraction

        if not 0 <= q <= 1:
            raise UsageError(f"the quantile {q} is not between 0 and 1")
        total = sum(b.count for b in self.buckets)
        if not total:
            raise UsageError("there is no value to take a quantile of")
        # By its shortest digits: the float 0.9 is a little more than 9/10, which would be one rank too far.
        rank = max(1, math.ceil(Fraction(str(q)) * total))
        for bucket in self.buckets:
            if rank <= bucket.count:
                break
            rank -= bucket.count
        # Buckets may lack some of the values (see count), but min and max are of all values: bounds.
        lo, hi = bucket.lo, bucket.hi
        if self.min is not None and (lo is None or lo < self.min):
            lo = self.min
        if self.max is not None and (hi is None or hi > self.max + 1):
            hi = self.max + 1
        if lo is None or hi is None:
            return Quantile(lo, hi, None)
        spread = Fraction(hi - 1 - lo) * (2 * rank - 1) / (2 * bucket.count)
        try:
            return Quantile(lo, hi, float(lo + spread))
        except OverflowError:  # in a result from elsewhere: no engine has numbers that no float can hold
            return Quantile(lo, hi, None)

    @property
    def edges(self) -> tuple[int, ...]:
        """The edges of the bounded buckets, gaps filled in, ascending; empty if there are none."""
        if self.scheme is None or not self.buckets:
            return ()
        if isinstance(self.scheme, Linear):
            return tuple(range(self.scheme.lo, self.scheme.top + 1, self.scheme.step))
        first, last = self.buckets[0], self.buckets[-1]
        lo = first.lo if first.lo is not None else first.hi
        hi = last.hi if last.hi is not None else last.lo
        assert lo is not None and hi is not None
        if lo == hi:  # only one bucket, without end: its bounded neighbour shows where it begins
            neighbour = self.scheme.bucket(lo - 1 if first.hi is None else lo)
            assert neighbour.lo is not None and neighbour.hi is not None
            return (neighbour.lo, neighbour.hi)
        edges = [lo]
        while edges[-1] < hi:
            above = self.scheme.bucket(edges[-1]).hi
            assert above is not None
            edges.append(above)
        return tuple(edges)

    @property
    def axes(self) -> Sequence[Axis]:
        """UHI: one axis of the bounded buckets."""
        return (Axis(self.edges),)

    @property
    def kind(self) -> str:
        """UHI: the buckets hold counts."""
        return "COUNT"

    def values(self, flow: bool = False) -> NDArray[np.float64]:
        """UHI: the counts of the buckets of ``axes[0]``.

        Args:
            flow: add what is below the first edge and above the last.
        """
        import numpy as np

        counts = self._dense()
        return np.array(counts if flow else counts[1:-1], dtype=np.float64)

    def variances(self, flow: bool = False) -> NDArray[np.float64]:
        """UHI: the counts' variances, which are the counts themselves."""
        return self.values(flow)

    def counts(self, flow: bool = False) -> NDArray[np.float64]:
        """UHI: the counts of the buckets of ``axes[0]``."""
        return self.values(flow)

    def _dense(self) -> list[int]:
        """Counts between the edges, with the flow bins as first and last."""
        edges = self.edges
        at = {edge: n for n, edge in enumerate(edges, start=1)}
        counts = [0] * (len(edges) + 1)
        for b in self.buckets:
            counts[0 if b.lo is None else at[b.lo]] += b.count
        return counts

    def to_uhi(self) -> dict[str, Any]:
        """The histogram as a document of UHI's JSON schema, version 1, with sparse integer storage.

        Raises:
            UsageError: if there are no buckets, since a UHI axis has at least one.
        """
        if not self.buckets:
            raise UsageError("a histogram without buckets has no UHI form")
        indexed = [(n, count) for n, count in enumerate(self._dense()) if count]
        axis = {
            "type": "variable",
            "edges": list(self.edges),
            "underflow": True,
            "overflow": True,
            "circular": False,
        }
        storage = {
            "type": "int",
            "index": [[n for n, _ in indexed]],
            "values": [count for _, count in indexed],
        }
        return {"uhi_schema": 1, "axes": [axis], "storage": storage}


def buckets_of_uhi(document: dict[str, Any]) -> tuple[Bucket, ...]:
    """The buckets in a UHI document of ``Histogram.to_uhi``.

    Raises:
        ValueError: if it isn't of that form.
    """
    try:
        (axis,) = document["axes"]
        edges = [None, *axis["edges"], None]
        (index,) = document["storage"]["index"]
        counts = document["storage"]["values"]
        return tuple(Bucket(edges[n], edges[n + 1], count) for n, count in zip(index, counts, strict=True))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"no UHI histogram of tracekit's: {error!r}") from error
