"""Whole runs with a real gdb, and the same ones with bpftrace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.installed import needed
from tools.engines import Engine

import tracekit as tk
from tracekit.codec.model import to_json
from tracekit.core.result import Ending
from tracekit.errors import EngineMissingError

pytestmark = pytest.mark.live

MORE = {
    "threads": ("uprobe:{b}:value {{ @ = hist(v); @k[v & 3] = sum(v) }}", "threads", "8", "7d0"),
    "recursion": ("uretprobe:{b}:deep {{ @ = hist(retval); @n = stats(retval) }}", "deep", "3e8"),
    "stack": ("uprobe:{b}:nine {{ @ = sum(arg8 * 10 + arg6) }}", "many"),
    "memory": (
        "uprobe:{b}:memory {{ @a = stats(p->i8); @b = stats(p->u16); @c = hist(p->i64) }}",
        *("memory", "7f", "80", "ffff", "8000000000000000"),
    ),
    "own": ("uprobe:{b}:value {{ @[comm, pid == tid, func] = count() }}", "values", "1", "2"),
    "registers": ('uprobe:{b}:value {{ @[reg("rdi"), reg("rsp") & 15] = count() }}', "values", "1", "2"),
    "both ends": (
        "uprobe:{b}:value {{ @ = hist(v) }} uretprobe:{b}:value {{ @r = count() }}",
        *("threads", "4", "64"),
    ),
}  # fmt: skip


@pytest.fixture
def backends(found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Both engines: Debian 13's bpftrace, and the system's gdb."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if "bpftrace-trixie" not in found_engines:
        pytest.skip("there is no bpftrace-trixie here: 'make engines' sets it up")
    monkeypatch.setenv("TRACEKIT_BPFTRACE", str(found_engines["bpftrace-trixie"].path))
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))


def traced(backend: str, program: str, *argv: str, **options: object) -> tk.Result:
    """A whole run of a command."""
    return tk.run(tk.parse(program), tk.Command(argv), backend=backend, options=tk.Options(**options))  # type: ignore[arg-type]


def same(program: str, *argv: str, **options: object) -> tk.Result:
    """What gdb and bpftrace make of a program, which is the same to the last byte."""
    by_gdb, by_bpftrace = (traced(backend, program, *argv, **options) for backend in ("gdb", "bpftrace"))
    assert to_json(by_gdb.maps) == to_json(by_bpftrace.maps)
    assert by_gdb.complete and by_bpftrace.complete
    assert [(x.kind, x.map) for x in by_gdb.losses] == [(x.kind, x.map) for x in by_bpftrace.losses]
    return by_gdb


@pytest.mark.parametrize("case", MORE)
@pytest.mark.usefixtures("backends")
def test_both_engines_see_the_same(binaries: Callable[[str], Path], case: str) -> None:
    """Threads, a thousand nested calls, arguments on the stack, members behind pointers: to the last event."""
    binary = str(binaries("calls"))
    program, *argv = MORE[case]
    assert same(program.format(b=binary), binary, *argv).maps[0].total > 0


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """A function that compiles C from a text, once a session, and gives the binary's path."""
    folder = tmp_path_factory.mktemp("gdb")

    def compile_(name: str, source: str, *options: str) -> str:
        binary = folder / name
        if not binary.exists():
            (folder / f"{name}.c").write_text(source)
            command = ["gcc", "-g", "-O1", "-pthread", "-o", binary, folder / f"{name}.c", *options]
            subprocess.run(command, check=True)
        return str(binary)

    return compile_


