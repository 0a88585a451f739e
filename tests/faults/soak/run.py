"""One run: a target, tracekit beside it, a fault at a moment, and what is there afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
from tests.conformance.engines import COLUMNS
from tests.faults import harm, processes
from tests.faults.cli import TRACEKIT
from tests.faults.ledger import Ledger
from tests.faults.processes import until
from tests.faults.soak.faults import FAULTS, nothing
from tests.faults.soak.plan import Plan

ROOT = Path(__file__).parents[3]
LIMIT = 150.0
"""Seconds within which tracekit has to end, whatever happens: its own patience with an engine is 60."""
END_LIMIT = 40.0
"""Seconds that a target, and what tracekit has left running to clean up, has to end by itself."""


@attrs.define
class Outcome:
    """What a run's tracekit did.

    Attributes:
        status: its exit status, or minus the signal that ended it.
        output: its result.
        said: its standard error.
        least: how many calls are surely among those that count, and how many returns.
        most: how many calls there were at its end, and how many returns.
        traced: whether it has said that it traces.
        kept: whether nothing is in the way of its result being written.
    """

    status: int
    output: bytes
    said: str
    least: tuple[int, int]
    most: tuple[int, int]
    traced: bool
    kept: bool


class Run:
    """A run that goes on; the faults change and strike it."""

    def __init__(self, plan: Plan, engine: str, built: Path, folder: Path, full: Path) -> None:
        self.plan, self.folder, self._full = plan, folder, full
        self.fault = FAULTS[plan.fault]
        self.cwd, self.home, self._tmp = (folder / name for name in ("cwd", "home", "tmp"))
        for made in (folder, self.cwd, self.home, self._tmp):
            made.mkdir()
            made.chmod(0o777)
        self.binary = folder / plan.name
        shutil.copy(built / plan.target, self.binary)
        self.ledger = Ledger(folder / "ledger")
        self.options: tuple[str, ...] = ()
        self.prefix: list[str] = []
        self.memory = 0
        self.beside = 0
        self.stdout = "file"
        self.engines: set[int] = set()
        self.probes_before = harm.named_probes()
        self.struck = self.fault.strike is nothing
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self._tmp), "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join((f"{ROOT}/src", str(ROOT))), "PYTHONDONTWRITEBYTECODE": "1",
            "TRACEKIT_CALIBRATIONS": str(self._tmp / "calibrations"),
            **({variable: engine} if (variable := COLUMNS[plan.column].variable) else {}),
        }  # fmt: skip
        self.output: Path | None = None
        self.tracekit: subprocess.Popen[bytes]
        self.target: subprocess.Popen[bytes] | None = None

    # What the faults use.

    def signal_engine(self, number: int) -> None:
        """Send a signal to the engine.

        Raises:
            ProcessLookupError: if it isn't there.
        """
        self._see_engines()
        there = [pid for pid in self.engines if processes.runs(pid)]
        if not there:
            raise ProcessLookupError
        for pid in there:
            os.kill(pid, number)

    def become(self, uid: str) -> None:
        """Have tracekit believe that this user has called it with sudo."""
        self.environment |= {
            "SUDO_UID": uid,
            "SUDO_GID": uid,
            "SUDO_USER": "nobody",
            "SUDO_COMMAND": "tracekit",
        }
        self.output = self.folder / "cwd" / "result.json"

    # The run itself.

    def go(self) -> list[Outcome]:
        """Do it, and return what each tracekit did."""
        self.fault.prepare(self)
        command = [str(self.binary), str(self.ledger.path), self.plan.mode]
        command += map(str, (self.plan.calls, self.plan.pause, self.plan.status))
        if self.plan.attached:
            self.target = subprocess.Popen(command, cwd=self.cwd)
            assert until(lambda: self.ledger["pid"], 20), "the target doesn't begin"
            where = ["-p", str(self.target.pid)]
        else:
            where = ["--", *command]
        started = time.monotonic()
        self.tracekit = self._start("result", where)
        others = [self._start(f"other{n}", where) for n in range(self.beside)]
        everyone = [self.tracekit, *others]
        least = self._watch(everyone, started)
        with contextlib.suppress(ProcessLookupError):
            self.fault.undo(self)
        most = (self.ledger["calls"],) * 2
        return [self._outcome(popen, least, most, n) for n, popen in enumerate(everyone)]

    def _start(self, name: str, where: list[str]) -> subprocess.Popen[bytes]:
        said = self.folder / f"{name}.err"
        options = ["-f", "json", "--backend", self.plan.backend, *self.options]
        if self.plan.backend == "gdb" and self.plan.attached:
            options.append("--attach-gdb")
        if self.stdout == "full disk":
            self.output = self._full / f"{self.plan.number}.json"
        if self.output:
            options += ["-o", str(self.output)]
        command = [
            sys.executable,
            *TRACEKIT[1:],
            "trace",
            *options,
            "-e",
            self.plan.text(str(self.binary)),
            *where,
        ]
        prefix = list(self.prefix)
        if self.memory:
            prefix += ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._cgroup() / "cgroup.procs")]
        if self.stdout == "closed":
            prefix += ["sh", "-c", 'exec "$@" >&-', "sh"]
        with said.open("wb") as err, self._stdout_of(name) as out:
            return subprocess.Popen(
                [*prefix, *command], cwd=self.cwd, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip

    @contextlib.contextmanager
    def _stdout_of(self, name: str):
        match self.stdout:
            case "/dev/full":
                fd = os.open("/dev/full", os.O_WRONLY)
            case "gone":
                read, fd = os.pipe()
                os.close(read)
            case "pipe":
                self._read, fd = os.pipe()
            case _:
                fd = os.open(self.folder / f"{name}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            yield fd
        finally:
            os.close(fd)

    def _cgroup(self) -> Path:
        found = Path("/sys/fs/cgroup/memory") / f"tracekit-soak-{os.getpid()}"
        found.mkdir(exist_ok=True)
        (found / "memory.limit_in_bytes").write_text(str(self.memory))
        return found

    def _watch(self, everyone: list[subprocess.Popen[bytes]], started: float) -> tuple[int, int]:
        """See the run to tracekit's end; return how many calls and returns surely count."""
        traced_at = struck_at = asked_at = None
        least: tuple[int, int] | None = None
        read = b""
        while any(popen.poll() is None for popen in everyone):
            now = time.monotonic()
            if now > started + LIMIT:
                break
            self._see_engines()
            if traced_at is None and all(
                self._traces(n) or p.poll() is not None for n, p in enumerate(everyone)
            ):
                traced_at = now
                self.ledger.tell("go") if self.plan.attached else None
            begin = started if self.plan.moment == "start" else traced_at
            if struck_at is None and begin is not None and now >= begin + self._delay():
                if self.fault.ends:
                    least = self._returned()
                with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                    self.fault.strike(self)
                    self.struck |= self.tracekit.poll() is None or self.fault.ends_tracekit
                struck_at = now
            if struck_at is not None and now > struck_at + 0.4:
                with contextlib.suppress(ProcessLookupError):
                    self.fault.undo(self)
                struck_at = float("inf")
            # Once all calls are made, it ends: by the target's own end, or by Ctrl-C.
            if self.plan.attached and asked_at is None and self.ledger["idle"] and struck_at is not None:
                if self.plan.dice % 2 or self.fault.ends_target:
                    self.ledger.tell("stop")
                elif struck_at == float("inf"):
                    least = least or self._returned()
                    for popen in everyone:
                        popen.send_signal(signal.SIGINT)
                else:
                    continue
                asked_at = now
            if self.stdout == "pipe" and now > started + 2.5:
                read += self._drain()
            time.sleep(0.01)
        if self.stdout == "pipe":
            (self.folder / "result.out").write_bytes(read + self._drain())
        return least or self._returned()

    def _delay(self) -> float:
        return self.plan.delay * (1.4 if self.plan.moment == "start" else 0.5)

    def _drain(self) -> bytes:
        os.set_blocking(self._read, False)
        with contextlib.suppress(BlockingIOError):
            return os.read(self._read, 1 << 24)
        return b""

    def _traces(self, number: int) -> bool:
        return "\ntracing" in "\n" + self._said(number)

    def _said(self, number: int) -> str:
        name = "result" if not number else f"other{number - 1}"
        return (self.folder / f"{name}.err").read_text(errors="replace")

    @property
    def said(self) -> str:
        """The standard error of all tracekits."""
        return "".join(self._said(number) for number in range(1 + self.beside))

    def _see_engines(self) -> None:
        for pid in processes.children(self.tracekit.pid):
            if any(os.path.basename(word).startswith(self.plan.backend) for word in processes.words(pid)[:5]):
                self.engines.add(pid)

    def _returned(self) -> tuple[int, int]:
        # Of each thread, the last call that is noted may not have been made yet.
        calls, returns = self.ledger["calls"], self.ledger["returns"]
        under_way = 4 if self.plan.mode == "threads" else 1
        return (max(0, calls - under_way) if calls > returns else calls), returns

    def _outcome(
        self, popen: subprocess.Popen[bytes], least: tuple[int, int], most: tuple[int, int], n: int
    ) -> Outcome:
        hung = popen.poll() is None
        if hung:
            popen.kill()
        path = self.output or self.folder / ("result.out" if not n else f"other{n - 1}.out")
        output = path.read_bytes() if path.exists() else b""
        kept = self.stdout in ("file", "pipe")
        return Outcome(
            -999 if hung else popen.wait(), output, self._said(n), least, most, self._traces(n), kept
        )

    def conclude(self) -> int | None:
        """See the target to its end.

        Returns:
            Its exit status, or minus the signal that ended it; None if it isn't our child, or hasn't ended.
        """
        self.ledger.tell("stop")
        if self.target is not None:
            try:
                return self.target.wait(END_LIMIT)
            except subprocess.TimeoutExpired:
                return None
        pid = self.ledger["pid"]
        if not pid or not until(lambda: not processes.runs(pid), END_LIMIT):
            return None
        with contextlib.suppress(ChildProcessError):
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return None
