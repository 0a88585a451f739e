"""An engine's process, stood in for by small shell scripts."""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.leftovers import children, descriptors

from tracekit.errors import EngineError, EngineMissingError
from tracekit.process import Engine

ENV = {"PATH": os.environ["PATH"]}


def sh(command, *args, grace=10.0):
    return Engine.start(["sh", "-c", command, "sh", *args], env=ENV, name="bpftrace", grace=grace)


def read_all(engine):
    text = b""
    while chunk := engine.read(10):
        text += chunk
    assert chunk == b""
    return text


def readable(thing):
    return bool(select.select([thing], [], [], 0)[0])


def test_what_it_prints_comes_in_order():
    """All bytes arrive once, in their order, and then the end, as often as one asks."""
    with sh("for i in 1 2 3; do echo $i; sleep 0.02; done; seq 4 20000; exit 3") as engine:
        assert read_all(engine) == b"".join(b"%d\n" % i for i in range(1, 20001))
        assert engine.read(0) == b""
        assert engine.wait(10) == 3
        assert engine.stderr == b""


def test_reading_has_a_limit():
    """None is the answer while it is silent, at once or after the time that was given."""
    with sh("sleep 9", grace=0) as engine:
        before = time.monotonic()
        assert engine.read(0) is None
        assert engine.read(0.1) is None
        assert time.monotonic() - before >= 0.1
        assert engine.wait(0.01) is None


def test_select_knows_when_there_is_something_to_read():
    """The descriptor is readable while there is something, and for ever after the end."""
    with sh('trap "exit 0" INT; echo one; sleep 0.01; while :; do sleep 0.01; done') as engine:
        assert select.select([engine], [], [], 10)[0]
        assert engine.read(0) == b"one\n"
        assert not readable(engine)
        engine.interrupt()
        assert engine.wait(10) == 0
        assert readable(engine)
        assert engine.read(0) == b""
        assert readable(engine)


def test_it_is_drained_though_nobody_reads():
    """An engine that prints 50 MB never waits for us, and nothing of it is lost."""
    size = 50_000_000
    with sh(f"head -c {size} /dev/zero; head -c {size} /dev/zero >&2; echo end") as engine:
        assert engine.wait(30) == 0
        text = engine.read(0)
        assert len(text) == size + 4 and text.endswith(b"\0end\n")
        assert engine.read(0) == b""


def test_of_long_errors_head_and_tail_are_kept():
    """The first and the last 128 KiB of standard error are kept, with a line that says what isn't."""
    half = 128 << 10
    with sh("(echo first; head -c 1000000 /dev/zero; echo last) >&2") as engine:
        assert engine.wait(10) == 0
        said = engine.stderr
    head, note, tail = said.partition(b"\n[%d bytes left out]\n" % (1_000_011 - 2 * half))
    assert note
    assert len(head) == len(tail) == half
    assert head.startswith(b"first\n\0") and tail.endswith(b"\0last\n")


def test_short_errors_are_kept_whole(eventually):
    """What isn't long is there to the byte, before the end too, and apart from the output."""
    with sh('trap "echo c >&2; exit 1" INT; echo a >&2; echo b; while :; do sleep 0.01; done') as engine:
        assert engine.read(10) == b"b\n"
        eventually(lambda: engine.stderr == b"a\n")
        engine.interrupt()
        assert engine.wait(10) == 1
        assert engine.stderr == b"a\nc\n"


def test_exactly_one_sigint():
    """However often it is interrupted, one SIGINT is all that it gets."""
    command = 'n=0; trap "n=$((n+1)); echo INT" INT; echo ready; while :; do sleep 0.01; done'
    with sh(command, grace=0.1) as engine:
        assert engine.read(10) == b"ready\n"
        for _ in range(5):
            engine.interrupt()
            time.sleep(0.03)
        engine.kill()
        assert engine.wait(10) == -signal.SIGKILL
        assert read_all(engine) == b"INT\n"
        engine.interrupt()
        engine.kill()


