"""``tracekit show``."""

from __future__ import annotations

import click

from tracekit.cli.runs import read_run
from tracekit.cli.screen import Screen
from tracekit.core.escape import printable


@click.command("show")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
def command(runs: tuple[str, ...]) -> int:
    """Print runs again, from their run files.

    RUN is a file of trace -f json -o, or - for standard input.

    \b
      tracekit show run.json

    Ends with 0 when done, 1 if a result is not complete, 2 if a file is no run.
    """
    results = [read_run(file) for file in runs]
    screen = Screen("text", None)
    for file, result in zip(runs, results, strict=True):
        if len(runs) > 1:
            click.echo(f"{printable(file)}:")
        screen.result(result)
    return 0 if all(result.complete for result in results) else 1
