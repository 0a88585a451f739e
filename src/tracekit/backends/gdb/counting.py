"""What generated code counts with: a map's groups, C's division, floats, and conversions. Runs inside gdb, too.

Nothing of tracekit is imported here, and nothing that a Python of gdb's may not have (3.8 or later).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Keys = tuple[Any, ...]


class Cut(bytes):
    """A string that had more bytes than are kept."""


class Group:
    """What is kept of the events that have the same keys.

    Attributes:
        count: how many there are.
        sum: their values' sum, without any limit.
        least: the least value.
        most: the greatest value.
        buckets: how many events, by a value inside of their bucket.
    """

    __slots__ = ("buckets", "count", "least", "most", "sum")

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0
        self.least: int | None = None
        self.most: int | None = None
        self.buckets: dict[int, int] = {}


class Map:
    """One map of the program.

    Attributes:
        groups: what is kept, by the keys.
        cut: the keys that have a string of which not all is kept.
        full: whether an event has found no room.
    """

    def __init__(self, room: int) -> None:
        """Make an empty one with room for so many groups, and for so many buckets in all of them."""
        self.groups: dict[Keys, Group] = {}
        self.cut: set[Keys] = set()
        self.full = False
        self._room = room
        self._buckets = 0

    def keep(self, keys: Keys, value: int = 0, inside: int | None = None) -> None:
        """Keep an event: all of it, or nothing if there is no room.

        Args:
            keys: its keys; strings are bytes.
            value: what is aggregated; 0 if nothing is.
            inside: a value inside of the value's bucket; None if there are no buckets.
        """
        group = self.groups.get(keys)
        if (group is None and len(self.groups) == self._room) or (
            inside is not None
            and (group is None or inside not in group.buckets)
            and self._buckets == self._room
        ):
            self.full = True
            return
        if group is None:
            group = self.groups[keys] = Group()
        for key in keys:
            if type(key) is Cut:
                self.cut.add(keys)
        group.count += 1
        group.sum += value
        if group.least is None or value < group.least:
            group.least = value
        if group.most is None or value > group.most:
            group.most = value
        if inside is not None:
            if inside in group.buckets:
                group.buckets[inside] += 1
            else:
                group.buckets[inside] = 1
                self._buckets += 1

    def told(self) -> dict[str, Any]:
        """All of it, for JSON: sums are modulo 2**64."""
        return {
            "full": self.full,
            "rows": [
                [_texts(keys), g.count, g.sum % (1 << 64), g.least, g.most, list(g.buckets.items())]
                for keys, g in self.groups.items()
            ],
            "cut": [_texts(keys) for keys in self.cut],
        }


class Guard:
    """Says when there are too many events in a window of time; see ``window.Window``."""

    def __init__(self, window: tuple[int, int] | None) -> None:
        """Take how many events, and how many nanoseconds; None for no limit."""
        self._most, self._length = window or (0, 0)
        self._began = self._since = self._over = self._inside = 0

    def begin(self, now: int) -> None:
        """From this moment on there are events."""
        self._began = self._since = now

    def is_enough(self, now: int) -> bool:
        """Count an event, and say whether it is one too many."""
        if not self._most:
            return False
        if now - self._since > self._length:
            self._since, self._inside = now, 0
        self._inside += 1
        if self._inside > self._most:
            self._over = now
        return bool(self._over)

    @property
    def told(self) -> list[int]:
        """As ``window.overload_of`` takes it."""
        return [self._over, self._began, self._since, self._inside]


class Whole:
    """Converts floats to integers.

    Attributes:
        unfit: how many had no integer that they could be converted to.
    """

    def __init__(self) -> None:
        self.unfit = 0

    def __call__(self, x: float, least: int, most: int) -> int:
        """A float, converted toward zero; if that is out of bounds, the nearest bound, and 0 for no number."""
        if math.isfinite(x) and least <= int(x) <= most:
            return int(x)
        self.unfit += 1
        return 0 if math.isnan(x) else least if x < 0 else most


def int8(x: int) -> int:
    """C's conversion to the type of that name; so are those that follow."""
    return ((x & 0xFF) ^ 0x80) - 0x80


def int16(x: int) -> int:  # noqa: D103
    return ((x & 0xFFFF) ^ 0x8000) - 0x8000


def int32(x: int) -> int:  # noqa: D103
    return ((x & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def int64(x: int) -> int:  # noqa: D103
    return ((x & 0xFFFFFFFFFFFFFFFF) ^ 0x8000000000000000) - 0x8000000000000000


def uint8(x: int) -> int:  # noqa: D103
    return x & 0xFF


def uint16(x: int) -> int:  # noqa: D103
    return x & 0xFFFF


def uint32(x: int) -> int:  # noqa: D103
    return x & 0xFFFFFFFF


def uint64(x: int) -> int:  # noqa: D103
    return x & 0xFFFFFFFFFFFFFFFF


def quotient(a: int, b: int) -> int:
    """C's ``a / b``, which truncates; 0 if ``b`` is 0 (RFC 9669, 4.1)."""
    if b == 0:
        return 0
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def remainder(a: int, b: int) -> int:
    """C's ``a % b``, of the sign of ``a``; ``a`` if ``b`` is 0 (RFC 9669, 4.1)."""
    return a - b * quotient(a, b)


def float32(bits: int) -> float:
    """The float that the low 32 bits are."""
    found: float = struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0]
    return found


def float64(bits: int) -> float:
    """The float that 64 bits are."""
    found: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return found


def ratio(a: float, b: float) -> float:
    """``a / b`` as IEEE 754 has it, where Python raises an error: infinite, or no number."""
    return a / b if b else a * math.copysign(math.inf, b)


def log2_inside(value: int, bits: int) -> int:
    """The end nearest to 0 of a value's bucket of ``hist(x, bits)``."""
    magnitude = abs(value)
    shift = max(0, magnitude.bit_length() - 1 - bits)
    low = magnitude >> shift << shift
    return low if value >= 0 else -low


def linear_inside(value: int, lo: int, top: int, step: int) -> int:
    """The lower end of a value's bucket of ``lhist``; one below ``lo`` for all values below that."""
    if value < lo:
        return lo - 1
    return top if value >= top else value - (value - lo) % step


def log_linear_inside(value: int, bounds: tuple[int, ...]) -> int:
    """The end nearest to 0 of a value's bucket of ``llquantize``.

    Args:
        value: the value.
        bounds: where the buckets of positive values begin, ascending.
    """
    magnitude, first, last = abs(value), 0, len(bounds)
    while first < last:
        middle = (first + last) // 2
        if bounds[middle] <= magnitude:
            first = middle + 1
        else:
            last = middle
    low = bounds[first - 1] if first else 0
    return low if value >= 0 else -low


PROVIDED = (
    *(int8, int16, int32, int64, uint8, uint16, uint32, uint64),
    *(quotient, remainder, float32, float64, ratio),
    *(log2_inside, linear_inside, log_linear_inside),
)
"""What generated code calls by name, besides ``whole``, a ``Whole``."""


def _texts(keys: Keys) -> list[Any]:
    return [key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else key for key in keys]
