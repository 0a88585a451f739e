"""Which names a person may mean by a few letters, the likeliest first."""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_SEGMENTS: Final = re.compile(r"::|[./]")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST: Final = 200
"""Characters of a pattern; nobody types more."""


class Fit(enum.IntEnum):
    """How a pattern fits a name; the least is the best."""

    EXACT = 0
    LAST = 1
    PREFIX = 2
    WORD = 3
    INSIDE = 4
    INITIALS = 5
    LETTERS = 6


def ranked(pattern: str, names: Sequence[str], prefer: Callable[[int], bool] = lambda _: True) -> list[int]:
    """The indexes of the names that a pattern fits, best first.

    Case doesn't count, but of equals those come first whose case is right. What fits best is the whole name;
    then its last part (``insert`` for ``Cache::insert``); the beginning of either; the beginning of a word in
    it; any place in it; the beginnings of words (``cins`` for ``cache_insert``). Only if none of these fits,
    all names count that have the letters in that order. A pattern with ``*`` fits whole names, as it does in
    a probe.

    Args:
        pattern: what is looked for; all names fit the empty one.
        names: what there is.
        prefer: whether the name of an index comes before others that fit as well.
    """
    if not pattern:
        return sorted(range(len(names)), key=names.__getitem__)
    if "*" in pattern and pattern not in names:
        match = re.compile(fnmatch.translate(re.sub(r"[\[?]", r"[\g<0>]", pattern))).match
        return sorted((i for i, name in enumerate(names) if match(name)), key=names.__getitem__)
    if len(pattern) > _LONGEST:
        return [i for i, name in enumerate(names) if name == pattern]
    wanted = pattern.lower()
    # Each letter is looked for once, from left to right, so no name can make this slow.
    letters = re.compile("".join(f"[^{re.escape(c)}]*{re.escape(c)}" for c in wanted), re.DOTALL).match
    found = [(fit(wanted, names[i]), i) for i in _positions(letters, names)]
    best = [one for one in found if one[0] < Fit.LETTERS] or found
    best.sort(key=lambda one: (one[0], not prefer(one[1]), pattern not in names[one[1]], names[one[1]]))
    return [i for _, i in best]


def _positions(match: Callable[[str], object], names: Sequence[str]) -> Iterable[int]:
    return (i for i, name in enumerate(names) if match(name.lower()))


def fit(wanted: str, name: str) -> Fit:
    """How a pattern in small letters fits a name that has its letters in that order."""
    low = name.lower()
    if low == wanted:
        return Fit.EXACT
    if wanted in low:
        starts = _starts(name)
        if any(low[s:] == wanted for s in starts):
            return Fit.LAST
        if any(low.startswith(wanted, s) for s in (0, starts[-1])):
            return Fit.PREFIX
        if any(low.startswith(wanted, s) for s in (*starts, *(m.start() for m in _WORDS.finditer(name)))):
            return Fit.WORD
        return Fit.INSIDE
    # Of all that is before them, most names are made.
    own = name[_starts(name)[-2:][0] :]
    return Fit.INITIALS if _initials(wanted, [m[0].lower() for m in _WORDS.finditer(own)]) else Fit.LETTERS


def _starts(name: str) -> list[int]:
    """Where the parts of a name begin."""
    return [0, *(m.end() for m in _SEGMENTS.finditer(name))]


def _initials(wanted: str, words: Sequence[str]) -> bool:
    """Whether a text is made of beginnings of some words, in their order."""
    reached = {0}
    plain = "".join(c for c in wanted if c.isalnum())
    for word in words:
        for start in tuple(reached):
            for length in range(1, len(word) + 1):
                if not plain.startswith(word[:length], start):
                    break
                reached.add(start + length)
    return bool(plain) and len(plain) in reached


def tails(name: str) -> list[str]:
    """A name, and what is left of it without its outer scopes, the longest first."""
    return [name[start:] for start in _starts(name)]


def common(name: str, start: int) -> str:
    """A name up to the end of the scope that a place in it is in; all of it if that is in none."""
    found = _SEGMENTS.search(name, start)
    return name[: found.end()] if found else name


def endings(name: str) -> list[str]:
    """What is left of the last part of a name from each of its words on, the longest first."""
    last = tails(name)[-1]
    return [last, *(last[m.start() :] for m in _WORDS.finditer(last) if m.start())]
