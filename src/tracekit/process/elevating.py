"""Rights for an engine that tracekit itself, run by an ordinary user, doesn't have."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tracekit.errors import PrivilegeError
from tracekit.process import capabilities
from tracekit.process.attached import status
from tracekit.process.find import find_program
from tracekit.values import frozen

_WAYS: Final = (("sudo", ("-n", "--")), ("pkexec", ()), ("doas", ("-n", "--")))
_ENOUGH: Final = capabilities.BPF | capabilities.PERFMON


@frozen
class Elevation:
    """A way to start a program as root, which asks for no password.

    Attributes:
        name: the program that gives the rights.
        command: what stands before the command that gets them.
    """

    name: str
    command: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the program that gives the rights."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}

    def wrapped(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The command that starts an engine with an environment; without one, nothing is started."""
        if not argv:
            return [*self.command]
        program = find_program(argv[0]) or argv[0]
        words = [*self.command, *(f"{name}={value}" for name, value in env.items()), "--"]
        return [*words, os.path.abspath(program), *argv[1:]]


@functools.cache
def elevation() -> Elevation | None:
    """How an engine gets root's rights; None if it has them without more, from us.

    Raises:
        PrivilegeError: if there is no way.
    """
    if os.geteuid() == 0 or int(status(os.getpid()).get("CapAmb", "0"), 16) & _ENOUGH == _ENOUGH:
        return None
    for name, options in _WAYS:
        if program := find_program(name):
            found = Elevation(name, (program, *options, sys.executable, "-I", "-S", _keeper()))
            _check(found)
            return found
    raise PrivilegeError(
        "there is no sudo, pkexec or doas to start the engine as root",
        "Install sudo and be allowed to use it, or run tracekit itself as root.",
    )


def _check(found: Elevation) -> None:
    from tracekit.process.engine import Engine

    with Engine.start((), env={}, name=found.name, elevation=found) as asked:
        while asked.read(None):
            pass
        if asked.wait(None) == 0:
            return
        said = " ".join(asked.stderr.decode("utf-8", "replace").split())[:300]
    asking = "'sudo -v' before asks for the password; or have" if found.name == "sudo" else "Have"
    raise PrivilegeError(
        f"{found.name} doesn't start the engine as root: {said or 'it says nothing'}",
        f"{asking} the administrator allow it without a password, or run tracekit itself as root.",
    )


def _keeper() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "keeper.py")
