"""Aggregations: what is kept of the values of all events."""

from __future__ import annotations

import enum

from tracekit.core.buckets import Scheme
from tracekit.core.expr import Expr
from tracekit.values import frozen


@frozen
class Count:
    """``count()``: how many events."""


class Moment(enum.Enum):
    """The single figures that are kept of a value."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    STATS = "stats"


@frozen
class Scalar:
    """``sum(x)``, ``min(x)``, ``max(x)``, ``avg(x)`` or ``stats(x)``."""

    moment: Moment
    value: Expr


@frozen
class Distribution:
    """``hist(x)``, ``hist(x, k)``, ``lhist(x, lo, hi, step)`` or ``llquantize(x, …)``."""

    value: Expr
    scheme: Scheme


Aggregation = Count | Scalar | Distribution
"""What a map keeps for each key."""


def value_of(aggregation: Aggregation) -> Expr | None:
    """The value that is aggregated; None for ``count()``."""
    return None if isinstance(aggregation, Count) else aggregation.value
