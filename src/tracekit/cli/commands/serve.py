"""``tracekit serve``."""

from __future__ import annotations

import select
from typing import Any

import click

from tracekit import process
from tracekit.cli.limits import OverloadTold, limit_parameters
from tracekit.cli.programs import (
    Seconds,
    Verb,
    container_parameter,
    option,
    program_of,
    program_parameters,
    target_of,
    target_or_container,
    target_parameters,
    tell_ending,
)  # fmt: skip
from tracekit.cli.running import options_of, running_parameters
from tracekit.cli.screen import Screen, tell_losses
from tracekit.core.escape import printable
from tracekit.core.result import Result
from tracekit.core.target import Container, Pids
from tracekit.errors import UsageError
from tracekit.workflow.resolve import in_words
from tracekit.workflow.rights import rights
from tracekit.workflow.running import start
from tracekit.workflow.serving.service import LISTEN, SERIES, Service
from tracekit.workflow.session import Session

_LOOK_SECONDS = 0.25


@click.command("serve", cls=Verb)
@program_parameters
@target_parameters
@container_parameter
@option("--listen", metavar="HOST:PORT",
        help=f"Serve metrics for Prometheus here. Without it and --otlp: {LISTEN}.")  # fmt: skip
@option("--otlp", metavar="URL", help="Send metrics to this OpenTelemetry collector, by OTLP over HTTP.")
@option("--interval", type=Seconds(), default="5", show_default=True,
        help="Read the numbers from the engine, and send them, every so often.")  # fmt: skip
@option("--max-series", type=click.IntRange(min=1), default=SERIES, metavar="N", show_default=True,
        help="Serve the keys for which this many series have no room together.")  # fmt: skip
@option("-o", "--output", metavar="FILE", help="At the end, write the result to this file, as a run file.")
@running_parameters
@limit_parameters
@option("-q", "--quiet", is_flag=True, help="Say nothing but losses, errors and warnings.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    listen: str | None,
    otlp: str | None,
    interval: float,
    max_series: int,
    output: str | None,
    quiet: bool,
    **given: Any,
) -> int:
    """Trace a program, and serve what is counted as metrics while it runs.

    Program and target are given as to trace. With --listen, the last numbers are served after the target's
    end, too, until Ctrl-C or SIGTERM; with --otlp alone, it ends when they have been sent (docs/serve.md).

    \b
      tracekit serve ./server cache_insert 'hist(value.len)' --by comm -p 1234
      tracekit serve job.tk --listen 127.0.0.1:9464 --otlp http://127.0.0.1:4318 -p 1234 -o run.json

    Ends with 0 when done, 1 if it failed, the result is not complete, or the collector hasn't all of it.
    """
    single = target_of(ctx, given["command"], given["pids"], given["system_wide"], given["follow"])
    target = target_or_container(single, given["container"], given["follow"])
    program = program_of(given["text"], given["words"], given["by"], given["where"])
    if target is None:
        raise UsageError(
            "there is no target", "Give -c CMD, -- CMD ARGS, -p PID, --container NAME, or --system-wide."
        )
    if given["attach_gdb"] and not isinstance(target, Pids | Container):
        raise UsageError("--attach-gdb is about a process that runs already", "Name it with -p PID.")
    screen = Screen("json", output)
    screen.check()
    if listen is None and otlp is None:
        listen = LISTEN
    with Service(
        program, listen=listen, otlp=otlp, max_series=max_series, every=interval, tell=_tell
    ) as service:
        _say(service.notes, "note: ")
        if given["sudo"] and not quiet:
            click.echo(rights(), err=True)
        options = options_of(given)
        session = start(program, target, backend=given["backend"], options=options, interval=interval)
        with process.stop_signals() as signals, session:
            service.begin(session)
            if not quiet:
                _begun(session, service)
            _follow(session, service, signals)
            result = session.stop()
            # In this order: where the metrics say that the run has ended, its file is there.
            _kept(result, screen)
            _say(service.show(result, ended=True), "note: ")
            tell_ending(result.provenance.target.ending, quiet)
            if not signals.came and signals.take() is None:
                _linger(service, signals, quiet)
            sent = service.close()
            # What ends with Python is not to be cut short either.
            signals.ignore_the_rest()
    if not sent:
        click.echo("the collector doesn't have all of the last metrics", err=True)
    return 0 if result.complete and sent else 1


def _follow(session: Session, service: Service, signals: process.StopSignals) -> None:
    """Show what comes of a run until it ends, or should."""
    overload, dead = OverloadTold(session), False
    while session.running and signals.take() is None:
        if session.wait(wake=signals.fileno()) or (session.engine_died and not dead):
            _say(service.show(session.standing()), "note: ")
        if session.engine_died and session.running and not dead:
            dead = True
            _tell("the engine has died: nothing more is counted; the command goes on")
        overload.tell()


def _linger(service: Service, signals: process.StopSignals, quiet: bool) -> None:
    """Go on with the last numbers: until a signal where they are served, else until they have been sent."""
    if not quiet and service.url:
        click.echo("the run has ended; its last metrics are served until Ctrl-C", err=True)
    while signals.take() is None and (service.url or not service.done):
        select.select([signals], [], [], None if service.url else _LOOK_SECONDS)


def _kept(result: Result, screen: Screen) -> None:
    if screen.output is not None:
        screen.result(result)
    else:
        tell_losses(result)


def _begun(session: Session, service: Service) -> None:
    for found in session.resolutions:
        click.echo(printable(in_words(found)), err=True)
    for note in session.bystanders:
        click.echo(f"note: {note}", err=True)
    chosen = printable(f" with {session.choice.backend}, {session.choice.why}") if session.choice else ""
    at = [f"are at {service.url}"] if service.url else []
    to = [f"go to {service.collector}"] if service.collector else []
    click.echo(f"tracing{chosen}; metrics {' and '.join(at + to)}", err=True)


def _say(texts: tuple[str, ...], kind: str) -> None:
    for text in texts:
        click.echo(kind + printable(text), err=True)


def _tell(text: str) -> None:
    click.echo(printable(text), err=True)
