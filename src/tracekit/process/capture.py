"""The output of a short command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from tracekit.process.engine import Engine
from tracekit.process.user import User

_VARIABLES: Final = ("PATH", "LD_LIBRARY_PATH", "GLIBC_TUNABLES")


def output(
    argv: Sequence[str], timeout: float = 10.0, user: User | None = None, variables: Sequence[str] = ()
) -> bytes:
    """Run a command of ours to its end and give what it printed on standard output.

    Of our environment it gets no more than may change what it says: it may be another user, or run what isn't
    to be trusted, and our secrets are no concern of theirs.

    Args:
        argv: the program and its arguments.
        timeout: how many seconds it may be silent; then it is killed, and what it has printed counts.
        user: as whom it runs; None for ourselves.
        variables: what it gets of our environment besides.

    Raises:
        EngineMissingError: if the program doesn't exist or can't be executed.
    """
    said = b""
    names = (*_VARIABLES, *variables)
    env = {name: os.environ[name] for name in names if name in os.environ} | {"LC_ALL": "C.UTF-8"}
    env = env if user is None else user.environment(env)
    with Engine.start(argv, env=env, name=os.path.basename(argv[0]), grace=0, user=user) as command:
        while piece := command.read(timeout):
            said += piece
    return said
