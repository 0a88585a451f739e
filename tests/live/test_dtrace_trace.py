"""Whole runs with a real dtrace: what tests/conformance/ doesn't have."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tools.engines import Engine

import tracekit as tk

pytestmark = pytest.mark.live


@pytest.fixture
def backends(found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both engines, as the kit has them."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    for name, variable in (("dtrace-sid", "TRACEKIT_DTRACE"), ("bpftrace-trixie", "TRACEKIT_BPFTRACE")):
        if name not in found_engines:
            pytest.skip(f"there is no {name} here: 'make engines' sets it up")
        monkeypatch.setenv(variable, str(found_engines[name].path))
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))


def traced(backend: str, program: str, *argv: str) -> tk.Result:
    """A whole run. dtrace 2.0.7 loses its END clause now and then, which the result tells: then once more."""
    result = tk.run(tk.parse(program), tk.Command(argv), backend=backend)
    return result if result.complete else tk.run(tk.parse(program), tk.Command(argv), backend=backend)


@pytest.mark.usefixtures("backends")
def test_what_cannot_be_read(binaries: Callable[[str], Path]) -> None:
    """An event whose value can't be read is counted, with 0, and the result says how many there were."""
    binary = str(binaries("calls"))
    program = f"uprobe:{binary}:value {{ @ = count(); @s = sum(*(uint32 *)arg0 + 1) }}"
    result = traced("dtrace", program, binary, "values", "1", "2", "3")
    assert [m.entries[()].count for m in result.maps] == [3, 3]
    assert result.maps[1].entries[()].sum == 3
    (loss,) = result.losses
    assert (loss.kind, loss.count) == (tk.LossKind.APPROXIMATE, 3)
    assert "invalid address" in loss.message and "filter" in loss.hint


@pytest.mark.usefixtures("backends")
def test_a_file_that_dtrace_sees_otherwise() -> None:
    """Where dtrace has another file than the process, it would count nothing without a word: it is refused."""
    sleep = shutil.which("sleep") or "sleep"
    with pytest.raises(tk.TracekitError, match="doesn't see the /") as caught:
        traced("dtrace", "uprobe:libc:write { @ = count() }", sleep, "0.1")
    assert "Use bpf" in caught.value.hint


@pytest.fixture
def waiting(binaries: Callable[[str], Path], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls a function every 10 ms."""
    (tmp_path / "w.c").write_text(
        "#include <unistd.h>\n__attribute__((noinline)) int tick(int n) { return n; }\n"
        "int main(void) { for (int n = 0;; n = tick(n) + 1) usleep(10000); }\n"
    )
    subprocess.run(["gcc", "-g", "-O0", "-o", tmp_path / "w", tmp_path / "w.c"], check=True)
    process = subprocess.Popen([tmp_path / "w"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.usefixtures("backends")
def test_a_running_process_goes_on(waiting: subprocess.Popen[bytes]) -> None:
    """A process that was there before is traced for a while with snapshots, and lives on, held by nobody."""
    program = tk.parse(f"uprobe:{waiting.args[0]}:tick {{ @ = count() }}")  # type: ignore[index]
    with tk.start(program, tk.Pids((waiting.pid,)), backend="dtrace", interval=0.2) as session:
        snapshots = []
        deadline = time.monotonic() + 30
        while len(snapshots) < 3 and time.monotonic() < deadline:
            snapshots += session.wait(1.0)
        result = session.stop()
    totals = [snapshot.maps[0].total for snapshot in snapshots]
    assert totals == sorted(totals) and 0 < totals[-1] <= result.maps[0].total
    status = Path(f"/proc/{waiting.pid}/status").read_text()
    assert "TracerPid:\t0" in status
    assert waiting.poll() is None and "State:\tT" not in status


@pytest.mark.usefixtures("backends")
def test_ctrl_c_tells_what_was_counted(waiting: subprocess.Popen[bytes]) -> None:
    """Interrupted, the command line ends well, with the result, and leaves nothing behind."""
    words = ["trace", "--backend", "dtrace", "-p", str(waiting.pid)]
    words += ["-e", f"uprobe:{waiting.args[0]}:tick {{ @ = count() }}"]  # type: ignore[index]
    command = [sys.executable, "-m", "tracekit", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracing:
        assert tracing.stderr is not None
        while "tracing" not in tracing.stderr.readline():
            assert tracing.poll() is None
        time.sleep(0.5)
        tracing.send_signal(signal.SIGINT)
        out, _ = tracing.communicate(timeout=60)
    assert tracing.returncode == 0
    assert int(out.split("@: ")[1].split()[0]) > 0
    assert waiting.poll() is None


REFUSED = {
    "follow": (["--follow"], "-e", "uprobe:{b}:value {{ @ = count() }}", "in one process"),
    "everything": (
        ["--system-wide", "--duration", "1"],
        "-e",
        "uprobe:{b}:value {{ @ = count() }}",
        "one by one",
    ),
    "stacks": ([], "-e", "uprobe:{b}:value {{ @[ustack] = count() }}", "ustack"),
}


@pytest.mark.usefixtures("backends")
@pytest.mark.parametrize("name", REFUSED)
def test_what_it_cannot_do_is_refused(binaries: Callable[[str], Path], name: str) -> None:
    """The reason and the way out come before anything is traced, and no traceback."""
    options, word, program, says = REFUSED[name]
    binary = str(binaries("calls"))
    command = [sys.executable, "-m", "tracekit", "trace", "--backend", "dtrace", *options, word]
    command.append(program.format(b=binary))
    command += [] if "--system-wide" in options else ["--", binary, "values", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr
    assert "use bpf" in done.stderr.lower() or "func" in done.stderr


def test_a_dtrace_that_is_not_there(binaries: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where it can be got from, and the command has not run."""
    monkeypatch.setenv("TRACEKIT_DTRACE", "/nonexistent")
    with pytest.raises(tk.TracekitError, match="TRACEKIT_DTRACE='/nonexistent' is no program"):
        traced("dtrace", f"uprobe:{binaries('calls')}:value {{ @ = count() }}", "false")
