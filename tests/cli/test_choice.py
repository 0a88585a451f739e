"""``--backend auto``, the default: which engine is taken on machines that have more and less of them."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from tests.installed import needed
from tools.engines import kit_folder

import tracekit as tk
from tracekit.backends.bpf.kernel import VerifierError
from tracekit.errors import NoBackendError

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
]

NOWHERE = {f"TRACEKIT_{name}": "/nonexistent" for name in ("BPFTRACE", "DTRACE", "GDB")}
"""Hides every engine that is a program; tracekit's own can't be hidden."""
SOURCE = """
__attribute__((noinline, noclone)) int called(char *x) { __asm__ volatile("nop" : : "r"(x)); return *x; }
int main(void) { char text[] = "seven"; for (int i = 0; i < 7; i++) called(text); return 0; }
"""
LONG = "600"
"""Bytes of a string, of which an eBPF program of tracekit's has no room for one as a key."""
REFUSED = "bpf can't do keys and expressions that take more than 512 bytes together"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that calls a function seven times."""
    folder = tmp_path_factory.mktemp("choice")
    (folder / "a.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-o", folder / "a", folder / "a.c"], check=True)
    return str(folder / "a")


@pytest.fixture
def dtrace() -> dict[str, str]:
    """Hides every engine but dtrace."""
    path = kit_folder() / "bin/dtrace-sid"
    if not (kit_folder() / "sid").is_dir():
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    return {**NOWHERE, "TRACEKIT_DTRACE": str(path)}


def trace(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run tracekit to its end."""
    command = [sys.executable, "-m", "tracekit", "trace", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **env}, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done


def counts(binary: str, place: str = "called") -> tuple[str, ...]:
    return ("-e", f"uprobe:{binary}:{place} {{ @ = count() }}", "--", binary)


def long_keys(binary: str) -> tuple[str, ...]:
    """The same, by a key that our own engine refuses."""
    return ("--max-string", LONG, "-e", f"uprobe:{binary}:called {{ @[str(arg0)] = count() }}", "--", binary)


def test_bpf_comes_first(binary: str) -> None:
    """No program but tracekit is needed; one line says what was taken, and -v says of the others why not."""
    done = trace("-v", *counts(binary), env=NOWHERE)
    assert done.stdout == "@: 7\n"
    assert "tracing with bpf, the first choice; the result comes when it ends" in done.stderr
    assert "bpftrace was not asked: bpf comes first" in done.stderr


def test_bpftrace_steps_in(binary: str) -> None:
    """What our own programs have no room for is counted by a bpftrace that has; the result says why."""
    path = kit_folder() / "bin/bpftrace-sid"
    if not (kit_folder() / "sid").is_dir():
        pytest.skip("there is no newer bpftrace here: 'make engines' sets it up")
    done = trace(*long_keys(binary), env={**NOWHERE, "TRACEKIT_BPFTRACE": str(path)})
    assert done.stdout.startswith(f'@["seven"]: 7\nnote: traced with bpftrace, since {REFUSED}: ')


def test_dtrace_steps_in(binary: str, dtrace: dict[str, str]) -> None:
    """Where there is no bpftrace, dtrace counts the same, and one line of the result says why it was that."""
    done = trace("-v", *long_keys(binary), env=dtrace)
    assert done.stdout.startswith(f'@["seven"]: 7\nnote: traced with dtrace, since {REFUSED}: ')
    assert "and bpftrace: TRACEKIT_BPFTRACE='/nonexistent' is no program; the result comes" in done.stderr
    assert "bpftrace was not taken: TRACEKIT_BPFTRACE='/nonexistent' is no program. Install it" in done.stderr


def test_an_engine_that_fails_only_when_tried(binary: str, dtrace: dict[str, str]) -> None:
    """What bpftrace 0.17 finds out when it starts makes way for dtrace; no early call is lost."""
    needed("bpftrace")
    if b" v0.17" not in subprocess.run(["bpftrace", "--version"], capture_output=True, check=True).stdout:
        pytest.skip("this bpftrace has room for long strings")
    done = trace(*long_keys(binary), env={**dtrace, "TRACEKIT_BPFTRACE": "bpftrace"})
    assert done.stdout.startswith(f'@["seven"]: 7\nnote: traced with dtrace, since {REFUSED}: ')
    assert " and bpftrace ended with status 1: 'BPFTRACE_STRLEN' 600" in done.stdout


