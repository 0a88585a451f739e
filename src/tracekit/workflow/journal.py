"""What is left of a run if tracekit doesn't live to tell its result: the latest snapshot, on disk.

It is a run file like any other, written whole and flushed each time in place of the one before. So it never
grows, has no torn last line, and needs no way of its own to be read.
"""

from __future__ import annotations

import os
from typing import Final

import attrs

from tracekit.core.escape import printable
from tracekit.core.result import Loss, LossKind, Result
from tracekit.errors import OutputError, UsageError
from tracekit.workflow.saving import save

SUFFIX: Final = ".partial"
"""What is added to the name of the file that the result goes to."""


def partial(result: Result) -> Result:
    """A result of a run that goes on, marked as what it is: not the last word."""
    loss = Loss(
        LossKind.INCOMPLETE, "the run was cut short: this is its last snapshot, and what came later is lost"
    )
    others = (known for known in result.losses if known.kind is not LossKind.INCOMPLETE)
    return attrs.evolve(result, complete=False, losses=(loss, *others))


class Journal:
    """The file beside the result's that has the latest snapshot while the run goes on.

    Attributes:
        path: its name.
    """

    def __init__(self, output: str) -> None:
        """Begin; nothing is written yet.

        Args:
            output: where the result goes.

        Raises:
            UsageError: if an earlier run's is still there, which would be lost.
        """
        self.path = output + SUFFIX
        if os.path.lexists(self.path):
            raise UsageError(
                f"{printable(self.path)} has the last snapshot of a run that was cut short, or still goes on",
                "Look at it with 'tracekit import', then remove or rename it.",
            )

    def keep(self, result: Result) -> OutputError | None:
        """Write down the result so far, in place of what was there.

        Returns:
            Why it couldn't be written; what was there before is still there then.
        """
        from tracekit.render.run_file import dump

        try:
            save(self.path, dump(result).encode())
        except OutputError as error:
            return error
        return None

    def remove(self) -> None:
        """Take it away: the result itself has been written."""
        if os.path.lexists(self.path):
            os.unlink(self.path)
