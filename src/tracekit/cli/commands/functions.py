"""``tracekit functions``."""

from __future__ import annotations

import os
from time import monotonic
from typing import Self

import click

from tracekit.cli.names import complete_words
from tracekit.cli.programs import container_parameter, option, target_or_container
from tracekit.core.escape import printable
from tracekit.core.target import Container, Pids
from tracekit.errors import UsageError

_PATIENCE = 1.0
"""Seconds until it is said what takes long."""


@click.command("functions")
@click.argument("words", nargs=-1, metavar="[BINARY] [PATTERN]", shell_complete=complete_words)
@option(
    "-p", "--pid", "pid", type=int, metavar="PID",
    help="BINARY is what this process has under that name; without BINARY, the program that it runs.",
)  # fmt: skip
@container_parameter
@option(
    "--limit", type=click.IntRange(0), default=40, show_default=True, metavar="N",
    help="List at most so many, the best ones; 0 for all.",
)  # fmt: skip
@option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Print text, or JSON.",
)  # fmt: skip
def command(words: tuple[str, ...], pid: int | None, container: str | None, limit: int, form: str) -> int:
    """Find functions of a binary, with their declarations, and whether a probe can be on them.

    PATTERN is a part of a name, in large or small letters: all of it, its last part, the beginning of a word,
    any piece, or the beginnings of its words (cins for cache_insert). With '*' it fits whole names, as in a
    probe.
    BINARY is a path, a program on the PATH, a library such as libc, or a process by its number.

    \b
      tracekit functions ./server insert
      tracekit functions -p 1234 insert
      tracekit functions libc 'str*'

    Ends with 0 when done, 1 if there is no such function.
    """
    from tracekit.cli.screen import width
    from tracekit.render.functions import dump_functions, render_functions
    from tracekit.workflow.functions import find_functions

    if not words and pid is None and container is None:
        raise UsageError("there is no binary", "Name a program or library, or a process with -p PID.")
    single = None if pid is None else Pids((pid,))
    target = target_or_container(single, container)
    assert target is None or isinstance(target, Pids | Container)
    with Patience() as patience:
        found = find_functions(words, target, limit=limit or None, progress=patience.tell)
    click.echo(dump_functions(found) if form == "json" else render_functions(found, width()), nl=False)
    for note in found.notes:
        click.echo(f"note: {printable(note)}", err=True)
    return 0


class Patience:
    """Says on standard error how far long work is; on a terminal in one line, which goes away again."""

    def __init__(self) -> None:
        self._start = monotonic()
        self._told = False

    def tell(self, share: float) -> None:
        """Say how far it is, if it takes long."""
        terminal = os.isatty(2)
        if monotonic() - self._start < _PATIENCE or (self._told and not terminal):
            return
        self._told = True
        text = "reading the functions, which takes long only once"
        click.echo(f"\r{text}: {share:4.0%}" if terminal else text, err=True, nl=not terminal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._told and os.isatty(2):
            click.echo("\r\x1b[K", err=True, nl=False)
