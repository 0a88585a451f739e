"""A gdb at work: started so that it runs nothing but what is ours, and spoken to in its machine interface."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import resources
from secrets import randbelow
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tracekit import process
from tracekit.errors import EngineError, EngineMissingError, PrivilegeError
from tracekit.process import permission
from tracekit.process.debugger import Debugger

if TYPE_CHECKING:
    from tracekit.backends.gdb.mi import Reader, Stopped

NAME: Final = "gdb"
PATIENCE: Final = 60.0
"""Seconds that gdb may take for a command: it may have a large binary's debug information to read."""

_ARGUMENTS: Final = (
    "-nx",
    "-q",
    "--interpreter=mi3",
    # Before anything is loaded: a binary, or a file beside it, can bring scripts that gdb would run.
    "-iex",
    "set auto-load no",
    "-iex",
    "set debuginfod enabled off",
)
_LARGEST_TOKEN: Final = 1 << 31


def find_gdb(architecture: str) -> str:
    """The path of gdb: ``TRACEKIT_GDB`` if that is set, else one on the PATH that knows the architecture.

    Args:
        architecture: as ``uname -m`` has it; another than this machine's needs gdb-multiarch.

    Raises:
        EngineMissingError: if there is none.
        PrivilegeError: under sudo, if others than root can replace it.
    """
    named = os.environ.get("TRACEKIT_GDB")
    wanted = "gdb" if architecture == os.uname().machine else "gdb-multiarch"
    found = process.find_program(named or wanted)
    if found is None:
        raise EngineMissingError(
            f"TRACEKIT_GDB={named!r} is no program" if named else f"{wanted} is not installed",
            f"Install it, for example with 'apt-get install {wanted}', or set TRACEKIT_GDB to its path.",
        )
    return os.path.abspath(found if named else process.trusted(found))


