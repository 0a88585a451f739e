"""``tracekit import``."""

from __future__ import annotations

import sys

import click

from tracekit import process
from tracekit.cli.programs import option
from tracekit.cli.screen import Screen
from tracekit.core.escape import printable
from tracekit.errors import UsageError
from tracekit.syntax import parse
from tracekit.workflow.importing import ENGINES, LARGEST, import_output, is_run_file


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@option("--from", "engine", type=click.Choice(ENGINES), help="Whose output it is; else that is told from it.")
@option("--engine-version", default="", metavar="VERSION",
        help="The engine's version, such as 0.23.2; only some output of bpftrace needs it.")  # fmt: skip
@option("--errors", metavar="FILE", help="What the engine wrote to standard error, if it was saved apart.")
@option("--printed", is_flag=True,
        help="Leave out lines that dtrace's script or the target printed; the result counts them.")  # fmt: skip
@option("-e", "--program", "text", metavar="PROGRAM",
        help="What was traced, in tracekit's language, if it is known: it says what numbers are.")  # fmt: skip
@option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="Print a picture, or a run file (docs/run-file.md).")  # fmt: skip
@option("-o", "--output", metavar="FILE",
        help="Write the result to this file, in one step, and not to standard output.")  # fmt: skip
def command(
    files: tuple[str, ...],
    engine: str | None,
    engine_version: str,
    errors: str | None,
    printed: bool,
    text: str | None,
    form: str,
    output: str | None,
) -> int:
    """Turn saved output of bpftrace or dtrace into a result, as trace prints it; or show a run file.

    FILE is what the engine printed, or - for standard input: bpftrace's text or -f json, or dtrace's default
    layout; or a run file, such as the FILE.partial of a run that was cut short. Each is a result of its own.
    What isn't understood, or can be read in two ways, is refused.

    \b
      tracekit import dtrace.out
      tracekit import bpftrace.json -f json -o run.json
      tracekit import dtrace.out -e 'uprobe:./server:insert { @calls = count(); @bytes = hist(arg2) }'

    Ends with 0 when done, 1 if it failed or a result is not complete, 2 if the request makes no sense.
    """
    if len(files) > 1 and (output is not None or errors is not None):
        raise UsageError("-o and --errors belong to one FILE", "Import each file by itself.")
    program = None if text is None else parse(text)
    said = b"" if errors is None else _read(errors)
    # All are read before anything is printed: an error leaves no half of an answer behind.
    results = [
        import_output(
            _read(file),
            file=file,
            engine=engine,
            engine_version=engine_version,
            errors=said,
            program=program,
            printed=printed,
        )
        for file in files
    ]
    screen = Screen(form, output)
    for file, result in zip(files, results, strict=True):
        if len(files) > 1 and form == "text":
            click.echo(f"{printable(file)}:")
        screen.result(result)
    return 0 if all(result.complete for result in results) else 1


def _read(file: str) -> bytes:
    """A file's bytes; not much more than can be imported, however long it is."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(LARGEST + 1)
        with process.as_invoking_user(), open(file, "rb") as opened:
            data = opened.read(LARGEST + 1)
            return data + opened.read() if is_run_file(data) else data
    except OSError as error:
        raise UsageError(f"{printable(file)} can't be read: {error.strerror}") from error
    except ValueError as error:  # a NUL character
        raise UsageError(f"{printable(file)} can't be read: {error}") from error
