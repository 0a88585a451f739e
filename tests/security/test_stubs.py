"""Whose stub gdb may be told to talk to: a stub can have gdb read and write files."""

import os
import pwd
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekit.backends.gdb.stub import check_owner
from tracekit.calibration.samples import Remote
from tracekit.errors import PrivilegeError, UsageError

NOBODY = pwd.getpwnam("nobody")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture(params=["ipv4", "ipv6", "unix"])
def stub(request: pytest.FixtureRequest) -> Iterator[int | str]:
    """Where a stub of another user listens."""
    os.seteuid(NOBODY.pw_uid)
    try:
        with tempfile.TemporaryDirectory() as folder:
            family, at = {
                "ipv4": (socket.AF_INET, ("127.0.0.1", 0)),
                "ipv6": (socket.AF_INET6, ("::1", 0)),
                "unix": (socket.AF_UNIX, f"{folder}/stub"),
            }[request.param]
            with socket.socket(family) as listening:
                listening.bind(at)
                listening.listen()
                os.seteuid(0)
                yield at if isinstance(at, str) else listening.getsockname()[1]
    finally:
        os.seteuid(0)


@needs_root
def test_anothers_stub_is_refused(stub: int | str) -> None:
    """Root's gdb doesn't talk to it; the user's own may, and so may everybody's to root's."""
    with pytest.raises(PrivilegeError, match="user nobody's, and could have gdb"):
        check_owner(stub)
    os.seteuid(NOBODY.pw_uid)
    try:
        check_owner(stub)
    finally:
        os.seteuid(0)


def test_our_own_stub_is_not(tmp_path: Path) -> None:
    """What we run ourselves can do nothing more by gdb; where nothing listens, gdb is left to say so."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        check_owner(listening.getsockname()[1])
    check_owner(str(tmp_path / "missing"))


@pytest.mark.parametrize("at", ["| id", "|id", "/tmp/a b", "/tmp/x\n-gdb-exit", "host:1234"])
def test_nothing_but_a_path_or_a_port_reaches_gdb(at: str) -> None:
    """gdb would run a command after a bar, and take a line's end for the end of its own command."""
    with pytest.raises(UsageError):
        Remote(at)
