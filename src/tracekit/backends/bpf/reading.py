"""From the bytes of a run's maps to histograms, and what they show to be missing. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tracekit.backends.bpf.bucketing import inside
from tracekit.backends.bpf.layout import UNFOLLOWED, Layout, key_room, moments
from tracekit.backends.figures import Figures, Keys, told, unreturned
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, word
from tracekit.core.moments import WORD
from tracekit.core.result import Key, Loss, LossKind, MapResult
from tracekit.values import frozen

_SIGN: Final = 1 << 63
_MOST: Final = 1 << 32
_ENGINE: Final = "the kernel"


@frozen
class Table:
    """A map's entries as the kernel has them.

    Attributes:
        keys: all keys, one after the other; empty for an array.
        values: all values; each is of all processors, one after the other.
        size: how many entries there are.
    """

    keys: bytes
    values: bytes
    size: int


@frozen
class Read:
    """What a run's maps say at one moment.

    Attributes:
        maps: the program's.
        losses: what is missing from them.
        notes: what a reader should know besides.
        hits: how often the target ran into a probe.
        others: how often other processes did.
    """

    maps: tuple[MapResult, ...]
    losses: tuple[Loss, ...]
    notes: tuple[str, ...]
    hits: int
    others: int


def read(
    layout: Layout,
    counters: Table,
    tables: Mapping[str, Table],
    processors: int,
    stack: Callable[[int], str],
    *,
    final: bool,
    waits: bool = True,
) -> Read:
    """Make the program's maps of the kernel's.

    Args:
        layout: what their bytes mean.
        counters: the counters.
        tables: the other maps, by their names.
        processors: how many there can be: so many values are in one.
        stack: gives a stack's name for its number.
        final: whether the probes were gone; if not, each map was read at another moment.
        waits: whether programs could wait for pages that weren't in memory.
    """
    plan = layout.plan
    words = _Words(counters.values, len(layout.words), processors)
    maps: list[MapResult] = []
    losses: list[Loss] = []
    notes: list[str] = []
    room = f"Raise --max-keys (now {plan.max_keys}), or use fewer keys or wider buckets."
    for m in plan.maps:
        reader = _Reader(layout, m, processors, final, stack)
        figures = reader.figures(words, tables)
        total = sum(words.sum(layout.words[f"t{n}"]) for n in m.totals)
        found = told(m, figures, total, final=final, engine=_ENGINE, room=room)
        maps.append(found.result)
        losses += found.losses
        notes += found.notes
        if raced := words.sum(layout.words[f"raced{m.number}"]):
            losses.append(
                Loss(
                    LossKind.APPROXIMATE,
                    f"{raced} values of @{m.name} may be missing from its least and greatest",
                    raced,
                    m.name,
                    "They came while other threads replaced the same value again and again.",
                )
            )
    for n in range(plan.clauses):
        if faults := words.sum(layout.words[f"f{n}"]):
            losses.append(_faults(faults, waits=waits))
        losses += _stackless(
            words.sum(layout.words[f"nostack{n}"]), words.sum(layout.words[f"noroom{n}"]), room
        )
    if unfollowed := words.sum(layout.words[UNFOLLOWED]):
        losses.append(
            Loss(
                LossKind.EVENTS,
                f"{unfollowed} processes were not followed, since there were too many at once: their events "
                "are not counted",
            )
        )
    for n in plan.returns:
        lost, remarks = unreturned(words.sum(layout.words[f"e{n}"]), words.sum(layout.words[f"r{n}"]))
        losses += lost
        notes += remarks
    hits, others = words.sum(layout.words["h0"]), words.sum(layout.words["h1"])
    return Read(tuple(maps), tuple(losses), tuple(notes), hits, others)


def _faults(count: int, *, waits: bool) -> Loss:
    nowhere = "The pointer led nowhere (a filter such as 'p != 0' leaves those out)"
    absent = ", or where the target itself had not looked yet: a kernel from 6.0 on can wait for that"
    return Loss(
        LossKind.APPROXIMATE,
        f"{count} times the target's memory could not be read: what is there counts as 0, or as empty",
        count,
        hint=f"{nowhere}{'' if waits else absent}.",
    )


def _stackless(none: int, no_room: int, room: str) -> Iterator[Loss]:
    """Events whose stacks aren't known; they are counted all the same."""
    if none:
        yield Loss(
            LossKind.APPROXIMATE,
            f"{none} events have an empty stack, since the kernel gave none",
            none,
            hint="They came from the kernel's own threads, or from processes about to end.",
        )
    if no_room:
        yield Loss(
            LossKind.KEYS,
            f"{no_room} events have an empty stack, since theirs found no room",
            no_room,
            hint=room,
        )


@frozen
class _Words:
    """Words of which each processor has its own."""

    raw: bytes
    count: int
    processors: int

    def each(self, offset: int) -> list[int]:
        """One word of each processor."""
        size = 8 * self.count
        return [
            int.from_bytes(self.raw[n * size + offset : n * size + offset + 8], "little")
            for n in range(self.processors)
        ]

    def sum(self, offset: int) -> int:
        """One word of all processors together."""
        return sum(self.each(offset))