TRACED = '__attribute__((noinline, noclone)) int work(int x) { __asm__ volatile("" ::: "memory"); return x; }\n'
EXEC = f"""
#include <stdlib.h>
#include <unistd.h>
{TRACED}
int main(int argc, char **argv) {{
  for (int i = 0; i < 5; i++) work(i);
  char left[2] = {{ argv[1][0] - 1, 0 }};
  if (left[0] >= '0') execl("/proc/self/exe", argv[0], left, (char *)0);
  return argc + 1;
}}
"""
FORK = f"""
#include <sys/wait.h>
#include <unistd.h>
{TRACED}
int main(void) {{
  int status, bad = 0;
  for (int k = 0; k < 6; k++) {{
    pid_t pid = k % 2 ? vfork() : fork();
    if (!pid) {{ if (!(k % 2)) for (int i = 0; i < 9; i++) work(i); else work(9); _exit(4); }}
    waitpid(pid, &status, 0);
    bad += !WIFEXITED(status) || WEXITSTATUS(status) != 4;
    work(k);
  }}
  return bad;
}}
"""
LIBRARY = """
int shared(int x) { return x; }
__attribute__((constructor)) static void first(void) { shared(1000); }
"""
LOADS = """
#include <dlfcn.h>
int main(int argc, char **argv) {
  int sum = 0;
  for (int round = 0; round < 3; round++) {
    void *library = dlopen(argv[1], RTLD_NOW);
    int (*function)(int) = dlsym(library, "shared");
    for (int i = 0; i < 10; i++) sum += function(i);
    dlclose(library);
  }
  return sum != 135;
}
"""
LEAVES = """
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
static jmp_buf back;
__attribute__((noinline, noclone)) int leaves(int x) { if (x % 2) longjmp(back, 1); return x; }
__attribute__((noinline, noclone)) int many(int x) {
  switch (x) {
  case 0: puts(""); return 1;      case 1: return rand();           case 2: return printf("a") + 3;
  case 3: return rand() + 4;       case 4: return rand() * 3;       case 5: return putchar('x');
  case 6: return rand() / 7;       case 7: return puts("z") * 2;    case 8: return rand() % 3;
  case 9: return many(x - 1) + 1;  case 10: return many(x - 1) * 2; default: return x;
  }
}
__attribute__((noinline, noclone)) int tail(int x) { return many(x); }
int main(void) {
  for (int i = 0; i < 48; i++) { tail(i % 12); if (!setjmp(back)) leaves(i); }
}
"""


@pytest.mark.parametrize("pie", ["-pie", "-no-pie"])
@pytest.mark.usefixtures("backends")
def test_a_program_that_becomes_itself_again(build: Callable[..., str], pie: str) -> None:
    """After each exec the breakpoints are where the program is then, and no call is lost."""
    binary = build(f"exec{pie}", EXEC, pie)
    result = same(f"uprobe:{binary}:work {{ @ = stats(x) }}", binary, "3")
    assert result.maps[0].total == 20
    assert result.provenance.target.ending == Ending(status=3)


@pytest.mark.usefixtures("backends")
def test_children_are_let_go_unharmed(build: Callable[..., str]) -> None:
    """What the target forks isn't counted and meets no breakpoint."""
    binary = build("fork", FORK)
    result = same(f"uprobe:{binary}:work {{ @ = stats(x) }}", binary)
    assert result.maps[0].total == 6
    assert result.provenance.target.ending == Ending(status=0)


@pytest.mark.usefixtures("backends")
def test_a_library_that_comes_and_goes(build: Callable[..., str]) -> None:
    """A library is probed as soon as it is mapped, before its constructors run, each time that it is loaded."""
    library = build("libcomes.so", LIBRARY, "-shared", "-fPIC")
    loads = build("loads", LOADS)
    result = same(f"uprobe:{library}:shared {{ @ = stats(x) }}", loads, library)
    assert result.maps[0].entries[()].sum == 3 * 1045
    never = traced("gdb", f"uprobe:{library}:shared {{ @ = count() }}", "/bin/true")
    assert never.maps[0].total == 0 and any("never loaded" in note for note in never.notes)


@pytest.mark.parametrize("function", ["leaves", "many", "tail"])
@pytest.mark.usefixtures("backends")
def test_returns_without_return_instructions(build: Callable[..., str], function: str) -> None:
    """Functions with many returns, that end by a jump, or that longjmp leaves, are seen as bpftrace does."""
    binary = build("leaves", LEAVES)
    result = same(f"uretprobe:{binary}:{function} {{ @ = count(); @k[func] = sum(1) }}", binary)
    assert result.maps[0].total == (24 if function == "leaves" else 48 + (function == "many") * 12)
    assert [x.kind for x in result.losses] == [tk.LossKind.UNRETURNED] * (function == "leaves")


