"""Rows of a run's maps into histograms, and what they show to be missing. Pure.

The extremes of ``plan`` are kept apart by the sign bit, which is a further key: ``n`` is the greatest of
``2**63 - 1 - low``, ``low`` being the low 63 bits, and ``x`` the greatest of ``low``. Versions differ in
signed and unsigned extremes, and 0.17's ``min`` and ``max`` are wrong for large and for negative values; of
the low 63 bits, which are never negative, ``max`` is right everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import add
from typing import Final

from tracekit.backends.figures import Figures, Keys, told, unreturned
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, Plan
from tracekit.core.result import Key, Loss, MapResult
from tracekit.core.types import INT64

Rows = dict[str, list[tuple[bytes, ...]]]
"""The rows of each of the script's maps: the keys, the bucket or sign where there is one, the value."""

_LOW: Final = INT64.maximum


def assemble(
    plan: Plan, rows: Rows, *, final: bool = True
) -> tuple[tuple[MapResult, ...], tuple[Loss, ...], tuple[str, ...]]:
    """Make the program's maps of a block's rows.

    Args:
        plan: what the rows mean.
        rows: those of one block.
        final: whether the probes were gone. If not, each of the script's maps was read at another moment, and
            figures that don't go together are no sign that something is wrong.

    Returns:
        The maps; what is missing from them, by the totals; and notes.
    """
    totals = [sum(int(value) for (value,) in rows[f"t{n}"]) for n in range(plan.clauses)]
    room = f"Raise --max-keys (now {plan.max_keys}), or use fewer keys or wider buckets."
    maps: list[MapResult] = []
    losses: list[Loss] = []
    notes: list[str] = []
    for m in plan.maps:
        figures = _Figures(m, plan, rows).figures
        total = sum(totals[n] for n in m.totals)
        found = told(m, figures, total, final=final, engine="bpftrace", room=room)
        maps.append(found.result)
        losses += found.losses
        notes += found.notes
    for n in plan.returns:
        entries, returns = (sum(int(value) for (value,) in rows[f"{letter}{n}"]) for letter in "er")
        lost, remarks = unreturned(entries, returns)
        losses += lost
        notes += remarks
    return tuple(maps), tuple(losses), tuple(notes)


def hits_of(rows: Rows) -> tuple[int, int]:
    """How often the target, and how often others, ran into a probe."""
    target, others = (sum(int(value) for (value,) in rows.get(name, ())) for name in ("h0", "h1"))
    return target, others


def _counted(raw: bytes) -> tuple[bytes, int]:
    """A string with a size, up to that, and the size; 0.17 reads a byte too many."""
    text, _, size = raw.rsplit(b", ", 2)
    return text[: int(size)], int(size)


def _full(key: KeyPlan) -> Callable[[bytes], bool]:
    """Whether a string fills its room, so that it may be cut; one with a size also if a NUL in it ends it."""
    limit = key.size - 1
    if key.kind is KeyKind.STRING:
        return lambda raw: len(raw) >= limit

    def full(raw: bytes) -> bool:
        text, size = _counted(raw)
        return len(text) >= limit if size == UNCOUNTED else len(text) < size or size >= limit

    return full


class _Figures:
    """Reads the rows of one map of the program."""

    def __init__(self, map_plan: MapPlan, plan: Plan, rows: Rows) -> None:
        self.map, self.plan = map_plan, plan
        parts = {part: rows[f"{part}{map_plan.number}"] for part in map_plan.parts}
        self.readers = [self._reader(key) for key in map_plan.keys]
        self.fullness = [(place, _full(key)) for place, key in enumerate(map_plan.keys) if key.size]
        self.cut: set[Keys] = set()
        counts = self._single(parts.get("c", []))
        sums = self._single(parts.get("s", []))
        most = plan.max_keys
        # In a map that may be full, a key's sign may be missing while its other one is there: no extremes.
        full = any(len(parts.get(part, ())) >= most for part in "nx")
        low, high = ({} if full else self._grouped(parts.get(part, []), max) for part in "nx")
        least, greatest = self._extremes(low, high)
        self.figures = Figures(
            buckets=self._grouped(parts.get("b", []), add),
            counts=counts,
            sums=sums,
            least=least,
            most=greatest,
            cut=self.cut,
            full=any(len(found) >= most for found in parts.values()),
        )

    def _single(self, rows: Sequence[tuple[bytes, ...]]) -> dict[Keys, int]:
        found: dict[Keys, int] = {}
        for *raw, value in rows:
            keys = self._keys(raw)
            found[keys] = found.get(keys, 0) + int(value)
        return found

    def _grouped(
        self, rows: Sequence[tuple[bytes, ...]], merge: Callable[[int, int], int]
    ) -> dict[Keys, dict[int, int]]:
        """Values by keys and the number that follows them; rows of keys that became one are merged."""
        found: dict[Keys, dict[int, int]] = {}
        for *raw, extra, value in rows:
            group = found.setdefault(self._keys(raw), {})
            inside, new = int(extra), int(value)
            group[inside] = merge(group[inside], new) if inside in group else new
        return found

    def _keys(self, raw: Sequence[bytes]) -> Keys:
        keys = tuple([read(part) for read, part in zip(self.readers, raw, strict=True)])
        if self.fullness and any(full(raw[place]) for place, full in self.fullness):
            self.cut.add(keys)
        return keys

    def _reader(self, key: KeyPlan) -> Callable[[bytes], Key]:
        match key.kind:
            case KeyKind.INTEGER:
                return lambda raw: key.type.wrap(int(raw))
            case KeyKind.FUNCTION:
                return lambda raw: self.plan.function(int(raw), "bpftrace")
            case KeyKind.STRING:
                # 0.17 keeps a byte more than the others of str(pointer, length).
                end = key.size - 1 if key.size else None
                return lambda raw: raw[:end].decode("utf-8", "surrogateescape")
            case KeyKind.COUNTED:
                return lambda raw: _counted(raw)[0].decode("utf-8", "surrogateescape")
            case KeyKind.STACK:  # refused before
                raise AssertionError(key)

    def _extremes(
        self, low: Mapping[Keys, Mapping[int, int]], high: Mapping[Keys, Mapping[int, int]]
    ) -> tuple[dict[Keys, int], dict[Keys, int]]:
        """The least and the greatest values, from the low 63 bits of each sign.

        A row whose greatest value is 0 may be missing; both rows of a sign can't be.
        """
        # The top bit weighs -2**63 in a signed number, 2**63 in an unsigned one.
        signed = self.map.type is None or self.map.type.signed
        top = -(_LOW + 1) if signed else _LOW + 1
        least: dict[Keys, int] = {}
        most: dict[Keys, int] = {}
        for keys in {**low, **high}:
            below, above = low.get(keys, {}), high.get(keys, {})
            signs = {*below, *above}
            least[keys] = min(top * sign + _LOW - below.get(sign, 0) for sign in signs)
            most[keys] = max(top * sign + above.get(sign, 0) for sign in signs)
        return least, most
