"""Where commands put results."""

from __future__ import annotations

import os
import sys

import attrs
import click

from tracekit.cli.stdout import discard_stdout
from tracekit.core.result import Result, Snapshot
from tracekit.errors import OutputError
from tracekit.values import define
from tracekit.workflow.saving import check_savable, save


@define
class Screen:
    """Where results go, and how.

    Attributes:
        form: ``text`` or ``json``.
        output: the file for the result; None for standard output.
    """

    form: str
    output: str | None
    _silent: bool = attrs.field(default=False, init=False)
    _told: bool = attrs.field(default=False, init=False)

    def check(self) -> None:
        """Refuse, before a run, what the result could not be written to.

        Raises:
            OutputError: if the file can't be written.
        """
        if self.output is not None:
            check_savable(self.output)

    def snapshot(self, snapshot: Snapshot) -> None:
        """Show what there is of a run that goes on.

        That nobody takes snapshots any more ends a run only if nobody will take its result either.
        """
        if self._silent:
            return
        try:
            click.echo(self._shown(snapshot), nl=False)
        except BrokenPipeError:
            if self.output is None:
                raise
            self._stop_showing("nobody reads standard output any more")
        except OSError as error:
            self._stop_showing(f"standard output takes no more: {error.strerror}")

    def kept(self, failure: OutputError | None) -> None:
        """Say once that snapshots can't be kept on disk, if that is so; the run goes on."""
        if failure is not None and not self._told:
            click.echo(
                f"warning: {failure.message}; the run goes on, but would be lost with tracekit", err=True
            )
        self._told = failure is not None

    def _shown(self, snapshot: Snapshot) -> str:
        if self.form == "json":
            from tracekit.render.run_file import dump_snapshot

            return dump_snapshot(snapshot)
        from tracekit.render.text import render_text

        text = render_text(snapshot.maps, width=width(), colour=_colour())
        return f"after {snapshot.at:.1f} s:\n{text}\n"

    def _stop_showing(self, why: str) -> None:
        self._silent = True
        if self.output is not None:
            discard_stdout()
        click.echo(f"{why}; no further snapshots are printed", err=True)

    def result(self, result: Result) -> None:
        """Show a result, and on standard error what is missing from it, unless its text says so.

        Raises:
            OutputError: if it can't be written to where it should go; it says where the result is instead.
            BrokenPipeError: if whoever read standard output has gone.
        """
        if self.form == "json":
            from tracekit.render.run_file import dump

            text = dump(result)
        else:
            from tracekit.render.text import render_result

            to_file = self.output is not None
            text = render_result(result, width=width(), colour=not to_file and _colour())
        try:
            self.text(text)
        except OutputError as error:
            from tracekit.cli.rescue import rescue

            raise rescue(result, error) from error
        finally:
            if self.form == "json" or self.output is not None:
                tell_losses(result)

    def text(self, text: str) -> None:
        """Put lines where results go.

        Raises:
            OutputError: if that can't be done.
            BrokenPipeError: if whoever read standard output has gone.
        """
        if self.output is not None:
            save(self.output, text.encode())
            return
        try:
            click.echo(text, nl=False)
        except BrokenPipeError:
            raise
        except OSError as error:
            discard_stdout()
            reason = f"the result could not be written to standard output: {error.strerror}"
            raise OutputError(reason) from error


def tell_losses(result: Result, of: str = "") -> None:
    """Say on standard error what is missing from a result, and of which file it is, if one is named."""
    from tracekit.core.escape import printable
    from tracekit.render.text import render_losses

    if (text := render_losses(result)) and of:
        click.echo(f"{printable(of)}:", err=True)
    click.echo(text, err=True, nl=False)


def width() -> int:
    """The columns of the terminal; 80 if there is none."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 80


def _colour() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
