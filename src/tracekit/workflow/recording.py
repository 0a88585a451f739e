"""What a result records of where it is from."""

from __future__ import annotations

import os

from tracekit.core.result import Ending, Machine, TargetRecord
from tracekit.core.target import Command, Pids, Target


def record(target: Target, pid: int | None, ending: Ending | None) -> TargetRecord:
    """What was traced.

    Args:
        target: what was asked for.
        pid: the command's process id; None if there was no command.
        ending: how the command ended; None if it hasn't, or there was none.
    """
    match target:
        case Command(argv, follow):
            assert pid is not None
            return TargetRecord(argv=argv, pids=(pid,), follow=follow, ending=ending)
        case Pids(pids, follow):
            return TargetRecord(pids=pids, follow=follow)
        case _:
            return TargetRecord(system_wide=True)


def machine() -> Machine:
    """The machine that this is."""
    system = os.uname()
    return Machine(system.sysname, system.release, system.machine, system.nodename)
