"""Targets: whose events count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from tracekit.errors import UsageError, check_encodable
from tracekit.values import frozen


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(words)


def _numbers(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(numbers)


def _argv(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    if not value or not value[0]:
        raise UsageError("the command is empty", "Give a program and its arguments.")
    for word in value:
        check_encodable(word, "the command")
    if any("\0" in word for word in value):
        raise UsageError("the command has a NUL character, which no argument can contain")


@frozen
class Command:
    """A command that tracekit starts once the probes are in place.

    Attributes:
        argv: the program and its arguments, handed on byte for byte; no shell sees them.
        follow: whether processes that it forks count too.
        env: its environment; None for ours.
        cwd: its working folder; None for ours.
    """

    argv: tuple[str, ...] = attrs.field(converter=_words, validator=_argv)
    follow: bool = False
    env: Mapping[str, str] | None = None
    cwd: str | None = None


def _pids(_instance: object, _attribute: object, value: tuple[int, ...]) -> None:
    if not value:
        raise UsageError("there is no process to trace", "Give at least one process id.")
    for pid in value:
        if pid < 1:
            raise UsageError(f"{pid} is no process id", "Process ids are positive numbers.")


@frozen
class Pids:
    """Processes that run already.

    Attributes:
        pids: their ids.
        follow: whether processes that they fork from now on count too.
    """

    pids: tuple[int, ...] = attrs.field(converter=_numbers, validator=_pids)
    follow: bool = False


@frozen
class Container:
    """The processes of a container that run now.

    Of those that run a binary of the program all count; if none does, the container's first process; without
    any binary, all of them.

    Attributes:
        name: the container's name; its id, or the id's first 12 digits or more; or the name of a systemd unit.
        follow: whether processes that they fork from now on count too.
    """

    name: str
    follow: bool = False


@frozen
class SystemWide:
    """Every process of the machine that runs a probed binary."""


Target = Command | Pids | SystemWide
"""Whose events count; a ``Container`` stands for ``Pids``, which are looked up when a run begins."""