SLEEPS_ON = """
import ctypes, select, signal, time
came = []
signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
print("ready", flush=True)
while not came:
    time.sleep(0.01)
epoll = select.epoll()
while ctypes.CDLL(None).epoll_wait(epoll.fileno(), ctypes.create_string_buffer(64), 1, 100) >= 0:
    pass
print("end", came)
"""


def test_an_engine_that_sleeps_on_is_nudged():
    """One that noted SIGINT but looks only when its wait is cut short ends all the same, with one SIGINT."""
    argv = [sys.executable, "-c", SLEEPS_ON]
    with Engine.start(argv, env=ENV, name="bpftrace", grace=10, nudge=0.05) as engine:
        assert engine.read(10) == b"ready\n"
        assert engine.read(0.2) is None
        engine.interrupt()
        assert engine.wait(10) == 0
        assert engine.read(0) == b"end [2]\n"


def test_leaving_the_block_interrupts_it(tmp_path):
    """An engine that still runs can end in its own way."""
    with sh('trap "echo end; exit 0" INT; echo ready; while :; do sleep 0.01; done') as engine:
        engine.read(10)
    assert engine.wait(0) == 0
    assert not Path(f"/proc/{engine.pid}").exists()


def test_leaving_the_block_kills_one_that_does_not_listen():
    """One that ignores SIGINT is killed after the time of grace."""
    before = time.monotonic()
    with sh('trap "" INT; echo ready; exec sleep 9', grace=0.2) as engine:
        engine.read(10)
    assert engine.wait(0) == -signal.SIGKILL
    assert time.monotonic() - before >= 0.2


def test_its_children_are_killed_with_it(gone, eventually, doomed):
    """What it has started in its group doesn't outlive the kill."""
    with sh("sleep 99 & echo $!; wait", grace=0) as engine:
        doomed.append(int(engine.read(10)))
        engine.kill()
        assert engine.wait(10) == -signal.SIGKILL
        eventually(lambda: gone(doomed[0]))


def test_a_child_of_its_that_keeps_the_pipe_delays_nothing(doomed):
    """Its end is the engine's own; what it wrote before is all there."""
    with sh("sleep 99 & echo $!; exit 4") as engine:
        assert engine.wait(10) == 4
        doomed.append(int(read_all(engine)))
        assert Path(f"/proc/{doomed[0]}").exists()


def test_a_child_of_its_that_goes_on_printing_delays_nothing(gone, eventually, doomed):
    """Nor does one that fills the pipe for ever: it is left with a closed one."""
    with sh("yes & echo $! >&2; exit 4") as engine:
        assert engine.wait(10) == 4
        doomed.append(int(engine.stderr))
    eventually(lambda: gone(doomed[0]))


def test_it_may_close_its_output_and_live():
    """The end of its output is told from its own end."""
    with sh('trap "exit 6" INT; echo x; exec >&- 2>&-; while :; do sleep 0.01; done') as engine:
        assert read_all(engine) == b"x\n"
        assert engine.wait(0.3) is None
        engine.interrupt()
        assert engine.wait(10) == 6


def test_killed_by_somebody_else():
    """That is an ending like others: a status and the end of the output."""
    with sh("echo some; exec sleep 9") as engine:
        assert engine.read(10) == b"some\n"
        os.kill(engine.pid, signal.SIGKILL)
        assert engine.wait(10) == -signal.SIGKILL
        assert engine.read(0) == b""


