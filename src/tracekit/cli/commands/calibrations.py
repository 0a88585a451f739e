"""``tracekit calibrations``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tracekit.cli.programs import option
from tracekit.errors import UsageError

if TYPE_CHECKING:
    from tracekit.calibration.stored import Stored
    from tracekit.workflow.knowledge import Knowledge

_WHICH = "WHICH is a function's name or symbol, a binary's path, or the beginning of its build-id."


@click.group("calibrations")
def command() -> None:
    """Look after stored calibrations: what is known of the arguments of functions.

    They are in the user's cache folder, or where TRACEKIT_CALIBRATIONS says. A binary is known by its build-id,
    so they are right for every copy of it, on any machine.
    """


@command.command("list")
@click.argument("which", required=False)
def list_(which: str | None) -> None:
    """List them, one a line; WHICH chooses (see show)."""
    from tracekit.core.escape import printable
    from tracekit.core.verdict import worst

    for _, stored in _chosen(_knowledge(), which, must=False):
        c = stored.calibration
        verdict = worst(a.verdict for a in c.arguments).value if c.arguments else "nothing known"
        when = stored.stored.astimezone().strftime("%Y-%m-%d %H:%M")
        words = (when, stored.origin, verdict, c.architecture, c.build_id[:12], c.name, stored.binary)
        click.echo("  ".join(map(printable, words)))


@command.command("show")
@click.argument("which")
def show(which: str) -> None:
    """Show what is known.

    WHICH is a function's name or symbol, a binary's path, or the beginning of its build-id.
    """
    from tracekit.render.calibration import render_calibration

    for number, (path, stored) in enumerate(_chosen(_knowledge(), which)):
        if number:
            click.echo()
        click.echo(render_calibration(stored.calibration), nl=False)
        click.echo(f"stored {stored.stored.isoformat(timespec='seconds')} ({stored.origin}) in {path}")


@command.command("forget")
@click.argument("which", required=False)
@option("--all", "everything", is_flag=True, help="Forget all.")
def forget(which: str | None, everything: bool) -> None:
    """Delete them; WHICH chooses (see show)."""
    if (which is None) != everything:
        raise UsageError("it isn't said what to forget", "Give WHICH, or --all.")
    from tracekit import process

    knowledge = _knowledge()
    chosen = _chosen(knowledge, which, must=which is not None)
    with process.as_invoking_user():
        for path, _ in chosen:
            knowledge.store.forget(path)
        if everything:  # those that can't be read, too
            for path, _ in knowledge.store.all():
                knowledge.store.forget(path)
    click.echo(f"{len(chosen)} forgotten")


@command.command("export")
@click.argument("which", required=False)
@option("-o", "--output", metavar="FILE", help="Write to this file, and not to standard output.")
def export(which: str | None, output: str | None) -> None:
    """Write them as one document, to be imported on another machine; WHICH chooses (see show)."""
    from tracekit.calibration.store import dump

    text = dump([stored for _, stored in _chosen(_knowledge(), which, must=which is not None)])
    if output is None:
        click.echo(text, nl=False)
    else:
        from tracekit.workflow.saving import save

        save(output, text.encode())


@command.command("import")
@click.argument("file")
def import_(file: str) -> None:
    """Store those of a document that export has written; FILE may be - for standard input."""
    from tracekit import process
    from tracekit.calibration.store import load

    try:
        if file == "-":
            data = sys.stdin.buffer.read()
        else:
            with process.as_invoking_user(), open(file, "rb") as opened:
                data = opened.read()
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from error
    found = load(data)
    store = _knowledge().store
    with process.as_invoking_user():
        for stored in found:
            store.put(stored)
    click.echo(f"{len(found)} imported")


def _knowledge() -> Knowledge:
    from tracekit.calibration.store import prepare
    from tracekit.workflow.knowledge import Knowledge

    prepare()  # the store is read and written with the rights of the user who called sudo
    return Knowledge()


def _chosen(knowledge: Knowledge, which: str | None, *, must: bool = True) -> list[tuple[str, Stored]]:
    """The stored calibrations that a word means; those that can't be read are told on standard error."""
    from tracekit import process
    from tracekit.core.escape import printable

    found = []
    with process.as_invoking_user():
        for path, stored in knowledge.store.all():
            if isinstance(stored, UsageError):
                click.echo(f"warning: {printable(stored.message)}", err=True)
            elif which is None or _means(which, stored):
                found.append((path, stored))
    if must and not found:
        raise UsageError(
            f"there is no stored calibration of {which!r}" if which else "there is no stored calibration",
            f"{_WHICH} 'tracekit calibrations list' lists them.",
        )
    return found


def _means(which: str, stored: Stored) -> bool:
    c = stored.calibration
    same_file = "/" in which and os.path.abspath(which) == stored.binary
    return same_file or which in (c.name, c.symbol) or (len(which) >= 4 and c.build_id.startswith(which))
