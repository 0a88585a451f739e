"""Why a location says nothing of where a value is at its function's entry."""

from __future__ import annotations

from typing import Final

GONE: Final = "the optimiser removed it"
LATER: Final = "it has no place at the entry, only later"
COMPUTED: Final = "its value is computed, not stored"
KNOWN: Final = "the optimiser knows its value, so that it needn't be passed"
BELOW: Final = "it is in the function's own frame, which is set up only after the entry"
BY_REGISTER: Final = "its place is counted from a register that the function sets after its entry"
POINTED: Final = "a pointer to it is in the function's own frame, which is set up only after the entry"
KEPT: Final = "it is in a register that still belongs to the caller at the entry"
CALLER: Final = "only what the caller passed is named, not where"
STRANGE: Final = "its location is of a kind that is not known here"
TWICE: Final = "two of its parts are said to be in one place, as Go says it by mistake of interfaces"
EMPTY: Final = "its type has no bytes, or isn't known here"
TOO_LARGE: Final = "its location is said to be a register that is too small for it"

NOT_PASSED: Final = (GONE, KNOWN)
"""Those that say that at the entry there is no such thing."""


class Unusable(Exception):  # noqa: N818 - it is an answer, not an error
    """A location that says nothing of the function's entry; the reason is its text."""
