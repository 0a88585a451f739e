"""The output of a short command."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tracekit.process.engine import Engine
from tracekit.process.user import User


def output(argv: Sequence[str], timeout: float = 10.0, user: User | None = None) -> bytes:
    """Run a command of ours to its end and give what it printed on standard output.

    Args:
        argv: the program and its arguments.
        timeout: how many seconds it may be silent; then it is killed, and what it has printed counts.
        user: as whom it runs; None for ourselves.

    Raises:
        EngineMissingError: if the program doesn't exist or can't be executed.
    """
    said = b""
    with Engine.start(
        argv, env=dict(os.environ), name=os.path.basename(argv[0]), grace=0, user=user
    ) as command:
        while piece := command.read(timeout):
            said += piece
    return said
