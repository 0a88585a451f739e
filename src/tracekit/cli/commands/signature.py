"""``tracekit signature``."""

from __future__ import annotations

import click

from tracekit.cli.names import complete_words
from tracekit.cli.programs import container_parameter, option, target_or_container
from tracekit.core.target import Container, Pids


@click.command("signature")
@click.argument("words", nargs=-1, required=True, metavar="[BINARY] FUNCTION", shell_complete=complete_words)
@option(
    "-p", "--pid", "pid", type=int, metavar="PID",
    help="BINARY is what this process has under that name; without BINARY, the program that it runs.",
)  # fmt: skip
@container_parameter
@option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Print a table, or JSON.",
)  # fmt: skip
def command(words: tuple[str, ...], pid: int | None, container: str | None, form: str) -> int:
    """Show a function's arguments: their types, their fields, and where they live when it is entered.

    Each line is what a program can name: an argument, its fields, and the fields of what it points at, with
    its bytes and how well its place is known. Nothing is run; 'tracekit calibrate' confirms the places on a
    run.

    \b
      tracekit signature ./server cache_insert
      tracekit signature -p 1234 Cache::insert
    """
    from tracekit.render.signature import dump_signature, render_signature
    from tracekit.workflow.signature import signature

    target = target_or_container(None if pid is None else Pids((pid,)), container)
    assert target is None or isinstance(target, Pids | Container)
    shown = signature(words, target)
    render = dump_signature if form == "json" else render_signature
    click.echo(render(shown.calibration, shown.declaration, shown.notes), nl=False)
    return 0
