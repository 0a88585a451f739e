"""As root, binaries are read by a process that has next to no rights."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import threading
import time

import pytest

from tracekit.binaries import apart, open_elf
from tracekit.core.probe import FunctionName
from tracekit.errors import BinaryError, FunctionNotFoundError
from tracekit.process import capabilities, confined
from tracekit.workflow.debug_info import functions_named

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(autouse=True)
def _no_reader_of_another_test(monkeypatch):
    """One that another test's binaries keep would be another user's, and have other files."""
    monkeypatch.setattr(apart, "_ours", threading.local())


@pytest.fixture
def binary():
    return open_elf(sys.executable)


def status_of(image) -> str:
    with open("/proc/self/status") as file:
        return file.read()


def test_it_is_nobody_and_can_only_read(binary):
    """It runs as nobody, with the one capability to read files, and can get no other."""
    said = dict(line.split(":\t", 1) for line in binary.ask(status_of).splitlines())
    assert said["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert said["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    assert said["Groups"].split() == [str(NOBODY.pw_gid)]
    for name in ("CapEff", "CapPrm"):
        assert int(said[name], 16) == capabilities.DAC_READ_SEARCH
    for name in ("CapInh", "CapAmb"):
        assert int(said[name], 16) == 0
    assert said["NoNewPrivs"] == "1"


def test_under_sudo_it_is_the_user(monkeypatch):
    """It runs as the user who called sudo, with that user's groups."""
    user = pwd.getpwnam("daemon")
    monkeypatch.setenv("SUDO_UID", str(user.pw_uid))
    said = open_elf(sys.executable).ask(status_of)
    assert f"Uid:\t{user.pw_uid}\t{user.pw_uid}\t{user.pw_uid}\t{user.pw_uid}\n" in said


def descriptors(image) -> tuple[str, ...]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return tuple(found)


def test_it_has_no_descriptors_of_ours(tmp_path):
    """Of what we have open it has nothing but the socket to us, and the binary."""
    with (tmp_path / "result").open("w"):
        found = open_elf(sys.executable).ask(descriptors)
    assert not [path for path in found if "result" in path]
    others = [path for path in found if path != os.devnull]
    assert len(others) == 2 and os.path.realpath(sys.executable) in others, found
    assert any(path.startswith("socket:") for path in others)


def misdeeds(image, path: str, pid: int) -> tuple[str, ...]:
    done = []
    for name, act in (
        ("write", lambda: os.open(path, os.O_WRONLY | os.O_TRUNC)),
        ("create", lambda: os.open(path + ".new", os.O_WRONLY | os.O_CREAT)),
        ("delete", lambda: os.unlink(path)),
        ("fork", os.fork),
        ("kill", lambda: os.kill(pid, 0)),
        ("root", lambda: os.setuid(0)),
        ("memory of its parent", lambda: os.open(f"/proc/{pid}/mem", os.O_RDONLY)),
    ):
        try:
            act()
        except OSError:
            continue
        done.append(name)
    return tuple(done)


def test_it_can_do_no_harm(binary, tmp_path):
    """It can neither change a file, start or signal a process, become root, nor look into us."""
    (tmp_path / "file").write_text("whole")
    assert binary.ask(misdeeds, str(tmp_path / "file"), os.getpid()) == ()
    assert (tmp_path / "file").read_text() == "whole"


def read(image, path: str) -> str:
    with open(path) as file:
        return file.read()


def test_it_reads_what_only_root_may(binary, tmp_path):
    """Debug information in a folder of root's alone is still found."""
    tmp_path.chmod(0o700)
    (tmp_path / "file").write_text("debug")
    (tmp_path / "file").chmod(0o600)
    assert binary.ask(read, str(tmp_path / "file")) == "debug"


def pid_of(image) -> int:
    return os.getpid()


def crash(image) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(image) -> None:
    while True:
        pass


def swell(image) -> int:
    return len(bytearray(1 << 40))


def fail(image) -> None:
    raise IndexError("\x1b[31mlist index")


@pytest.mark.parametrize(
    ("question", "words"),
    [(crash, "was ended by SIGSEGV"), (hang, "took more than"), (swell, "more memory"), (fail, "IndexError")],
)
def test_a_binary_that_is_too_much_for_it(binary, question, words, monkeypatch):
    """A crash, a hang, a blow-up and a mistake of ours are one clear error each, and nothing is left."""
    monkeypatch.setattr(confined, "SECONDS", 0.5)
    pid = binary.ask(pid_of)
    with pytest.raises(BinaryError, match=words) as error:
        binary.ask(question)
    assert "\x1b" not in str(error.value)
    del binary, error
    monkeypatch.setattr(confined, "SECONDS", 20.0)
    assert open_elf(sys.executable).ask(pid_of) != pid or question in (swell, fail)
    if question in (crash, hang):
        assert not os.path.exists(f"/proc/{pid}")


def test_what_it_answers_is_not_believed(monkeypatch):
    """One that a binary has taken over can't give us text for a number."""
    monkeypatch.setattr("tracekit.binaries.apart._ours", threading.local())
    monkeypatch.setattr("tracekit.binaries.apart.answer", lambda q, d: b'{"answer": ["x", "y", 1, 0, "z"]}')
    with pytest.raises(BinaryError, match="nonsense"):
        open_elf(sys.executable)


def test_errors_are_the_same(binary):
    """An error of a question is that which it would be here."""
    with pytest.raises(FunctionNotFoundError) as error:
        binary.ask(functions_named, FunctionName("_star"))
    assert error.value.near == ("_start",)


def test_it_ends_when_we_are_killed():
    """Killed with SIGKILL, also while it works, we leave no process behind."""
    script = (
        "import sys\nfrom tracekit.binaries import open_elf\n"
        "from tests.binaries.test_apart import hang, pid_of\n"
        "binary = open_elf(sys.executable)\nprint(binary.ask(pid_of), flush=True)\nbinary.ask(hang)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as ours:
        pid = int(ours.stdout.readline())
        ours.kill()
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}")


def test_it_ends_with_the_last_binary(binary):
    """It lives as long as a binary that it has opened."""
    pid = binary.ask(pid_of)
    other = open_elf("/bin/true" if os.path.exists("/bin/true") else sys.executable)
    assert other.ask(pid_of) == pid
    del binary
    assert os.path.exists(f"/proc/{pid}")
