"""The command line: what it takes, what it prints where, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracekit

TRACEKIT = [sys.executable, "-m", "tracekit"]

SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline, noclone)) void insert(long size) { __asm__ volatile("" : : "r"(size)); }
int main(int count, char **words) {
  long n = count > 1 ? atol(words[1]) : 10;
  for (long i = 0; n < 0 || i < n; i++) { insert(i % 1000); if (n < 0) usleep(1000); }
  if (count > 2) { printf("%s\\n", words[2]); fflush(stdout); if (count > 3) kill(getpid(), atoi(words[3])); }
  return count == 3 ? atoi(words[2]) : 0;
}
"""

root = pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that calls insert() as often as it is told."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "target.c").write_text("#include <signal.h>\n" + SOURCE)
    subprocess.run(["gcc", "-O1", "-o", folder / "target", folder / "target.c"], check=True)
    return str(folder / "target")


def run(
    *words: str, stdin: str = "", env: dict[str, str] | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run tracekit to its end."""
    return subprocess.run(
        [*TRACEKIT, *words],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        timeout=timeout,
        check=False,
    )


def program(target: str, aggregation: str = "@ = count()") -> str:
    return f"uprobe:{target}:insert {{ {aggregation} }}"


def test_help_names_the_verbs() -> None:
    """The help of the whole is there without a program, and lists every verb."""
    done = run("--help")
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("trace", "compile", "parse"))


@pytest.mark.parametrize("verb", ["trace", "compile", "parse"])
def test_every_verb_has_help_with_its_environment_variables(verb: str) -> None:
    """Options can be set by the environment, and the help says by which variable."""
    done = run(verb, "-h")
    assert done.returncode == 0
    assert f"TRACEKIT_{verb.upper()}_" in done.stdout


def test_a_misspelt_verb_is_a_usage_error() -> None:
    """It ends with 2 and suggests the right one."""
    done = run("trcae")
    assert done.returncode == 2
    assert "trace" in done.stderr


def test_parse_prints_the_model() -> None:
    """The model of a program, as JSON, from an argument or from standard input."""
    text = "uprobe:./a:f /arg0 > 1/ { @x[pid] = hist(arg1, 2) }"
    by_argument, by_stdin = run("parse", "-e", text), run("parse", "-", stdin=text)
    assert json.loads(by_argument.stdout) == json.loads(by_stdin.stdout)
    assert by_argument.returncode == by_stdin.returncode == 0


WATCHED = """
import atexit, sys, threading, time
from tracekit.__main__ import main
sys.argv[1:1] = ["parse", "-e", "uprobe:./a:f {{ @ = count() }}"]
atexit.register(print, "at the end", flush=True)
{0}
main()
"""


@pytest.mark.parametrize(
    "watch",
    [
        "",
        "sys.setprofile(lambda *_: None)",
        "threading.Thread(target=lambda: (time.sleep(1), print('at last', flush=True))).start()",
    ],
    ids=["nobody", "a profiler", "a thread"],
)
def test_what_python_does_at_its_end_is_done(watch: str) -> None:
    """The quick end calls what is registered for it, waits for threads, and keeps the status."""
    words = [sys.executable, "-c", WATCHED.format(watch)]
    good = subprocess.run(words, capture_output=True, text=True, check=False)
    bad = subprocess.run([*words, "--nonsense"], capture_output=True, text=True, check=False)
    assert (good.returncode, bad.returncode) == (0, 2)
    for done in (good, bad):
        assert done.stdout.endswith("at the end\n") and ("at last" in done.stdout) == ("Thread" in watch)
    assert '"count"' in good.stdout and "nonsense" in bad.stderr


def test_compile_prints_a_script() -> None:
    """The script names the function and says which register an argument is in."""
    done = run("compile", "--arch", "x86_64", "./srv", "cache_insert", "lhist(arg2, 0, 16384, 128)")
    assert done.returncode == 0
    assert "uprobe:./srv:cache_insert" in done.stdout
    assert "arg2 is the register rdx" in done.stdout
    assert "lhist((int64)arg2, 0, 16384, 128)" in done.stdout


@root
@pytest.mark.live
def test_the_result_is_all_on_standard_output(target: str) -> None:
    """The target's output comes before it, everything else goes to standard error."""
    done = run("trace", "-e", program(target, "@n = count()"), "--", target, "5", "7", "0")
    assert done.stdout == "7\n@n: 5\n"
    assert "tracing" in done.stderr


@root
@pytest.mark.live
def test_quiet_says_nothing_else(target: str) -> None:
    """With -q, standard error is empty when there is nothing to warn of."""
    done = run("trace", "-q", "-e", program(target), "-c", f"{target} 5")
    assert (done.stdout, done.stderr, done.returncode) == ("@: 5\n", "", 0)


@root
@pytest.mark.live
def test_verbose_shows_the_script(target: str) -> None:
    """With -v, what the kernel or the engine was given is on standard error, the descriptor's path in it."""
    done = run("trace", "-v", "-e", program(target), "-c", f"{target} 5")
    assert "program clause0: kprobe, at /proc/" in done.stderr
    assert "; @ = count()\n" in done.stderr
    assert done.stdout == "@: 5\n"
    done = run("trace", "-v", "--backend", "bpftrace", "-e", program(target), "-c", f"{target} 5")
    assert "/proc/" in done.stderr
    assert "@t0 = sum((uint64)1);" in done.stderr


@root
@pytest.mark.live
def test_the_short_form_with_keys_and_filter(target: str) -> None:
    """BINARY FUNCTION AGGREGATION, with --by and --where, is the same as the long program."""
    done = run(
        "trace", "-q", target, "insert", "count()", "--by", "arg0 & 1", "--where", "arg0 > 4", "--", target
    )
    assert sorted(done.stdout.splitlines()) == ["@[0]: 2", "@[1]: 3"]


@root
@pytest.mark.live
def test_a_program_from_a_file_and_from_standard_input(target: str, tmp_path: Path) -> None:
    """job.tk and - give the same result as -e."""
    file = tmp_path / "job.tk"
    file.write_text(f"// a comment\n{program(target)} /* another */\n")
    assert run("trace", "-q", str(file), "--", target, "3").stdout == "@: 3\n"
    assert run("trace", "-q", "-", "--", target, "3", stdin=program(target)).stdout == "@: 3\n"


@root
@pytest.mark.live
def test_json_is_a_run_file(target: str, tmp_path: Path) -> None:
    """-f json gives a document that loads again, with where it comes from; -o writes it in one step."""
    import tracekit as tk

    file = tmp_path / "run.json"
    done = run(
        "trace", "-f", "json", "-o", str(file), "-e", program(target, "@b = hist(arg0)"), "--", target, "100"
    )
    assert done.stdout == ""
    result = tk.load_run(file.read_text())
    assert result.histogram("b") == tk.Histogram.of(range(100), tk.Log2())
    assert result.provenance.target.argv == (target, "100")
    assert result.provenance.binaries[0].path == target
    assert len(result.provenance.binaries[0].build_id) == 40
    assert result.provenance.engine.name == "bpf"
    assert result.provenance.engine.version
    assert result.provenance.started < result.provenance.ended


@root
@pytest.mark.live
def test_interval_prints_snapshots(target: str) -> None:
    """Text snapshots say when they are from; JSON ones are lines, the run file the last one."""
    text = run("trace", "-q", "--interval", "0.2", "--duration", "1", "-e", program(target), "--", target, "-1")
    assert text.stdout.count("after ") >= 2
    lines = run(
        "trace",
        "-q",
        "-f",
        "json",
        "--interval",
        "200ms",
        "--duration",
        "1s",
        "-e",
        program(target),
        "--",
        target,
        "-1",
    ).stdout.splitlines()
    formats = [json.loads(line)["format"] for line in lines]
    assert formats[-1] == "tracekit-run"
    assert set(formats[:-1]) == {"tracekit-snapshot"}


@root
@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_tracing_with_the_result(target: str, number: signal.Signals) -> None:
    """Ctrl-C, and the signals by which others end us, give the whole result and status 0."""
    with subprocess.Popen([target, "-1"]) as process:
        try:
            tracer = subprocess.Popen(
                [*TRACEKIT, "trace", "-e", program(target), "-p", str(process.pid)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert tracer.stderr is not None
            assert "tracing" in tracer.stderr.readline()
            time.sleep(0.3)
            tracer.send_signal(number)
            tracer.send_signal(number)
            output, errors = tracer.communicate(timeout=30)
            assert process.poll() is None
        finally:
            process.kill()
    assert (tracer.returncode, errors) == (0, "")
    assert int(output.removeprefix("@: ")) > 10


@root
@pytest.mark.live
def test_exit_status_is_propagated_only_on_request(target: str) -> None:
    """0 when done; with --propagate-exit the command's own status, or 128 and its signal."""
    long = ("-e", program(target), "--", target)
    assert run("trace", *long, "1", "7").returncode == 0
    assert run("trace", "--propagate-exit", *long, "1", "7").returncode == 7
    killed = run("trace", "--propagate-exit", *long, "1", "x", "9")
    assert killed.returncode == 128 + 9
    assert "SIGKILL" in killed.stderr
    assert "@: 1\n" in killed.stdout


@root
@pytest.mark.live
def test_a_full_disk_is_told(target: str) -> None:
    """A result that can't be written ends with 1 and a sentence, never with a silent 0."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*TRACEKIT, "trace", "-q", "-e", program(target), "--", target],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


@root
@pytest.mark.live
def test_a_closed_pipe_is_no_traceback(target: str) -> None:
    """| head that goes away early is met with quiet."""
    script = f"{sys.executable} -m tracekit trace -q -e '{program(target)}' -- {target} 5 | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("most", [5, 6, 8, 10])
def test_too_few_descriptors_are_told(target: str, most: int) -> None:
    """Where no further file may be opened, wherever that is met, it ends with 1 and a sentence."""
    done = subprocess.run(
        ["prlimit", f"--nofile={most}", *TRACEKIT, "trace", "-e", program(target), "--", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert "too many" in done.stderr and "Traceback" not in done.stderr


def no_engine(tmp_path: Path) -> dict[str, str]:
    return {"TRACEKIT_BPFTRACE": str(tmp_path / "nowhere")}


BAD: list[tuple[str, list[str], int, str]] = [
    ("syntax error", ["-e", "uprobe:{t}:insert {{ @ = lhits(arg0, 0, 8, 1) }}", "--", "{t}"], 2, "lhist"),
    ("no closing brace", ["-e", "uprobe:{t}:insert {{ @ = count()", "--", "{t}"], 2, "^"),
    ("unknown function", ["-e", "uprobe:{t}:insret {{ @ = count() }}", "--", "{t}"], 1, "insert"),
    ("missing binary", ["-e", "uprobe:{t}x:insert {{ @ = count() }}", "--", "{t}"], 1, "{t}x"),
    ("not an ELF", ["-e", "uprobe:/etc/passwd:insert {{ @ = count() }}", "--", "{t}"], 1, "/etc/passwd"),
    ("a folder", ["-e", "uprobe:/etc:insert {{ @ = count() }}", "--", "{t}"], 1, "/etc"),
    ("empty range", ["-e", "uprobe:{t}:insert {{ @ = lhist(arg0, 8, 8, 1) }}", "--", "{t}"], 2, "empty range"),
    ("bad step", ["-e", "uprobe:{t}:insert {{ @ = lhist(arg0, 0, 8, 0) }}", "--", "{t}"], 2, "step"),
    (
        "too many buckets",
        ["-e", "uprobe:{t}:insert {{ @ = lhist(arg0, 0, 1M, 1) }}", "--", "{t}"],
        2,
        "buckets",
    ),
    ("no such command", ["-e", "uprobe:{t}:insert {{ @ = count() }}", "--", "./nowhere"], 1, "./nowhere"),
    ("no program", ["--", "{t}"], 2, "there is no program"),
    ("no target", ["-e", "uprobe:{t}:insert {{ @ = count() }}"], 2, "there is no target"),
    (
        "two targets",
        ["-e", "uprobe:{t}:insert {{ @ = count() }}", "-p", "1", "--", "{t}"],
        2,
        "several targets",
    ),
    ("no such process", ["-e", "uprobe:{t}:insert {{ @ = count() }}", "-p", "99999999"], 1, "99999999"),
    ("a name", ["{t}", "insert", "hist(size)", "--", "{t}"], 1, "-g"),
    (
        "ustack",
        ["--backend", "bpftrace", "-e", "uprobe:{t}:insert {{ @[ustack] = count() }}", "--", "{t}"],
        1,
        "ustack",
    ),
    (
        "no such backend",
        ["--backend", "perf", "-e", "uprobe:{t}:insert {{ @ = count() }}", "--", "{t}"],
        2,
        "perf",
    ),
    ("elapsed at entry", ["-e", "uprobe:{t}:insert {{ @ = hist(elapsed) }}", "--", "{t}"], 2, "uretprobe"),
    (
        "bad duration",
        ["--duration", "soon", "-e", "uprobe:{t}:insert {{ @ = count() }}", "--", "{t}"],
        2,
        "soon",
    ),
    ("-e and a file", ["-e", "uprobe:{t}:insert {{ @ = count() }}", "job.tk", "--", "{t}"], 2, "job.tk"),
    ("missing file", ["job.tk", "--", "{t}"], 2, "job.tk"),
    (
        "too many functions",
        ["--max-probes", "1", "-e", "uprobe:{t}:* {{ @ = count() }}", "--", "{t}"],
        2,
        "--max-probes",
    ),
    (
        "output folder",
        ["-o", "/nowhere/x", "-e", "uprobe:{t}:insert {{ @ = count() }}", "--", "{t}"],
        1,
        "/nowhere",
    ),
]


@root
@pytest.mark.live
@pytest.mark.parametrize(("name", "words", "status", "says"), BAD, ids=[name for name, *_ in BAD])
def test_bad_input_is_one_clear_sentence(
    target: str, name: str, words: list[str], status: int, says: str
) -> None:
    """The message names the cause, says what to do, and is no traceback; the target has not run."""
    done = run("trace", *(word.format(t=target) for word in words))
    assert done.returncode == status, done.stderr
    assert says.format(t=target) in done.stderr
    assert "Traceback" not in done.stderr
    assert name == "output folder" or done.stdout == ""
    assert len(done.stderr.splitlines()) <= 6


@root
@pytest.mark.live
def test_a_missing_engine_is_named(target: str, tmp_path: Path) -> None:
    """Where bpftrace was asked for and isn't there, the message says how to get it."""
    words = ("trace", "--backend", "bpftrace", "-e", program(target), "--", target)
    done = run(*words, env=no_engine(tmp_path))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    bare = run(*words, env={"PATH": str(tmp_path), "TRACEKIT_BPFTRACE": ""})
    assert "apt-get install bpftrace" in bare.stderr


@root
def test_without_privilege_the_remedy_is_named() -> None:
    """A plain user is told in one sentence what is missing, before anything starts."""
    import tracekit as tk
    from tracekit.backends.bpftrace.run import check_privilege

    check_privilege()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            check_privilege()
        except tk.TracekitError as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as said:
        assert said.read() == (
            "PrivilegeError: bpftrace needs root to place probes\n"
            "Say --sudo to have bpftrace alone run as root, or run the same command with sudo in front of it."
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="being called by sudo needs root: 'sudo make test' does it")
def test_sudo_leaves_no_compiled_modules(tmp_path: Path) -> None:
    """Under sudo, Python leaves no compiled modules of root's beside the user's sources, but the first two."""
    package = Path(tracekit.__file__).parent
    shutil.copytree(package, tmp_path / "tracekit", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"SUDO_UID": "1000", "PYTHONPATH": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "tracekit", "parse", "-e", "syscall:read:entry { @ = count() }"],
        env=environment, check=True, cwd="/",
    )  # fmt: skip
    left = {file.name.split(".")[0] for file in tmp_path.rglob("*.pyc")}
    assert left <= {"__init__", "__main__"}
    assert len(list(tmp_path.rglob("*.pyc"))) <= 2
