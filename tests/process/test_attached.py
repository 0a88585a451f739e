"""Watching somebody else's process."""

import os
import select
import subprocess
import threading

import pytest
from tests.leftovers import descriptors

from tracekit.errors import TargetError
from tracekit.process import Attached, Target


def test_watching_to_the_end():
    """Its end makes the descriptor readable; watching does nothing to it."""
    with subprocess.Popen(["sleep", "9"]) as other, Attached.open(other.pid) as attached:
        assert attached.pid == other.pid
        assert not attached.ended()
        assert not select.select([attached], [], [], 0)[0]
        other.kill()
        assert select.select([attached], [], [], 10)[0]
        assert attached.ended()
        other.wait()
        assert attached.ended()


def test_leaving_the_block_does_nothing_to_it():
    """The process lives on when it is no longer watched."""
    with subprocess.Popen(["sleep", "9"]) as other:
        with Attached.open(other.pid):
            pass
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("pid", [-1, 0, 4_194_305, 1 << 40])
def test_no_such_process(pid):
    """A number that no process can have is said not to be one's."""
    with pytest.raises(TargetError, match=f"there is no process {pid}"):
        Attached.open(pid)


def test_a_process_that_has_ended():
    """So is the number of one that was, and has been waited for."""
    with subprocess.Popen(["true"]) as other:
        other.wait()
        with pytest.raises(TargetError, match="there is no process"):
            Attached.open(other.pid)


def test_a_zombie(eventually, gone):
    """One whose parent hasn't waited for it is said to have ended, and whose fault it is."""
    with subprocess.Popen(["true"]) as other:
        eventually(lambda: gone(other.pid))
        with pytest.raises(TargetError, match=f"process {other.pid} has ended and is a zombie") as caught:
            Attached.open(other.pid)
        assert str(os.getpid()) in caught.value.hint


def test_a_thread():
    """A thread's number is told from a process's, and the process is named."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with pytest.raises(TargetError, match=f"{thread.native_id} is a thread") as caught:
            Attached.open(thread.native_id)
    finally:
        stop.set()
        thread.join()
    assert str(os.getpid()) in caught.value.hint


def test_a_debugger_holds_it():
    """Who holds it is named; nothing is left open."""
    with Target.start(["sleep", "9"]) as target:
        before = descriptors()
        with pytest.raises(TargetError, match=f"process {target.pid} is held by process {os.getpid()}"):
            Attached.open(target.pid)
        assert descriptors() == before
