"""Real programs for a real gdb."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.backends.gdb.helpers import PROGRAMS
from tests.installed import GDBS, gdb_of, needed

SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture(scope="session")
def build(tmp_path_factory):
    """A function that compiles a program once for each set of options, and gives its path."""
    folder = tmp_path_factory.mktemp("gdb")
    built = {}

    def compile_(name, *options, compiler="gcc"):
        key = (name, *options, compiler)
        if key not in built:
            built[key] = folder / f"{Path(name).stem}{len(built)}"
            subprocess.run([compiler, "-g", "-o", built[key], PROGRAMS / name, *options], check=True)
        return built[key]

    return compile_


@pytest.fixture(params=GDBS)
def each_gdb(request, monkeypatch):
    """Has each gdb that there is do the sampling in turn."""
    monkeypatch.setenv("TRACEKIT_GDB", gdb_of(request.param))


@pytest.fixture(params=GDBS)
def each_multiarch(request, monkeypatch):
    """The same with each gdb for all processors."""
    monkeypatch.setenv("TRACEKIT_GDB", gdb_of(request.param, "gdb-multiarch"))


@pytest.fixture(scope="session")
def go_program(tmp_path_factory):
    """The Go program, with Go's own optimisation."""
    needed("go")
    path = tmp_path_factory.mktemp("go") / "grow"
    environment = {**os.environ, "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", path, PROGRAMS / "grow.go"], check=True, env=environment)
    return path


@pytest.fixture
def started():
    """A function that starts a program that says when it is ready; it is killed at the end."""
    processes = []

    def start(*argv, **options):
        popen = subprocess.Popen([*map(str, argv)], stdout=subprocess.PIPE, text=True, **options)
        processes.append(popen)
        assert popen.stdout.readline() == "ready\n"
        return popen

    yield start
    for popen in processes:
        popen.kill()
        popen.communicate()


@pytest.fixture
def script():
    """A function that starts a Python script that can import tracekit; it is killed at the end."""
    processes = []

    def start(source, *args):
        popen = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(SOURCE), *sys.path]))},
        )
        processes.append(popen)
        return popen

    yield start
    for popen in processes:
        popen.kill()
        popen.communicate()


@pytest.fixture
def doomed():
    """A list of process ids, to be killed at the end."""
    pids = []
    yield pids
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def uprobe():
    """A function that gives a context in which the kernel has a probe at an address of a binary."""

    @contextlib.contextmanager
    def place(binary, address):
        program = f'uprobe:"{binary}":{address:#x} {{ @ = count(); }} BEGIN {{ printf("on\\n"); }}'
        tracer = subprocess.Popen(
            ["bpftrace", "--unsafe", "-q", "-B", "line", "-e", program],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            while (line := tracer.stdout.readline()) != "on\n":
                assert line, "bpftrace has ended"
            yield
        finally:
            # 0.17 may miss one that comes while it doesn't wait for events.
            for _ in range(60):
                tracer.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    tracer.communicate(timeout=0.5)
                    break
            else:
                raise AssertionError("bpftrace does not end")

    return place
