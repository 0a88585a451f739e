"""Where commands put results."""

from __future__ import annotations

import os
import sys

import attrs
import click

from tracekit.core.result import Result, Snapshot


@attrs.frozen
class Screen:
    """Where results go, and how.

    Attributes:
        form: ``text`` or ``json``.
        output: the file for the result; None for standard output.
    """

    form: str
    output: str | None

    def snapshot(self, snapshot: Snapshot) -> None:
        """Show what there is of a run that goes on."""
        if self.form == "json":
            from tracekit.render.run_file import dump_snapshot

            click.echo(dump_snapshot(snapshot), nl=False)
        else:
            from tracekit.render.text import render_text

            click.echo(f"after {snapshot.at:.1f} s:")
            click.echo(render_text(snapshot.maps, width=_width(), colour=_colour()))

    def result(self, result: Result) -> None:
        """Show a result, and on standard error what is missing from it, unless its text says so."""
        if self.form == "json":
            from tracekit.render.run_file import dump

            text = dump(result)
        else:
            from tracekit.render.text import render_result

            to_file = self.output is not None
            text = render_result(result, width=_width(), colour=not to_file and _colour())
        if self.output is None:
            click.echo(text, nl=False)
        else:
            from tracekit.workflow.saving import save

            save(self.output, text.encode())
        if self.form == "json" or self.output is not None:
            from tracekit.render.text import render_losses

            click.echo(render_losses(result), err=True, nl=False)


def _width() -> int:
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 80


def _colour() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
