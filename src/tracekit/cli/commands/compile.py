"""``tracekit compile``."""

from __future__ import annotations

import sys

import click

from tracekit.backends.registry import backend_names
from tracekit.cli.programs import (
    Verb,
    option,
    program_of,
    program_parameters,
    target_of,
    target_parameters,
)  # fmt: skip
from tracekit.workflow.compiling import compile_program


@click.command("compile", cls=Verb)
@program_parameters
@target_parameters
@option("--backend", default="bpftrace", metavar="NAME", show_default=True,
        help=f"The engine: {', '.join(backend_names())}.")  # fmt: skip
@option("--arch", metavar="NAME", help="The target's processor, such as x86_64 or aarch64; else this one.")
@option("--system", metavar="NAME",
        help="The target's system, for dtrace: linux, macos, illumos or freebsd; else this one.")  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    /,
    text: str | None,
    words: tuple[str, ...],
    by: str | None,
    where: str | None,
    pids: tuple[int, ...],
    backend: str,
    arch: str | None,
    system: str | None,
    system_wide: bool,
    follow: bool,
    **rest: str | None,
) -> None:
    """Print the script that says the same to an engine, to read, to paste and to change.

    Nothing is run, and no binary is read: it works for every engine on every system.
    """
    target = target_of(ctx, rest["command"], pids, system_wide, follow)
    program = program_of(text, words, by, where)
    script = compile_program(program, backend=backend, arch=arch, system=system, target=target)
    # A name's bytes that aren't UTF-8 go out as they came in.
    sys.stdout.buffer.write(script.text.encode("utf-8", "surrogateescape"))
