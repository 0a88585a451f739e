"""What completes the names of functions: silent about all that is in the way."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

import click
from click.shell_completion import CompletionItem

from tracekit.core.target import Pids
from tracekit.errors import TracekitError

_PROBE: Final = re.compile(r"(?s)(.*(?:^|[\s;,}])(?:uprobe|uretprobe|u|ur):)(?:([^\s:]+):)?([^\s]*)\Z")
"""A probe on a function that is being written: what is before it, its binary, and a beginning."""

_FOLLOWED: Final = re.compile(r"[\w.:(*)/~$<>-]+")
"""Names that need no quotes in a program."""


COMMAND: Final = "tracekit.command"
"""Where a context keeps what stands after ``--``: the target's command, of which files are completed."""


def complete_words(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a binary, and then a function of it."""
    given = [word for name in ("binary", param.name or "") for word in _tuple(ctx.params.get(name))]
    pid = ctx.params.get("pid")
    if COMMAND in ctx.meta or (not given and (pid is None or "/" in incomplete)):
        return [CompletionItem(incomplete, type="file")]
    if len(given) > 1:
        return []
    return _items("", given, incomplete, pid)


def complete_program(incomplete: str) -> list[CompletionItem[str]]:
    """Complete a binary, and then a function of it, in a probe of a program's text."""
    found = _PROBE.fullmatch(incomplete)
    if found is None:
        return []
    before, binary, begun = found.groups()
    if binary is None:
        return [CompletionItem(f"{before}{path}", type="open") for path in _paths(begun)]
    return _items(f"{before}{binary}:", [binary], begun, None)


def _items(before: str, binary: Sequence[str], begun: str, pid: int | None) -> list[CompletionItem[str]]:
    from tracekit.workflow.functions import names_from

    with contextlib.suppress(TracekitError, OSError, ValueError):
        names = names_from(binary, None if pid is None else Pids((pid,)), begun)
        kept = (name for name in names if not before or _FOLLOWED.fullmatch(name))
        return [CompletionItem(f"{before}{name}", type=_type(name)) for name in kept]
    return []


def _type(name: str) -> str:
    """Whether more may follow: what is the beginning of several names ends in a separator."""
    return "open" if name.endswith((":", ".", "/")) else "plain"


def _paths(begun: str) -> Iterator[str]:
    """Files and folders whose paths begin so."""
    folder, start = os.path.split(begun)
    with contextlib.suppress(OSError, ValueError):
        for entry in sorted(os.scandir(folder or "."), key=lambda e: e.name):
            if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
                yield os.path.join(folder, entry.name) + ("/" if entry.is_dir() else ":")


def _tuple(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, tuple | list) else ()
