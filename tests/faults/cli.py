"""The command line as a process: what the proofs start, strike, and ask what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from tests.conformance.engines import COLUMNS
from tests.faults import processes
from tests.faults.ledger import Ledger

from tracekit.core.result import LossKind, MapResult, Result
from tracekit.render.run_file import load

SECONDS = 120.0
"""How long anything may take, on however busy a machine."""
TRACEKIT = [sys.executable, "-P", "-m", "tracekit"]
"""Without the working folder among Python's, as the command ``tracekit`` has it."""
WITH_TRACEFS = (
    *("unshare", "--mount", "sh", "-c"),
    'test -d "$0/events" || mount -t tracefs tracefs "$0" && exec "$@"',
    "/sys/kernel/tracing",
)
"""What starts a command with a tracefs, in a mount namespace of its own where the machine has mounted none."""


@attrs.frozen
class Done:
    """A tracekit that has ended.

    Attributes:
        status: its exit status, or minus the signal that ended it.
        out: its standard output.
        said: its standard error.
    """

    status: int
    out: str
    said: str

    @property
    def result(self) -> Result:
        """Its result, which must be all of its output."""
        return load(self.out)

    @property
    def map(self) -> MapResult:
        """The result's first map."""
        return self.result.maps[0]


class Engine:
    """An engine of the matrix, as the command line is told of it.

    Args:
        column: its name in the matrix.
        program: its program.
    """

    def __init__(self, column: str, program: str) -> None:
        self.column = column
        self.backend = COLUMNS[column].backend
        variable = COLUMNS[column].variable
        self.environment = {variable: program} if variable else {}

    def __str__(self) -> str:
        return self.column

    def start(
        self,
        program: str,
        *where: object,
        options: Sequence[str] = (),
        env: Mapping[str, str] = {},
        before: Sequence[str] = (),
        **popen: object,
    ) -> subprocess.Popen[str]:
        """Start tracing, with some words before the command; the result comes as JSON."""
        attach = ["--attach-gdb"] if self.backend == "gdb" and "-p" in where else []
        words = [
            "trace",
            "--backend",
            self.backend,
            "-f",
            "json",
            *attach,
            *options,
            "-e",
            program,
            *map(str, where),
        ]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(
            [*before, *TRACEKIT, *words], text=True, errors="backslashreplace",
            env={**os.environ, **self.environment, **env},
            **{**streams, **popen},
        )  # type: ignore[call-overload,no-any-return]  # fmt: skip

    def trace(self, program: str, *where: object, **more: object) -> Done:
        """Trace to the end."""
        return finish(self.start(program, *where, **more))  # type: ignore[arg-type]


def await_tracing(tracing: subprocess.Popen[str]) -> None:
    """Wait until it says that all probes are in place."""
    assert tracing.stderr is not None
    said = []
    while line := tracing.stderr.readline():
        said.append(line)
        if line.startswith("tracing"):
            return
    raise AssertionError("".join(said))


def finish(tracing: subprocess.Popen[str]) -> Done:
    """Wait for its end."""
    try:
        out, said = tracing.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        tracing.kill()
        raise
    return Done(tracing.returncode, out or "", said or "")


def engine_of(tracing: subprocess.Popen[str], backend: str) -> int:
    """The process id of the engine that a tracekit has started."""

    def found() -> int:
        for pid in processes.children(tracing.pid):
            if any(os.path.basename(word).startswith(backend) for word in processes.words(pid)[:5]):
                return pid
        return 0

    pid = processes.until(found, 20)
    assert pid, "there is no engine"
    return int(pid)


@attrs.define
class Target:
    """A copy of one of the targets, which no other test's probes can hit.

    Attributes:
        path: the copy.
        ledger: what it notes.
    """

    path: Path
    ledger: Ledger
    _started: list[subprocess.Popen[str]] = attrs.field(factory=list)

    def words(self, mode: str, calls: int, pause: int = 0, status: int = 0) -> list[str]:
        """The command."""
        return [str(self.path), str(self.ledger.path), mode, str(calls), str(pause), str(status)]

    def serve(self, calls: int) -> subprocess.Popen[str]:
        """Start one that waits until it is told to go, and then to stop."""
        process = subprocess.Popen(self.words("serve", calls), text=True)
        self._started.append(process)
        assert processes.until(lambda: self.ledger["pid"], 20)
        return process

    def make_calls(self) -> None:
        """Have the one that serves make all its calls."""
        self.ledger.tell("go")
        assert processes.until(lambda: self.ledger["idle"], SECONDS)

    def stop(self) -> int:
        """Have the one that serves end; its exit status."""
        self.ledger.tell("stop")
        return self._started[-1].wait(SECONDS)

    def close(self) -> None:
        """End those that a test has left."""
        for process in self._started:
            process.kill()
            process.wait()


def lost(found: Done, kind: LossKind) -> int:
    """How many events a result says are missing from its first map."""
    return sum(x.count or 0 for x in found.result.losses if x.kind is kind and x.map in (None, found.map.name))


def send(tracing: subprocess.Popen[str], *numbers: signal.Signals) -> None:
    """Send signals, so far apart that none becomes one with the next."""
    for number in numbers:
        tracing.send_signal(number)
        time.sleep(0.05)