def test_what_the_kernel_refuses_is_left_to_the_next(binary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that lacks a function is found out by loading, and nothing that was loaded is left behind."""
    needed("bpftrace")

    def refuse(*_: object, **__: object) -> int:
        raise VerifierError(errno.EINVAL, "5: (85) call bpf_new#999\nunknown func bpf_new#999")

    monkeypatch.setattr("tracekit.backends.bpf.kernel.load_program", refuse)
    before = len(os.listdir("/proc/self/fd"))
    result = tk.run(tk.parse(counts(binary)[1]), tk.Command([binary]))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    assert result.whole and result.histogram("").count == 7
    assert result.provenance.engine.name == "bpftrace"
    (note,) = [note for note in result.notes if note.startswith("traced with bpftrace, since bpf can't do")]
    assert "this kernel doesn't have a function that it needs" in note


def test_none_can(binary: str, tmp_path: Path) -> None:
    """Without any engine each is named with its way out; the command has not run."""
    made = tmp_path / "made"
    done = trace(*long_keys(binary)[:-2], "--", "touch", str(made), env=NOWHERE)
    assert (done.returncode, done.stdout, made.exists()) == (1, "", False)
    lines = done.stderr.splitlines()
    assert lines[0] == "tracekit: no backend can run this here"
    assert lines[1].startswith(REFUSED)
    for line, name in zip(lines[2:], ("BPFTRACE", "DTRACE", "GDB"), strict=False):
        assert f"TRACEKIT_{name}='/nonexistent' is no program. " in line


def test_a_named_backend_names_those_that_can(binary: str, dtrace: dict[str, str]) -> None:
    """What the named backend can't is refused, with the others here that can."""
    needed("bpftrace")
    words = ("--backend", "dtrace", "--system-wide", "--duration", "1", *counts(binary)[:2])
    done = trace(*words, env={**dtrace, "TRACEKIT_BPFTRACE": "bpftrace"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "dtrace can't do called in every process" in done.stderr
    assert "Backends that can: bpf, bpftrace." in done.stderr
    assert "Backends that can: bpf." in trace(*words, env=dtrace).stderr


def test_a_process_is_not_given_to_gdb_unasked(tmp_path: Path) -> None:
    """A process that runs already isn't held by a debugger for want of anything better; it goes on."""
    (tmp_path / "a.c").write_text(
        "#include <unistd.h>\nint f(void) { return usleep(500); }\nint main(void) { for (;;) f(); }"
    )
    subprocess.run(["gcc", "-O0", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    hidden = {name: path for name, path in NOWHERE.items() if name != "TRACEKIT_GDB"}
    with subprocess.Popen([tmp_path / "a"]) as process:
        try:
            words = (
                "-p",
                str(process.pid),
                "--duration",
                "1",
                "-e",
                f"uprobe:{tmp_path}/a:f {{ @[str(arg0)] = count() }}",
                "--max-string",
                LONG,
            )
            done = trace(*words, env=hidden)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr.startswith("tracekit: no backend can run this here\n")
            assert process.poll() is None
        finally:
            process.kill()


def test_who_may_not_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root, the error has every backend's reason; nothing of the command has run."""
    monkeypatch.setenv("TRACEKIT_DTRACE", "/nonexistent")
    monkeypatch.setenv("TRACEKIT_GDB", "/nonexistent")
    needed("bpftrace")
    program = tk.parse("profile:hz:99 { @ = count() }")
    for backend in ("bpf", "bpftrace"):  # imports what the child, who may read less, needs
        tk.run(program, tk.Command(["true"]), backend=backend)
    for backend in ("dtrace", "gdb"):
        import_module(f"tracekit.backends.{backend}.run")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: as of one who never was root
            tk.run(program, tk.Command(["true"]))
        except NoBackendError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as said:
        lines = said.read().splitlines()
    assert lines[1].startswith("bpf: eBPF programs need root, or CAP_BPF and CAP_PERFMON. ")
    assert lines[2].startswith(
        "bpftrace needs root to place probes. Say --sudo to have bpftrace alone run as root, "
    )
    assert lines[3].startswith("dtrace: TRACEKIT_DTRACE='/nonexistent' is no program")


def test_a_container_without_bpf(binary: str) -> None:
    """Root without the capabilities is found out by trying, before the command's program begins."""
    needed("bpftrace", "setpriv")
    dropped = "-sys_admin,-bpf,-perfmon"
    command = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", sys.executable]
    hidden = {name: path for name, path in NOWHERE.items() if name != "TRACEKIT_BPFTRACE"}
    done = subprocess.run(
        [*command, "-m", "tracekit", "trace", *counts(binary)],
        capture_output=True, text=True, env={**os.environ, **hidden}, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[1].startswith("bpf: eBPF programs need CAP_BPF and CAP_PERFMON")
    assert lines[2].startswith("bpftrace may not trace here: ")


LEFTOVERS = """
import gc
import os
import sys

import tracekit as tk


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def run():
    options = tk.Options(max_string=600)
    with tk.start(tk.parse(sys.argv[1]), tk.Command([sys.argv[2]]), options=options, interval=None) as session:
        session.wait()
        result = session.stop()
    assert result.histogram("", "seven").count == 7, result
    choice = session.choice
    assert (choice.backend, [r.backend for r in choice.refusals]) == ("dtrace", ["bpf", "bpftrace"]), choice
    assert result.provenance.engine.name == "dtrace"


for _ in range(2):  # the first run opens what stays open
    before = descriptors()
    run()
    gc.collect()  # a session has its files open for as long as it lives
assert descriptors() == before
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    assert not children.read()
"""
"""In a process of its own: others' descriptors come and go beside a test."""


def test_nothing_is_left_of_those_that_could_not(binary: str, dtrace: dict[str, str]) -> None:
    """No process and no descriptor remains of a backend that was tried first; the choice is the session's."""
    command = [sys.executable, "-c", LEFTOVERS, long_keys(binary)[3], binary]
    environment = {**os.environ, **dtrace}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert not done.returncode, done.stderr
