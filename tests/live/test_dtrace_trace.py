"""Whole runs with a real dtrace, and the same ones with bpftrace."""

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
from tests.live.test_buckets_live import VALUES
from tools.engines import Engine

import tracekit as tk
from tracekit.codec.model import to_json

pytestmark = pytest.mark.live

CASES = {
    "counts": "uprobe:{b}:value {{ @ = count(); @k[pid != 0] = count() }}",
    "scalars": "uprobe:{b}:value {{ @s = sum(arg0); @n = min(arg0); @x = max(arg0); @t = stats(arg0) }}",
    "average": "uprobe:{b}:value {{ @a = avg(arg0); @u = avg((uint16)arg0) }}",
    "unsigned": "uprobe:{b}:value {{ @s = sum((uint64)arg0); @n = min((uint64)arg0); @x = max((uint64)arg0) }}",
    "narrow": "uprobe:{b}:value {{ @a = stats((int8)arg0); @b = stats((uint16)arg0); @c = hist((int32)arg0) }}",
    "log2": "uprobe:{b}:value {{ @ = hist(arg0); @u = hist((uint64)arg0) }}",
    "log-linear": "uprobe:{b}:value {{ @ = hist(arg0, 3); @l = llquantize(arg0, 10, 0, 18, 10) }}",
    "linear": "uprobe:{b}:value {{ @ = lhist(arg0, -100, 100, 7); @o = lhist(arg0, 0, 10, 3) }}",
    "keys": "uprobe:{b}:value {{ @[arg0 & 3, (int8)arg0] = sum(arg0 >> 7); @q[arg0 < 0] = quantize(arg0) }}",
    "filters": "uprobe:{b}:value /arg0 < 0 || arg0 % 3 == 1/ {{ @ = count(); @d = hist(arg0 / 5) }}",
    "clauses": "uprobe:{b}:value {{ @ = sum(1) }} uprobe:{b}:value /arg0 > 9/ {{ @ = sum(2) }}",
    "names": "uprobe:{b}:value {{ @[func, v & 1] = hist(v) }}",
}
TEXTS = "uprobe:{b}:text {{ @[str(arg0)] = count(); @n[str(arg0, 5), arg1] = sum(arg1) }}"


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


def same(program: str, *argv: str) -> tk.Result:
    """What dtrace and bpftrace make of a program, which is the same to the last byte."""
    by_dtrace, by_bpftrace = (traced(backend, program, *argv) for backend in ("dtrace", "bpftrace"))
    assert to_json(by_dtrace.maps) == to_json(by_bpftrace.maps)
    assert by_dtrace.complete and by_bpftrace.complete
    assert [(x.kind, x.map) for x in by_dtrace.losses] == [(x.kind, x.map) for x in by_bpftrace.losses]
    return by_dtrace


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("backends")
def test_both_engines_count_the_same(binaries: Callable[[str], Path], case: str) -> None:
    """Every aggregation, on values at every edge, gives equal histograms."""
    binary = str(binaries("calls"))
    result = same(CASES[case].format(b=binary), binary, "values", *(f"{v % 2**64:x}" for v in VALUES))
    assert result.provenance.engine.name == "dtrace"
    assert result.maps[0].total > 0


@pytest.mark.usefixtures("backends")
def test_strings_are_the_same(binaries: Callable[[str], Path]) -> None:
    """Keys keep every byte: quotes, newlines, what looks like output, and what is no UTF-8."""
    binary = str(binaries("calls"))
    result = same(TEXTS.format(b=binary), binary, "texts")
    assert len(result.maps[0].entries) > 20


@pytest.mark.usefixtures("backends")
def test_returns_and_recursion(binaries: Callable[[str], Path]) -> None:
    """Each of a thousand nested calls returns, with its own value, and none is lost."""
    binary = str(binaries("calls"))
    program = f"uretprobe:{binary}:deep {{ @ = hist(retval); @n = stats(retval) }}"
    result = same(program, binary, "deep", f"{1000:x}")
    assert result.maps[0].total == 1001
    timed = traced("dtrace", f"uretprobe:{binary}:deep {{ @ = hist(elapsed) }}", binary, "deep", "10")
    assert timed.maps[0].total == 17 and not timed.losses


