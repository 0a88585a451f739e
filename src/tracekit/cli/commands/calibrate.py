"""``tracekit calibrate``."""

from __future__ import annotations

from typing import Any

import click

from tracekit import process
from tracekit.cli.names import complete_words
from tracekit.cli.programs import (
    Seconds,
    Verb,
    container_parameter,
    option,
    target_of,
    target_or_container,
    tell_ending,
)  # fmt: skip
from tracekit.cli.progress import progress_shown
from tracekit.core.target import SystemWide
from tracekit.errors import UsageError


@click.command("calibrate", cls=Verb)
@click.argument("binary", shell_complete=complete_words)
@click.argument("function", shell_complete=complete_words)
@option(
    "-c",
    "--command",
    metavar="CMD",
    help="Start this command under gdb; split as a shell splits words, but no shell sees it.",
)
@option(
    "-p",
    "--pid",
    "pid",
    type=int,
    metavar="PID",
    help="Let gdb hold this process until the hits have come. It stops at each of them.",
)
@container_parameter
@option(
    "--remote",
    metavar="PORT|SOCKET",
    help="Look at what runs behind this stub, such as that of 'qemu-aarch64 -g PORT PROGRAM'.",
)
@option(
    "--hits",
    type=click.IntRange(1, 100_000),
    default=8,
    show_default=True,
    metavar="N",
    help="Look at so many entries of the function.",
)
@option(
    "--expect",
    "expectations",
    multiple=True,
    metavar="NAME=VALUE",
    help="What an argument is at every entry: NAME=512, NAME=0..4K, NAME=@FILE (a number a line); repeatable.",
)
@option("--timeout", type=Seconds(), default="30", show_default=True, help="How long gdb waits for the hits.")
@option("--registers", is_flag=True, help="Show what all registers held, over the hits.")
@option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print a table, or JSON.",
)
@option("--store/--no-store", default=True, show_default=True, help="Keep the result, for trace to use.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    binary: str,
    function: str,
    pid: int | None,
    remote: str | None,
    hits: int,
    expectations: tuple[str, ...],
    timeout: float,
    registers: bool,
    form: str,
    store: bool,
    **rest: Any,
) -> int:
    """Find out where a function's arguments are when it is entered.

    Without a command or process only the binary is read: its debug information and the calling convention.
    With one, gdb looks at some entries of the function, and what it sees confirms or contradicts that. Without
    debug information, --registers shows what the registers held, and --expect finds the one that holds a
    known value.

    Ends with 0 when done, 1 if gdb saw no entry or contradicts the table, 2 if the request makes no sense.

    \b
      tracekit calibrate ./server cache_insert
      tracekit calibrate ./server cache_insert -- ./server --port 80
      tracekit calibrate ./stripped 0x4a310 --expect len=512 --registers -- ./stripped
      qemu-aarch64 -g 1234 ./server & tracekit calibrate ./server cache_insert --remote 1234
    """
    from tracekit.calibration.expect import parse_expectation
    from tracekit.calibration.samples import Remote
    from tracekit.calibration.summary import Row, summarise
    from tracekit.core.arch import architecture
    from tracekit.render.calibration import dump_calibration, render_calibration
    from tracekit.workflow.calibrate import calibrate

    single = target_of(ctx, rest["command"], () if pid is None else (pid,), False, False)
    target = target_or_container(single, rest["container"])
    assert not isinstance(target, SystemWide)
    if remote is not None and target is not None:
        raise UsageError(
            "there are several targets", "Give one of -c CMD, -- CMD ARGS, -p PID, --container, and --remote."
        )
    looked_at = target if remote is None else Remote(int(remote) if remote.isdecimal() else remote)
    with process.as_invoking_user():  # an error shows the line of a file that it is about
        expect = tuple(map(parse_expectation, expectations))
    if registers and looked_at is None:
        raise UsageError("registers can only be seen in a run", "Give a command after --, or -p PID.")
    ctx.with_resource(progress_shown())
    found = calibrate(binary, function, looked_at, hits=hits, expect=expect, timeout=timeout, store=store)
    calibration, samples = found.calibration, found.samples
    dump: tuple[Row, ...] = ()
    if samples is not None and (registers or not calibration.arguments):
        arch = architecture(calibration.architecture)
        words = 4 if registers else 0
        dump = summarise(samples, arch, calibration.language, others=registers, stack_words=words)
    render = dump_calibration if form == "json" else render_calibration
    click.echo(render(calibration, samples, dump, found.notes), nl=False)
    if samples is not None:
        tell_ending(samples.ended, quiet=False)
    unseen = samples is not None and not samples.hits
    return 1 if unseen or found.contradicted else 0
