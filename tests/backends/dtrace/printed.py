"""Output of dtrace as tests write it: printed as ``dt_consume.c`` prints, by rules written a second time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.reference import lhist as lquantize
from tests.reference import llquantize, llquantize_bounds, quantize

from tracekit.backends.dtrace.saved import parse_saved
from tracekit.backends.saved import Saved
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Clause, Program
from tracekit.syntax import parse_aggregates

HEADER = "           value  ------------- Distribution ------------- count    \n"
Label = tuple[str, tuple[int | None, int | None]]


def program(text: str) -> Program:
    """A program with these aggregations."""
    return Program((Clause(Uprobe("vals", FunctionName("f")), aggregates=parse_aggregates(text)),))


def read(text: str | bytes, asked: str = "", errors: bytes = b"") -> Saved:
    """What is read from output of a program."""
    output = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return parse_saved(output, program=program(asked) if asked else None, errors=errors)


def one(text: str | bytes, asked: str = "") -> Histogram:
    """The only entry of the only map."""
    (found,) = read(text, asked).maps
    (histogram,) = found.entries.values()
    return histogram


def quantize_labels() -> list[Label]:
    """All rows of ``quantize()``."""
    values = [*(-(1 << n) for n in range(62, -1, -1)), 0, *(1 << n for n in range(63))]
    return [(str(v), quantize(v)) for v in values]


def lquantize_labels(lo: int, hi: int, step: int) -> list[Label]:
    """All rows of an ``lquantize()``."""
    top = lo + (hi - lo) // step * step
    inside = [(str(v), lquantize(v, lo, hi, step)) for v in range(lo, top, step)]
    return [(f"< {lo}", (None, lo)), *inside, (f">= {top}", (top, None))]


def llquantize_labels(factor: int, low: int, high: int, steps: int) -> list[Label]:
    """All rows of an ``llquantize()``, cut as on Linux."""
    bounds = llquantize_bounds(factor, low, high, steps)
    centre = "0" if bounds[0] == 1 else f"abs() < {bounds[0]}"
    labels = [
        (f"<= -{bounds[-1]}", llquantize(-bounds[-1], bounds)),
        *((f"-{b}", llquantize(-b, bounds)) for b in reversed(bounds[:-1])),
        (centre, llquantize(0, bounds)),
        *((str(b), llquantize(b, bounds)) for b in bounds[:-1]),
        (f">= {bounds[-1]}", llquantize(bounds[-1], bounds)),
    ]
    return [(label[:15], interval) for label, interval in labels]


def histogram(labels: Sequence[Label], counts: dict[tuple[int | None, int | None], int]) -> str:
    """A histogram with these counts, a row of zero before the first and after the last of them."""
    numbers = [counts.get(interval, 0) for _, interval in labels]
    used = [n for n, number in enumerate(numbers) if number]
    first, last = max(0, used[0] - 1), min(len(numbers) - 1, used[-1] + 1)
    total = sum(numbers)
    return HEADER + "".join(
        f"{labels[n][0]:>16} |{'@' * round(numbers[n] * 40 / total):40} {numbers[n]:<9}\n"
        for n in range(first, last + 1)
    )


def key(value: int | str) -> str:
    """A key as a column, which is counted in bytes."""
    if isinstance(value, int):
        return f" {value:16}"
    return f"  {value}" + " " * (50 - len(value.encode("utf-8", "surrogateescape")))


def keys(values: Iterable[int | str]) -> str:
    """The columns of several keys."""
    return "".join(map(key, values))
