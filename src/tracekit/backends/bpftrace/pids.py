"""Whether bpftrace has the process ids that tracekit has, where both run in a container.

The kernel gives eBPF the ids of its first namespace. bpftrace before 0.22 compares those with ours, and would
count nothing; later ones ask for the id in their own namespace, which processes of further namespaces within
don't have: it is 0 for them. Measured on 0.17, 0.23 and 0.27.
"""

from __future__ import annotations

import os
from typing import Final

from tracekit import process
from tracekit.backends.base import Processes
from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.backends.plan import uses
from tracekit.core.expr import BuiltinName
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError
from tracekit.process.namespaces import in_first_pids, in_inner_pids

_TRIAL: Final = 'BEGIN { printf("pid %d\\n", pid); exit(); }'
_SECONDS: Final = 20.0
_OUTSIDE: Final = "Run tracekit on the host, where -p takes the host's ids and --container a name."


def check_ids(path: str, processes: Processes, program: Program) -> tuple[str, ...]:
    """Refuse processes whose ids bpftrace wouldn't recognise.

    Args:
        path: bpftrace's.
        processes: whose events are to count.
        program: what is asked.

    Returns:
        What a reader should know of ids in the result.

    Raises:
        UnsupportedError: if there are such processes.
    """
    shown = any(uses(c, name) for c in program.clauses for name in (BuiltinName.PID, BuiltinName.TID))
    if in_first_pids() or not (processes.pids or shown):
        return ()
    if processes.follow:
        raise UnsupportedError(
            feature="--follow in a container",
            backend=BACKEND,
            reason="the kernel tells it new processes by the host's ids, and all others by the container's",
            remedy=_OUTSIDE,
        )
    for pid in processes.pids:
        if in_inner_pids(pid):
            raise UnsupportedError(
                feature=f"process {pid}",
                backend=BACKEND,
                reason="bpftrace isn't told the ids of a pid namespace within its own",
                remedy=f"Run tracekit in there. {_OUTSIDE}",
            )
    if not _has_our_ids(path):
        raise UnsupportedError(
            feature="ids of processes in a container",
            backend=BACKEND,
            reason="this version knows processes by the host's ids only, which can't be told from in here",
            remedy=f"Use bpftrace 0.23 or later. {_OUTSIDE}",
        )
    return () if processes.pids else ("processes of other pid namespaces than tracekit's have the id 0",)


def _has_our_ids(path: str) -> bool:
    """Whether it has the id for itself that we have for it."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    said = b""
    with process.Engine.start([path, "-q", "-e", _TRIAL], env=environment, name=BACKEND) as engine:
        while piece := engine.read(_SECONDS):
            said += piece
        return b"pid %d" % engine.pid in said.splitlines()
