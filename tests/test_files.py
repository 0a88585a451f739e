"""Writing a file: whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tracekit.errors import OutputError
from tracekit.files import write_atomically


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def in_child(program: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run a program with our modules, as what needs another process's state."""
    path = f"import sys; sys.path[:] = {sys.path!r}\nfrom tracekit.files import write_atomically\n"
    command = [sys.executable, "-c", path + program, *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_a_file_has_exactly_the_data(tmp_path: Path, size: int) -> None:
    """New or old, short or long, the file has the data afterwards and the folder nothing else."""
    path = tmp_path / "run.json"
    data = os.urandom(size)
    write_atomically(str(path), b"old and longer" * 10)
    write_atomically(str(path), data)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_a_new_file_has_what_the_umask_leaves(tmp_path: Path, umask: int) -> None:
    """A new file's permissions are those of any file that the user creates."""
    path = tmp_path / "run.json"
    before = os.umask(umask)
    try:
        write_atomically(str(path), b"x")
    finally:
        os.umask(before)
    assert mode_of(path) == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o4755])
def test_an_old_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    """The permissions of the file that is replaced stay, but no set-user-id bit does."""
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(str(path), b"new")
    assert mode_of(path) == mode & 0o777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own files of others")
def test_an_old_file_keeps_its_owner(tmp_path: Path) -> None:
    """Root, writing into a user's file, leaves it the user's."""
    path = tmp_path / "run.json"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    write_atomically(str(path), b"new")
    assert (path.stat().st_uid, path.stat().st_gid, path.read_bytes()) == (1234, 4321, b"new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own files of others")
@pytest.mark.parametrize("kind", ["file", "link", "fifo"])
def test_what_another_has_put_into_a_public_folder_is_refused(tmp_path: Path, kind: str) -> None:
    """In a folder like /tmp, somebody else's file in the place of ours gets nothing, and stays as it was."""
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    path, victim = public / "run.json", tmp_path / "victim"
    victim.write_bytes(b"precious")
    match kind:
        case "file":
            path.write_bytes(b"")
        case "link":
            path.symlink_to(victim)
        case _:
            os.mkfifo(path)
    os.chown(path, 1234, 1234, follow_symlinks=False)
    before = path.lstat()
    with pytest.raises(OutputError, match="another user's"):
        write_atomically(str(path), b"secret")
    assert (path.lstat(), victim.read_bytes()) == (before, b"precious")
    assert os.listdir(public) == ["run.json"]


def test_a_file_over_its_limit_leaves_the_old_one(tmp_path: Path) -> None:
    """A write that stops half-way (here at a limit on file sizes) is an error, and the old file is whole."""
    path = tmp_path / "run.json"
    path.write_bytes(b"old")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = in_child("write_atomically(sys.argv[1], b'x' * 1_000_000)", str(path), preexec_fn=limit)
    assert done.returncode == 1
    assert b"OutputError: can't write" in done.stderr
    assert b"File too large" in done.stderr
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    """While a file is written again and again, a reader finds one whole content each time."""
    path = tmp_path / "run.json"
    contents = [bytes([n]) * 300_000 for n in range(4)]
    write_atomically(str(path), contents[0])
    done = threading.Event()
    seen: list[bytes] = []

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(20):
            for content in contents:
                write_atomically(str(path), content)
    finally:
        done.set()
        reader.join()
    assert seen
    assert all(found in contents for found in seen)


def test_a_planted_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where somebody guessed the temporary file's name and put a link there, its end isn't touched."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    guessed = tmp_path / f".tracekit-{bytes(8).hex()}.tmp"
    guessed.symlink_to(victim)
    monkeypatch.setattr(os, "urandom", bytes)
    with pytest.raises(OutputError, match="File exists"):
        write_atomically(str(tmp_path / "run.json"), b"x")
    assert victim.read_bytes() == b"precious"
    assert guessed.is_symlink()


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """A link that the user has stays one: what it points to gets the data, existing or not."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"first and longer", b"second"):
        write_atomically(str(link), content)
        assert link.is_symlink()
        assert target.read_bytes() == content


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """A named pipe stays one, and its reader gets all data."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write_atomically(str(path), b"x" * 300_000)
    reader.join(60)
    assert got == [b"x" * 300_000]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_reader_that_goes_away_is_an_error(tmp_path: Path) -> None:
    """A pipe that is closed before all is read gives one sentence."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def read() -> None:
        with open(path, "rb") as file:
            file.read(1)

    reader = threading.Thread(target=read)
    reader.start()
    with pytest.raises(OutputError, match="Broken pipe"):
        write_atomically(str(path), b"x" * 3_000_000)
    reader.join(60)


@pytest.mark.parametrize(
    "name",
    [
        "/dev/stdout",
        "/dev/fd/1",
        pytest.param(
            "/proc/self/fd/1",
            marks=pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc here"),
        ),
    ],
)
def test_standard_output_can_be_named(name: str) -> None:
    """The names of the standard output work, into a pipe here."""
    done = in_child("write_atomically(sys.argv[1], b'x' * 100_000)", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x" * 100_000, b"")


def test_devices_stay_devices() -> None:
    """The null device takes anything, and is what it was."""
    write_atomically("/dev/null", b"x" * 100_000)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here: Linux has it")
def test_a_full_disk_is_an_error() -> None:
    """Where there is no room, that is said, with what to do."""
    with pytest.raises(OutputError, match="can't write /dev/full: No space left on device") as caught:
        write_atomically("/dev/full", b"x")
    assert caught.value.hint == "Free some space, or write somewhere else."
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("", "No such file or directory", "folder"),
        ("missing/run.json", "No such file or directory", "folder"),
        ("missing/", "No such file or directory", "folder"),
        ("folder", "Is a directory", "Name a file in it"),
        ("folder/", "Is a directory", "Name a file in it"),
        (".", "Is a directory", "Name a file in it"),
        ("file/run.json", "Not a directory", "folder"),
        ("n" * 300, "File name too long", ""),
        ("a\0b", "embedded null", ""),
        ("loop/x", "Too many levels of symbolic links", ""),
    ],
)
def test_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str, hint: str
) -> None:
    """Each place that can't hold a file gives one sentence, mostly with what to do about it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(OutputError, match=reason) as caught:
        write_atomically(name, b"x")
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_folder_of_somebody_else_is_an_error() -> None:
    """Without permission for the folder, the file isn't touched and the reason is said."""
    become = "import os; os.setresuid(65534, 65534, 65534)\n"
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "run.json")
        path.write_bytes(b"old")
        done = in_child(become + "write_atomically(sys.argv[1], b'new')", str(path))
        assert path.read_bytes() == b"old"
        assert os.listdir(folder) == ["run.json"]
    assert b"Permission denied" in done.stderr
    assert b"Write somewhere else, or change the permissions." in done.stderr


def test_a_hostile_name_is_not_shown_raw() -> None:
    """The path in the message is escaped."""
    with pytest.raises(OutputError) as caught:
        write_atomically("/nowhere/\x1b[2J\n", b"x")
    assert caught.value.message.startswith("can't write /nowhere/\\x1b[2J\\n: ")


def test_names_need_not_be_utf8(tmp_path: Path) -> None:
    """A file name of any bytes can be written."""
    name = str(tmp_path / "caf\udce9")
    write_atomically(name, b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9"]
