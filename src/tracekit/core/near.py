"""Which names a person may have meant by one that doesn't exist."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final

_FINALISTS: Final = 50
_FEATURES: Final = 24
_LONGEST: Final = 200
_SHORT: Final = 8
_ALIKE: Final = 0.6


def near(name: str, candidates: Iterable[str], n: int = 3) -> tuple[str, ...]:
    """The candidates that come nearest to a name, best first.

    Case doesn't count, and of a candidate with dots the last part may be meant: ``insert`` is near
    ``main.insert``. difflib judges, but takes 50 µs for a candidate; so a cheap count of common letters and
    pairs of letters chooses whom it judges, which makes it about 0.1 s for 60,000 candidates.

    Args:
        name: what was asked for.
        candidates: what there is; duplicates count once.
        n: the most names to give.

    Returns:
        Up to ``n`` candidates; none if none is alike, or if the name is of more than 200 characters.
    """
    from difflib import SequenceMatcher  # the only use, and only after an error

    wanted = name.lower()
    if len(wanted) > _LONGEST:
        return ()
    # The end of a long name tells more than its beginning, which names like it share.
    pairs = (wanted[i : i + 2] for i in range(len(wanted) - 1))
    features = tuple(dict.fromkeys((*wanted[:_SHORT], *pairs)))[-_FEATURES:]
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)

    def rough(candidate: str) -> tuple[float, str]:
        low = candidate.lower()
        last = len(low) - low.rfind(".") - 1
        surplus = min(abs(len(low) - len(wanted)), abs(last - len(wanted)))
        return sum(map(low.__contains__, features)) - surplus / 4, candidate

    def alike(candidate: str) -> float:
        best = 0.0
        for part in {candidate.lower(), candidate.lower().rpartition(".")[2]}:
            if len(part) <= _LONGEST:
                matcher.set_seq1(part)
                best = max(best, matcher.ratio())
        return best

    finalists = heapq.nlargest(_FINALISTS, set(candidates), key=rough)
    judged = sorted((-alike(c), c) for c in finalists)
    return tuple(c for score, c in judged[:n] if -score >= _ALIKE)
