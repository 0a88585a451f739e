"""Rows of a run's maps into histograms, and what they show to be missing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add
from typing import Final

from tracekit.backends.bpftrace.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, Plan
from tracekit.core.buckets import Range
from tracekit.core.histogram import Bucket, Histogram
from tracekit.core.moments import WORD, exact_sum
from tracekit.core.result import Key, Loss, LossKind, MapResult
from tracekit.core.types import INT64, UINT64

Rows = dict[str, list[tuple[bytes, ...]]]
"""The rows of each of the script's maps: the keys, the bucket or sign where there is one, the value."""

_Keys = tuple[Key, ...]
_LOW: Final = INT64.maximum
_UNRETURNED: Final = (
    "They still ran when tracing ended, were made while probes were taken away, or were left by a panic, an "
    "exception, a jump or their thread's end. Of elapsed, more than --max-keys may have run at once. Where "
    "return probes of the kernel are used, they may have recursed deeper than the 64 levels of those."
)


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
    maps: list[MapResult] = []
    losses: list[Loss] = []
    notes: list[str] = []
    for m in plan.maps:
        assembler = _Assembler(m, plan, rows)
        maps.append(assembler.result())
        losses += assembler.losses(sum(totals[n] for n in m.totals), final)
        if assembler.unchecked:
            notes.append(f"the sum of @{m.name} was not checked for overflow of 64 bits")
    for n in plan.returns:
        entries, returns = (sum(int(value) for (value,) in rows[f"{letter}{n}"]) for letter in "er")
        if returns > entries:
            notes.append(f"{returns - entries} calls returned that were entered before tracing began")
        if entries > returns:
            losses.append(
                Loss(
                    LossKind.UNRETURNED,
                    f"{entries - returns} of {entries} calls were entered but not seen to return",
                    count=entries - returns,
                    hint=_UNRETURNED,
                )
            )
    return tuple(maps), tuple(losses), tuple(notes)


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


