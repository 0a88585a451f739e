"""A target at its exec: what it is, what it has not done yet, and what keeps it from getting there."""

import fcntl
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.leftovers import children, descriptors

from tracekit.core.result import Ending
from tracekit.errors import EngineError, PrivilegeError, TargetError
from tracekit.process import Engine, Target, stop_signals
from tracekit.process.spawn import spawn
from tracekit.process.target import _hold_at_exec, _pass

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def entry_point(pid):
    """The address of the first instruction that a process runs: its interpreter's, or its own."""
    auxv = Path(f"/proc/{pid}/auxv").read_bytes()
    words = struct.unpack(f"{len(auxv) // 8}Q", auxv)
    values = dict(zip(words[::2], words[1::2], strict=True))
    base, own = values[7], values[9]  # AT_BASE, AT_ENTRY
    if not base:
        return own
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(base + 24)  # e_entry
        return base + struct.unpack("Q", memory.read(8))[0]


def test_nothing_of_it_runs_before_release(tmp_path, proc):
    """The new image is mapped, its first instruction is the next to run; its file appears only later."""
    made = tmp_path / "made"
    with Target.start(["sh", "-c", 'echo x > "$0"', str(made)]) as target:
        time.sleep(0.1)
        assert not made.exists()
        assert proc(target.pid)["State"].startswith("t ")
        assert os.path.samefile(f"/proc/{target.pid}/exe", shutil.which("sh"))
        counter = int(Path(f"/proc/{target.pid}/syscall").read_text().split()[-1], 16)
        assert counter == entry_point(target.pid)
        target.release()
        assert target.wait(10).status == 0
        assert made.exists()


def test_a_script_is_stopped_in_its_interpreter(tmp_path):
    """For a script the image is its interpreter's, and the script has done nothing."""
    made, path = tmp_path / "made", tmp_path / "script"
    path.write_text(f"#!{sys.executable}\nopen({str(made)!r}, 'w')\n")
    path.chmod(0o755)
    with Target.start([str(path)]) as target:
        assert os.path.samefile(f"/proc/{target.pid}/exe", sys.executable)
        assert not made.exists()


def test_argv_is_passed_on_byte_for_byte():
    """Spaces, quotes, newlines, empty words and bytes that aren't UTF-8 arrive as they are."""
    words = [b"sleep", b"", b" a  b ", b"\xff\xfe\x80", b"new\nline", b"'\"$(id)*\\", "é".encode()]
    with Target.start([os.fsdecode(word) for word in words]) as target:
        assert Path(f"/proc/{target.pid}/cmdline").read_bytes() == b"\0".join(words) + b"\0"
        assert target.argv == tuple(os.fsdecode(word) for word in words)


def test_environment_and_directory(tmp_path):
    """It has the environment and the directory that were asked for, and none of ours besides."""
    with Target.start(["/bin/sleep"], env={"A": "1", "B": "\udcff"}, cwd=str(tmp_path)) as target:
        assert Path(f"/proc/{target.pid}/environ").read_bytes() == b"A=1\0B=\xff\0"
        assert os.readlink(f"/proc/{target.pid}/cwd") == str(tmp_path)


def test_it_has_our_streams_and_no_other_descriptor():
    """Descriptors of ours don't leak into it, however they were opened; 0, 1 and 2 are the very same."""
    extra = [fcntl.fcntl(0, fcntl.F_DUPFD, 20), os.open("/", os.O_PATH), *os.pipe2(0)]
    for fd in extra:
        os.set_inheritable(fd, True)
    with Target.start(["sleep", "9"]) as target:
        held = f"/proc/{target.pid}/fd"
        assert sorted(os.listdir(held)) == ["0", "1", "2"]
        for name in "012":
            assert os.path.sameopenfile(int(name), int(name))
            assert os.readlink(f"{held}/{name}") == os.readlink(f"/proc/self/fd/{name}")
    for fd in extra:
        os.close(fd)


def test_signals_are_as_a_shell_gives_them(proc):
    """What Python ignores, handles or blocks is its own affair; what we were made to ignore is not."""
    shell = subprocess.run(["sh", "-c", "cat /proc/self/status"], capture_output=True, text=True, check=True)
    expected = dict(line.split(":\t") for line in shell.stdout.splitlines() if line.startswith("Sig"))
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    try:
        with stop_signals(), Target.start(["sleep", "9"]) as target:
            status = proc(target.pid)
        former = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with Target.start(["sleep", "9"]) as target:
            under_nohup = proc(target.pid)
        signal.signal(signal.SIGHUP, former)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    for name in ("SigBlk", "SigIgn", "SigCgt"):
        assert status[name] == expected[name], name
    assert int(status["SigBlk"], 16) == 0
    assert int(under_nohup["SigIgn"], 16) == int(expected["SigIgn"], 16) | 1 << (signal.SIGHUP - 1)


