"""``tracekit merge``."""

from __future__ import annotations

import click

from tracekit.cli.programs import option
from tracekit.cli.runs import read_run
from tracekit.cli.screen import Screen


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN…")
@option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="json", show_default=True,
        help="Print a run file, or a picture.")  # fmt: skip
@option("-o", "--output", metavar="FILE",
        help="Write the result to this file, in one step, and not to standard output.")  # fmt: skip
def command(runs: tuple[str, ...], form: str, output: str | None) -> int:
    """Make one run of several of the same program: all their events together.

    What is missing from one of them is missing from the whole, which says where each part comes from.

    \b
      tracekit merge monday.json tuesday.json -o week.json

    Ends with 0 when done, 1 if a run was not complete, 2 if they can't be merged.
    """
    from tracekit.core.merging import merge

    result = merge([read_run(file) for file in runs])
    Screen(form, output).result(result)
    return 0 if result.complete else 1
