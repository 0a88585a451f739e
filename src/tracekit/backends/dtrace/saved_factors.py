"""Which ``llquantize()`` can have printed the labels of some rows. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import attrs

from tracekit.backends.dtrace.saved_model import Rows
from tracekit.core.buckets import LogLinear
from tracekit.errors import UsageError
from tracekit.values import define

_CUT: Final = 15
_FACTORS: Final = (10, 2, *(n for n in range(3, 101) if n != 10), 128, 256, 512, 1000, 1024, 4096, 10_000)
"""The factors that are tried where the labels name no power: the usual ones first."""

_MOST: Final = 65_535
"""Factor and steps are of 16 bits."""
_WORD: Final = (1 << 64) - 1


@define
class _Clues:
    """What labels tell of an ``llquantize()``.

    Attributes:
        pairs: magnitudes that follow one another.
        magnitudes: all that stand uncut.
        least: the first power, by the rows in the middle; more than one is a contradiction.
        top: where the last bucket begins; more than one is a contradiction.
        cut: whether a label may have been cut.
    """

    pairs: set[tuple[int, int]] = attrs.field(factory=set)
    magnitudes: set[int] = attrs.field(factory=set)
    least: set[int] = attrs.field(factory=set)
    top: set[int] = attrs.field(factory=set)
    cut: bool = False

    def read(self, rows: Rows) -> None:
        """Take the labels of a histogram."""
        for row, following in zip_longest(rows, rows[1:]):
            sign, value = _value(row.label)
            if len(row.label) == _CUT:
                self.cut = True
                continue
            if centre := _centre(sign, value):
                self.least.add(centre)
            else:
                self.magnitudes.add(abs(value))
                if sign:
                    self.top.add(abs(value))
            if following is None or len(following.label) == _CUT:
                continue
            above, next_value = _value(following.label)
            if centre or _centre(above, next_value):
                self.least.add(abs(next_value) if centre else abs(value))
            elif (value < 0) == (next_value < 0):
                low, high = sorted((abs(value), abs(next_value)))
                self.pairs.add((low, high))


def _value(label: str) -> tuple[str, int]:
    sign, _, number = label.rpartition(" ")
    return sign, int(number)


def _centre(sign: str, value: int) -> int:
    """The first power, if a label is of the row in the middle; 0 if not."""
    return value if sign.endswith("<") else 1 if not sign and value == 0 else 0


def candidates(histograms: Sequence[Rows]) -> Iterator[LogLinear]:
    """The schemes that the labels leave possible, the usual ones first.

    They need not fit. Where no label is cut all that fit put values into the same buckets, and one is enough.
    """
    clues = _Clues()
    for rows in histograms:
        clues.read(rows)
    if not clues.magnitudes or len(clues.least) > 1 or len(clues.top) > 1:
        return
    for factor in _factors(clues):
        for steps in _steps(factor) if clues.pairs else (factor,):
            if all(_above(low, factor, steps) == high for low, high in clues.pairs):
                yield from _schemes(clues, factor, steps)


def _factors(clues: _Clues) -> Iterator[int]:
    power = max(clues.least | clues.top, default=1)
    if power == 1:
        yield from _FACTORS
        return
    for exponent in range(64, 0, -1):
        root = round(power ** (1 / exponent))
        for near in (root - 1, root, root + 1):
            if 2 <= near <= _MOST and near**exponent == power:
                yield near


@functools.cache
def _steps(factor: int) -> tuple[int, ...]:
    """Numbers of steps that dtrace takes with a factor, as many as the factor first."""
    fewer = (n for n in range(1, factor) if factor % n == 0)
    # A multiple has to divide a power of the factor; none of 16 bits needs more than the 16th.
    more = (n for n in range(2 * factor, _MOST + 1, factor) if factor**16 % n == 0)
    return (factor, *fewer, *more)


def _above(bound: int, factor: int, steps: int) -> int:
    """The bound after one, if there is no end."""
    power = factor
    while power <= bound:
        power *= factor
    step = max(1, power // steps)
    return min((bound // step + 1) * step, power)


def _schemes(clues: _Clues, factor: int, steps: int) -> Iterator[LogLinear]:
    low = _exponent(factor, min(clues.least or clues.magnitudes))
    most = _exponent(factor, _WORD) - 1
    highs: Sequence[int]
    if clues.top:
        highs = (_exponent(factor, max(clues.top)) - 1,)
    elif clues.cut:
        highs = range(most, low - 1, -1)
    else:
        highs = (_exponent(factor, max(clues.magnitudes)),)
    for high in highs:
        try:
            yield LogLinear(factor, low, high, steps)
        except UsageError:
            continue


def _exponent(factor: int, value: int) -> int:
    """The greatest power of a factor that is no more than a value."""
    exponent = 0
    while factor ** (exponent + 1) <= value:
        exponent += 1
    return exponent
