"""The binary that a question is about, which may be one that a process runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tracekit import process
from tracekit.binaries import Binary, open_macho
from tracekit.core.target import Container, Pids
from tracekit.errors import TargetError, UsageError
from tracekit.values import frozen
from tracekit.workflow.binaries import is_macho
from tracekit.workflow.binary_file import open_binary, runs
from tracekit.workflow.mapped import Running, running


@frozen
class Subject:
    """A binary, and what else was asked.

    Attributes:
        binary: the binary.
        name: what to call it.
        words: what was given besides.
    """

    binary: Binary
    name: str
    words: tuple[str, ...] = ()


def subject(words: Sequence[str], target: Pids | Container | None = None) -> Subject:
    """Open the binary that is meant.

    Args:
        words: the binary, as a probe names it, and more. A number that is no file's name is a process, whose
            program is meant. Of a process that is given, the first word is the binary only if the process runs
            that or loads it, and else its program is meant.
        target: one process, or a container; None for files of ours.

    Raises:
        BinaryError: if there is no such file, or it is no binary.
        TargetError: if there is no such process, or no such container.
        PrivilegeError: if what a process runs can't be seen.
        UsageError: if nothing is given.
    """
    if target is None and words and words[0].isdecimal() and not os.path.exists(words[0]):
        target, words = Pids((int(words[0]),)), words[1:]
    if target is None:
        if not words:
            raise UsageError("there is no binary", "Name a program or library, or a process with -p PID.")
        return Subject(_open(words[0], ()), words[0], tuple(words[1:]))
    there = _there(target)
    meant = [of for of in there if words and _is_meant(words[0], of)]
    if meant:
        name, rest, of = words[0], tuple(words[1:]), meant[0]
    else:
        name, rest, of = there[0].program, tuple(words), there[0]
    return Subject(_open(name, (of.pid,)), name, rest)


def _is_meant(word: str, of: Running) -> bool:
    """Whether a word is a binary to a process, and no part of a function's name."""
    return runs(word, of) or ("/" in word and (of.root is not None or os.path.exists(word)))


def _there(target: Pids | Container) -> list[Running]:
    """The processes of a target, of a container its first one first."""
    if isinstance(target, Pids):
        pids: Sequence[int] = target.pids
        for pid in pids:
            process.Attached.open(pid).close()  # says in words what is wrong with it
    else:
        from tracekit.process.containers import find_container

        found = find_container(target.name)
        pids = sorted(found.pids, key=lambda pid: pid != found.init)
    there = [of for pid in pids if (of := running(pid)) is not None]
    if not there:
        raise TargetError("none of the processes runs a program any more", "Name one that runs.")
    return there


def _open(name: str, pids: Sequence[int]) -> Binary:
    if not pids and is_macho(name):
        return open_macho(name)
    binary, descriptor = open_binary(name, pids)
    os.close(descriptor)
    return binary
