"""What ``sudo tracekit`` lets a user do that is allowed to run nothing else as root."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracekit
from tracekit.backends.bpftrace.run import find_engine
from tracekit.cli.main import cli
from tracekit.errors import TracekitError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can have been called by sudo")

NOBODY = pwd.getpwnam("nobody")
SECRET = "root:$y$SECRET:19000"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As sudo leaves it for ``nobody``: a folder of that user's, in it one of root's with a file of secrets."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    monkeypatch.setenv("SUDO_GID", str(NOBODY.pw_gid))
    with tempfile.TemporaryDirectory() as made:
        users, roots = Path(made), Path(made, "roots")
        roots.mkdir(mode=0o700)
        (roots / "shadow").write_text(f"{SECRET}\n")
        (users / "saved").write_text("@: 5\n")
        os.chown(users, NOBODY.pw_uid, NOBODY.pw_gid)
        yield users


def run(*words: object) -> None:
    """The command line, in this process."""
    cli.main([str(word) for word in words], standalone_mode=False)


def test_no_line_of_a_file_that_the_user_may_not_read_is_shown(folder: Path) -> None:
    """Neither as a program, nor as expected values, nor as calibrations or an engine's output."""
    secret = folder / "roots" / "shadow"
    for words in (
        ("parse", secret),
        ("trace", secret, "--", "true"),
        ("calibrate", "/bin/true", "main", "--expect", f"x=@{secret}", "--", "true"),
        ("calibrations", "import", secret),
        ("import", secret),
    ):
        with pytest.raises(TracekitError, match="Permission denied") as refused:
            run(*words)
        assert SECRET not in str(refused.value)


def test_no_file_is_written_where_the_user_may_not(folder: Path) -> None:
    """Neither a new one, nor one of root's, nor one behind a link of the user's."""
    roots = folder / "roots"
    (folder / "link").symlink_to(roots / "shadow")
    for path in (roots / "new", roots / "shadow", folder / "link"):
        for words in (("import", "--from", "bpftrace", folder / "saved"), ("calibrations", "export")):
            with pytest.raises(TracekitError, match="Permission denied"):
                run(*words, "-o", path)
    assert os.listdir(roots) == ["shadow"]
    assert (roots / "shadow").read_text() == f"{SECRET}\n"


def test_a_result_is_the_users(folder: Path) -> None:
    """Where the user may write, the file is theirs, and root's rights are back afterwards."""
    run("import", "--from", "bpftrace", folder / "saved", "-o", folder / "run")
    found = (folder / "run").stat()
    assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert os.geteuid() == 0


def test_a_user_who_cannot_read_our_python(folder: Path) -> None:
    """What is kept for the user is written and read with the user's rights, also where Python is root's."""
    private = folder / "roots" / "python"
    shutil.copytree(Path(tracekit.__file__).parent, private / "tracekit")
    source = folder / "t.c"
    source.write_text(
        '__attribute__((noinline, noclone)) void insert(long size) { __asm__ volatile("" : : "r"(size)); }\n'
        "int main(void) { for (long i = 0; i < 3; i++) insert(i); return 0; }\n"
    )
    subprocess.run(["cc", "-g", "-O1", "-o", folder / "t", source], check=True)
    paths = {"PYTHONPATH": str(private), "TRACEKIT_CALIBRATIONS": str(folder / "kept")}
    program = f"uprobe:{folder}/t:insert {{ @ = sum(size) }}"
    plain = f"uprobe:{folder}/t:insert {{ @ = sum(arg0) }}"
    for words in (
        ("trace", "-e", program, "--", folder / "t"),
        ("trace", "-e", program, "--", folder / "t"),
        ("trace", "-e", plain, "--", folder / "t"),
        ("calibrations", "list"),
        ("calibrations", "export", "-o", folder / "exported"),
        ("calibrations", "import", folder / "exported"),
        ("calibrations", "forget", "--all"),
    ):
        command = [sys.executable, "-m", "tracekit", *map(str, words)]
        done = subprocess.run(
            command, env={**os.environ, **paths}, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert words[0] != "trace" or done.stdout == "@: 3\n"
    assert (folder / "exported").stat().st_uid == NOBODY.pw_uid


@pytest.mark.parametrize("way", ["program", "folder", "link"])
def test_no_engine_that_the_user_can_replace_runs_as_root(
    folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Whatever PATH sudo has left, what is taken from it by itself is root's alone, on its whole way."""
    engine = folder / "bpftrace"
    if way == "link":
        (folder / "program").write_text("#!/bin/sh\n")
        (folder / "program").chmod(0o755)
        engine.symlink_to("program")
    else:
        engine.write_text("#!/bin/sh\n")
        engine.chmod(0o755)
        os.chown(engine, NOBODY.pw_uid if way == "program" else 0, -1)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with pytest.raises(TracekitError, match="isn't run as root: others than root can change"):
        find_engine()
    monkeypatch.setenv("TRACEKIT_BPFTRACE", str(engine))
    assert find_engine() == str(engine)
    monkeypatch.delenv("TRACEKIT_BPFTRACE")
    monkeypatch.delenv("SUDO_UID")
    assert find_engine() == str(engine)


def test_an_index_of_functions_is_the_users(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept with the user's rights, and not behind a link to where the user may not write."""
    monkeypatch.setenv("TRACEKIT_INDEXES", str(folder / "indexes"))
    run("functions", "/bin/bash", "--limit", "1")
    (index,) = (folder / "indexes").iterdir()
    assert index.stat().st_uid == NOBODY.pw_uid
    index.unlink()
    index.symlink_to(folder / "roots" / "new")
    (folder / "indexes2").symlink_to(folder / "roots")
    run("functions", "/bin/bash", "--limit", "1")
    monkeypatch.setenv("TRACEKIT_INDEXES", str(folder / "indexes2"))
    run("functions", "/bin/bash", "--limit", "1")
    assert sorted(p.name for p in (folder / "roots").iterdir()) == ["shadow"]
