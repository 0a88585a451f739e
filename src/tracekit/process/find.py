"""Where a program is."""

from __future__ import annotations

import os
import stat

from tracekit.core.escape import printable
from tracekit.errors import PrivilegeError
from tracekit.process.user import invoking_user


def find_program(name: str) -> str | None:
    """The path of a program, searched for in PATH if its name has no slash; None if there is none.

    As ``shutil.which``, whose import takes longer than all that is looked for here.
    """
    folders = [""] if "/" in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def trusted(path: str) -> str:
    """The path of a program that PATH has led to, in which no other user can have put another one.

    Where sudo leaves the user's PATH as it is (no ``secure_path``), a user who may run nothing but tracekit
    could have it run anything as root. Without sudo, the path is what it was.

    Raises:
        PrivilegeError: under sudo, if the program, or a folder on its way, isn't root's alone.
    """
    if invoking_user() is None:
        return path
    path = at = os.path.realpath(path)
    while True:
        found = os.stat(at)
        if found.st_uid or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PrivilegeError(
                f"{printable(path)} isn't run as root: others than root can change {printable(at)}",
                "Have sudo set a secure_path, or say which program is meant with TRACEKIT_BPFTRACE, "
                "TRACEKIT_DTRACE or TRACEKIT_GDB.",
            )
        if at == "/":
            return path
        at = os.path.dirname(at)
