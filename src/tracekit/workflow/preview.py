"""What a program would probe, where that is more than was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracekit.core.escape import printable
from tracekit.errors import UsageError

_SHOWN: Final = 5


def too_many(functions: Sequence[str], probes: int, most: int) -> UsageError:
    """The refusal of a program that needs more probes than it may have.

    Args:
        functions: the names of those that it would probe.
        probes: how many probes they need.
        most: how many there may be.
    """
    more = len(functions) - _SHOWN
    shown = ", ".join([*functions[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
    return UsageError(
        f"the program needs {probes} probes at functions; the most is {most}",
        f"They are for {printable(shown)}. Use a narrower pattern, or raise --max-probes; each probe costs "
        "about 0.1 s to take away.",
    )
