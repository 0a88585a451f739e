"""Results survive: a full disk, a folder that is gone, a closed pipe, and tracekit's own sudden death."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracekit as tk

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
]

TRACEKIT = [sys.executable, "-m", "tracekit"]
SEED = int(os.environ.get("TRACEKIT_SEED", str(random.randrange(1 << 32))))

SOURCE = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline, noclone)) void insert(long size) { __asm__ volatile("" : : "r"(size)); }
int main(int count, char **words) {
  for (long i = 0; i < atol(words[1]); i++) { insert(i); if (count > 2) usleep(atol(words[2])); }
}
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that calls insert() as often as it is told."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "target.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-o", folder / "target", folder / "target.c"], check=True)
    return str(folder / "target")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def words(target: str, *rest: str, backend: str = "bpf") -> list[str]:
    """A command line that counts the calls of a command's program.

    Where snapshots must come of a program that ends soon it is bpftrace's: our own engine is asked for each by
    tracekit, which may have no time for it before the end.
    """
    return [
        *TRACEKIT,
        "trace",
        "-q",
        "--backend",
        backend,
        "-e",
        f"uprobe:{target}:insert {{ @ = count() }}",
        *rest,
    ]


def run(line: list[str], tmpdir: Path | str, **rest: object) -> subprocess.CompletedProcess[str]:
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **rest}
    environment = {**os.environ, "TMPDIR": str(tmpdir)}
    return subprocess.run(line, text=True, timeout=100, env=environment, check=False, **settings)  # type: ignore[call-overload,no-any-return]


def rescued(folder: Path) -> tk.Result:
    """The one result that was put into a folder instead of where it should have gone."""
    (file,) = folder.glob("tracekit-*.json")
    return tk.load_run(file.read_bytes())


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty folder for temporary files."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("happening", ["cat /dev/zero > small/fill", "rm -r folder"])
def test_a_result_that_finds_no_room_is_kept_elsewhere(
    target: str, tmp_path: Path, small: Path, elsewhere: Path, happening: str
) -> None:
    """The disk fills up, or the folder goes, while the command runs: the result is whole, and the status 1."""
    (tmp_path / "folder").mkdir()
    output = small / "run.json" if "small" in happening else tmp_path / "folder/run.json"
    script = f"{happening}; exec {target} 12"
    done = run(words(target, "-o", str(output), "--", "sh", "-c", script), elsewhere, cwd=tmp_path)
    assert done.returncode == 1
    assert f"the result is in {elsewhere}/tracekit-" in done.stderr
    assert "Traceback" not in done.stderr
    assert rescued(elsewhere).histogram("").count == 12
    assert not output.exists()


def test_a_result_without_any_file_is_on_standard_error(target: str) -> None:
    """If there is no room for temporary files either, a line of standard error is the run file."""
    done = run(words(target, "-o", "/dev/full", "--", target, "12"), "/nowhere")
    assert done.returncode == 1
    assert "the result is in the line before" in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("{"))
    assert tk.load_run(line).histogram("").count == 12


def test_a_full_standard_output_loses_nothing(target: str, elsewhere: Path) -> None:
    """Snapshots are given up, with a sentence; the run goes on, and its result is kept elsewhere."""
    with open("/dev/full", "w") as full:
        line = words(target, "--interval", "0.1", "--", target, "700", "1000", backend="bpftrace")
        done = run(line, elsewhere, stdout=full)
    assert done.returncode == 1
    assert done.stderr.count("no further snapshots are printed") == 1
    assert rescued(elsewhere).histogram("").count == 700


def test_a_reader_that_has_gone_costs_no_file(target: str, tmp_path: Path, elsewhere: Path) -> None:
    """| head takes the first snapshot; the run goes on, since its result goes to a file."""
    command = ["--", target, "2000", "1000"]
    line = words(target, "--interval", "0.1", "-f", "json", "-o", "run.json", *command, backend="bpftrace")
    script = f"set -o pipefail; {shlex.join(line)} | head -n 1"
    done = run(["bash", "-c", script], elsewhere, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["format"] == "tracekit-snapshot"
    assert tk.load_run((tmp_path / "run.json").read_bytes()).histogram("").count == 2000
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("output", ["nowhere/run.json", ".", "full/run.json", "read-only/run.json"])
def test_what_can_not_be_written_is_refused_before_the_run(
    target: str, tmp_path: Path, small: Path, output: str
) -> None:
    """No folder, a folder itself, a full disk, a read-only one: the command never runs."""
    (tmp_path / "full").symlink_to(small)
    (tmp_path / "read-only").symlink_to(small)
    if output.startswith("full"):
        subprocess.run(["dd", "if=/dev/zero", f"of={small}/fill"], stderr=subprocess.DEVNULL, check=False)
    if output.startswith("read-only"):
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    done = run(words(target, "-o", output, "--", "touch", "it-ran"), tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tracekit: can't write {output}: ")
    assert len(done.stderr.splitlines()) == 2
    assert not (tmp_path / "it-ran").exists()


def test_a_closed_standard_output_loses_nothing(target: str, tmp_path: Path, elsewhere: Path) -> None:
    """Python would print nothing, and nobody would know: the result is kept elsewhere, and the status is 1."""
    closed = lambda: os.close(1)  # noqa: E731
    done = run(words(target, "--", target, "12"), elsewhere, cwd=tmp_path, preexec_fn=closed)
    assert done.returncode == 1
    assert f"the result is in {elsewhere}/tracekit-" in done.stderr
    assert rescued(elsewhere).histogram("").count == 12


@pytest.mark.parametrize("backend", ["bpf", "bpftrace"])
def test_a_killed_tracekit_leaves_its_last_snapshot(target: str, tmp_path: Path, backend: str) -> None:
    """Killed at random moments, it leaves a run file that is marked, and has no less than was told before."""
    chance = random.Random(SEED)
    command = ["--", target, "1000000", "500"]
    line = words(target, "--interval", "0.1", "-f", "json", "-o", "run.json", *command, backend=backend)
    partial = tmp_path / "run.json.partial"
    for _ in range(2):
        with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as tracekit:
            assert tracekit.stdout is not None
            told = json.loads(tracekit.stdout.readline())
            time.sleep(chance.random())
            tracekit.send_signal(signal.SIGKILL)
            tracekit.wait()
            _end_the_target(target)  # it has our pipe, too
            told = [told, *map(json.loads, tracekit.stdout.read().splitlines())][-1]
        shown = run([*TRACEKIT, "import", str(partial), "-f", "json"], tmp_path)
        assert shown.returncode == 1, f"TRACEKIT_SEED={SEED}"
        result = tk.load_run(shown.stdout)
        assert not result.complete
        assert "last snapshot" in result.losses[0].message
        assert result.provenance.engine.version
        before = told["maps"][0]["entries"][0]["histogram"]["count"]
        assert result.histogram("").count >= before > 0, f"TRACEKIT_SEED={SEED}"
        partial.rename(tmp_path / "kept")


def test_an_earlier_runs_snapshot_is_not_overwritten(target: str, tmp_path: Path) -> None:
    """What was left of a run that was cut short stays until somebody has taken it away."""
    (tmp_path / "run.json.partial").write_text("precious")
    done = run(
        words(target, "--interval", "1", "-o", "run.json", "--", "touch", "it-ran"), tmp_path, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "tracekit: run.json.partial has the last snapshot of a run that was cut short"
    )
    assert not (tmp_path / "it-ran").exists()


def _end_the_target(target: str) -> None:
    """End the command that a killed tracekit leaves to go on, by the program that only this test runs."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == target:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            continue


