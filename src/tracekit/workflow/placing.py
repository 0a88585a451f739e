"""From a resolved program to probes in place: by the backend that was named, or by the first that can."""

from __future__ import annotations

import os
from contextlib import ExitStack

import attrs

from tracekit import process
from tracekit.backends import registry
from tracekit.backends.base import Backend, Options, Processes, Tracer
from tracekit.core.arch import architecture
from tracekit.core.result import Loss
from tracekit.core.target import Command, Pids, Target
from tracekit.errors import TracekitError, UnsupportedError
from tracekit.values import frozen
from tracekit.workflow.choose import AUTO, Choice, choose
from tracekit.workflow.held import lost_before_entry
from tracekit.workflow.locate import Located
from tracekit.workflow.overload import SAMPLE, limited
from tracekit.workflow.progress import doing
from tracekit.workflow.resolve import Resolved


@frozen
class Wanted:
    """What is to be run.

    Attributes:
        located: where its functions are.
        resolved: the program without names.
        target: whose events count.
        options: see ``Options``.
    """

    located: Located
    resolved: Resolved
    target: Target
    options: Options


@frozen
class Placed:
    """An engine that has all probes in place.

    Attributes:
        tracer: the engine.
        command: the command, which is still held; None if there is none.
        undo: ends both.
        backend: the engine's.
        losses: what the command did before.
        choice: which backend was taken, and why; None if it was named.
    """

    tracer: Tracer
    command: process.Target | None
    undo: ExitStack
    backend: Backend
    losses: tuple[Loss, ...] = ()
    choice: Choice | None = None


def place(wanted: Wanted, name: str) -> Placed:
    """Have a backend place the probes.

    Args:
        wanted: what is to be run.
        name: the backend's, or ``auto``.

    Raises:
        TracekitError: if it can't; nothing is left behind then.
    """
    if name == AUTO:
        placed, choice = choose(registry.ORDER, lambda n: _try_shown(wanted, n))
        return attrs.evolve(placed, choice=choice)
    found = _try_shown(wanted, name)
    if isinstance(found, UnsupportedError) and wanted.options.cross_check is None:
        others = [other for other in registry.ORDER if other != name and _may_run(wanted, other)]
        raise attrs.evolve(found, alternatives=tuple(others)) from found
    if isinstance(found, TracekitError):
        raise found
    return found


def _try_shown(wanted: Wanted, name: str) -> Placed | TracekitError:
    backend = registry.backend(name)
    with doing(f"placing probes with {name}"):
        return _try(wanted, backend)


def _try(wanted: Wanted, backend: Backend) -> Placed | TracekitError:
    """Have a backend place the probes; or why it can't.

    Each has a command of its own: in one that another engine has held, its libraries' code may have run.
    """
    with ExitStack() as stack:
        command = _hold(wanted.target, stack)
        try:
            tracer = _prepare(wanted, backend, command)
            stack.callback(tracer.close)
            losses: tuple[Loss, ...] = ()
            if command and backend.takes_hold:
                command.wait_at_entry()
                losses = lost_before_entry(wanted.located.places, command.pid)
            tracer.attach()
            if wanted.options.cross_check is not None:
                tracer = _cross_checked(wanted, wanted.options.cross_check, command, tracer, stack)
            tracer = _sampling(wanted, backend, command, tracer)
            stack.callback(tracer.close)
        except BaseException as error:
            if command:
                command.kill()  # an engine that held it would let it go on
            if isinstance(error, TracekitError):
                return error
            raise
        return Placed(tracer, command, stack.pop_all(), backend, losses)


def _sampling(wanted: Wanted, backend: Backend, command: process.Target | None, first: Tracer) -> Tracer:
    """The tracer itself; or, if that is wanted, one that samples with others like it."""
    options = limited(wanted.options, backend)
    if options.on_overload != SAMPLE or options.max_rate is None:
        return first
    from tracekit.workflow.sampling import SamplingTracer

    target = wanted.target
    pids = target.pids if isinstance(target, Pids) else ()

    def alive() -> bool:
        if command:
            return command.poll() is None
        return not pids or any(os.path.exists(f"/proc/{pid}") for pid in pids)

    # A debugger may take hold of a command of ours again, which runs now.
    again = attrs.evolve(wanted, options=attrs.evolve(wanted.options, attach_gdb=True)) if command else wanted
    return SamplingTracer(
        first, lambda: _prepare(again, backend, command, running=True), alive, options.max_rate
    )


def _cross_checked(
    wanted: Wanted, name: str, command: process.Target | None, first: Tracer, stack: ExitStack
) -> Tracer:
    """The tracer with another engine's beside it, which has its probes in place, too."""
    from tracekit.workflow.crosscheck import CrossCheckedTracer

    backend = registry.backend(name)
    second = _prepare(
        attrs.evolve(wanted, options=attrs.evolve(wanted.options, interval=None)), backend, command
    )
    stack.callback(second.close)
    if command and backend.takes_hold:
        command.wait_at_entry()
    both = CrossCheckedTracer(first, second, wanted.resolved.program)
    with doing(f"placing probes with {name} too"):
        both.attach()
    return both


def _may_run(wanted: Wanted, name: str) -> bool:
    """Whether a backend takes the program, as far as that is known before it tries."""
    backend, arch = registry.backend(name), architecture(os.uname().machine)
    with ExitStack() as stack:
        try:
            stack.callback(_prepare(wanted, backend, _hold(wanted.target, stack)).close)
            backend.compile(wanted.resolved.program, arch, wanted.options, wanted.target, ())
        except TracekitError:
            return False
    return True


def _hold(target: Target, stack: ExitStack) -> process.Target | None:
    """Start the command, if there is one, and hold it before its first instruction."""
    if not isinstance(target, Command):
        return None
    return stack.enter_context(
        process.Target.start(target.argv, env=target.env, cwd=target.cwd, user=process.invoking_user())
    )


def _prepare(
    wanted: Wanted, backend: Backend, command: process.Target | None, *, running: bool = False
) -> Tracer:
    target = wanted.target
    pids = (command.pid,) if command else target.pids if isinstance(target, Pids) else ()
    follow = isinstance(target, Command | Pids) and target.follow
    return backend.tracer(
        wanted.resolved.program,
        wanted.resolved.places,
        wanted.located.files,
        Processes(pids, follow, command.hand_over if command and not running else None),
        limited(wanted.options, backend),
    )
