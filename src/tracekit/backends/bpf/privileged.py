"""The part that has rights, with ``--sudo``: does the system calls, and hands their descriptors back.

``python -I -S -B privileged.py SOCKET UID``, as root, connects to a socket of tracekit's, whose user must be
the one that is named; does what it is asked for, each of which makes one thing in the kernel (``requests.py``);
and ends when the socket's other end does. It keeps nothing: what it makes is whose the descriptor is,
and goes with that. What is malformed ends it.

It is executed as a file, and uses the standard library and four files beside it, which use nothing else either.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from types import ModuleType
from typing import Final

if not __package__:
    # Only those files, and nothing else that an import of tracekit executes.
    for _name in ("tracekit", "tracekit.backends", "tracekit.backends.bpf"):
        sys.modules[_name] = ModuleType(_name)
    sys.modules[_name].__path__ = [os.path.dirname(os.path.abspath(__file__))]

from tracekit.backends.bpf import kernel, passing, requests

_BPF, _SYS_ADMIN = 1 << 38 | 1 << 39, 1 << 21  # the first with CAP_PERFMON; include/uapi/linux/capability.h
_NOTHING: Final = struct.pack("=QQ", 0xB7, 0x95)  # r0 = 0; exit
_VERSION_3: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, capset(2)
_NO_NEW_PRIVS: Final = 38  # PR_SET_NO_NEW_PRIVS, prctl(2)


def answer(connection: socket.socket) -> bool:
    """Do what is asked for next, and hand over what it makes; False if nothing is.

    Raises:
        ValueError: if it is malformed.
        OSError: if the connection is lost.
    """
    message, descriptors = passing.receive(connection)
    if message is None:
        return False
    made: list[int] = []
    try:
        found = requests.carry_out(message, descriptors)
        made = [] if found is None else [found]
        reply: dict[str, object] = {}
    except OSError as error:
        reply = {"error": error.errno, "log": getattr(error, "log", None)}
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    try:
        passing.send(connection, reply, made)
    finally:
        for descriptor in made:
            os.close(descriptor)
    return True


def _drop() -> None:
    """Give up all capabilities but those for eBPF, if we have these; and whatever an exec could give.

    Raises:
        OSError: if we may not load programs.
    """
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        permitted = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm:"))
    libc, kept = ctypes.CDLL(None), permitted & _needed()
    libc.prctl(_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    # Effective, permitted and inheritable ones, of the lower half and then of the upper one (capset(2)).
    sets = struct.pack("=6I", *(kept & 0xFFFFFFFF,) * 2, 0, *(kept >> 32,) * 2, 0)
    if permitted & _BPF == _BPF and libc.capset(struct.pack("=Ii", _VERSION_3, 0), sets):
        raise OSError(errno.EPERM, "no capability can be given up")


def _needed() -> int:
    """What placing probes needs: many at once, or one by one, which newer kernels leave to CAP_SYS_ADMIN.

    A kernel that can place many finds fault with the folder, and not with the call.
    """
    program = kernel.load_program(2, _NOTHING, (), sleeps=False, attach=48, name="tk_nothing")
    try:
        kernel.attach_many(program, "/", (0,), (0,), (), returns=False, pid=0)
    except OSError as error:
        return _BPF if error.errno == errno.EBADF else _BPF | _SYS_ADMIN
    finally:
        os.close(program)
    return _BPF


def main(name: str, uid: str) -> int:
    """Serve one tracekit to its end."""
    kernel.allow_memory()
    try:
        _drop()
    except OSError as error:
        sys.stderr.write(f"root may not load eBPF programs here: {error.strerror}\n")
        return 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(f"\0{name}")
        peer = struct.unpack("=3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        try:
            if peer[1] != int(uid):
                raise ValueError("another user's socket")
            while answer(connection):
                pass
        except (ValueError, RecursionError):
            sys.stderr.write("a request was refused, which tracekit doesn't make\n")
            return 2
        except OSError:  # the other side has gone
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