def test_it_is_in_our_process_group():
    """The terminal's job control reaches it together with us."""
    with Target.start(["sleep", "9"]) as target:
        assert os.getpgid(target.pid) == os.getpgrp()
        assert os.getsid(target.pid) == os.getsid(0)


def test_start_beside_threads(eventually):
    """Other threads, which hold locks and allocate, keep no child from its exec."""
    stop, lock = threading.Event(), threading.Lock()

    def busy():
        while not stop.is_set():
            with lock:
                [bytes(i) for i in range(100)]

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            with Target.start(["true"]) as target:
                target.release()
                assert target.wait(10).status == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def start_with(number):
    """Holds a sleeper at its exec that gets a signal just before that, and ends it."""
    gate, opener = os.pipe()
    hit = ("gate", lambda: _pass(gate, opener)), ("signal", lambda: os.kill(os.getpid(), number))
    child = spawn(["sleep", "9"], os.environ, hit)
    try:
        _hold_at_exec(child, opener, None)
    finally:
        child.abandon()
        os.close(gate)
        os.close(opener)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGCONT, signal.SIGWINCH])
def test_a_signal_just_before_its_exec(number):
    """Those that don't end it don't keep it from its exec either, nor are we left waiting."""
    start_with(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ended_just_before_its_exec(number):
    """It is said that a signal ended it, not that it can't be executed."""
    with pytest.raises(TargetError, match=f"'sleep' was ended by {number.name} before it could be executed"):
        start_with(number)


@root
def test_it_runs_as_another_user(nobody, proc):
    """It has the user's ids, groups, home and name, and none of root's capabilities."""
    with Target.start(["sleep", "9"], user=nobody) as target:
        status = proc(target.pid)
        variables = Path(f"/proc/{target.pid}/environ").read_bytes().split(b"\0")
    assert status["Uid"].split() == ["65534"] * 4
    assert status["Gid"].split() == ["65534"] * 4
    assert status["Groups"].split() == ["65533", "65534"]
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")} == {0}
    assert {b"HOME=/nonexistent", b"USER=nobody", b"LOGNAME=nobody"} <= set(variables)


@root
def test_a_setuid_program_keeps_its_power(nobody, public, proc):
    """Being held takes nothing from a program that becomes root by itself."""
    program = public / "sleep"
    shutil.copy(shutil.which("sleep"), program)
    program.chmod(0o4755)
    with Target.start([str(program), "9"], user=nobody) as target:
        assert proc(target.pid)["Uid"].split() == ["65534", "0", "0", "0"]


def test_the_first_in_path_that_can_be_executed(tmp_path):
    """PATH is searched as a shell does: what can't be executed is passed over."""
    for name, mode in (("a", 0o644), ("b", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "prog").write_text("#!/bin/sh\n")
        (tmp_path / name / "prog").chmod(mode)
    path = os.pathsep.join(str(tmp_path / name) for name in ("missing", "a", "b"))
    with Target.start(["prog"], env={"PATH": path}) as target:
        assert str(tmp_path / "b/prog").encode() in Path(f"/proc/{target.pid}/cmdline").read_bytes()


BAD_ELF = struct.pack(
    "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x1000, 64, 0, 0, 64, 56, 1, 0, 0, 0
) + struct.pack("<IIQQQQQQ", 1, 5, 0, 0xFFFF_8000_0000_0000, 0, 120, 120, 4096)


@pytest.fixture
def folder(public, monkeypatch):
    """The working directory, with programs that can't be executed."""
    monkeypatch.chdir(public)
    for name, content, mode in (
        ("prog", b"#!/bin/sh\n", 0o755),
        ("plain", b"#!/bin/sh\n", 0o644),
        ("text", b"echo hello\n", 0o755),
        ("orphan", b"#!/no/such/interpreter\n", 0o755),
        ("roots", b"#!/bin/sh\n", 0o700),
        ("bad", BAD_ELF, 0o755),
    ):
        Path(name).write_bytes(content)
        Path(name).chmod(mode)
    Path("dir").mkdir(mode=0o700)
    return public


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["nope"], "'nope' can't be executed: there is no such command in PATH", "Give its path"),
        (["prog"], "'prog' can't be executed: there is no such command in PATH", "Did you mean ./prog?"),
        (["./nope"], "'./nope' can't be executed: there is no such file", "Check the path"),
        (["./prog/x"], "'./prog/x' can't be executed: there is no such file", "Check the path"),
        (["./dir"], "'./dir' can't be executed: it is a directory", "Name a program in it."),
        (["./plain"], "'./plain' can't be executed: it is not marked as executable", "chmod +x ./plain"),
        (["./text"], "'./text' can't be executed: it is neither a program", "Put the program that runs it"),
        (["./orphan"], "'./orphan' can't be executed: the interpreter", "first line"),
        (["./bad"], "'./bad' was ended by SIG", ""),
        (["./" + "x" * 300], "can't be executed: file name too long", ""),
        (["true", "x" * 200_000], "'true' can't be executed: argument list too long", ""),
        (["nul\0"], r"'nul\x00' can't be started: its arguments or environment have a NUL character", ""),
        (["\ud800"], r"'\ud800' can't be started: ", ""),
        ([""], "'' can't be started: there is no command", ""),
        ([], "the command can't be started: there is no command", ""),
    ],
)
def test_what_cannot_be_executed(folder, argv, message, hint):
    """Each cause has its own sentence, and no child or descriptor is left."""
    before = descriptors()
    started = children()
    with pytest.raises(TargetError) as caught:
        Target.start(argv)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert descriptors() == before
    assert children() <= started