def test_what_it_starts_with(proc):
    """A session of its own, an empty input, no descriptor of ours, and only SIGHUP and SIGPIPE ignored."""
    fd = os.open("/", os.O_RDONLY)
    os.set_inheritable(fd, True)
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a script's background job
    try:
        engine = Engine.start(["sleep", "9"], env={"A": "1", **ENV}, name="dtrace", grace=0)
    finally:
        signal.signal(signal.SIGINT, former)
        os.close(fd)
    with engine:
        status = proc(engine.pid)
        assert os.getsid(engine.pid) == os.getpgid(engine.pid) == engine.pid
        assert sorted(os.listdir(f"/proc/{engine.pid}/fd")) == ["0", "1", "2"]
        assert os.readlink(f"/proc/{engine.pid}/fd/0") == "/dev/null"
        # 32 and 33 are libc's own: what was started by its posix_spawn, as by make, has them ignored for good.
        assert int(status["SigIgn"], 16) & ((1 << 31) - 1) == 1 << (signal.SIGHUP - 1) | 1 << (
            signal.SIGPIPE - 1
        )
        assert int(status["SigBlk"], 16) == 0
        variables = Path(f"/proc/{engine.pid}/environ").read_bytes().split(b"\0")
        assert b"A=1" in variables and len(variables) == 3


def test_with_our_streams_closed(script):
    """It gets its own streams also where our 0, 1 and 2 are free for any pipe."""
    child = script(
        "import os, sys\n"
        "saved = os.dup(1)\n"
        "for fd in (0, 1, 2): os.close(fd)\n"
        "from tracekit.process import Engine\n"
        "with Engine.start(['sh', '-c', 'cat; echo out; echo err >&2'], env={}, name='x') as engine:\n"
        "    status = engine.wait(10)\n"
        "    os.write(saved, b'%d %r %r' % (status, engine.read(0), engine.stderr))\n"
    )
    said, _ = child.communicate(timeout=10)
    assert said == rb"0 b'out\n' b'err\n'"


def test_it_outlives_the_thread_that_asked_for_it():
    """The death that interrupts it is ours, not that of a thread which has come and gone."""
    engines = []
    thread = threading.Thread(target=lambda: engines.append(sh("echo ready; exec sleep 9", grace=0)))
    thread.start()
    thread.join()
    with engines[0] as engine:
        assert engine.read(10) == b"ready\n"
        assert engine.wait(0.1) is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("nope", "bpftrace can't be executed as 'nope': there is no such command in PATH"),
        ("/no/such", "bpftrace can't be executed as '/no/such': there is no such file"),
        ("/etc", "bpftrace can't be executed as '/etc': it is a directory"),
        ("/etc/passwd", "bpftrace can't be executed as '/etc/passwd': it is not marked as executable"),
    ],
)
def test_an_engine_that_is_not_there(program, message):
    """The sentence says what is wrong, the hint what to install or set, and nothing is left behind."""
    before = descriptors(), threading.active_count()
    started = children()
    with pytest.raises(EngineMissingError) as caught:
        Engine.start([program], env=ENV, name="bpftrace")
    assert caught.value.message == message
    assert "Install bpftrace" in caught.value.hint and "TRACEKIT_BPFTRACE" in caught.value.hint
    assert (descriptors(), threading.active_count()) == before
    assert children() <= started


def test_an_engine_that_cannot_be_asked_for():
    """An argument that no program can have is an error of its own."""
    with pytest.raises(EngineError, match=r"bpftrace can't be started: .* NUL"):
        Engine.start(["true", "\0"], env=ENV, name="bpftrace")


def test_a_hundred_leave_nothing():
    """Neither descriptors nor threads nor zombies are left by a hundred engines."""
    before = descriptors(), threading.active_count()
    started = children()
    for i in range(100):
        with Engine.start(["sleep", "9"] if i % 2 else ["true"], env=ENV, name="x") as engine:
            if i % 3:
                engine.interrupt()
                engine.wait(10)
    assert (descriptors(), threading.active_count()) == before
    assert children() <= started


def test_another_program_can_be_started_meanwhile():
    """The drain thread waits for its own engine only, and takes no other child's status."""
    with sh("echo ready; sleep 0.05; exit 2") as engine:
        assert subprocess.run(["sh", "-c", "sleep 0.1; exit 9"], check=False).returncode == 9
        assert engine.wait(10) == 2
