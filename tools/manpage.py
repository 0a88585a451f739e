"""Writes man/tracekit.1 from the command line's own help and docs/cli.md: ``python -m tools.manpage``."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from tracekit import __version__
from tracekit.cli.main import cli

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "man/tracekit.1"

_SEE_ALSO = """\
The documents are in the folder
.I docs
of the source: a tutorial, the language, the command line, how names are found, and what is promised.
.PP
.BR bpftrace (8),
.BR gdb (1)
"""


def page(date: str) -> str:
    """The manual page, in the macros of man(7).

    Args:
        date: the day on which it was written, such as 2026-11-26.
    """
    context = click.Context(cli, info_name="tracekit")
    verbs = {name: cli.get_command(context, name) or cli for name in cli.list_commands(context)}
    parts = [
        f'.TH TRACEKIT 1 {date} "tracekit {__version__}" "User commands"',
        ".SH NAME",
        f"tracekit \\- {_lower((cli.help or '').splitlines()[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        *"\n.br\n".join(_synopsis(name, verb) for name, verb in verbs.items()).splitlines(),
        ".SH DESCRIPTION",
        *_help(cli),
        ".SH COMMANDS",
        *(line for name, verb in verbs.items() for line in _command(name, verb)),
        ".SH EXIT STATUS",
        *_table("Exit status"),
        ".SH ENVIRONMENT",
        *_table("Environment"),
        ".SH SEE ALSO",
        _SEE_ALSO.rstrip(),
    ]
    return "\n".join(parts) + "\n"


def date_of(text: str) -> str:
    """The day that a manual page says it was written on."""
    found = re.match(r"\.TH \S+ \S+ (\S+)", text)
    return found[1] if found else ""


def _synopsis(name: str, command: click.Command) -> str:
    return f".B tracekit {_escaped(name)}\n[OPTIONS] {_escaped(_arguments(command))}".rstrip()


def _arguments(command: click.Command) -> str:
    if isinstance(command, click.Group):
        return "COMMAND"
    words = []
    for param in command.params:
        if isinstance(param, click.Argument):
            word = param.metavar or (param.name or "").upper()
            word = word if param.required or word.startswith("[") else f"[{word}]"
            words.append(f"{word}..." if param.nargs == -1 and param.metavar is None else word)
    return " ".join(words)


def _command(name: str, command: click.Command) -> Iterator[str]:
    yield f".SS {_escaped(f'{name} {_arguments(command)}'.rstrip())}"
    yield from _help(command)
    for param in command.params:
        if isinstance(param, click.Option):
            yield ".TP"
            yield f".B {_option(param)}"
            yield _filled(f"{param.help or ''}{_default(param)}")
    if isinstance(command, click.Group):
        for verb, below in command.commands.items():
            yield from _command(f"{name} {verb}", below)


def _option(param: click.Option) -> str:
    names = ", ".join([*param.opts, *param.secondary_opts])
    if param.is_flag or param.count:
        return _escaped(names)
    choices = param.type.choices if isinstance(param.type, click.Choice) else ()
    value = param.metavar or "|".join(map(str, choices)) or param.type.name.upper()
    return _escaped(f"{names} {value}")


def _default(param: click.Option) -> str:
    plain = isinstance(param.default, str | int) and not isinstance(param.default, bool)
    return f" (default: {param.default})" if plain and param.show_default else ""


def _help(command: click.Command) -> Iterator[str]:
    """A command's help: paragraphs, and those that click leaves as they are."""
    for number, text in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if number:
            yield ".PP"
        if text.startswith("\b\n"):
            yield from (".nf", *_escaped(text[2:]).splitlines(), ".fi")
        else:
            yield _filled(text)


def _table(section: str) -> Iterator[str]:
    """The rows of the table in a section of docs/cli.md."""
    text = (ROOT / "docs/cli.md").read_text()
    own = text.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    for first, second in re.findall(r"^\| (.*) \| (.*) \|$", own, re.MULTILINE)[1:]:
        yield from (".TP", f".B {_escaped(_plain(first))}", _filled(_plain(second)))


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown.replace("`", ""))


def _filled(text: str) -> str:
    return _escaped(textwrap.fill(" ".join(text.split()), 76, break_on_hyphens=False, break_long_words=False))


def _escaped(text: str) -> str:
    """Text that roff takes as it is; an option's dashes stay dashes."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    old = PAGE.read_text() if PAGE.exists() else ""
    if old != page(date_of(old)):
        PAGE.write_text(page(datetime.now(UTC).date().isoformat()))
