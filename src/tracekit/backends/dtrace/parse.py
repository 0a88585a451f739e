"""The output of a run's program, as it comes, into the model. Pure.

Every block of ours stands between two lines that begin with the run's nonce; inside, each line begins with
the name of a map of the plan. Strings are escaped and in quotes (``%S``), so nothing in them can look like
the end of one. What isn't understood is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from operator import add
from typing import Final

from tracekit.backends.base import Reading
from tracekit.backends.dtrace.instrument import map_of
from tracekit.backends.figures import Figures, Keys, told, unreturned
from tracekit.backends.plan import UNCOUNTED, KeyKind, KeyPlan, MapPlan, Plan, word
from tracekit.backends.window import overload_of
from tracekit.core.result import Key, Loss, MapResult
from tracekit.errors import EngineError
from tracekit.values import frozen

_ROOM: Final = "Raise --max-keys, or use fewer keys or wider buckets."
_NUMBER: Final = rb"(-?\d+)"
_STRING: Final = rb'"((?:[^"\\\n]|\\.)*)"'
_ESCAPE: Final = re.compile(rb"\\(?:([0-3][0-7]{2})|(.))", re.DOTALL)
_LETTERS: Final = {
    b"0": b"\0", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"
}  # fmt: skip
_KEYS: Final = {
    KeyKind.INTEGER: _NUMBER + b" ",
    KeyKind.FUNCTION: _NUMBER + b" ",
    KeyKind.STRING: _STRING + b" ",
    KeyKind.COUNTED: _STRING + b" " + _NUMBER + b" ",
}

_Row = tuple[tuple[bytes, ...], int]
"""What stands for the keys, and the bucket where there is one; and the figure."""


@frozen
class Ready:
    """All probes are in place."""


class OutputParser:
    """Parses a run's output piece by piece."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._buffer = bytearray()
        self._finished = False
        self._rows: dict[str, list[_Row]] | None = None
        self._kind, self._times = b"", [0]
        self._patterns = {name.encode(): _row(plan, name) for name in plan.script_maps}

    def feed(self, data: bytes) -> Iterator[Ready | Reading]:
        """Take the next piece of output; give what it completes.

        Raises:
            EngineError: if something isn't understood.
        """
        self._buffer += data
        end = self._buffer.rfind(b"\n") + 1
        lines = bytes(self._buffer[:end]).split(b"\n")[:-1]
        del self._buffer[:end]
        for line in lines:
            # The result is the last that counts: the engine itself may print more at its end.
            if not self._finished and (event := self._line(line)) is not None:
                yield event

    def close(self) -> None:
        """The output has ended.

        Raises:
            EngineError: if it ends within a line or a block.
        """
        if not self._finished and (self._buffer or self._rows is not None):
            _not_understood(bytes(self._buffer) or b"the end of the output")

    def _line(self, line: bytes) -> Ready | Reading | None:
        mark = b"%d " % self._plan.nonce
        if line.startswith(mark):
            return self._marker(line[len(mark) :])
        if self._rows is not None:
            name = line.partition(b" ")[0]
            pattern = self._patterns.get(name)
            if pattern is not None and (row := pattern.fullmatch(line)):
                *keys, figure = row.groups()
                self._rows[name.decode()].append((tuple(keys), int(figure)))
                return None
        # Between blocks, and at an aggregation without entries, dtrace leaves lines empty.
        if line.strip():
            _not_understood(line)
        return None

    def _marker(self, words: bytes) -> Ready | Reading | None:
        match words.split():
            case [b"ready"] if self._rows is None:
                return Ready()
            case [b"snapshot" | b"result" as kind, *times] if self._rows is None and _numbers(times):
                self._rows = {name: [] for name in self._plan.script_maps}
                self._kind, self._times = kind, [int(time) for time in times]
                return None
            case [b"done"] if self._rows is not None:
                rows, self._rows = self._rows, None
                self._finished = self._kind == b"result"
                maps, losses, notes = assemble(self._plan, rows, final=self._finished)
                hits = sum(figure for _, figure in rows["h0"])
                now, *stop = self._times
                over = overload_of(stop)
                return Reading(self._finished, now, maps, losses, notes, hits, overload=over)
            case _:
                _not_understood(words)
        return None


def _numbers(words: list[bytes]) -> bool:
    return len(words) in (1, 5) and all(word.isdigit() for word in words)


