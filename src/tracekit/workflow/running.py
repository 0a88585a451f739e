"""Starting a run, and having one from its start to its end."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

import attrs

from tracekit import binaries
from tracekit.backends.base import Options
from tracekit.core.probe import Uprobe, Uretprobe, Usdt
from tracekit.core.program import Program
from tracekit.core.result import Result
from tracekit.core.target import Command, Container, Pids, Target
from tracekit.errors import UsageError
from tracekit.workflow.choose import AUTO

if TYPE_CHECKING:
    from tracekit.workflow.session import Session

DEFAULT_BACKEND: Final = AUTO


def start(
    program: Program,
    target: Target | Container,
    *,
    backend: str = DEFAULT_BACKEND,
    options: Options = Options(),
    interval: float | None = 0.25,
) -> Session:
    """Place a program's probes, let the target run, and come back.

    Args:
        program: what is asked.
        target: whose events count.
        backend: the engine's name; ``auto`` for the first that can, of those in ``registry.ORDER``.
        options: see ``Options``.
        interval: seconds between the snapshots that the engine prints; None for none. Overrides that
            of ``options``.

    Raises:
        TracekitError: if it can't be run; nothing of a command has run then.
        NoBackendError: if no backend can, and none was named.
    """
    reads = any(isinstance(p, Uprobe | Uretprobe | Usdt) for clause in program.clauses for p in clause.probes)
    reader = binaries.prepare() if reads else None  # noqa: F841, it gets ready while we load all the rest
    from tracekit.workflow.session import Session

    if interval != options.interval:
        options = attrs.evolve(options, interval=interval)
    return Session(program, target, backend, options)


def run(
    program: Program,
    target: Target | Container,
    *,
    backend: str = DEFAULT_BACKEND,
    options: Options = Options(),
    duration: float | None = None,
) -> Result:
    """Run a program until the target ends, or for some time.

    Args:
        program: what is asked.
        target: whose events count.
        backend: the engine's name; ``auto`` for the first that can, of those in ``registry.ORDER``.
        options: see ``Options``.
        duration: seconds after which tracing stops; None to wait for the target.

    Raises:
        TracekitError: if it can't be run; nothing of a command has run then.
        NoBackendError: if no backend can, and none was named.
        UsageError: if it would never end.
    """
    endless = (
        not isinstance(target, Command | Pids | Container) and duration is None and options.max_events is None
    )
    if endless:
        raise UsageError("a run of the whole system has no end", "Give a duration, or use start() and stop().")
    with start(program, target, backend=backend, options=options, interval=options.interval) as session:
        deadline = None if duration is None else monotonic() + duration
        while session.running:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                break
            session.wait(left)
        return session.stop()
