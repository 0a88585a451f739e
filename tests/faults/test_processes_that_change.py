"""Which process is meant, whatever becomes of it: threads end, it execs, forks, or leaves its id to another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.faults.cli import WITH_TRACEFS, Engine, Target, await_tracing, finish
from tests.faults.conftest import an_engine
from tests.faults.processes import fields, until

pytestmark = pytest.mark.live

CALLS = 30
COUNT = "uprobe:{b}:work {{ @ = count() }}"
TELLS_THE_LAST_THREAD = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 16)

AS = """
import ctypes, os, struct, sys
identity = (ctypes.c_int * 1)(int(sys.argv[1]))
# struct clone_args: exit_signal, set_tid and set_tid_size are its fifth, ninth and tenth words
words = struct.pack("11Q", 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(identity), 1, 0)
libc = ctypes.CDLL(None, use_errno=True)
while (child := libc.syscall(435, ctypes.create_string_buffer(words, 88), 88)) < 0:
    assert ctypes.get_errno() == 17  # another process has the id just now
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
print(os.waitpid(child, 0)[0])
"""
"""Runs a command with a process id: clone3(2)."""


@pytest.fixture
def own(found_programs: dict[str, str]) -> Engine:
    """Our own engine."""
    return an_engine("bpf own", found_programs)


@pytest.fixture
def crowd(target: Callable[..., Target]) -> str:
    """A copy of the program whose processes change."""
    return str(target("crowd").path)


@contextmanager
def waiting(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a byte."""
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[bytes]) -> None:
    """Let it go."""
    assert process.stdin is not None
    process.stdin.write(b"!")
    process.stdin.flush()


@pytest.mark.parametrize("backend", ["bpf own", "bpftrace 0.27"])
def test_the_main_thread_has_ended(found_programs: dict[str, str], crowd: str, backend: str) -> None:
    """A process whose main thread is a zombie is none: what its other threads do counts."""
    engine = an_engine(backend, found_programs)
    with waiting(crowd, "leader", str(CALLS)) as process:
        assert until(lambda: fields(process.pid)["State"].startswith("Z"), 20)
        tracing = engine.start(COUNT.format(b=crowd), "-p", process.pid)
        await_tracing(tracing)
        go(process)
        done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == 2 * CALLS


def test_gdb_says_what_has_ended(found_programs: dict[str, str], crowd: str) -> None:
    """gdb can't hold such a process, which is said, with what can trace it."""
    engine = an_engine("gdb 13", found_programs)
    with waiting(crowd, "leader", str(CALLS)) as process:
        assert until(lambda: fields(process.pid)["State"].startswith("Z"), 20)
        done = engine.trace(COUNT.format(b=crowd), "-p", process.pid)
    assert done.status == 1 and f"the main thread of process {process.pid} has ended" in done.said


@pytest.mark.parametrize(("mode", "follow"), [("exec", ("--follow",)), ("setuid", ())])
def test_it_becomes_another(own: Engine, crowd: str, mode: str, follow: tuple[str, ...]) -> None:
    """A thread's exec, and a process's loss of its rights, leave it the process that was meant."""
    with waiting(crowd, mode, str(CALLS)) as process:
        tracing = own.start(
            COUNT.format(b=crowd), "-p", process.pid, options=follow, before=WITH_TRACEFS if follow else ()
        )
        await_tracing(tracing)
        go(process)
        done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == 2 * CALLS


@pytest.mark.parametrize(("mode", "times", "calls"), [("bomb", 2000, 1), ("again", 50, 10)])
def test_all_that_are_forked_count(own: Engine, crowd: str, mode: str, times: int, calls: int) -> None:
    """Thousands that live for a moment, and those that have their predecessor's id, count to the last call."""
    if mode == "again" and not TELLS_THE_LAST_THREAD:
        pytest.skip("the kernel doesn't tell a process's last thread: Linux 6.16 does")
    with waiting(crowd, mode, str(times)) as process:
        tracing = own.start(COUNT.format(b=crowd), "-p", process.pid, options=["--follow"], before=WITH_TRACEFS)
        await_tracing(tracing)
        go(process)
        done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == times * calls


SMALL = """
from tracekit.backends.bpf import following
following.PROCESSES = 1
from tracekit.cli.main import main
main()
"""


def test_more_than_can_be_followed_are_told(crowd: str) -> None:
    """Processes that find no room among those that are followed are counted, and make the result less."""
    words = ["trace", "--backend", "bpf", "--follow", "-e", COUNT.format(b=crowd), "--", crowd, "bomb", "7"]
    done = subprocess.run(
        [*WITH_TRACEFS, sys.executable, "-c", SMALL, *words],
        input="!", capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert "7 processes were not followed, since there were too many at once" in done.stdout + done.stderr


@pytest.mark.skipif(
    not TELLS_THE_LAST_THREAD, reason="the kernel doesn't tell a process's last thread: Linux 6.16 does"
)
def test_an_id_that_is_anothers_now(own: Engine, crowd: str) -> None:
    """An id means the process that had it: another one of the same binary that has it now doesn't count."""
    with waiting(crowd, "setuid", str(CALLS)) as first, waiting(crowd, "setuid", str(CALLS)) as second:
        tracing = own.start(COUNT.format(b=crowd), "-p", first.pid, "-p", second.pid)
        await_tracing(tracing)
        go(first)
        assert first.wait(60) == 0
        other = [sys.executable, "-c", AS, str(first.pid), crowd, "setuid", "7"]
        said = subprocess.run(other, input=b"!", capture_output=True, check=True, timeout=60).stdout
        assert int(said) == first.pid
        go(second)
        done = finish(tracing)
    assert done.status == 0 and done.result.complete, done.said
    assert done.map.total == 2 * 2 * CALLS
    assert done.result.provenance.load.others == 2 * 7


EARLIER = """
import errno, sys
from tracekit.backends.bpf import kernel
def refuse(name, program):
    raise OSError(errno.EINVAL, "Invalid argument")
kernel.raw_tracepoint = refuse
from tracekit.cli.main import main
main()
"""


@pytest.mark.parametrize("follow", [(), ("--follow",)], ids=["alone", "followed"])
def test_a_kernel_that_does_not_tell_the_last_thread(crowd: str, follow: tuple[str, ...]) -> None:
    """Where the kernel refuses the program at a process's end there is another, or none; all count."""
    words = ["trace", "--backend", "bpf", *follow, "-e", COUNT.format(b=crowd), "--", crowd, "setuid", "9"]
    done = subprocess.run(
        [*WITH_TRACEFS, sys.executable, "-c", EARLIER, *words],
        input="!", capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "@: 18\n"), done.stderr