def assemble(
    plan: Plan, rows: dict[str, list[_Row]], *, final: bool
) -> tuple[tuple[MapResult, ...], tuple[Loss, ...], tuple[str, ...]]:
    """Make the program's maps of a block's rows: the maps, what is missing from them, and notes."""
    totals = [sum(figure for _, figure in rows[f"t{n}"]) for n in range(plan.clauses)]
    maps: list[MapResult] = []
    losses: list[Loss] = []
    notes: list[str] = []
    for m in plan.maps:
        figures = _figures(m, plan, {part: rows[f"{part}{m.number}"] for part in m.parts})
        # Dropped updates are all that an event can lose; before the end, it may still be on its way.
        figures.full = final
        total = sum(totals[n] for n in m.totals)
        found = told(m, figures, total, final=final, engine="dtrace", room=_ROOM)
        maps.append(found.result)
        losses += found.losses
        notes += found.notes
    for n in plan.returns:
        entries, returns = (sum(figure for _, figure in rows[f"{letter}{n}"]) for letter in "er")
        lost, remarks = unreturned(entries, returns)
        losses += lost
        notes += remarks
    return tuple(maps), tuple(losses), tuple(notes)


def _figures(m: MapPlan, plan: Plan, parts: dict[str, list[_Row]]) -> Figures:
    read = _keys_reader(m, plan)
    cut: set[Keys] = set()

    def keys(raw: tuple[bytes, ...]) -> Keys:
        found, full = read(raw)
        if full:
            cut.add(found)
        return found

    # Extremes of unsigned values were moved down by half of the range.
    back = 0 if m.type is None or word(m.type).signed else 1 << 63
    # Keys of several rows become one where a NUL ends strings of several sizes.
    buckets: dict[Keys, dict[int, int]] = {}
    for (*raw, inside), count in parts.get("b", ()):
        group = buckets.setdefault(keys(tuple(raw)), {})
        group[int(inside)] = group.get(int(inside), 0) + count
    single: dict[str, dict[Keys, int]] = {part: {} for part in _MERGED}
    for part, merge in _MERGED.items():
        for words, figure in parts.get(part, ()):
            found = keys(words)
            before = single[part].get(found)
            single[part][found] = figure if before is None else merge(before, figure)
    return Figures(
        buckets=buckets,
        counts=single["c"],
        sums=single["s"],
        least={k: figure + back for k, figure in single["n"].items()},
        most={k: figure + back for k, figure in single["x"].items()},
        cut=cut,
    )


_MERGED: Final[Mapping[str, Callable[[int, int], int]]] = {"c": add, "s": add, "n": min, "x": max}


def _keys_reader(m: MapPlan, plan: Plan) -> Callable[[tuple[bytes, ...]], tuple[Keys, bool]]:
    """What reads the keys of a row, and says whether one of them may be cut."""

    def read(raw: tuple[bytes, ...]) -> tuple[Keys, bool]:
        found: list[Key] = []
        words = iter(raw)
        full = False
        for key in m.keys:
            word_ = next(words)
            match key.kind:
                case KeyKind.INTEGER:
                    found.append(key.type.wrap(int(word_)))
                case KeyKind.FUNCTION:
                    found.append(plan.function(int(word_), "dtrace"))
                case KeyKind.STRING | KeyKind.COUNTED:
                    text = unescaped(word_)
                    size = int(next(words)) if key.kind is KeyKind.COUNTED else UNCOUNTED
                    full = full or _is_full(key, text, size)
                    found.append(text.decode("utf-8", "surrogateescape"))
        return tuple(found), full

    return read


def _is_full(key: KeyPlan, text: bytes, size: int) -> bool:
    """Whether a string fills its room, so that it may be cut; one with a size also if a NUL in it ends it."""
    limit = key.size - 1
    if not key.size:
        return False
    return len(text) >= limit if size == UNCOUNTED else len(text) < size or size >= limit


def unescaped(text: bytes) -> bytes:
    r"""What ``%S`` printed: C's escapes and octal ones; on Linux the NUL that ends a string, too.

    Sources: ``strchr2esc`` in ``dt_string.c``, which is the same in Oracle's and Apple's DTrace, and
    ``pfprint_estr`` in ``dt_printf.c``.
    """
    return _ESCAPE.sub(_meant, text).removesuffix(b"\0")


def _meant(escape: re.Match[bytes]) -> bytes:
    return bytes([int(escape[1], 8)]) if escape[1] else _LETTERS.get(escape[2], escape[2])


def _row(plan: Plan, name: str) -> re.Pattern[bytes]:
    """A pattern of one row: the groups are the keys, the bucket where there is one, the figure."""
    found = map_of(plan, name)
    keys = b"".join(_KEYS[key.kind] for key in found.keys) if found is not None else b""
    bucket = _NUMBER + b" " if name[0] == "b" else b""
    return re.compile(re.escape(name.encode()) + b" " + keys + bucket + _NUMBER)


def _not_understood(line: bytes) -> None:
    shown = line.decode("utf-8", "backslashreplace")
    raise EngineError(
        message=f"dtrace printed what tracekit doesn't understand: {shown[:200]!r}",
        hint="Run it with -v to see the program, and report both.",
        engine="dtrace",
    )
