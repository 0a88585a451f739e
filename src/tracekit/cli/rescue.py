"""Keeps a result that can't be written to where it should go: no number is lost to a full disk."""

from __future__ import annotations

import os

import click

from tracekit.core.escape import printable
from tracekit.core.result import Result
from tracekit.errors import OutputError
from tracekit.render.run_file import dump
from tracekit.workflow.saving import save


def rescue(result: Result, failure: OutputError) -> OutputError:
    """Write a result elsewhere, as a run file: to the folder for temporary files, or to standard error.

    Args:
        result: the result.
        failure: why it isn't where it should be.

    Returns:
        The error that says so, and where the result is.
    """
    document = dump(result)
    folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108, its name is random, and it is made anew
    path = os.path.join(folder, f"tracekit-{os.urandom(8).hex()}.json")
    try:
        save(path, document.encode())
    except OutputError:
        click.echo(document, err=True, nl=False)
        where = "the line before, a run file"
    else:
        where = f"{printable(path)}, a run file"
    return OutputError(f"{failure.message}; the result is in {where}", failure.hint)