@frozen
class _Reader:
    layout: Layout
    map: MapPlan
    processors: int
    final: bool
    stack: Callable[[int], str]

    def figures(self, words: _Words, tables: Mapping[str, Table]) -> Figures:
        m = self.map
        figures = Figures(full=words.sum(self.layout.words[f"full{m.number}"]) > 0)
        names = moments(m)
        if m.scheme is not None:
            figures.buckets = self._buckets(tables[f"b{m.number}"], figures.cut)
        if not names:
            return figures
        if not m.keys:
            found = {name: words.each(self.layout.words[f"{name}{m.number}"]) for name in names}
            if any(found["count"]):
                self._moments(figures, (), found)
            return figures
        table = tables[f"m{m.number}"]
        columns = array("Q", table.values)
        step = len(names)
        width = step * self.processors
        merged: dict[Keys, dict[str, list[int]]] = {}
        for place, keys in enumerate(self._keys(table, figures.cut, extra=0)):
            at = place * width
            group = merged.setdefault(keys, {name: [] for name in names})
            for n, name in enumerate(names):
                group[name] += columns[at + n : at + width : step]
        for keys, group in merged.items():
            self._moments(figures, keys, group)
        return figures

    def _moments(self, figures: Figures, keys: Keys, found: Mapping[str, Sequence[int]]) -> None:
        """The moments of all processors; those that have seen no event have none."""
        signed = self.map.type is not None and word(self.map.type).signed
        base = -_SIGN if signed else 0  # a signed number n is kept as n + 2**63
        seen = [n for n, count in enumerate(found["count"]) if count]
        figures.counts[keys] = sum(found["count"])
        if "low" in found:
            parts = [
                whole_sum(low, high, count, signed=signed)
                for low, high, count in zip(found["low"], found["high"], found["count"], strict=True)
            ]
            sums = [part for part in parts if part is not None]
            if self.final and len(sums) == len(parts):
                figures.totals[keys] = sum(sums)
            else:  # the words may be of several moments, of which the lower one says enough
                figures.sums[keys] = sum(found["low"]) % WORD
        if "least" in found and seen:
            figures.least[keys] = min(WORD - 1 - found["least"][n] for n in seen) + base
        if "most" in found and seen:
            figures.most[keys] = max(found["most"][n] for n in seen) + base

    def _buckets(self, table: Table, cut: set[Keys]) -> dict[Keys, dict[int, int]]:
        m = self.map
        assert m.scheme is not None
        columns = array("Q", table.values)
        found: dict[Keys, dict[int, int]] = {}
        if not m.keys:
            group: dict[int, int] = {}
            for n in range(table.size):
                if count := sum(columns[n * self.processors : (n + 1) * self.processors]):
                    value = inside(m.scheme, n)
                    group[value] = group.get(value, 0) + count
            return {(): group} if group else {}
        size = len(table.keys) // max(1, table.size)
        for place, keys in enumerate(self._keys(table, cut, extra=8)):
            number = int.from_bytes(table.keys[(place + 1) * size - 8 : (place + 1) * size], "little")
            count = sum(columns[place * self.processors : (place + 1) * self.processors])
            if count:
                value = inside(m.scheme, number)
                own = found.setdefault(keys, {})
                own[value] = own.get(value, 0) + count
        return found

    def _keys(self, table: Table, cut: set[Keys], extra: int) -> Iterator[Keys]:
        readers: list[tuple[slice, Callable[[bytes], tuple[Key, bool]]]] = []
        at = 0
        for key in self.map.keys:
            readers.append((slice(at, at + key_room(key)), self._reader(key)))
            at += key_room(key)
        size = at + extra
        for place in range(table.size):
            raw = table.keys[place * size : (place + 1) * size]
            found = [reader(raw[part]) for part, reader in readers]
            keys = tuple([key for key, _ in found])
            if any(more for _, more in found):
                cut.add(keys)
            yield keys

    def _reader(self, key: KeyPlan) -> Callable[[bytes], tuple[Key, bool]]:
        limit = key.most
        match key.kind:
            case KeyKind.INTEGER:
                return lambda raw: (key.type.wrap(int.from_bytes(raw, "little")), False)
            case KeyKind.FUNCTION:
                functions = self.layout.plan
                return lambda raw: (functions.function(int.from_bytes(raw, "little"), _ENGINE), False)
            case KeyKind.STACK:
                return lambda raw: (self.stack(int.from_bytes(raw, "little")), False)
            case KeyKind.STRING:
                return lambda raw: (_text(raw[:limit].split(b"\0", 1)[0]), bool(raw[limit]))
            case KeyKind.COUNTED:
                return lambda raw: (_counted(raw, limit), bool(raw[limit]))


def whole_sum(low: int, high: int, count: int, *, signed: bool) -> int | None:
    """A sum of values of 64 bits; None if they were so many that two sums fit.

    Of each value, its upper half says where it is but for 2**32; so does the halves' sum, but for the count
    times as much. Only one number in there has the sum's low 64 bits, as long as that is less than 2**64.

    Args:
        low: the sum's low 64 bits.
        high: the low 64 bits of the sum of the values' upper halves.
        count: how many values there are.
        signed: whether values, and their upper halves, have signs.
    """
    if count >= _MOST:
        return None
    least = (high - WORD if signed and high >= _SIGN else high) << 32
    return least + (low - least) % WORD


def _counted(raw: bytes, limit: int) -> str:
    size = int.from_bytes(raw[-8:], "little")
    return _text(raw[:limit].split(b"\0", 1)[0] if size == UNCOUNTED else raw[: min(size, limit)])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
