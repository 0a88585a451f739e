"""A histogram in no more lines than there are: neighbouring buckets stand in one row, which is as exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.core.histogram import Bucket, Histogram
from tracekit.render.bars import rows


def fitted(histogram: Histogram, lines: int) -> tuple[list[Bucket | None], int]:
    """A histogram's rows, of which as many stand together as need be.

    Args:
        histogram: what is to be shown.
        lines: how many rows there may be; at least one.

    Returns:
        The rows, as ``bars.rows`` has them, and how many values are in none: if what is between far islands
        alone takes too many, the least rows are left out.
    """
    found = list(rows(histogram))
    together, wide = found, max(1, -(-len(found) // lines))
    while len(together) > lines and wide < 2 * len(found):
        together = list(_joined(found, wide))
        wide += 1 + wide // 4
    if len(together) <= lines:
        return together, 0
    buckets = [row for row in together if row is not None]
    kept = set(sorted(range(len(buckets)), key=lambda n: buckets[n].count, reverse=True)[:lines])
    left_out = sum(bucket.count for n, bucket in enumerate(buckets) if n not in kept)
    return [buckets[n] for n in sorted(kept)], left_out


def _joined(found: Sequence[Bucket | None], wide: int) -> Iterator[Bucket | None]:
    """Rows with so many neighbours in one."""
    group: list[Bucket] = []

    def one() -> Iterator[Bucket]:
        if group:
            yield Bucket(group[0].lo, group[-1].hi, sum(bucket.count for bucket in group))
            group.clear()

    for row in found:
        if row is None:
            yield from one()
            yield None
        else:
            group.append(row)
            if len(group) == wide:
                yield from one()
    yield from one()
