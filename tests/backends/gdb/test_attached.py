"""Sampling of processes that run already, which are to notice nothing."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import attrs
import pytest
from tests.backends.gdb.helpers import fields, is_free, request, until

from tracekit.backends.gdb.sampler import sample
from tracekit.errors import PrivilegeError, TargetError, UnsupportedError, UsageError

pytestmark = pytest.mark.live


@pytest.fixture
def running(build, started):
    """A function that starts the sample program; gives its path and its Popen."""

    def start(*options):
        binary = build("calls.c", "-O2", "-pie", "-pthread")
        return binary, started(binary, "-w", *options)

    return start


@pytest.mark.usefixtures("each_gdb")
@pytest.mark.parametrize("threads", [0, 4])
def test_all_hits(running, threads):
    """All that is wanted is seen, and seen again; then the process goes on."""
    binary, process = running("-n", "-1", "-p", "500", "-t", str(threads))
    for _ in range(2):
        samples = sample(request(binary, "insert", pid=process.pid))
        assert len(samples.hits) == 8
        assert all(hit.registers["rcx"] == hit.thread for hit in samples.hits)
        assert samples.notes == (f"process {process.pid} sleeps, held by nobody",) or "runs" in samples.notes[0]
        assert is_free(process.pid)
    time.sleep(0.1)
    assert is_free(process.pid)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM


@pytest.mark.parametrize("threads", [0, 4])
def test_no_hit_in_time(running, threads):
    """A process that doesn't call the function lives on when the time is over, as a note says."""
    binary, process = running("-n", "-1", "-p", "200", "-t", str(threads))
    for _ in range(3):
        samples = sample(request(binary, "never", pid=process.pid, timeout=0.2))
        assert samples.hits == ()
        assert samples.notes[0] == "0 of 8 entries seen: no more came within 0.2 s"
        assert samples.notes[1].endswith("held by nobody")
        assert is_free(process.pid)
    before = fields(process.pid)["voluntary_ctxt_switches"]
    until(lambda: fields(process.pid)["voluntary_ctxt_switches"] != before or threads)
    process.terminate()
    assert process.wait(10) == -signal.SIGTERM


def test_hits_while_the_time_ends(running):
    """A process that is in the middle of calls when the time is over lives on too."""
    binary, process = running("-n", "-1", "-p", "100", "-t", "4")
    for _ in range(5):
        samples = sample(request(binary, "insert", pid=process.pid, hits=1_000_000, timeout=0.2))
        assert samples.hits
        until(lambda: is_free(process.pid))
    assert process.poll() is None


def test_process_that_ends(running):
    """A process that ends meanwhile is reported with its status."""
    binary, process = running("-n", "3", "-p", "1000000")
    samples = sample(request(binary, "insert", pid=process.pid, hits=100))
    assert samples.ended.status == 7
    assert samples.notes == (
        f"{len(samples.hits)} of 100 entries seen: the target ended before there were more",
    )


def test_held_by_a_debugger(running):
    """A process that another debugger holds is refused."""
    binary, process = running("-n", "-1", "-p", "1000")
    holder = (
        "import sys, time\nfrom tracekit.process import ptrace\n"
        "ptrace.seize(int(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    held = [sys.executable, "-c", holder, str(process.pid)]
    with subprocess.Popen(held, stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TargetError, match=f"process {process.pid} is held by process {other.pid}"):
            sample(request(binary, "insert", pid=process.pid))
        other.kill()


def test_stopped(running):
    """A process that somebody has stopped is refused, since gdb would let it go on."""
    binary, process = running("-n", "-1", "-p", "1000")
    process.send_signal(signal.SIGSTOP)
    until(lambda: fields(process.pid)["State"][0] == "T")
    with pytest.raises(TargetError, match="is stopped"):
        sample(request(binary, "insert", pid=process.pid))
    assert fields(process.pid)["State"][0] == "T"


def test_other_mounts(build, started):
    """A process in another mount namespace is looked at all the same: gdb reads no library of its."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    process = started("unshare", "--mount", binary, "-w", "-n", "-1", "-p", "1000")
    assert len(sample(request(binary, "insert", pid=process.pid)).hits) == 8
    assert is_free(process.pid)


def test_other_program(build, running):
    """A process that hasn't mapped the binary is refused, also if it runs another build of it."""
    _, process = running("-n", "-1", "-p", "1000")
    other = build("calls.c", "-O0", "-pie", "-pthread")
    with pytest.raises(TargetError, match=f"process {process.pid} has not mapped"):
        sample(request(other, "insert", pid=process.pid))
    assert is_free(process.pid)


def test_somebody_elses_probe(running, uprobe):
    """A function at which a uprobe sits is refused: gdb would never stop there. The process lives on."""
    binary, process = running("-n", "-1", "-p", "1000")
    asked = request(binary, "insert", pid=process.pid)
    with uprobe(binary, asked.address), pytest.raises(UnsupportedError, match="somebody else's probe"):
        sample(asked)
    assert is_free(process.pid)
    assert len(sample(asked).hits) == 8


def test_unprivileged(running):
    """As a user who may not hold the process, there is one sentence and a remedy."""
    binary, process = running("-n", "-1", "-p", "1000")
    descriptor = os.open(binary, os.O_RDONLY)
    asked = attrs.evolve(request(binary, "insert", pid=process.pid), binary=f"/proc/self/fd/{descriptor}")
    child = os.fork()
    if not child:
        try:
            os.setgid(65534)
            os.setuid(65534)
            ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: /proc/self is ours again
            with pytest.raises(PrivilegeError, match="may not be looked at"):
                sample(asked)
            os._exit(9)
        finally:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    os.close(descriptor)


def test_several_processes(build):
    """Several processes at once are refused when they are asked for."""
    from tracekit.calibration.samples import SampleRequest
    from tracekit.core.target import Pids

    with pytest.raises(UsageError, match="one process at a time"):
        SampleRequest("/bin/true", 0, "x86_64", Pids((1, 2)))
