"""Messages with descriptors over a socket: between tracekit and its helper, each in JSON after its length.

It imports the standard library only: ``privileged.py`` runs it as root.
"""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

MOST: Final = 253
"""How many descriptors go with a message at most: ``SCM_MAX_FD`` in ``include/net/scm.h``."""

_BYTES: Final = 64 << 20
_FLAGS: Final = socket.MSG_WAITALL | 0x40000000  # MSG_CMSG_CLOEXEC, include/linux/socket.h


def send(connection: socket.socket, message: object, descriptors: Sequence[int] = ()) -> None:
    """Send a message; the descriptors stay open here, too."""
    body = json.dumps(message).encode()
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([struct.pack("=I", len(body))], rights)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """The next message and its descriptors, which are the caller's to close; None at the end.

    Raises:
        OSError: if there is no room for the descriptors, or the connection is lost.
        ValueError: if it is no message.
    """
    # Not socket.recv_fds, which leaves the flags out.
    found = array.array("i")
    head, rights, flags, _ = connection.recvmsg(4, socket.CMSG_SPACE(MOST * found.itemsize), _FLAGS)
    for level, kind, data in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    descriptors = found.tolist()
    try:
        if not head:
            return None, []
        if flags & socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if len(head) < 4 or (size := struct.unpack("=I", head)[0]) > _BYTES:
            raise ValueError("no length, or too large a one")
        return json.loads(_exactly(connection, size)), descriptors
    except BaseException:  # a Ctrl-C too: nobody else knows these descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _exactly(connection: socket.socket, size: int) -> bytes:
    body = bytearray()
    while len(body) < size:
        part = connection.recv(min(size - len(body), 1 << 20))
        if not part:
            raise ValueError("cut")
        body += part
    return bytes(body)
