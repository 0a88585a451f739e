"""In which namespaces processes are: whose process ids and whose files they see.

The namespaces that the system begins with have fixed numbers (the kernel's ``include/linux/proc_ns.h``:
``PROC_USER_INIT_INO``, ``PROC_PID_INIT_INO``).
"""

from __future__ import annotations

import os
from typing import Final

from tracekit.process.attached import status

_FIRST_USERS: Final = 0xEFFFFFFD
_FIRST_PIDS: Final = 0xEFFFFFFC


def in_first_pids() -> bool:
    """Whether our process ids are the kernel's own, and not those of a container."""
    return os.stat("/proc/self/ns/pid").st_ino == _FIRST_PIDS


def in_first_users() -> bool:
    """Whether our privileges are those of the whole system, and not of a user namespace only."""
    return os.stat("/proc/self/ns/user").st_ino == _FIRST_USERS


def in_inner_pids(pid: int) -> bool:
    """Whether a process has process ids of its own, in a namespace within ours.

    ``/proc/PID/status`` has an id for each namespace, from that of our ``/proc`` on (proc(5)).
    """
    return len(status(pid).get("NSpid", "").split()) > 1


def shares_files(pid: int) -> bool:
    """Whether a process has our root folder and our mounts, so that paths mean the same to it.

    Raises:
        OSError: if it has ended, or we may not look.
    """
    return all(
        os.path.samestat(os.stat(f"/proc/{pid}/{what}"), os.stat(f"/proc/self/{what}"))
        for what in ("ns/mnt", "root")
    )
