"""What the tests of processes share. All processes here are real."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tracekit.process import User

SOURCE = Path(__file__).parents[2] / "src"


def until(condition, timeout=10.0):
    """Waits for a condition; returns its value, and fails if it never comes true."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)
    return value


@pytest.fixture
def eventually():
    """The function ``until``."""
    return until


@pytest.fixture
def proc():
    """A function that gives the fields of ``/proc/PID/status``; none if there is no such process."""

    def fields(pid):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return {}
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    return fields


@pytest.fixture
def gone(proc):
    """A function that says whether a process has ended."""
    return lambda pid: proc(pid).get("State", "X")[0] in "ZX"


@pytest.fixture
def script():
    """A function that starts a Python script that can import tracekit, and gives its Popen with pipes.

    It is killed at the end.
    """
    started = []

    def start(source, *args, prefix=()):
        popen = subprocess.Popen(
            [*prefix, sys.executable, "-W", "error", "-c", source, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCE), *sys.path]))},
        )
        started.append(popen)
        return popen

    yield start
    for popen in started:
        popen.kill()
        popen.communicate()


@pytest.fixture
def doomed():
    """A list of process ids, to be killed at the end."""
    pids = []
    yield pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def public():
    """A directory that every user can enter and write to."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


@pytest.fixture
def nobody():
    """A user without any rights, and with a group that isn't the primary one."""
    return User(uid=65534, gid=65534, groups=(65533, 65534), name="nobody", home="/nonexistent")
