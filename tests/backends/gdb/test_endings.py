"""However a sampling ends, the target goes on as if nobody had looked, or is gone; it is never left stopped."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.backends.gdb.helpers import fields, is_free, request, until

from tracekit.backends.gdb import session
from tracekit.backends.gdb.sampler import sample
from tracekit.errors import EngineError, EngineMissingError, TargetError, UnsupportedError
from tracekit.process import Target

pytestmark = pytest.mark.live


def gdbs(name):
    """The running processes of a gdb of ours, by its name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsdecode(words[0]).endswith(name) and fields(int(pid)).get("State", "X")[0] not in "ZX":
            found.append(int(pid))
    return found


@pytest.fixture
def own_gdb(tmp_path, monkeypatch):
    """The name of a gdb that only this test uses."""
    name = f"gdb-of-{tmp_path.name}"
    (tmp_path / name).symlink_to(session.find_gdb(os.uname().machine))
    monkeypatch.setenv("TRACEKIT_GDB", str(tmp_path / name))
    return name


@pytest.mark.usefixtures("each_gdb")
def test_no_hit_in_time(build):
    """A function that isn't called within the time: no hits, a note, and a target that goes on untraced."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    argv = (binary, "-n", "-1", "-p", "1000")
    with Target.start([str(word) for word in argv]) as target:
        samples = sample(request(binary, "never", *argv, timeout=0.3), target)
        assert samples.hits == ()
        assert samples.notes == ("0 of 8 entries seen: no more came within 0.3 s",)
        assert samples.ended is None
        time.sleep(0.05)
        assert is_free(target.pid)
        assert target.end().signal == "SIGTERM"


def test_too_few_hits_in_time(build):
    """What came within the time is given, with a note of what is missing."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    argv = (binary, "-n", "-1", "-p", "300000")
    with Target.start([str(word) for word in argv]) as target:
        samples = sample(request(binary, "insert", *argv, timeout=1.0), target)
        assert 0 < len(samples.hits) < 8
        assert samples.notes == (f"{len(samples.hits)} of 8 entries seen: no more came within 1 s",)
        assert is_free(target.pid)
        target.end()


def test_target_exits_first(build):
    """A target that ends before all is seen: its own status, and a note."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert", binary, "-n", "3"))
    assert len(samples.hits) == 3
    assert (samples.ended.status, samples.ended.by_us) == (7, False)
    assert samples.notes == ("3 of 8 entries seen: the target ended before there were more",)


@pytest.mark.usefixtures("each_gdb")
def test_target_crashes(build):
    """A target's crash is its own: it gets its signal and ends by it."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    samples = sample(request(binary, "insert", binary, "-c", "4"))
    assert len(samples.hits) == 4
    assert (samples.ended.signal, samples.ended.by_us) == ("SIGSEGV", False)


def test_library_that_is_never_mapped(build):
    """A function of a library that the target never maps can't be sampled: an error says so."""
    library = build("library.c", "-O2", "-shared", "-fPIC")
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    with pytest.raises(TargetError, match="was never mapped by the target"):
        sample(request(library, "entered", binary))


def test_target_that_can_not_start(build, own_gdb):
    """A command that can't be executed is an error, and no gdb stays behind."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    with pytest.raises(TargetError, match="can't be executed"):
        sample(request(binary, "insert", "/no/such/command"))
    assert gdbs(own_gdb) == []


SAMPLE = (
    "import sys\n"
    "from tracekit.backends.gdb.sampler import sample\n"
    "from tracekit.calibration.samples import SampleRequest\n"
    "from tracekit.core.target import Command, Pids\n"
    "from tracekit.process import Target\n"
    "binary, address, pid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
    "argv = [binary, '-n', '-1', '-p', '2000']\n"
    "if not pid:\n"
    "    target = Target.start(argv)\n"
    "    print(target.pid, flush=True)\n"
    "    sample(SampleRequest(binary, address, 'x86_64', Command(argv), hits=1000000), target)\n"
    "else:\n"
    "    print(pid, flush=True)\n"
    "    sample(SampleRequest(binary, address, 'x86_64', Pids((pid,)), hits=1000000))\n"
)


@pytest.mark.parametrize("kind", ["launched", "attached"])
def test_tracekit_is_killed(build, script, started, doomed, own_gdb, kind):
    """Killed at any moment, we leave no gdb, and a target that is gone or runs by itself, and keeps running."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    rng = random.Random(3)
    asked = request(binary, "insert")
    for moment in (*(rng.uniform(0, 0.5) for _ in range(7)), 1.0):
        pid = started(binary, "-n", "-1", "-p", "2000", "-w").pid if kind == "attached" else 0
        child = script(SAMPLE, binary, asked.address, pid)
        pid = int(child.stdout.readline())
        doomed.append(pid)
        time.sleep(moment)
        child.kill()
        child.wait()
        until(lambda: not gdbs(own_gdb))
        alive = fields(pid).get("State", "X")[0] not in "ZX"
        assert alive or kind == "launched"
        if alive:
            before = fields(pid)["voluntary_ctxt_switches"]
            until(lambda pid=pid: is_free(pid))
            until(lambda pid=pid, before=before: fields(pid)["voluntary_ctxt_switches"] != before)
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def killed_later(name):
    """Somebody who kills a gdb when it is at work."""

    def kill():
        (pid,) = until(lambda: gdbs(name))
        time.sleep(0.7)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    killer.join()


