"""A target that waits at its program's entry, so that an engine can take hold of it."""

import os
import platform
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tracekit.errors import TargetError
from tracekit.process import Target

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the loop in which targets wait is written for x86-64 only"
)

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void say(const char *text) { if (write(1, text, 1) != 1) abort(); }
__attribute__((constructor)) static void early(void) { say("c"); }
static void late(void) { say("x"); }
int main(int n, char **words) { atexit(late); say(words[n - 1]); return n; }
"""
BUILDS = ["-pie", "-no-pie", "-static", "-static-pie"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> dict[str, str]:
    """The program, linked in every way."""
    folder = tmp_path_factory.mktemp("entry")
    (folder / "a.c").write_text(SOURCE)
    made = {}
    for how in BUILDS:
        made[how] = str(folder / f"a{how}")
        subprocess.run(["gcc", how, "-o", made[how], folder / "a.c"], check=True)
    return made


def reading(argv):
    """Start a target with its output in a pipe; give it and the pipe."""
    out, its = os.pipe()
    saved = os.dup(1)
    os.dup2(its, 1)
    os.close(its)
    try:
        return Target.start(argv), out
    finally:
        os.dup2(saved, 1)
        os.close(saved)


@pytest.mark.parametrize("how", BUILDS)
def test_nothing_of_the_program_runs_before(programs, how, proc, eventually):
    """Its constructors wait, too; held by nobody, it then runs as ever, to its exit handlers and status."""
    target, out = reading([programs[how], "m"])
    with target:
        target.wait_at_entry()
        eventually(lambda: proc(target.pid)["State"][0] == "S")
        assert proc(target.pid)["TracerPid"] == "0"
        assert target.wait(0.05) is None
        os.set_blocking(out, False)
        with pytest.raises(BlockingIOError):
            os.read(out, 9)
        os.set_blocking(out, True)
        target.release()
        assert target.wait(10).status == 2
        assert os.read(out, 9) == b"cmx"
    os.close(out)


def test_the_whole_of_a_large_program():
    """An interpreter has its arguments, its environment and its libraries as if it had not waited."""
    code = "import os, ssl, sys; sys.exit(7 if (sys.argv[1], os.environ['A']) == ('b', 'c') else 1)"
    python = shutil.which("python3") or "python3"
    with Target.start([python, "-c", code, "b"], env={**os.environ, "A": "c"}) as target:
        target.wait_at_entry()
        target.release()
        assert target.wait(30).status == 7


def test_leaving_the_block_before(programs, gone):
    """A target that was never released is killed, and has run nothing."""
    target, out = reading([programs["-pie"], "m"])
    with target:
        target.wait_at_entry()
        pid = target.pid
    assert gone(pid)
    assert os.read(out, 9) == b""
    os.close(out)


def test_killed_before_the_release(script, tmp_path, gone, eventually):
    """If we are killed, it ends by itself within a moment, and has run nothing."""
    made = tmp_path / "made"
    child = script(
        "import sys, time\n"
        "from tracekit.process import Target\n"
        "target = Target.start(['sh', '-c', ': > \"$0\"', sys.argv[1]])\n"
        "target.wait_at_entry()\n"
        "print(target.pid, flush=True)\n"
        "time.sleep(60)\n",
        made,
    )
    pid = int(child.stdout.readline())
    assert not gone(pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    eventually(lambda: gone(pid))
    assert not made.exists()


def test_one_that_has_no_entry(tmp_path):
    """A program whose libraries are missing ends before; that is told, and nothing is left."""
    (tmp_path / "l.c").write_text("int l(void) { return 1; }")
    (tmp_path / "a.c").write_text("int l(void); int main(void) { return l(); }")
    library = tmp_path / "libl.so"
    subprocess.run(["gcc", "-shared", "-o", library, tmp_path / "l.c"], check=True)
    subprocess.run(["gcc", "-o", tmp_path / "a", tmp_path / "a.c", library], check=True)
    Path(library).unlink()
    with Target.start([str(tmp_path / "a")]) as target, pytest.raises(TargetError, match="before its program"):
        target.wait_at_entry()
    assert target.poll() is not None