class Session:
    """A running gdb with our sampler in it.

    As a context manager it ends gdb by the end of its input, upon which gdb lets its target go.
    """

    def __init__(self, path: str) -> None:
        """Start it; see ``find_gdb`` for the path.

        Raises:
            EngineMissingError: if it can't be executed.
            EngineError: if it can't be started.
        """
        self._files = ExitStack()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
        try:
            self._debugger = Debugger.start([path, *_ARGUMENTS], env=environment, name=NAME)
            self._files.callback(self._debugger.close)
            self._results = os.memfd_create("tracekit-results")
            self._files.callback(os.close, self._results)
            # Imported while gdb starts, which takes longer.
            from tracekit.backends.gdb.mi import Reader

            self._reader: Reader = Reader()
        except BaseException:
            self._files.close()
            raise
        self._stops: list[Stopped] = []
        self._documents: list[dict[str, Any]] = []
        self._said = ""
        self._path = path
        self._answered = False
        self._token = randbelow(_LARGEST_TOKEN)

    def load(self, program: str, modules: Sequence[str] = ("hold",)) -> None:
        """Load what is to run inside of it.

        Args:
            program: the name of one of our modules here, whose names become those of gdb's Python.
            modules: those that it imports, each after those that it imports itself.

        Raises:
            EngineMissingError: if this gdb was built without Python, or it is none.
        """
        try:
            self.python("import sys, types")
        except EngineError as error:
            if not self._answered:
                raise EngineMissingError(
                    f"{self._path} is no gdb, or one that doesn't start: {error.message}",
                    "Install gdb, for example with 'apt-get install gdb', or set TRACEKIT_GDB to its path.",
                ) from error
            if "scripting is not supported" not in error.message:
                raise
            raise EngineMissingError(
                "this gdb was built without Python, in which tracekit works",
                "Install one that was built with it, as that of most systems, or set TRACEKIT_GDB to its path.",
            ) from error
        for name in modules:
            full = f"{__package__}.{name}"
            self.python(f"sys.modules[{full!r}] = types.ModuleType({full!r})")
            self.python(f"exec({self._compiled(name)}, sys.modules[{full!r}].__dict__)")
        self.python(f"exec({self._compiled(program)})")

    def _compiled(self, name: str) -> str:
        """Python for the code of one of our modules."""
        path = self.share(resources.files(__package__).joinpath(f"{name}.py").read_bytes())
        return f"compile(open({path!r}).read(), {name!r}, 'exec')"

    @property
    def told_path(self) -> str:
        """A path to which gdb can write what ``results`` gives."""
        return _own(self._results)

    def python(self, statement: str) -> None:
        """Have it execute a Python statement of ours.

        Raises:
            EngineError: if that fails.
        """
        assert not {'"', "\\", "\n"} & set(statement), "a statement is one MI string"
        self.command(f'-interpreter-exec console "python {statement}"')

    def command(self, text: str) -> None:
        """Give it a command of its machine interface, and wait for the answer.

        Raises:
            EngineError: if gdb can't do it, is silent for ``PATIENCE`` seconds, or has ended.
            PrivilegeError: if it may not.
        """
        from tracekit.backends.gdb.mi import Result

        self._token += 1
        self._debugger.write(f"{self._token}{text}\n")
        deadline = monotonic() + PATIENCE
        while True:
            for record in self._read(deadline):
                if isinstance(record, Result) and record.token == self._token:
                    self._answered = True
                    if record.error is not None:
                        raise self._failure(self._told_failure() or record.error)
                    return
            if monotonic() >= deadline:
                raise self._error(f"gdb gave no answer within {PATIENCE:.0f} s")

    def go(self) -> None:
        """Let the target run.

        Raises:
            EngineError: if that isn't possible.
        """
        self._stops.clear()
        self.command("-exec-continue")

    def stop(self, deadline: float) -> Stopped | None:
        """Wait until the target stops or ends; None if it hasn't when the time has come.

        Args:
            deadline: until when, by the monotonic clock.

        Raises:
            EngineError: if gdb has ended.
        """
        while not self._stops and monotonic() < deadline:
            self._read(deadline)
        return self._stops.pop(0) if self._stops else None

    def results(self) -> bytes:
        """What the sampler has told so far: a JSON document a line."""
        return os.pread(self._results, os.fstat(self._results).st_size, 0)

    def fileno(self) -> int:
        """A descriptor that is readable when it has said something."""
        return self._debugger.fileno()

    def documents(self, deadline: float = 0.0) -> list[dict[str, Any]]:
        """The documents that have been told since the last call.

        Args:
            deadline: until when to wait for gdb to say something, by the monotonic clock.

        Raises:
            EngineError: if gdb has ended, and everything it told before was given.
        """
        if not self._documents:
            self._read(deadline)
        documents, self._documents = self._documents, []
        return documents

    @property
    def dead(self) -> bool:
        """Whether it has ended."""
        return self._debugger.ended

    def end(self) -> bool:
        """Have it let its target go and end.

        Returns:
            Whether it has ended; if not, it hangs, and may still hold its target.
        """
        self._debugger.let_go()
        self._debugger.wait(self._debugger.GRACE)
        return self._debugger.ended

    def close(self) -> None:
        """End it, and forget what it has told."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, deadline: float) -> list[Any]:
        """What has come, at the latest when the time has; stops are also kept for ``stop``."""
        from tracekit.backends.gdb.mi import Stopped, Text, Told

        data = self._debugger.read(max(0.0, deadline - monotonic()))
        if data == b"":
            status = self._debugger.wait(None)
            raise self._error(f"gdb has ended in the middle of its work ({_how(status)})")
        records = list(self._reader.feed(data or b""))
        self._stops += [record for record in records if isinstance(record, Stopped)]
        self._documents += [record.document for record in records if isinstance(record, Told)]
        self._said += "".join(record.text for record in records if isinstance(record, Text))
        return records

    def _told_failure(self) -> str:
        """Why what runs inside says that it failed; empty if it doesn't."""
        lines = self.results().splitlines()
        last = json.loads(lines[-1]) if lines else (self._documents or [{}])[-1]
        return str(last["text"]) if last.get("kind") == "failure" else ""

    def _failure(self, cause: str) -> EngineError | PrivilegeError:
        first = cause.strip().splitlines()[0].rstrip(".") if cause.strip() else "it doesn't say why"
        if "Operation not permitted" in cause or "Could not attach" in cause or "ptrace: " in cause:
            return PrivilegeError(
                f"gdb may not hold the process: {first}",
                permission.way_out(running=True),
            )
        return self._error(f"gdb failed: {first}")

    def _error(self, message: str) -> EngineError:
        said = self._said + self._debugger.stderr.decode("utf-8", "replace")
        return EngineError(message=message, engine=NAME, output=said[-4000:])

    def share(self, content: bytes) -> str:
        """A path under which gdb can read some bytes, which lie in our memory."""
        fd = os.memfd_create("tracekit")
        self._files.callback(os.close, fd)
        os.write(fd, content)
        return _own(fd)


def _own(fd: int) -> str:
    return f"/proc/{os.getpid()}/fd/{fd}"


def _how(status: int | None) -> str:
    if status is None:
        return "how is not known"
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
