"""How well it is known where an argument is."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Verdict(enum.Enum):
    """How well a location is known, the best first."""

    VERIFIED = "verified"
    HIGH = "high"
    GOOD = "good"
    REFUSED = "refused"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Verdict).index(self)

    def at_least(self, other: Verdict) -> bool:
        """Whether it is as good as ``other``, or better."""
        return self.rank <= other.rank


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; the best there is for none."""
    return max(verdicts, key=lambda v: v.rank, default=Verdict.VERIFIED)
