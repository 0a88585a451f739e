"""Which entries are of one aggregation, since dtrace prints no names. Pure.

Entries of an aggregation follow one another, sorted by their values, and no key is there twice. An aggregation
without keys is one entry. Nothing marks the end of one with keys but another kind of entry, a blank line, or a
key that comes again; where that isn't enough to find it, the output is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tracekit.backends.dtrace.saved_model import Entry, Layout, refused
from tracekit.core.result import Key
from tracekit.values import frozen

_HINT = (
    "Print each aggregation apart and with its name: in END, "
    'printf("#name\\n"); printa(@name); for each. Or give the aggregations different numbers of keys.'
)


@frozen
class Group:
    """The entries of an aggregation.

    Attributes:
        name: its name: the one that the script printed, or one by its order, ``agg1`` for the first.
        line: the number of its first line.
        entries: its entries, in the output's order.
        keys: the keys of each.
        alone: whether there is a proof that no other aggregation's entries are among them.
    """

    name: str
    line: int
    entries: tuple[Entry, ...]
    keys: tuple[tuple[Key, ...], ...]
    alone: bool

    @property
    def sorted(self) -> bool:
        """Whether the values are in the order in which dtrace prints them by default."""
        return not any(_falls(one.value, next_.value) for one, next_ in pairwise(self.entries))

    @property
    def what(self) -> str:
        """The aggregation, for messages."""
        return f"@{self.name} (from line {self.line} on)"


def group(entries: Sequence[Entry]) -> tuple[list[Group], list[str]]:
    """Find the aggregations.

    Returns:
        The aggregations in their order, and what a reader should know of how they were found.

    Raises:
        EngineError: if it can't be told where one ends, or what its keys are.
    """
    found: dict[str, Group] = {}
    notes: dict[str, None] = {}
    unnamed = 0
    for run in _runs(entries):
        named = run[0].name
        for part in [run] if named is not None else _parts(run):
            if named is None:
                unnamed += 1
            name = f"agg{unnamed}" if named is None else named
            if name in found:
                notes[f"@{name} was printed several times; only the last print is kept"] = None
            found[name] = _grouped(name, part)
    groups = list(found.values())
    if unnamed:
        notes["dtrace prints no names: aggregations are named by their order, from agg1 on"] = None
    if unsure := [f"@{g.name}" for g in groups if not g.alone]:
        notes[
            "entries that follow one another with keys of the same kind are taken as one aggregation, "
            f"since nothing in the output says otherwise: {', '.join(unsure)}"
        ] = None
    return groups, list(notes)


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries that can be of one aggregation: with the same name, kind of value and kinds of keys."""
    run: list[Entry] = []
    layouts: frozenset[Layout] = frozenset()
    for entry in entries:
        own = frozenset(entry.keys)
        if run and (_another(run[-1], entry) or not layouts & own):
            yield run
            run = []
        layouts = layouts & own if run else own
        run.append(entry)
    if run:
        yield run


def _another(last: Entry, entry: Entry) -> bool:
    """Whether an entry can't be of the same aggregation as the one before it."""
    if entry.name is not None or last.name is not None:
        return entry.name != last.name
    return not entry.keyed or entry.fresh or isinstance(entry.value, int) != isinstance(last.value, int)


def _layout(part: Sequence[Entry]) -> Layout:
    layouts = frozenset.intersection(*(frozenset(entry.keys) for entry in part))
    if len(layouts) > 1:
        raise refused(
            f"the keys in line {part[0].line} can be read in several ways: "
            + " or ".join(repr(part[0].keys[layout]) for layout in sorted(layouts)),
            'Print the aggregation with printa("\\"%S\\" %d %@d\\n", @name) for its kinds of keys.',
        )
    return next(iter(layouts))


def _grouped(name: str, part: Sequence[Entry]) -> Group:
    layout = _layout(part)
    keys = tuple(entry.keys[layout] for entry in part)
    if len(set(keys)) < len(keys):
        twice = next(entry for n, entry in enumerate(part) if keys[n] in keys[:n])
        raise refused(f"line {twice.line} has a key of @{name} for the second time", _HINT)
    alone = not layout or part[0].name is not None or len(part) == 1
    return Group(name, part[0].line, tuple(part), keys, alone)


def _parts(run: list[Entry]) -> list[list[Entry]]:
    """A run divided where a key comes again: into as few aggregations as can be."""
    layout = _layout(run)
    keys = [entry.keys[layout] for entry in run]
    latest = _cuts(keys)
    earliest = [len(keys) - cut for cut in reversed(_cuts(keys[::-1]))]
    cuts = [_cut(run, first, last) for first, last in zip(earliest, latest, strict=True)]
    return [run[start:end] for start, end in pairwise((0, *cuts, len(run)))]


def _cuts(keys: Sequence[tuple[Key, ...]]) -> list[int]:
    """Where parts begin that are as long as can be without a key twice, but for the first."""
    cuts = []
    seen: set[tuple[Key, ...]] = set()
    for at, key in enumerate(keys):
        if key in seen:
            cuts.append(at)
            seen.clear()
        seen.add(key)
    return cuts


def _cut(run: Sequence[Entry], first: int, last: int) -> int:
    """Where an aggregation ends that has to end at one of several places: where the values, sorted, fall."""
    falls = [at for at in range(first, last + 1) if _falls(run[at - 1].value, run[at].value)]
    if first < last and len(falls) != 1:
        raise refused(
            f"it can't be told at which of the lines {run[first].line} to {run[last].line} another aggregation "
            "begins: it has some of the same keys",
            _HINT,
        )
    return last if first == last else falls[0]


def _falls(before: object, after: object) -> bool:
    return isinstance(before, int) and isinstance(after, int) and after < before
