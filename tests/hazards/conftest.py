"""What the tests of hazards share: every engine in turn, and a target of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from tests.conformance.engines import COLUMNS
from tools.engines import engines

import tracekit as tk

SOURCE = Path(__file__).parent / "victim.c"


@attrs.frozen
class Used:
    """An engine that a test uses.

    Attributes:
        name: the name of its column in the matrix, such as ``bpftrace 0.17``.
        backend: the backend that runs it.
        environment: what has tracekit use it.
    """

    name: str
    backend: str
    environment: dict[str, str]

    def run(self, program: str, target: tk.Command) -> tk.Result:
        """A whole run; once more where dtrace 2.0.7 has lost its END clause, which the result tells."""
        for _ in range(3 if self.backend == "dtrace" else 1):
            result = tk.run(tk.parse(program), target, backend=self.backend)
            if result.complete:
                break
        return result

    def start(self, program: str, pid: int) -> tk.Session:
        """A run on a process that is there already."""
        options = tk.Options(attach_gdb=True)
        return tk.start(tk.parse(program), tk.Pids([pid]), backend=self.backend, options=options)


@pytest.fixture(scope="session")
def found() -> dict[str, str]:
    """The program of every engine that there is, by the kit's names."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    return {engine.name: str(engine.path) for engine in engines()}


@pytest.fixture
def used(request: pytest.FixtureRequest, found: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Used:
    """The engine of a column: all in turn, or those that a test names."""
    column = COLUMNS[request.param]
    if column.kit and column.kit not in found:
        pytest.skip(f"there is no {column.name} here: 'make engines' sets it up")
    environment = {column.variable: found[column.kit]} if column.kit else {}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Used(column.name, column.backend, environment)


def on(*names: str) -> pytest.MarkDecorator:
    """Has a test run on these engines; without names, on all."""
    return pytest.mark.parametrize("used", names or tuple(COLUMNS), indirect=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target, compiled."""
    binary = tmp_path_factory.mktemp("victim") / "victim"
    subprocess.run(["gcc", "-O1", "-g", "-o", binary, SOURCE], check=True)
    return binary


@pytest.fixture
def victim(built: Path, tmp_path: Path) -> str:
    """A copy of its own, since a probe is in all processes of a file."""
    return str(shutil.copy(built, tmp_path / "victim"))


@pytest.fixture
def waiting(victim: str, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """A function that starts it; it waits for the file ``go`` in the test's folder."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([victim, "wait"], env={**os.environ, "GO": str(tmp_path / "go")}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
