"""The command ``tracekit``."""

from __future__ import annotations

import errno
import gc
import io
import keyword
import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from tracekit import __version__
from tracekit.cli.stdout import discard_stdout
from tracekit.core.escape import printable
from tracekit.errors import TracekitError

_COMMANDS: Final = {
    "trace": "Trace a program and print its histograms.",
    "calibrate": "Find out where a function's arguments are.",
    "calibrations": "Look after stored calibrations.",
    "completion": "Print the script that completes the command line in a shell.",
    "compile": "Print the script that an engine would be given.",
    "doctor": "Say what tracekit can do on this machine.",
    "diff": "Compare two runs: what has changed, and whether chance explains it.",
    "export": "Write a run in a form for other programs: a table, a picture, a page, metrics.",
    "functions": "Find functions of a binary, and whether a probe can be on them.",
    "import": "Turn saved output of bpftrace or dtrace into a result.",
    "merge": "Make one run of several.",
    "parse": "Check a program and print its model as JSON.",
    "serve": "Trace a program, and serve what is counted as metrics.",
    "show": "Print runs again, from their run files.",
    "signature": "Show a function's arguments: their types, their fields, and where they live.",
    "size": "Say how many entries of a cache fit into a memory.",
}
"""Verbs with their short help, so that ``tracekit --help`` imports none of them."""


_COMPLETE: Final = "_TRACEKIT_COMPLETE"
"""The variable by which shells ask for completions."""


class _Verbs(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        suffix = "_" if keyword.iskeyword(cmd_name) else ""
        module = import_module(f"tracekit.cli.commands.{cmd_name}{suffix}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "TRACEKIT"},
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", prog_name="tracekit")
def cli() -> None:
    """Ask a running, unmodified program for the distribution of an argument.

    \b
      tracekit trace ./server cache_insert 'hist(value.len)' -- ./server --port 80
      tracekit trace -e 'uprobe:./server:cache_insert { @bytes = hist(value.len) }' -p 1234
    """


def main() -> None:
    """Run the command; every error that is foreseen ends in one sentence and a status."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from tracekit.process import fill_standard_streams

        fill_standard_streams()
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # With PYTHONUNBUFFERED, Python forgets what a pipe or a full disk has taken only a part of, silently.
        sys.stdout = os.fdopen(1, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False)
    if _COMPLETE in os.environ:
        from tracekit.cli.completion import install

        install()
    try:
        status: Any = cli.main(standalone_mode=False, complete_var=_COMPLETE)
        sys.stdout.flush()
    except TracekitError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted before there was a result", 130)
    except OSError as error:
        discard_stdout()
        if error.errno in (errno.EMFILE, errno.ENFILE):
            _fail("too many files are open; raise the limit with 'ulimit -n'", 1)
        if error.errno == errno.EPIPE:  # whoever read our output has gone: nobody is left to be told
            sys.exit(1)
        _fail(f"the result could not be written to standard output: {error.strerror}", 1)
    finally:
        # All of it ends with the process: Python would first search it for garbage, for some 10 ms.
        gc.freeze()
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    # It may have words of an engine in it, or names of a binary's.
    click.echo("tracekit: " + "\n".join(map(printable, message.split("\n"))), err=True)
    sys.exit(status)
