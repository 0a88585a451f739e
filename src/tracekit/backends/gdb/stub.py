"""Whose stub gdb is to talk to.

A stub can have gdb open, read, write and delete files for it (gdb's manual, "File-I/O Remote Protocol
Extension"), with the rights that gdb has; nothing in gdb forbids that. So it must have those rights already.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from typing import Final

from tracekit.errors import PrivilegeError

_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS: Final = "0A"
"""``TCP_LISTEN`` of the kernel's ``include/net/tcp_states.h``; the tables are described in proc(5)."""


def check_owner(at: int | str) -> None:
    """Refuse a stub of another user, but root's.

    Args:
        at: its TCP port on this machine, or the path of its Unix socket.

    Raises:
        PrivilegeError: if it is another user's.
    """
    for owner in _owners(at):
        if owner not in (0, os.geteuid()):
            us = _name(os.geteuid())
            raise PrivilegeError(
                f"the stub at {at} is {_name(owner)}'s, and could have gdb read and write files as {us}",
                f"Run tracekit as {_name(owner)}: nothing here needs root.",
            )


def _owners(at: int | str) -> Iterator[int]:
    if isinstance(at, str):
        try:
            yield os.stat(at).st_uid
        except OSError:  # gdb says in words what is wrong with it
            return
    for table in _TABLES if isinstance(at, int) else ():
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except OSError:  # a kernel without IPv6
            continue
        for _, local, _, state, _, _, _, owner, *_ in rows:
            if state == _LISTENS and int(local.rpartition(":")[2], 16) == at:
                yield int(owner)


def _name(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
