"""``tracekit completion``."""

from __future__ import annotations

import click

from tracekit.cli.completion import SHELLS, script


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script that completes tracekit's command line in a shell; it says where to put it.

    Commands, options, files and the names of functions are completed, these also inside of a probe.

    \b
      eval "$(tracekit completion bash)"
    """
    click.echo(script(shell), nl=False)
