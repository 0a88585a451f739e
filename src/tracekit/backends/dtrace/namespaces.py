"""Containers, in which dtrace would count nothing or another file's code, refused before it is started.

Measured with 2.0.7: it compares process ids with those of the kernel's first pid namespace, its own among
them, so that elsewhere even its BEGIN never fires. It opens a process's files by their paths.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tracekit.backends.base import Place
from tracekit.backends.dtrace.loaded import check_seen
from tracekit.backends.dtrace.quoting import BACKEND
from tracekit.core.probe import FunctionProbe
from tracekit.errors import PrivilegeError, TargetError, UnsupportedError
from tracekit.process.namespaces import in_first_pids, in_first_users, shares_files


def check_namespaces() -> None:
    """Refuse to trace from within a container.

    Raises:
        PrivilegeError: if our privileges hold in a user namespace only.
        UnsupportedError: if our process ids aren't the kernel's.
    """
    if not in_first_users():
        raise PrivilegeError(
            "dtrace needs the privileges of the whole system, and these hold in a user namespace only",
            "Run tracekit outside of the container, as root.",
        )
    if not in_first_pids():
        raise UnsupportedError(
            feature="a run in a container",
            backend=BACKEND,
            reason="it knows processes by the host's ids, which a pid namespace hides",
            remedy="Run tracekit on the host, or use bpf.",
        )


def check_files(pids: Sequence[int], places: Mapping[FunctionProbe, Sequence[Place]]) -> None:
    """Refuse processes of which dtrace would read other files than they have.

    In a chroot it takes the loader's names of libraries for paths of its own, and counted nothing.

    Raises:
        UnsupportedError: if a process has another root folder, or hasn't loaded a file.
        TargetError: if dtrace would see another file at a path, or a process has ended.
    """
    for pid in pids:
        try:
            alike = shares_files(pid)
            same_root = os.path.samestat(os.stat(f"/proc/{pid}/root"), os.stat("/"))
        except OSError as error:
            raise TargetError(f"process {pid} has ended") from error
        if not same_root:
            raise UnsupportedError(
                feature=f"process {pid}",
                backend=BACKEND,
                reason="it has another root folder, as in a container, and dtrace goes by paths",
                remedy="Use bpf, which is given the very files.",
            )
        for place in () if alike else (place for found in places.values() for place in found):
            check_seen("self", pid, place)
