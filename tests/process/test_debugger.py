"""A debugger's process, for which other programs stand here, and the target that it takes over."""

import os
import signal
import time

import pytest

from tracekit.errors import EngineMissingError
from tracekit.process import Target
from tracekit.process.debugger import Debugger

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def start(*argv):
    return Debugger.start(argv, env=ENVIRONMENT, name="gdb")


def test_conversation():
    """What it is given it gets, what it prints is kept, and at the end of its input it ends by itself."""
    with start("sh", "-c", "cat; echo bye >&2; exit 3") as debugger:
        debugger.write("hello\n")
        assert debugger.read(10) == b"hello\n"
        assert debugger.read(0) is None
        assert not debugger.ended
        debugger.let_go()
        assert debugger.wait(10) == 3
    assert debugger.stderr == b"bye\n"


def test_is_always_drained():
    """It is never held up by output that nobody reads."""
    with start("sh", "-c", "head -c 5000000 /dev/zero; echo done >&2; cat") as debugger:
        deadline = time.monotonic() + 20
        while debugger.stderr != b"done\n":
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_surroundings():
    """It has a session and a folder of its own, no variable but those that are given, and no signal is sent."""
    script = "ps -o sid= -p $$; pwd; echo ${HOME-none}; trap 'echo hit; exit 9' TERM INT HUP; read line; exit 0"
    with start("sh", "-c", script) as debugger:
        said = b""
        while said.count(b"\n") < 3:
            said += debugger.read(10)
        assert said.split() == [str(debugger.pid).encode(), b"/", b"none"]
    assert debugger.wait(0) == 0


def test_missing():
    """A program that isn't there is an error that says how to name another."""
    with pytest.raises(EngineMissingError, match="gdb can't be executed as '/no/such'") as caught:
        start("/no/such")
    assert "TRACEKIT_GDB" in caught.value.hint


def test_what_has_ended_takes_no_input():
    """Input for one that has ended is no error: its end shows when it is read."""
    with start("true") as debugger:
        assert debugger.wait(10) == 0
        debugger.write("hello\n")
        assert debugger.read(0) == b""


def test_killed_while_a_debugger_runs(script, gone, eventually):
    """At our own end by SIGKILL its input ends, so that it lets go and ends by itself."""
    child = script(
        "import time\n"
        "from tracekit.process.debugger import Debugger\n"
        "debugger = Debugger.start(['cat'], env={'PATH': '/bin:/usr/bin'}, name='gdb')\n"
        "print(debugger.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    pid = int(child.stdout.readline())
    assert not gone(pid)
    child.kill()
    eventually(lambda: gone(pid))


def test_handed_over(tmp_path, proc, eventually):
    """A target that is handed over is stopped and held by nobody, and has run nothing; resumed, it runs."""
    made = tmp_path / "made"
    with Target.start(["touch", str(made)]) as target:
        target.hand_over()
        eventually(lambda: proc(target.pid)["State"][0] == "T")
        assert proc(target.pid)["TracerPid"] == "0"
        assert not made.exists()
        target.resume()
        assert target.wait(10).status == 0
        assert made.exists()


def test_handed_over_and_ended():
    """A target that was handed over to nobody can be ended."""
    with Target.start(["sleep", "60"]) as target:
        target.hand_over()
        assert target.end().signal == signal.SIGTERM.name
