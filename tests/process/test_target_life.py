"""A target from its release to its end."""

import os
import select
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.leftovers import children, descriptors

from tracekit.core.result import Ending
from tracekit.process import Target


def sh(command, *args):
    return Target.start(["sh", "-c", command, "sh", *args])


def readable(thing):
    return bool(select.select([thing], [], [], 0)[0])


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("exit 0", Ending(status=0)),
        ("exit 7", Ending(status=7)),
        ("exit 255", Ending(status=255)),
        ("kill -SEGV $$", Ending(signal="SIGSEGV")),
        ("kill -KILL $$", Ending(signal="SIGKILL")),
        ("kill -PIPE $$", Ending(signal="SIGPIPE")),
        (f"kill -{signal.SIGRTMIN + 3} $$", Ending(signal="SIGRTMIN+3")),
    ],
)
def test_how_it_ended(command, ending):
    """Statuses and signals are told apart, and stay the same when asked again."""
    with sh(command) as target:
        assert target.poll() is None
        target.release()
        assert target.wait(10) == ending
        assert target.poll() == ending
        assert readable(target)
        assert target.end() == ending


def test_waiting_has_a_limit():
    """None is the answer while it runs, at once or after the time that was given."""
    with sh("sleep 9") as target:
        target.release()
        assert target.poll() is None
        before = time.monotonic()
        assert target.wait(0.1) is None
        assert time.monotonic() - before >= 0.1
        assert not readable(target)
        target.end()


def test_a_stop_is_no_end(proc, eventually):
    """One that job control has stopped hasn't ended, and goes on as it would alone."""
    with sh("sleep 0.2; exit 3") as target:
        target.release()
        os.kill(target.pid, signal.SIGSTOP)
        eventually(lambda: proc(target.pid)["State"].startswith("T"))
        assert target.wait(0.1) is None
        assert not readable(target)
        os.kill(target.pid, signal.SIGCONT)
        assert target.wait(10) == Ending(status=3)


def test_release_twice():
    """A second release does nothing."""
    with sh("exit 0") as target:
        target.release()
        target.release()
        assert target.wait(10) == Ending(status=0)


def test_end_by_sigterm():
    """SIGTERM is enough for most, and the ending says that it was our doing."""
    with sh("sleep 9") as target:
        target.release()
        assert target.end() == Ending(signal="SIGTERM", by_us=True)
        assert target.end() == target.poll() == Ending(signal="SIGTERM", by_us=True)


def test_end_lets_it_clean_up(tmp_path, eventually):
    """What it does on SIGTERM it can do to the end, and its own status is reported."""
    ready = tmp_path / "ready"
    with sh('trap "exit 5" TERM; : > "$1"; while :; do sleep 0.01; done', str(ready)) as target:
        target.release()
        eventually(ready.exists)
        assert target.end() == Ending(status=5, by_us=True)


def test_end_of_one_that_ignores_sigterm(tmp_path, eventually):
    """SIGKILL comes after the time of grace, not before."""
    ready = tmp_path / "ready"
    with sh('trap "" TERM; : > "$1"; exec sleep 9', str(ready)) as target:
        target.release()
        eventually(ready.exists)
        before = time.monotonic()
        assert target.end(grace=0.2) == Ending(signal="SIGKILL", by_us=True)
        assert time.monotonic() - before >= 0.2


def test_end_of_one_that_is_stopped(proc, eventually):
    """One that Ctrl-Z has stopped hears SIGTERM too, and needn't be killed."""
    with sh("exec sleep 9") as target:
        target.release()
        os.kill(target.pid, signal.SIGSTOP)
        eventually(lambda: proc(target.pid)["State"].startswith("T"))
        assert target.end() == Ending(signal="SIGTERM", by_us=True)


def test_end_of_one_that_was_never_released(tmp_path):
    """It is killed without a wait, and has done nothing."""
    with sh(': > "$1"', str(tmp_path / "made")) as target:
        assert target.end() == Ending(signal="SIGKILL", by_us=True)
    assert not (tmp_path / "made").exists()


def test_leaving_the_block_before_release(tmp_path, gone):
    """Also when an exception ends the block, nothing of it runs and nothing of it stays."""
    with pytest.raises(KeyError), sh(': > "$1"', str(tmp_path / "made")) as target:
        raise KeyError
    assert not Path(f"/proc/{target.pid}").exists()
    assert not (tmp_path / "made").exists()


def test_leaving_the_block_after_release(proc, doomed):
    """One that runs is nobody's to kill: it goes on, and not stopped."""
    with sh("exec sleep 9") as target:
        doomed.append(target.pid)
        target.release()
    assert proc(target.pid)["TracerPid"] == "0"
    assert proc(target.pid)["State"][0] in "RSD"
    os.kill(target.pid, signal.SIGKILL)
    os.waitpid(target.pid, 0)


def test_killed_by_somebody_else_before_release():
    """That is its ending; releasing it then is no error."""
    with sh("exit 0") as target:
        os.kill(target.pid, signal.SIGKILL)
        assert target.wait(10) == Ending(signal="SIGKILL")
        target.release()
        assert target.poll() == Ending(signal="SIGKILL")


def test_a_signal_that_comes_before_release_is_not_lost():
    """It is delivered at the release, as if it had come at the start."""
    with sh("exit 0") as target:
        os.kill(target.pid, signal.SIGTERM)
        assert target.wait(0.05) is None
        target.release()
        assert target.wait(10) == Ending(signal="SIGTERM")


def test_another_waited_for_it():
    """If its status was taken by somebody else in this process, it isn't made up."""
    with sh("exit 7") as target:
        target.release()
        os.waitpid(target.pid, 0)
        assert target.wait(10) == Ending()


def test_only_the_thread_that_started_it_can_release_it():
    """The kernel would refuse another thread with a misleading error: so it is a mistake of the caller."""
    failed = []

    def release():
        with pytest.raises(AssertionError):
            target.release()
        failed.append(True)

    with sh("exit 0") as target:
        thread = threading.Thread(target=release)
        thread.start()
        thread.join()
        assert failed
        target.release()
        assert target.wait(10) == Ending(status=0)


def test_the_end_of_the_thread_that_started_it():
    """Before its release the target doesn't outlive the thread that holds it."""
    targets = []
    thread = threading.Thread(target=lambda: targets.append(sh("exit 0")))
    thread.start()
    thread.join()
    with targets[0] as target:
        assert target.wait(10) == Ending(signal="SIGKILL")


def test_a_hundred_leave_nothing():
    """Neither descriptors nor threads nor zombies are left by a hundred starts, released or not."""
    before = descriptors(), threading.active_count()
    started = children()
    for i in range(100):
        with Target.start(["true"]) as target:
            if i % 2:
                target.release()
                assert target.wait(10) == Ending(status=0)
    assert (descriptors(), threading.active_count()) == before
    assert children() <= started
