"""Which backend runs a program, where nobody says: the first that can."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from tracekit.errors import NoBackendError, TargetError, TracekitError, UsageError, named_reason
from tracekit.values import frozen

T = TypeVar("T")

AUTO: Final = "auto"
"""The name that asks for this choice."""

FIRST: Final = "bpf"
"""With a cross-check, the engine whose result it is: it tells its counts at any moment without losing any."""

SECOND: Final = "bpftrace"
"""The other one, where none is named."""


@frozen
class Refusal:
    """A backend that was asked first, and can't; not the error itself, which keeps what was tried alive.

    Attributes:
        backend: its name.
        reason: why, as a sentence without its full stop.
        hint: the way out, or the empty string.
    """

    backend: str
    reason: str
    hint: str


@frozen
class Choice:
    """The backend that was taken.

    Attributes:
        backend: its name.
        refusals: those that were asked before it, in order.
        unasked: those that would have been asked after it.
    """

    backend: str
    refusals: tuple[Refusal, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """Why it was taken, as the rest of a sentence."""
        if not self.refusals:
            return "the first choice"
        return "since " + " and ".join(named_reason(r.backend, r.reason) for r in self.refusals)

    @property
    def others(self) -> tuple[str, ...]:
        """Why each of the others was not taken, a sentence each."""
        refused = (
            f"{r.backend} was not taken: {' '.join(filter(None, (f'{r.reason}.', r.hint)))}"
            for r in self.refusals
        )
        return (*refused, *(f"{name} was not asked: {self.backend} comes first" for name in self.unasked))


def choose(names: Sequence[str], attempt: Callable[[str], T | TracekitError]) -> tuple[T, Choice]:
    """Try backends until one works.

    An engine's version and the kernel's rights are found out by trying, and not by comparing numbers, so a try
    goes as far as to having all probes in place.

    Args:
        names: the backends, best first.
        attempt: tries one; returns what came of it, or why it can't, having left nothing behind.

    Returns:
        What came of the first that can, and which it is.

    Raises:
        NoBackendError: if none can.
        TracekitError: the only one's reason; or the first one's, if the request or the target itself is wrong.
    """
    errors: dict[str, TracekitError] = {}
    for at, name in enumerate(names):
        found = attempt(name)
        if not isinstance(found, TracekitError):
            refusals = tuple(Refusal(n, e.message, e.hint) for n, e in errors.items())
            return found, Choice(name, refusals, tuple(names[at + 1 :]))
        if len(names) == 1 or (not errors and isinstance(found, UsageError | TargetError)):
            raise found
        errors[name] = found
    raise NoBackendError(reasons=errors)