@pytest.mark.usefixtures("backends")
def test_memory_and_arguments_on_the_stack(binaries: Callable[[str], Path]) -> None:
    """Members behind pointers by name, and the ninth argument."""
    binary = str(binaries("calls"))
    members = f"uprobe:{binary}:memory {{ @a = stats(p->i8); @b = stats(p->u16); @c = hist(p->i64) }}"
    same(members, binary, "memory", "7f", "80", "ffff", "8000000000000000")
    nine = traced("dtrace", f"uprobe:{binary}:nine {{ @ = sum(arg8 * 10 + arg6) }}", binary, "many")
    assert nine.maps[0].entries[()].sum == 97


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
def test_threads_lose_nothing(binaries: Callable[[str], Path]) -> None:
    """Two threads' calls are counted to the last one."""
    binary = str(binaries("calls"))
    result = traced("dtrace", f"uprobe:{binary}:value {{ @ = hist(arg0) }}", binary, "threads", "2", "2710")
    assert result.maps[0].total == 20000 and not result.losses


LOADED = """
#include <stdio.h>
int shared(int x);
int main(void) { int sum = 0; for (int i = 0; i < 100; i++) sum += shared(i); return sum == 4950 ? 3 : 1; }
"""


@pytest.fixture(scope="session")
def with_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that calls a function of a library of its own."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "l.c").write_text("int shared(int x) { return x; }")
    (folder / "a.c").write_text(LOADED)
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-o", folder / "liba.so", folder / "l.c"], check=True)
    command = ["gcc", "-g", "-o", folder / "a", folder / "a.c", f"-Wl,-rpath,{folder}", folder / "liba.so"]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.usefixtures("backends")
def test_a_library(with_library: Path) -> None:
    """A function of a loaded library is reached by its name, and its calls are counted."""
    result = traced("dtrace", f"uprobe:{with_library}/liba.so:shared {{ @ = sum(x) }}", str(with_library / "a"))
    assert result.maps[0].entries[()].sum == 4950
    assert result.provenance.target.ending is not None and result.provenance.target.ending.status == 3


@pytest.mark.usefixtures("backends")
def test_a_file_that_dtrace_sees_otherwise() -> None:
    """Where dtrace has another file than the process, it would count nothing without a word: it is refused."""
    sleep = shutil.which("sleep") or "sleep"
    with pytest.raises(tk.TracekitError, match="doesn't see the /") as caught:
        traced("dtrace", "uprobe:libc:write { @ = count() }", sleep, "0.1")
    assert "bpftrace" in caught.value.hint


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
    assert "bpftrace" in done.stderr or "func" in done.stderr


@pytest.mark.usefixtures("backends")
def test_a_program_without_a_loader(tmp_path: Path) -> None:
    """DTrace for Linux traces no statically linked program, as Go's are; that is said, with what can."""
    (tmp_path / "a.c").write_text("int f(int x) { return x; } int main(void) { return f(0); }")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    with pytest.raises(tk.TracekitError, match="dynamically") as caught:
        traced("dtrace", f"uprobe:{tmp_path}/a:f {{ @ = count() }}", str(tmp_path / "a"))
    assert "bpftrace" in caught.value.hint


def test_a_dtrace_that_is_not_there(binaries: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where it can be got from, and the command has not run."""
    monkeypatch.setenv("TRACEKIT_DTRACE", "/nonexistent")
    with pytest.raises(tk.TracekitError, match="TRACEKIT_DTRACE='/nonexistent' is no program"):
        traced("dtrace", f"uprobe:{binaries('calls')}:value {{ @ = count() }}", "false")
