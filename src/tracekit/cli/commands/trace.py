"""``tracekit trace``."""

from __future__ import annotations

import signal
from time import monotonic

import click

from tracekit import process
from tracekit.backends.base import Options
from tracekit.cli.crosscheck import CrossCheckable, confirmed, cross_check_parameter
from tracekit.cli.limits import OverloadTold, limit_parameters, tell_load
from tracekit.cli.programs import (
    Seconds,
    container_parameter,
    option,
    program_of,
    program_parameters,
    target_of,
    target_or_container,
    target_parameters,
    tell_ending,
)  # fmt: skip
from tracekit.cli.progress import progress_shown
from tracekit.cli.running import running_parameters
from tracekit.cli.screen import Screen
from tracekit.cli.view import interval as live_interval
from tracekit.cli.view import looks, open_view
from tracekit.core.escape import printable
from tracekit.core.result import Ending
from tracekit.core.target import Container, Pids, SystemWide
from tracekit.core.verdict import Verdict
from tracekit.errors import TargetError, UsageError
from tracekit.workflow.resolve import in_words
from tracekit.workflow.running import start


@click.command("trace", cls=CrossCheckable)
@program_parameters
@target_parameters
@container_parameter
@option("--duration", type=Seconds(), help="Stop after this time, such as 5, 200ms or 2m.")
@option(
    "--max-events",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop once this many events were counted, or a few more if several threads make them.",
)
@option("--interval", type=Seconds(),
        help="Print what there is every so often; with -o, keep it in FILE.partial until the end.")  # fmt: skip
@option("--live", is_flag=True,
        help="Show in place what there is; without a terminal, as --interval does.")  # fmt: skip
@option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print a picture, or a run file (docs/run-file.md).",
)
@option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the result to this file, in one step, and not to standard output.",
)
@running_parameters
@cross_check_parameter
@option("--propagate-exit", is_flag=True, help="End with the command's exit status, or 128 and its signal.")
@option("-q", "--quiet", is_flag=True, help="Say nothing but results, losses and errors.")
@option(
    "-v", "--verbose", is_flag=True, help="Show the script that the engine is given, and why it is this engine."
)
@limit_parameters
@click.pass_context
def command(
    ctx: click.Context,
    /,
    text: str | None,
    words: tuple[str, ...],
    by: str | None,
    where: str | None,
    pids: tuple[int, ...],
    system_wide: bool,
    follow: bool,
    duration: float | None,
    max_events: int | None,
    max_rate: float | None,
    max_overhead: float | None,
    on_overload: str,
    interval: float | None,
    live: bool,
    form: str,
    output: str | None,
    exact: bool,
    max_keys: int,
    max_string: int,
    max_probes: int,
    require: str,
    calibrate: bool,
    backend: str,
    attach_gdb: bool,
    sudo: bool,
    cross_check: str | None,
    propagate_exit: bool,
    quiet: bool,
    verbose: bool,
    **rest: str | None,
) -> int:
    """Trace a program and print its histograms.

    The target is a command (-c CMD, or all that stands after --), processes that run already (-p PID), or
    every process (--system-wide). Tracing stops when the target ends, with Ctrl-C, after --duration or
    --max-events; a command that still runs is ended then. The result goes to standard output, all else
    to standard error.

    \b
      tracekit trace -e 'uprobe:./server:cache_insert { @bytes = hist(value.len) }' -c './server --port 80'
      tracekit trace ./server cache_insert 'lhist(value.len, 0, 16K, 128)' --by pid -- ./server --port 80
      tracekit trace job.tk -p 1234 --duration 10s -f json -o run.json

    Ends with 0 when done, 1 if it failed or the result is not complete, 2 if the request makes no sense.
    """
    single = target_of(ctx, rest["command"], pids, system_wide, follow)
    target = target_or_container(single, rest["container"], follow)
    program = program_of(text, words, by, where)
    if target is None:
        raise UsageError(
            "there is no target", "Give -c CMD, -- CMD ARGS, -p PID, --container NAME, or --system-wide."
        )
    options = Options(
        exact=exact,
        max_keys=max_keys,
        max_string=max_string,
        max_probes=max_probes,
        max_events=max_events,
        max_rate=max_rate,
        max_overhead=max_overhead,
        on_overload=on_overload,
        require=Verdict(require),
        calibrate=calibrate,
        attach_gdb=attach_gdb,
        sudo=sudo,
        cross_check=cross_check,
    )
    if attach_gdb and not isinstance(target, Pids | Container):
        raise UsageError("--attach-gdb is about a process that runs already", "Name it with -p PID.")
    screen = Screen(form, output)
    screen.check()
    interval = live_interval(interval, live)
    view = ctx.with_resource(open_view(screen, live, quiet))
    ctx.with_resource(progress_shown(quiet))
    journal = None
    if output is not None and interval is not None:
        from tracekit.workflow.journal import Journal

        journal = Journal(output)
    if sudo and not quiet:
        from tracekit.workflow.rights import rights

        click.echo(rights(), err=True)
    # An engine's timer may come late; asked for half the time, a line is never missed.
    session = start(program, target, backend=backend, options=options, interval=looks(interval, quiet))
    with process.stop_signals() as signals, session:
        choice = session.choice
        if verbose:
            for other in choice.others if choice else ():
                click.echo(printable(other), err=True)
            click.echo(session.script.encode("utf-8", "surrogateescape"), err=True, nl=False)
        if not quiet:
            for found in session.resolutions:
                click.echo(printable(in_words(found)), err=True)
            for note in session.bystanders:
                click.echo(f"note: {note}", err=True)
            until = "when it ends" if not isinstance(target, SystemWide) else "after --duration"
            chosen = printable(f" with {choice.backend}, {choice.why}") if choice else ""
            chosen = f" with {session.backend}, and {cross_check} to compare" if cross_check else chosen
            click.echo(f"tracing{chosen}; the result comes {until}, or with Ctrl-C", err=True)
        deadline, told = None if duration is None else monotonic() + duration, False
        overload = OverloadTold(session)
        view.begin(session, target)
        while session.running and signals.take() is None:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                break
            for snapshot in session.wait(view.patience(left), wake=signals.fileno()):
                if interval is None:
                    continue
                if journal:
                    screen.kept(journal.keep(session.so_far()))
                view.snapshot(snapshot)
            view.tick()
            if session.engine_died and session.running and not told:
                told = True
                click.echo("the engine has died: nothing more is counted; the command goes on", err=True)
            overload.tell()
        view.end()
        result = session.finish()
        view.close()
        # Within the block: Ctrl-C once more must not cut short what is being written.
        screen.result(result)
        if journal:
            journal.remove()
        # What ends with the session and with Python is not to be cut short either.
        signals.ignore_the_rest()
    ending = result.provenance.target.ending
    tell_ending(ending, quiet)
    if not quiet:
        tell_load(result)
    if propagate_exit and ending is not None and result.complete:
        return _status(ending)
    return 0 if result.complete and confirmed(result) else 1


def _status(ending: Ending) -> int:
    """The status that a shell would show."""
    if ending.signal is not None:
        return 128 + signal.Signals[ending.signal]
    if ending.status is None:
        raise TargetError("the command's exit status is not known")
    return ending.status
