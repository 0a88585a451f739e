"""The two system calls that Python lacks, ptrace and prctl (ptrace(2), prctl(2)).

A process is held by the *thread* that seized it: only that thread may resume or detach it, and for the
kernel the holder is gone when that thread ends.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

EVENT_EXEC = 4
"""A held process has mapped its new image and has run nothing of it."""
EVENT_STOP = 128
"""A held process has stopped as job control does, or may go on after it did."""

_POKEUSER = 6
_CONT = 7
_DETACH = 17
_SEIZE = 0x4206
_O_TRACEEXEC = 1 << EVENT_EXEC
_O_EXITKILL = 1 << 20
_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_RIP = 128
"""Where ``struct user`` has the program counter (``sys/user.h``)."""


def seize(pid: int) -> None:
    """Holds a process so that it stops when it has called exec, and is killed when our thread ends.

    Unlike ``PTRACE_TRACEME`` this sets the options together with the hold, so that there is no moment at
    which our death would let the process go on.

    Args:
        pid: a child that has not called exec yet.

    Raises:
        OSError: ``EPERM`` if we may not, or if somebody else holds it already.
    """
    _ptrace(_SEIZE, pid, _O_TRACEEXEC | _O_EXITKILL)


def resume(pid: int, signal: int = 0) -> None:
    """Lets a held process that has stopped go on, still held, with the signal that it stopped for."""
    _ptrace(_CONT, pid, signal)


def detach(pid: int) -> None:
    """Lets a held process that has stopped go on by itself.

    Raises:
        OSError: ``ESRCH`` if it has been killed.
    """
    _ptrace(_DETACH, pid, 0)


def set_program_counter(pid: int, address: int) -> None:
    """Has a held process that has stopped go on from an address; on x86-64, where a breakpoint moves it."""
    if os.uname().machine == "x86_64":
        _ptrace(_POKEUSER, pid, address, _RIP)


def let_parent_hold() -> None:
    """Lets this process's parent, and the parent's children, hold it, where Yama allows only ancestors to.

    Source: the kernel's ``Documentation/admin-guide/LSM/Yama.rst``. Elsewhere it changes nothing.
    """
    libc().prctl(_PR_SET_PTRACER, os.getppid())


def load() -> None:
    """Loads what the calls need, which can't be done in a child before its exec.

    Raises:
        OSError: if there is no descriptor to spare.
    """
    libc()


def set_parent_death_signal(signal: int) -> None:
    """Has the kernel send a signal to this process when the thread that forked it ends."""
    libc().prctl(_PR_SET_PDEATHSIG, signal)


def _ptrace(request: int, pid: int, data: int, address: int | None = None) -> None:
    import ctypes

    if libc().ptrace(request, pid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library, loaded once."""
    import ctypes  # 3 ms, which only those who start something should pay

    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
    libc.prctl.restype = ctypes.c_int
    return libc