def test_gdb_dies_with_a_launched_target(build, own_gdb, doomed):
    """If somebody kills gdb, that is an error, and the command isn't left behind."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    argv = (binary, "-n", "-1", "-p", "300000")
    with Target.start([str(word) for word in argv]) as target:
        doomed.append(target.pid)
        cause = r"gdb has ended in the middle of its work \(signal 9\)"
        with killed_later(own_gdb), pytest.raises(EngineError, match=cause) as caught:
            sample(request(binary, "insert", *argv, hits=100000), target)
        assert f"process {target.pid}" in caught.value.hint
        assert fields(target.pid).get("State", "X")[0] not in "Tt"
        target.end()


def test_gdb_dies_with_a_process_that_does_not_call(build, started, own_gdb):
    """If somebody kills gdb, its breakpoint is taken out of the process, which lives on and may call then."""
    binary = build("calls.c", "-O2", "-pie", "-pthread")
    process = started(binary, "-n", "2", "-p", "1500000", "-w")
    with killed_later(own_gdb), pytest.raises(EngineError) as caught:
        sample(request(binary, "never", pid=process.pid))
    assert caught.value.hint.endswith(f"process {process.pid} sleeps, held by nobody.")
    assert process.wait(20) == 7


def test_no_gdb(build, monkeypatch):
    """Without gdb, the error says where it was looked for; nothing is started."""
    asked = request(build("calls.c", "-O2", "-pie", "-pthread"), "insert")
    monkeypatch.setenv("TRACEKIT_GDB", "/no/such/gdb")
    with pytest.raises(EngineMissingError, match="TRACEKIT_GDB='/no/such/gdb' is no program"):
        sample(asked)
    monkeypatch.delenv("TRACEKIT_GDB")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineMissingError, match="gdb is not installed"):
        sample(asked)


@pytest.fixture
def gdb_without_python(tmp_path):
    """The program of Debian's gdb-minimal, which can't be installed beside gdb."""
    steps = (["apt-get", "download", "gdb-minimal"], ["sh", "-c", "dpkg-deb -x gdb-minimal_*.deb ."])
    for step in steps:
        if shutil.which(step[0]) is None or subprocess.run(step, check=False, cwd=tmp_path).returncode:
            pytest.skip(f"there is no gdb without Python here: {' '.join(step)} failed")
    return tmp_path / "usr/bin/gdb"


def test_gdb_without_python(build, monkeypatch, gdb_without_python):
    """A gdb that was built without Python is refused with that reason, and the command hasn't run."""
    asked = request(build("calls.c", "-O2", "-pie", "-pthread"), "insert")
    monkeypatch.setenv("TRACEKIT_GDB", str(gdb_without_python))
    with Target.start([*asked.target.argv]) as target:
        with pytest.raises(EngineMissingError, match="built without Python"):
            sample(asked, target)
        assert target.end().signal == "SIGKILL"


def test_what_is_no_gdb(build, monkeypatch):
    """A program that isn't gdb is an error with what it said, and the command hasn't run."""
    asked = request(build("calls.c", "-O2", "-pie", "-pthread"), "insert")
    monkeypatch.setenv("TRACEKIT_GDB", "/bin/ls")
    with Target.start([*asked.target.argv]) as target:
        with pytest.raises(EngineMissingError, match="/bin/ls is no gdb") as caught:
            sample(asked, target)
        cause = caught.value.__cause__
        assert isinstance(cause, EngineError) and "unrecognized option" in cause.output
        assert target.end().signal == "SIGKILL"


def test_somebody_elses_probe(build, uprobe):
    """A uprobe at the entry is seen in a command too: gdb would never stop there."""
    binary = build("calls.c", "-O2", "-no-pie", "-pthread")
    asked = request(binary, "insert", binary, "-n", "-1", "-p", "1000")
    with uprobe(binary, asked.address), pytest.raises(UnsupportedError, match="somebody else's probe"):
        sample(asked)