class _Assembler:
    """One map of the program."""

    def __init__(self, map_plan: MapPlan, plan: Plan, rows: Rows) -> None:
        self.map, self.plan = map_plan, plan
        self.unchecked = False
        self.contradictions = 0
        self.unknown = 0
        parts = {part: rows[f"{part}{map_plan.number}"] for part in map_plan.parts}
        self.readers = [self._reader(key) for key in map_plan.keys]
        self.fullness = [(place, _full(key)) for place, key in enumerate(map_plan.keys) if key.size]
        self.cut: set[_Keys] = set()
        self.counts = self._single(parts.get("c", []))
        self.sums = self._single(parts.get("s", []))
        # In a map that may be full, a key's sign may be missing while its other one is there: no extremes.
        full = any(len(parts.get(part, ())) >= plan.max_keys for part in "nx")
        self.full = any(len(found) >= plan.max_keys for found in parts.values())
        self.least, self.most = ({} if full else self._grouped(parts.get(part, []), max) for part in "nx")
        self.buckets = self._grouped(parts.get("b", []), add)
        groups = [*self.buckets, *(k for k in self.counts if k not in self.buckets)]
        if not map_plan.keys and not groups:
            groups = [()]
        self.histograms = {keys: self._histogram(keys) for keys in groups}

    def result(self) -> MapResult:
        return MapResult(
            name=self.map.name,
            function=self.map.function,
            key_names=tuple(key.text for key in self.map.keys),
            entries=self.histograms,
        )

    def _single(self, rows: Sequence[tuple[bytes, ...]]) -> dict[_Keys, int]:
        found: dict[_Keys, int] = {}
        for *raw, value in rows:
            keys = self._keys(raw)
            found[keys] = found.get(keys, 0) + int(value)
        return found

    def _grouped(
        self, rows: Sequence[tuple[bytes, ...]], merge: Callable[[int, int], int]
    ) -> dict[_Keys, dict[int, int]]:
        """Values by keys and the number that follows them; rows of keys that became one are merged."""
        found: dict[_Keys, dict[int, int]] = {}
        for *raw, extra, value in rows:
            group = found.setdefault(self._keys(raw), {})
            inside, new = int(extra), int(value)
            group[inside] = merge(group[inside], new) if inside in group else new
        return found

    def _keys(self, raw: Sequence[bytes]) -> _Keys:
        keys = tuple([read(part) for read, part in zip(self.readers, raw, strict=True)])
        if self.fullness and any(full(raw[place]) for place, full in self.fullness):
            self.cut.add(keys)
        return keys

    def _reader(self, key: KeyPlan) -> Callable[[bytes], Key]:
        match key.kind:
            case KeyKind.INTEGER:
                return lambda raw: key.type.wrap(int(raw))
            case KeyKind.FUNCTION:
                return lambda raw: self.plan.functions[int(raw)]
            case KeyKind.STRING:
                # 0.17 keeps a byte more than the others of str(pointer, length).
                end = key.size - 1 if key.size else None
                return lambda raw: raw[:end].decode("utf-8", "surrogateescape")
            case KeyKind.COUNTED:
                return lambda raw: _counted(raw)[0].decode("utf-8", "surrogateescape")

    def _histogram(self, keys: _Keys) -> Histogram:
        counts: dict[Range, int] = {}
        if self.map.scheme is not None and self.map.type is not None:
            word = UINT64 if self.map.type == UINT64 else INT64
            for inside, count in self.buckets.get(keys, {}).items():
                bucket = self.map.scheme.bucket(word.wrap(inside))
                counts[bucket] = counts.get(bucket, 0) + count
        buckets = tuple(Bucket(r.lo, r.hi, n) for r, n in counts.items())
        in_buckets = sum(counts.values())
        count = max(self.counts.get(keys, 0), in_buckets)
        least, most = self._extremes(keys)
        return Histogram(
            scheme=self.map.scheme,
            buckets=buckets,
            count=count,
            sum=self._sum(keys, count, least, most) if "s" in self.map.parts else None,
            min=least,
            max=most,
        )

    def _extremes(self, keys: _Keys) -> tuple[int | None, int | None]:
        """The least and the greatest value, from the low 63 bits of each sign.

        A row whose greatest value is 0 may be missing; both rows of a sign can't be.
        """
        least, most = self.least.get(keys, {}), self.most.get(keys, {})
        # The top bit weighs -2**63 in a signed number, 2**63 in an unsigned one.
        signed = self.map.type is None or self.map.type.signed
        top = -(_LOW + 1) if signed else _LOW + 1
        values = []
        for sign in {*least, *most}:
            base = top * sign
            values += [base + _LOW - least.get(sign, 0), base + most.get(sign, 0)]
        return min(values, default=None), max(values, default=None)

    def _sum(self, keys: _Keys, count: int, least: int | None, most: int | None) -> int | None:
        if not count:
            return 0
        residue = self.sums.get(keys)
        if residue is None:
            # 0.17 prints no row for a sum of 0; a full map has none either, but then no extremes.
            residue = 0
        type_ = self.map.type
        assert type_ is not None
        if "n" not in self.map.parts:
            if type_.bits == 64:
                self.unchecked = True
                return type_.wrap(residue)
            least, most = type_.minimum, type_.maximum
        if least is None or most is None:
            self.unknown += 1
            return None
        try:
            found = exact_sum(residue % WORD, count * least, count * most)
        except ValueError:
            self.contradictions += 1
            return None
        if found is None:
            self.unknown += 1
        return found

    def losses(self, total: int, final: bool) -> list[Loss]:
        """What the clause's total, and the figures next to each other, show to be missing."""
        name = self.map.name
        found = []
        groups = [sum(b.values()) for b in self.buckets.values()]
        kept = sum(groups if self.map.scheme else self.counts.values())
        if kept < total and (final or self.full):
            missing = f"{total - kept} of {total} events of @{name}"
            found.append(
                Loss(
                    LossKind.KEYS,
                    f"{missing} found no room in the map",
                    count=total - kept,
                    map=name,
                    hint=f"Raise --max-keys (now {self.plan.max_keys}), or use fewer keys or wider buckets.",
                )
                if self.full
                else Loss(LossKind.EVENTS, f"{missing} were lost by bpftrace", total - kept, name)
            )
        if final and (kept > total or self.contradictions):
            found.append(
                Loss(
                    LossKind.APPROXIMATE,
                    f"the figures of @{name} contradict each other ({kept} counted, {total} in total)",
                    map=name,
                )
            )
        if self.unknown:
            found.append(
                Loss(
                    LossKind.OVERFLOW,
                    f"the sum of {self.unknown} of @{name}'s entries is not known",
                    map=name,
                    hint="Sums that can't be told from their low 64 bits, or that found no room, are left out.",
                )
            )
        if self.cut:
            found.append(
                Loss(
                    LossKind.TRUNCATED,
                    f"{len(self.cut)} keys of @{name} fill their room; they may be cut, or several in one",
                    map=name,
                    hint="Raise --max-string, or the length in str(pointer, length).",
                )
            )
        return found
