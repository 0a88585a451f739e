"""How commands take a program and a target."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click

from tracekit import process
from tracekit.core.expr import Builtin, BuiltinName
from tracekit.core.probe import Uprobe, Uretprobe
from tracekit.core.program import Clause, Program, check
from tracekit.core.result import Ending
from tracekit.core.target import Command, Container, Pids, SystemWide, Target
from tracekit.errors import UsageError
from tracekit.syntax import parse, parse_aggregates, parse_filter, parse_function, parse_keys

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

COMMAND: Final = "tracekit.command"
"""Where a context keeps what stands after ``--``."""

_UNITS: Final = {"": 1.0, "s": 1.0, "ms": 0.001, "us": 0.000_001, "m": 60.0, "h": 3600.0}


class Verb(click.Command):
    """A command that keeps what stands after ``--`` apart, as the target's command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[COMMAND] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


class Seconds(click.ParamType[float]):
    """A time such as ``5``, ``1.5s``, ``200ms`` or ``2m``."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float | int):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|m|h|)", value.strip())
        if not match or not float(match[1]):
            self.fail(f"{value!r} is no time above 0; write it as 5, 1.5s, 200ms or 2m.", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """An option that can be set by the environment too, and says so in its help."""
    return click.option(*names, show_envvar=True, **settings)


def program_parameters(function: F) -> F:
    """The parameters that make up a program."""
    for decorate in (
        option("--where", metavar="FILTER", help="Of the short form: count only events for which this holds."),
        option("--by", metavar="KEYS", help="Of the short form: a histogram for each value of these."),
        option(
            "-e", "--program", "text", metavar="PROGRAM", help="The program's text.",
            shell_complete=_complete_program,
        ),
        click.argument(
            "words", nargs=-1, metavar="[FILE | BINARY FUNCTION AGGREGATION]", shell_complete=_complete_words
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function


def _complete_program(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    from tracekit.cli.names import complete_program

    return complete_program(incomplete)


def _complete_words(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    from tracekit.cli.names import complete_words

    return complete_words(ctx, param, incomplete)


def target_parameters(function: F) -> F:
    """The parameters that make up a target."""
    for decorate in (
        option("--follow", is_flag=True, help="Count the processes that the target forks, too."),
        option("--system-wide", is_flag=True, help="Count every process that runs a probed binary."),
        option("-p", "--pid", "pids", multiple=True, type=int, metavar="PID",
               help="Trace a process that runs already; may be repeated."),
        option("-c", "--command", metavar="CMD",
               help="Start this command and trace it; split as a shell splits words, but no shell sees it."),
    ):  # fmt: skip
        function = decorate(function)
    return function


def container_parameter(function: F) -> F:
    """The parameter that names a container as the target."""
    return option(
        "--container",
        metavar="NAME|ID",
        help="Trace the processes of this container that run the program's binaries (docs/containers.md).",
    )(function)


def program_of(
    text: str | None, words: Sequence[str], by: str | None = None, where: str | None = None
) -> Program:
    """The program that a command line gives.

    Raises:
        UsageError: if it gives none, or several.
        ProgramSyntaxError: if it can't be read.
    """
    if text is not None and words:
        raise UsageError(
            f"there is a program by -e, and {words[0]!r} besides",
            "Give one of them; the target's command stands after '--'.",
        )
    if len(words) == 3:
        return _short(words[0], words[1], words[2], by, where)
    if by is not None or where is not None:
        raise UsageError(
            "--by and --where belong to the short form",
            "Write tracekit trace BINARY FUNCTION AGGREGATION, or put keys and filter into the program.",
        )
    if text is not None:
        return parse(text)
    if len(words) == 1:
        return _file(words[0])
    raise UsageError(
        "there is no program" if not words else f"{len(words)} words make no program",
        "Give -e PROGRAM, a file, '-' for standard input, or BINARY FUNCTION AGGREGATION; "
        "the target's command stands after '--'.",
    )


def _short(binary: str, function: str, aggregation: str, by: str | None, where: str | None) -> Program:
    keys = () if by is None else parse_keys(by, "--by")
    aggregates = tuple(
        attrs.evolve(a, keys=(*a.keys, *keys)) for a in parse_aggregates(aggregation, "<aggregation>")
    )
    filter_ = None if where is None else parse_filter(where, "--where")
    name, offset = parse_function(function)
    entry = Clause(Uprobe(binary, name, offset), filter_, aggregates)
    at_return = {Builtin(BuiltinName.RETVAL), Builtin(BuiltinName.ELAPSED)} & set(entry.expressions)
    if at_return and offset:
        raise UsageError(f"{function} is no return, where alone retval and elapsed are known")
    program = Program(Clause(Uretprobe(binary, name), filter_, aggregates) if at_return else entry)
    check(program)
    return program


def _file(path: str) -> Program:
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            # Not with root's rights: an error shows the line that it is about.
            with process.as_invoking_user(), open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        raise UsageError(
            f"the program {path} can't be read: {error.strerror}",
            "Give a program's file, -e PROGRAM, or BINARY FUNCTION AGGREGATION.",
        ) from error
    try:
        return parse(data.decode("utf-8"), "<standard input>" if path == "-" else path)
    except UnicodeDecodeError as error:
        raise UsageError(f"the program {path} is no UTF-8 text (at byte {error.start})") from error


def target_of(
    ctx: click.Context, command: str | None, pids: Sequence[int], system_wide: bool, follow: bool
) -> Target | None:
    """The target that a command line gives; None if it gives none.

    Raises:
        UsageError: if it gives several.
    """
    words: tuple[str, ...] | None = ctx.meta.get(COMMAND)
    if command is not None:
        try:
            split = tuple(shlex.split(command))
        except ValueError as error:
            raise UsageError(f"the command {command!r} can't be split into words: {error}") from error
    else:
        split = ()
    given = [command is not None, words is not None, bool(pids), system_wide]
    if sum(given) > 1:
        raise UsageError(
            "there are several targets",
            "Give one of -c CMD, -- CMD ARGS, -p PID (which may be repeated), and --system-wide.",
        )
    if system_wide:
        if follow:
            raise UsageError("--follow has no meaning with --system-wide, which counts all processes")
        return SystemWide()
    if pids:
        return Pids(tuple(dict.fromkeys(pids)), follow)
    if command is not None or words is not None:
        return Command(split if words is None else words, follow)
    return None


def target_or_container(
    target: Target | None, container: str | None, follow: bool = False
) -> Target | Container | None:
    """The target, which may be a container by its name instead.

    Raises:
        UsageError: if it gives both.
    """
    if container is None:
        return target
    if target is not None:
        raise UsageError("there are several targets", "Give --container, or another target.")
    return Container(container, follow)


def tell_ending(ending: Ending | None, quiet: bool) -> None:
    """Say on standard error how a command ended, if that is worth saying."""
    if ending is None or ending.by_us:
        return
    if ending.signal is not None:
        click.echo(f"the command was ended by {ending.signal}", err=True)
    elif ending.status and not quiet:
        click.echo(f"the command ended with status {ending.status}", err=True)
