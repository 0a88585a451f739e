"""``tracekit diff``."""

from __future__ import annotations

import click

from tracekit.cli.programs import option
from tracekit.cli.runs import read_run
from tracekit.cli.screen import Screen, tell_losses, width


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@option("--map", "name", metavar="NAME", help="Compare only this map.")
def command(before: str, after: str, name: str | None) -> int:
    """Compare two runs of the same program: what has changed from A to B.

    For each histogram of both: each bucket's share of the events, how quantiles have shifted, and how often
    chance alone would make such a difference.

    \b
      tracekit diff release-1.json release-2.json

    Ends with 0 when done, 1 if a run was not complete, 2 if they can't be compared.
    """
    from tracekit.render.difference import render_difference

    results = read_run(before), read_run(after)
    Screen("text", None).text(render_difference(*results, name=name, width=width()))
    for file, result in zip((before, after), results, strict=True):
        tell_losses(result, of=file)
    return 0 if all(result.complete for result in results) else 1
