"""Which processes of a container are meant."""

from __future__ import annotations

from tracekit.core.probe import Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.core.target import Container, Pids, Target

_LISTED = 4


def processes_meant(target: Target | Container, program: Program) -> tuple[Target, tuple[str, ...]]:
    """A target without containers, and what a reader should know of that.

    Args:
        target: whose events count.
        program: whose binaries tell which of a container's processes are meant.

    Raises:
        TargetError: if there is no such container.
        UsageError: if there are several.
    """
    if not isinstance(target, Container):
        return target, ()
    from tracekit.process.containers import find_container
    from tracekit.workflow.binary_file import runs
    from tracekit.workflow.mapped import running

    found = find_container(target.name)
    binaries = {
        probe.binary
        for clause in program.clauses
        for probe in clause.probes
        if isinstance(probe, Uprobe | Uretprobe | Usdt)
    }
    there = [of for pid in found.pids if (of := running(pid)) is not None]
    meant = [of for of in there if not binaries or any(runs(name, of) for name in binaries)]
    meant = meant or [of for of in there if of.pid == found.init]
    # If its first process has ended by now, the error says so of that one.
    pids = tuple(of.pid for of in meant) or (found.init,)
    named = ", ".join(f"{of.pid} ({of.program})" for of in meant[:_LISTED])
    more = f" and {len(meant) - _LISTED} more" if len(meant) > _LISTED else ""
    note = f"of the container {target.name} ({found.engine}) these count: {named}{more}"
    return Pids(pids, target.follow), (note,)