SIGNALS = f"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
{TRACED}
static volatile int got;
static void handler(int number) {{ if (++got % 5 == 0) work(-number); }}
static void *run(void *unused) {{ for (int i = 0; i < 500; i++) work(VALUE); return unused; }}
int main(int argc, char **argv) {{
  pthread_t threads[4];
  struct itimerval often = {{ {{ 0, 400 }}, {{ 0, 400 }} }}, never = {{ {{ 0, 0 }}, {{ 0, 0 }} }};
  signal(SIGALRM, handler);
  setitimer(ITIMER_REAL, &often, 0);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, run, 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  run(0);
  setitimer(ITIMER_REAL, &never, 0);
  FILE *file = fopen(argv[1], "w");
  fprintf(file, "%d", got);
  return fclose(file);
}}
"""


@pytest.mark.parametrize("value", ["i", "7"])
@pytest.mark.usefixtures("backends")
def test_signals_are_no_events(build: Callable[..., str], tmp_path: Path, value: str) -> None:
    """A thread that gets a signal at a breakpoint meets it again, which isn't counted; its handler's calls are.

    That is so even where every register is the same in each call of a loop.
    """
    binary = build(f"signals-{value}", SIGNALS, f"-DVALUE={value}", "-O0")
    program = (
        f"uprobe:{binary}:work {{ @[(int32)arg0 < 0] = count() }} "
        f"uretprobe:{binary}:work {{ @r[(int32)retval < 0] = count() }}"
    )
    result = traced("gdb", program, binary, str(tmp_path / "got"))
    handled = int((tmp_path / "got").read_text()) // 5
    assert handled > 10
    for found in result.maps:
        assert {key: h.count for (key,), h in found.entries.items()} == {0: 2500, 1: handled}
    assert not result.losses


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Go program of the tests of returns."""
    needed("go")
    binary = tmp_path_factory.mktemp("go") / "goroutines"
    source = Path(__file__).parent / "programs" / "goroutines.go"
    subprocess.run(["go", "build", "-o", binary, source], check=True)
    return str(binary)


@pytest.mark.usefixtures("backends")
def test_goroutines_and_stacks_that_grow(go: str) -> None:
    """Go's calls and returns are counted once, though it moves stacks and takes goroutines from threads."""
    maps = "{ @[func, retval] = count(); @t = stats(elapsed) }"
    result = traced("gdb", f"uretprobe:{go}:main.sleeps {maps}", go, "sleeps", "400", "10")
    assert {keys: h.count for keys, h in result.maps[0].entries.items()} == {("main.sleeps", 30): 400}
    least = result.maps[1].entries[()].min
    assert least is not None and least >= 10_000_000
    for probe, value in (("uprobe", "1"), ("uretprobe", "retval")):
        deep = traced("gdb", f"{probe}:{go}:main.deep {{ @ = stats({value}) }}", go, "deep", "900")
        assert deep.maps[0].total == 901 and not deep.losses


@pytest.mark.usefixtures("backends")
def test_exceptions_pass(tmp_path: Path) -> None:
    """Calls that an exception leaves are told, and the program ends as it does alone."""
    source = Path(__file__).parent / "programs" / "throws.cc"
    subprocess.run(["g++", "-O1", "-g", "-o", tmp_path / "throws", source], check=True)
    alone = subprocess.run([tmp_path / "throws", "40"], check=False).returncode
    name = re.search(r"PROBED \w+ (\w+)\(", source.read_text())
    assert name is not None
    program = f"uretprobe:{tmp_path}/throws:{name[1]} {{ @ = count() }}"
    result = same(program, str(tmp_path / "throws"), "40")
    assert result.provenance.target.ending == Ending(status=alone)


STORM = f"""
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
{TRACED}
static void *run(void *rest) {{ for (int n = 0;; n++) {{ work(n); if (rest) usleep((uintptr_t)rest); }} }}
int main(int argc, char **argv) {{
  pthread_t thread;
  void *rest = (void *)strtoul(argv[2], 0, 10);
  for (int n = 1; n < atoi(argv[1]); n++) pthread_create(&thread, 0, run, rest);
  run(rest);
}}
"""
STORMS = {"one thread": ("1", "0"), "eight threads": ("8", "0"), "mostly idle": ("4", "20000")}