def test_snapshots_are_gone_when_the_result_is_there(target: str, tmp_path: Path) -> None:
    """A run that ends leaves its result and nothing else; while it goes on, its file is there, and small."""
    command = ["--", target, "2000", "500"]
    line = words(target, "--interval", "0.1", "-f", "json", "-o", "run.json", *command, backend="bpftrace")
    sizes = set()
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.DEVNULL) as tracekit:
        while tracekit.poll() is None:
            partial = tmp_path / "run.json.partial"
            if partial.exists():
                sizes.add(partial.stat().st_size)
            time.sleep(0.02)
    assert tracekit.returncode == 0
    assert sizes
    assert max(sizes) < 4096
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    assert tk.load_run((tmp_path / "run.json").read_bytes()).histogram("").count == 2000


def test_snapshots_that_find_no_room_do_not_end_the_run(
    target: str, tmp_path: Path, small: Path, elsewhere: Path
) -> None:
    """It is said once; the run goes on, and its result is kept elsewhere."""
    script = f"cat /dev/zero > fill; exec {target} 1000 1000"
    command = ["--", "sh", "-c", script]
    line = words(target, "--interval", "0.1", "-o", "run.txt", *command, backend="bpftrace")
    done = run(line, elsewhere, cwd=small)
    assert done.returncode == 1
    assert done.stderr.count("the run goes on, but would be lost with tracekit") == 1
    assert rescued(elsewhere).histogram("").count == 1000