def test_the_cause_where_sigchld_is_ignored():
    """A parent that made us ignore the ends of children takes neither the cause nor the start away."""
    former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(TargetError, match="no such command"):
            Target.start(["nope"])
        with Target.start(["true"]) as target:
            target.release()
            assert target.wait(10) == Ending()
    finally:
        signal.signal(signal.SIGCHLD, former)


@root
@pytest.mark.parametrize(
    ("argv", "cwd", "message"),
    [
        (["./roots"], None, "'./roots' can't be executed as user nobody: permission denied"),
        (["true"], "dir", "the working directory 'dir' can't be entered as user nobody: permission denied"),
    ],
)
def test_what_the_user_may_not(folder, nobody, argv, cwd, message):
    """Rights are the user's own, not those of root who starts it, and the sentence names the user."""
    with pytest.raises(TargetError) as caught:
        Target.start(argv, cwd=cwd, user=nobody)
    assert caught.value.message == message


def test_no_such_directory(folder):
    """A working directory that doesn't exist is told from a program that doesn't."""
    with pytest.raises(TargetError, match="working directory 'no' can't be entered: no such file"):
        Target.start(["true"], cwd="no")


def test_an_environment_that_no_program_can_have():
    """A variable's name with an equals sign is refused."""
    with pytest.raises(TargetError, match="'true' can't be executed: invalid argument"):
        Target.start(["true"], env={"A=B": "", "PATH": os.environ["PATH"]})


@root
def test_who_may_not_become_the_user(script):
    """Without the capability to change groups the target isn't started with ours instead."""
    caps = "--bounding-set=-setgid,-setuid"
    child = script(
        "from tracekit.process import *\n"
        "from tracekit.errors import TargetError\n"
        "try: Target.start(['true'], user=User(65534, 65534, (65534,), 'nobody', '/'))\n"
        "except TargetError as error: print(error)\n",
        prefix=("setpriv", caps, "--inh-caps=-setgid,-setuid"),
    )
    said, _ = child.communicate(timeout=10)
    assert said.decode() == (
        "'true' can't run as user nobody: operation not permitted\nOnly root can start it so.\n"
    )


@root
def test_where_ptrace_is_refused():
    """A child that can't be held is not let run; the sentence says what forbids it."""
    started = children()
    os.seteuid(65534)  # the child's real user id stays root's, whom nobody may not trace
    try:
        with pytest.raises(PrivilegeError, match="ptrace is refused") as caught:
            Target.start(["true"])
    finally:
        os.seteuid(0)
    assert "CAP_SYS_PTRACE" in caught.value.hint
    assert children() <= started


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (lambda: Target.start(["true"]), TargetError),
        (lambda: Engine.start(["true"], env=dict(os.environ), name="x"), EngineError),
    ],
)
def test_no_descriptors_to_spare(start, kind):
    """However few there are, what was opened is closed, no child is left, and the sentence says it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before, threads = descriptors(), threading.active_count()
    started = children()
    messages = []
    for spare in range(16):
        # All numbers below the limit get taken but for so many.
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        held = [os.dup(0) for _ in range(64 - len(before) + 1 - spare)]
        try:
            start().close()
        except kind as error:
            messages.append(error.message)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in held:
                os.close(fd)
        assert descriptors() == before
        assert threading.active_count() == threads
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    assert 3 <= len(messages) < 16, messages
    assert all("can't be started" in text and "too many open files" in text for text in messages)
    assert children() <= started