@pytest.fixture
def storm(build: Callable[..., str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts a process whose threads call a function all the time, or now and then."""
    started: list[subprocess.Popen[bytes]] = []

    def start(threads: str, rest: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([build("storm", STORM), threads, rest]))
        while len(os.listdir(f"/proc/{started[-1].pid}/task")) < int(threads):
            time.sleep(0.01)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def check_unharmed(process: subprocess.Popen[bytes]) -> None:
    """A process lives on, held and stopped by nobody, and its code is that of its files."""
    time.sleep(0.1)
    assert process.poll() is None
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "TracerPid:\t0" in status and re.search(r"State:\t[RSD]", status)
    for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
        addresses, permissions, offset, _, _, *path = line.split()
        if "x" in permissions and path and path[0].startswith("/"):
            start, end = (int(number, 16) for number in addresses.split("-"))
            with open(f"/proc/{process.pid}/mem", "rb") as memory, open(path[0], "rb") as file:
                file.seek(int(offset, 16))
                code = file.read(end - start)
                # Another test's probe in libc is in every process, until it ends.
                deadline = time.monotonic() + 20
                while os.pread(memory.fileno(), len(code), start) != code:
                    assert time.monotonic() < deadline, path[0]
                    time.sleep(0.1)


def counting(process: subprocess.Popen[bytes]) -> str:
    """A program that counts the calls in a process."""
    return f"uprobe:{process.args[0]}:work {{ @ = count() }}"  # type: ignore[index]


@pytest.mark.parametrize("kind", STORMS)
@pytest.mark.usefixtures("backends")
def test_a_running_process_is_let_go_unharmed(storm: Callable[..., subprocess.Popen[bytes]], kind: str) -> None:
    """Stopped by us while events come, or after exactly so many of them, tracing leaves a process as it was."""
    process = storm(*STORMS[kind])
    for limit in (60, 10**9) * 3:
        options = tk.Options(attach_gdb=True, max_events=limit)
        session = tk.start(
            tk.parse(counting(process)), tk.Pids((process.pid,)), backend="gdb", options=options, interval=0.1
        )
        snapshots, deadline = 0, time.monotonic() + 30
        while session.running and time.monotonic() < deadline and (limit == 60 or snapshots < 2):
            snapshots += len(session.wait(1.0))
        result = session.stop()
        assert result.complete and not result.losses
        assert result.maps[0].total == limit if limit == 60 else result.maps[0].total > 0
        check_unharmed(process)


@pytest.mark.usefixtures("backends")
def test_a_running_process_is_held_only_if_that_is_said(
    storm: Callable[..., subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --attach-gdb the risk is told, and nothing is touched; with it, there is an end by default."""
    process = storm("2", "0")
    program, target = tk.parse(counting(process)), tk.Pids((process.pid,))
    with pytest.raises(tk.UsageError, match="stops the process") as caught:
        tk.run(program, target, backend="gdb")
    assert "--attach-gdb" in caught.value.hint
    check_unharmed(process)
    monkeypatch.setattr("tracekit.backends.gdb.run.ATTACHED_EVENTS", 200)
    result = tk.run(program, target, backend="gdb", options=tk.Options(attach_gdb=True))
    assert result.maps[0].total == 200 and any("--max-events" in note for note in result.notes)
    check_unharmed(process)


def tracing(process: subprocess.Popen[bytes]) -> subprocess.Popen[str]:
    """The command line, tracing a process that runs."""
    words = ["trace", "--backend", "gdb", "--attach-gdb", "--max-events", "100000000", "-p", str(process.pid)]
    command = [sys.executable, "-m", "tracekit", *words, "-e", counting(process)]
    found = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert found.stderr is not None
    while "tracing" not in found.stderr.readline():
        assert found.poll() is None
    return found


def its_gdb(of: subprocess.Popen[str]) -> int:
    """The process id of the gdb that a tracekit has started."""
    children = Path(f"/proc/{of.pid}/task/{of.pid}/children").read_text().split()
    return next(int(c) for c in children if Path(f"/proc/{c}/comm").read_text() == "gdb\n")


@pytest.mark.parametrize("kind", STORMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.usefixtures("backends")
def test_whatever_ends_tracekit_lets_the_process_go(
    storm: Callable[..., subprocess.Popen[bytes]], kind: str, number: signal.Signals
) -> None:
    """A signal ends tracing with the result; also after our own SIGKILL gdb takes its breakpoints away."""
    process = storm(*STORMS[kind])
    with tracing(process) as running:
        gdb = its_gdb(running)
        time.sleep(0.3)
        running.send_signal(number)
        out, _ = running.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert running.returncode == 0
        assert int(out.split("@: ")[1].split()[0]) > 0
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{gdb}"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    check_unharmed(process)


@pytest.mark.usefixtures("backends")
def test_a_killed_gdb_takes_only_the_last_second_with_it(
    storm: Callable[..., subprocess.Popen[bytes]],
) -> None:
    """What it had told is there and marked as incomplete; an idle process that meets no breakpoint lives on."""
    process = storm("1", "700000")
    with tracing(process) as running:
        time.sleep(2.2)
        os.kill(its_gdb(running), signal.SIGKILL)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "signal 9" in out and "INCOMPLETE" in out
    assert int(out.split("@: ")[1].split()[0]) > 0
    check_unharmed(process)


@pytest.mark.usefixtures("backends")
def test_what_cannot_be_read(binaries: Callable[[str], Path]) -> None:
    """An event whose value can't be read is counted, with 0, and the result says how many there were."""
    binary = str(binaries("calls"))
    program = f"uprobe:{binary}:value {{ @ = count(); @s = sum(*(uint32 *)arg0 + 1) }}"
    result = traced("gdb", program, binary, "values", "1", "2", "3")
    assert [m.entries[()].count for m in result.maps] == [3, 3]
    assert result.maps[1].entries[()].sum == 3
    (loss,) = result.losses
    assert (loss.kind, loss.count) == (tk.LossKind.APPROXIMATE, 3)
    assert "filter" in loss.hint


@pytest.mark.usefixtures("backends")
def test_more_keys_than_there_is_room_for(binaries: Callable[[str], Path]) -> None:
    """Of events without room in a map it is told how many there were, exactly."""
    binary = str(binaries("calls"))
    program = f"uprobe:{binary}:value {{ @[v] = count() }}"
    result = traced("gdb", program, binary, "threads", "2", "64", max_keys=30)
    assert len(result.maps[0].entries) == 30 and result.maps[0].total == 60
    assert [(x.kind, x.count) for x in result.losses] == [(tk.LossKind.KEYS, 140)]


@pytest.mark.usefixtures("backends")
def test_how_long_calls_take(binaries: Callable[[str], Path]) -> None:
    """Each of nested calls is timed, and the result says that gdb's stops are in it."""
    binary = str(binaries("calls"))
    result = traced("gdb", f"uretprobe:{binary}:deep {{ @ = stats(elapsed) }}", binary, "deep", "10")
    found = result.maps[0].entries[()]
    assert found.count == 17 and found.min is not None and found.max is not None and 0 < found.min < found.max
    assert [(x.kind) for x in result.losses] == [tk.LossKind.APPROXIMATE]


@pytest.mark.usefixtures("backends")
def test_the_limit_is_exact(binaries: Callable[[str], Path]) -> None:
    """Of many threads exactly as many events are counted as were asked for, and the command goes on."""
    binary = str(binaries("calls"))
    program = f"uprobe:{binary}:value {{ @ = count() }} uprobe:{binary}:value {{ @b = count() }}"
    result = traced("gdb", program, binary, "threads", "8", "2710", max_events=333)
    assert sum(m.total for m in result.maps) == 333 and result.complete


REFUSED = {
    "attaching": (["--attach-gdb"], "uprobe:{b}:value {{ @ = count() }}", "runs already"),
    "follow": (["--follow"], "uprobe:{b}:value {{ @ = count() }}", "forks"),
    "everything": (["--system-wide", "--duration", "1"], "uprobe:{b}:value {{ @ = count() }}", "one process"),
    "stacks": ([], "uprobe:{b}:value {{ @[ustack] = count() }}", "ustack"),
    "timers": ([], "interval:s:1 {{ @ = count() }}", "no timer"),
    "system calls": ([], "syscall:write:entry {{ @ = count() }}", "functions only"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("backends")
def test_what_it_cannot_do_is_refused(binaries: Callable[[str], Path], name: str) -> None:
    """The reason and the way out come before anything is traced, and no traceback."""
    options, program, says = REFUSED[name]
    binary = str(binaries("calls"))
    command = [sys.executable, "-m", "tracekit", "trace", "--backend", "gdb", *options, "-e"]
    command.append(program.format(b=binary))
    command += [] if "--system-wide" in options else ["--", binary, "values", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr
    assert any(way in done.stderr for way in ("Use bpf", "func", "-p PID"))


@pytest.mark.usefixtures("backends")
def test_without_root(binaries: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing but a gdb is needed to trace a command, but others' processes can't be looked into."""
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if _is_new(p)), None)
    if python is None or shutil.which("setpriv") is None:
        pytest.skip("no python3 of 3.11 or later for all users, or no setpriv (util-linux)")
    folder = Path("/var/tmp/tracekit-nobody")  # pytest's folders are for root only
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        shutil.copy(binaries("calls"), folder)
        shutil.copytree(Path(tk.__file__).parent, folder / "tracekit")
        others = [p for p in sys.path if p.endswith("site-packages")]
        command = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            python,
            "-m",
            "tracekit",
            "trace",
        ]
        command += ["--backend", "gdb", "-e", f"uprobe:{folder}/calls:value {{ @ = count() }}"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(folder), *others])}
        done = subprocess.run(
            [*command, "--", folder / "calls", "threads", "4", "64"],
            check=False, capture_output=True, text=True, timeout=60, env=environment,
        )  # fmt: skip
        assert "@: 400" in done.stdout, done.stderr
        done = subprocess.run(
            [*command, "--attach-gdb", "-p", str(os.getpid())],
            check=False, capture_output=True, text=True, timeout=60, env=environment,
        )  # fmt: skip
        assert "another user's" in done.stderr, done.stderr
    finally:
        shutil.rmtree(folder)


def _is_new(python: str) -> bool:
    asked = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return os.path.exists(python) and subprocess.run(asked, check=False).returncode == 0


def test_a_gdb_that_is_not_there(binaries: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said where it can be got from, and the command has not run."""
    monkeypatch.setenv("TRACEKIT_GDB", "/nonexistent")
    with pytest.raises(EngineMissingError, match="TRACEKIT_GDB='/nonexistent' is no program"):
        traced("gdb", f"uprobe:{binaries('calls')}:value {{ @ = count() }}", "false")


@pytest.mark.parametrize("program", ["/bin/true", "/bin/cat"])
def test_what_is_no_gdb(binaries: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """It is named, with the way to another one."""
    monkeypatch.setenv("TRACEKIT_GDB", program)
    with pytest.raises(EngineMissingError, match=f"^{program} is no gdb") as caught:
        traced("gdb", f"uprobe:{binaries('calls')}:value {{ @ = count() }}", str(binaries("calls")))
    assert "TRACEKIT_GDB" in caught.value.hint


@pytest.fixture(scope="session")
def minimal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's gdb without Python, unpacked beside the system's."""
    folder = tmp_path_factory.mktemp("minimal")
    folder.chmod(0o777)
    got = subprocess.run(["apt-get", "download", "gdb-minimal"], cwd=folder, check=False, capture_output=True)
    if got.returncode:
        pytest.skip("there is no gdb-minimal to be had")
    subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")), folder], check=True)
    return folder / "usr" / "bin" / "gdb"


@pytest.mark.usefixtures("backends")
def test_a_gdb_without_python(
    binaries: Callable[[str], Path], minimal: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is refused with the reason and what to install, and the command has not run."""
    monkeypatch.setenv("TRACEKIT_GDB", str(minimal))
    program = f"uprobe:{binaries('calls')}:value {{ @ = count() }}"
    with pytest.raises(EngineMissingError, match="without Python") as caught:
        traced("gdb", program, "touch", str(tmp_path / "ran"))
    assert "Install" in caught.value.hint and not (tmp_path / "ran").exists()
    (check,) = [check for check in tk.doctor() if check.name == "gdb"]
    assert (check.state.value, check.remedy) == ("missing", caught.value.hint)
    assert "without Python" in check.says


def test_somebody_elses_probe(
    storm: Callable[..., subprocess.Popen[bytes]], found_engines: dict[str, Engine], backends: None
) -> None:
    """Where a uprobe sits gdb would never stop, without a word: that is refused, and the process goes on."""
    process = storm("1", "1000")
    with tk.start(tk.parse(counting(process)), tk.Pids((process.pid,)), backend="bpftrace"):
        options = tk.Options(attach_gdb=True)
        with pytest.raises(tk.UnsupportedError, match="somebody else's probe"):
            tk.run(tk.parse(counting(process)), tk.Pids((process.pid,)), backend="gdb", options=options)
    check_unharmed(process)


@pytest.mark.usefixtures("backends")
def test_a_gdb_that_gets_no_thread_holds_nobody(
    storm: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where gdb has no memory left for a thread, the error says so, and the process goes on as it was."""
    needed("gdb")
    (tmp_path / "no_threads.py").write_text(
        "import threading\n"
        "def start(thread):\n"
        '    raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = start\n"
    )
    wrapped = tmp_path / "gdb"
    wrapped.write_text(f'#!/bin/sh\nexec {shutil.which("gdb")} -iex "source {tmp_path}/no_threads.py" "$@"\n')
    wrapped.chmod(0o755)
    monkeypatch.setenv("TRACEKIT_GDB", str(wrapped))
    process = storm("1", "1000")
    options = tk.Options(attach_gdb=True)
    with pytest.raises(tk.TracekitError, match="can't start new thread"):
        tk.run(tk.parse(counting(process)), tk.Pids((process.pid,)), backend="gdb", options=options, duration=5)
    check_unharmed(process)
