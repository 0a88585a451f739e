"""Samples what a function is called with, in a command that we start or in a process that runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING, Final, assert_never

import attrs

from tracekit import process
from tracekit.backends.gdb.mapped import changed, mapped_at
from tracekit.backends.gdb.records import read_records
from tracekit.backends.gdb.session import NAME, Session, find_gdb
from tracekit.backends.gdb.stub import check_owner
from tracekit.backends.gdb.watch import check_running, describe_state, is_stopped
from tracekit.binaries import Binary, open_elf
from tracekit.calibration.samples import Remote, SampleRequest, Samples
from tracekit.core.arch import architecture
from tracekit.core.result import Ending
from tracekit.core.target import Command, Pids
from tracekit.errors import EngineError, TargetError, UnsupportedError
from tracekit.process.leftover import take_out_breakpoints
from tracekit.process.memory import write_memory
from tracekit.process.pidfd import ended as pidfd_ended
from tracekit.symbols.questions import file_offset

if TYPE_CHECKING:
    from tracekit.backends.gdb.mi import Stopped

_BREAKPOINT_BYTES: Final = {"x86_64": 1, "aarch64": 4}


def sample(request: SampleRequest, command: process.Target | None = None) -> Samples:
    """Look at the processor at some entries of a function.

    The target runs as always, but for a stop of about two milliseconds at each entry, and is let go after the
    last one that is wanted, after the time that is given, or at its own end. A process that runs already is
    never interrupted nor signalled.

    Args:
        request: what to look at.
        command: the started command, still held; it goes on when this returns. If None, and the request names a
            command, that is started here, as the user who called sudo, and ended before this returns.

    Returns:
        What was seen, possibly nothing: its notes then say why.

    Raises:
        EngineMissingError: if there is no gdb, or one without Python.
        EngineError: if gdb fails; the target is repaired as well as that can be done.
        TargetError: if the target can't be started, doesn't exist, isn't fit to be held, or never has the
            binary mapped.
        PrivilegeError: if gdb may not hold it, or a stub is another user's.
        UnsupportedError: if somebody else's breakpoint or probe sits at the function's entry.
        BinaryError: if the binary can't be read, or has no code at the address.
    """
    image = open_elf(request.binary, request.title)
    with ExitStack() as targets:
        attached = None
        if isinstance(request.target, Pids):
            attached = targets.enter_context(process.Attached.open(request.target.pids[0]))
            check_running(attached.pid)
        elif isinstance(request.target, Remote):
            check_owner(request.target.at)
        # gdb starts while the command does, and is closed before it.
        with Session(find_gdb(request.architecture)) as session:
            match request.target:
                case Remote():
                    return _Sampling(request, image, session, 0).remote(request.target)
                case Pids():
                    assert attached is not None
                    return _Sampling(request, image, session, attached.pid).attached(attached.fileno())
                case Command(argv, _, env, cwd):
                    if command is not None:
                        return _Sampling(request, image, session, command.pid).launched(command)
                    user = process.invoking_user()
                    ours = targets.enter_context(process.Target.start(argv, env=env, cwd=cwd, user=user))
                    targets.callback(ours.end)
                    samples = _Sampling(request, image, session, ours.pid).launched(ours)
                    return attrs.evolve(samples, ended=ours.end())
                case _:
                    assert_never(request.target)


class _Sampling:
    """One run of gdb on one target."""

    def __init__(self, request: SampleRequest, image: Binary, session: Session, pid: int) -> None:
        self._request, self._image, self._session, self._pid = request, image, session, pid
        self._offset = image.ask(file_offset, request.address)
        self._code = self._code_of(request.address)
        self._code_at: dict[int, bytes] = {}
        self._notes: list[str] = []

    def launched(self, command: process.Target) -> Samples:
        """Sample a command that we hold."""
        self._load(pid=self._pid, handover=True, libraries=not self._addresses())
        try:
            command.hand_over()
            with self._repaired(command.fileno()):
                self._session.python("tracekit.attach()")
                if not self._place():
                    self._session.python("tracekit.await_libraries(True)")
                stopped = self._run()
                self._let_go(stopped)
        except BaseException:
            command.resume()  # if gdb has failed before it held it; else this changes nothing
            raise
        return self._samples(command.wait(5.0) if _ended(stopped) else command.poll())

    def attached(self, pidfd: int) -> Samples:
        """Sample a process that runs."""
        self._load(pid=self._pid, handover=False, libraries=False)
        addresses = self._addresses()
        if not addresses:
            if pidfd_ended(pidfd):
                raise TargetError(f"process {self._pid} has ended")
            raise TargetError(
                f"process {self._pid} has not mapped {self._request.title}",
                "Name the program or library that it runs, in the very file that it has started from.",
            )
        self._check_text(addresses)
        with self._repaired(pidfd):
            self._session.python("tracekit.attach()")
            self._place()
            stopped = self._run()
            self._let_go(stopped)
        if not _ended(stopped):
            self._notes.append(describe_state(self._pid))
        return self._samples(_ending(stopped))

    def remote(self, target: Remote) -> Samples:
        """Sample what a stub runs."""
        at = f"tcp:127.0.0.1:{target.at}" if isinstance(target.at, int) else target.at
        self._load(pid=0, handover=False, remote=at)
        self._session.python("tracekit.connect()")
        try:
            self._place_remote(target)
        except BaseException:
            # At the end of its input gdb ends what it doesn't know to have run before, and stands still.
            with contextlib.suppress(EngineError):
                self._session.command("-target-detach")
            raise
        stopped = self._run()
        self._let_go(stopped)
        return self._samples(_ending(stopped))

    def _place_remote(self, target: Remote) -> None:
        """Put the breakpoint where the function is in the stub's memory."""
        base = self._base() if target.base is None else target.base
        address = self._request.address + base
        self._session.python(f"tracekit.tell_code({address}, {len(self._code)})")
        if read_records(self._session.results()).code != self._code:
            raise TargetError(
                f"what runs behind {target.at} has other code at {address:#x} than {self._request.title}",
                "Name the program that the stub runs, in the very file that it has started from.",
            )
        self._session.python(f"tracekit.place([{address}], {base})")

    def _base(self) -> int:
        """What a remote program's addresses are raised by, from where it is entered."""
        loaded = read_records(self._session.results()).entry
        return 0 if loaded is None else loaded - self._image.facts.entry

    def _load(self, **target: int | str) -> None:
        arch = architecture(self._request.architecture)
        request = self._session.share(
            json.dumps(
                {
                    "binary": f"/proc/{os.getpid()}/fd/{self._image.descriptor}",
                    "hits": self._request.hits,
                    "architecture": self._request.architecture,
                    "after": self._request.after,
                    "stack_bytes": self._request.stack_bytes,
                    "memory_bytes": self._request.memory_bytes,
                    "registers": list(arch.registers),
                    "stack_pointer": arch.stack_pointer,
                    "vectors": list(dict.fromkeys((*arch.vectors, *arch.go_vectors))),
                    **target,
                }
            ).encode()
        )
        self._session.load("inside")
        self._session.python(f"tracekit = Sampler({request!r}, {self._session.told_path!r})")

    def _addresses(self) -> tuple[int, ...]:
        try:
            return mapped_at(self._pid, self._image.descriptor, self._offset)
        except OSError:
            return ()

    def _code_of(self, address: int) -> bytes:
        """What a breakpoint at an address replaces."""
        size = _BREAKPOINT_BYTES[architecture(self._request.architecture).name]
        return self._image.bytes_at(self._image.ask(file_offset, address), size)

    def _place(self) -> bool:
        """Put the breakpoints where the file is mapped now; False if it isn't."""
        addresses = self._addresses()
        if addresses:
            self._check_text(addresses)
            bias = addresses[0] - self._request.address
            self._code_at = dict.fromkeys(addresses, self._code)
            if self._request.after is not None:
                self._code_at[self._request.after + bias] = self._code_of(self._request.after)
            self._session.python(f"tracekit.place({list(addresses)}, {bias})")
        return bool(addresses)

    def _check_text(self, addresses: tuple[int, ...]) -> None:
        if any(changed(self._pid, address, self._code) for address in addresses):
            raise UnsupportedError(
                feature=f"sampling at {self._request.address:#x} of {self._request.title}",
                backend=NAME,
                reason=f"process {self._pid} has other code there than the file: somebody else's probe or "
                "breakpoint, at which gdb would never stop",
                remedy="End the other tracer first.",
            )

    def _run(self) -> Stopped | None:
        """Let the target run until all is seen; None if the time is over before that.

        A launched target also stops where it maps a library, and where it becomes another program.
        """
        deadline = monotonic() + self._request.timeout
        while True:
            self._session.go()
            stopped = self._session.stop(deadline)
            match stopped.reason if stopped else "":
                case "solib-event":
                    if self._place():
                        self._session.python("tracekit.await_libraries(False)")
                case "exec":
                    self._session.python("tracekit.remove()")
                    placed = self._place()
                    self._session.python(f"tracekit.await_libraries({not placed})")
                case _:
                    return stopped

    def _let_go(self, stopped: Stopped | None) -> None:
        """Have gdb take its breakpoints away, let the target go on, and end."""
        if stopped is not None and not _ended(stopped):
            self._session.python("tracekit.remove()")
            if self._pid:
                self._session.python("tracekit.tell_regions()")
            self._session.command("-target-detach")
        # A target that runs must not be interrupted: the end of gdb's input has it detach by itself.
        if not self._session.end():
            self._notes.append(f"gdb does not end, and may still hold process {self._pid}")
        self._explain(stopped)

    def _explain(self, stopped: Stopped | None) -> None:
        told = read_records(self._session.results())
        count = f"{len(told.hits)} of {self._request.hits} entries seen"
        if len(told.hits) >= self._request.hits:
            return
        if self._pid and not self._code_at:
            raise TargetError(
                f"{self._request.title} was never mapped by the target",
                "Name the program or library that has the function in the target itself; processes that it "
                "forks are not looked at.",
            )
        if stopped is None:
            self._notes.append(f"{count}: no more came within {self._request.timeout:g} s")
        elif _ended(stopped):
            self._notes.append(f"{count}: the target ended before there were more")
        else:
            what = f" by {stopped.signal}" if stopped.signal else ""
            cause = "; ".join(told.errors) or f"the target was stopped{what} ({stopped.reason})"
            self._notes.append(f"{count}: {cause}")

    def _samples(self, ended: Ending | None) -> Samples:
        told = read_records(self._session.results())
        return Samples(told.hits, told.version, ended, told.regions, (*self._notes, *told.notes))

    @contextlib.contextmanager
    def _repaired(self, pidfd: int) -> Iterator[None]:
        """If gdb dies, undo in the target what can be undone, and say what became of it.

        The kernel lets the target go on when gdb dies, with the breakpoints in its code.
        """
        try:
            yield
        except EngineError as error:
            if not self._session.dead or pidfd_ended(pidfd):
                raise
            for address, code in self._code_at.items():
                if changed(self._pid, address, code):
                    write_memory(self._pid, address, code)
            take_out_breakpoints(self._pid)
            if is_stopped(self._pid):
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGCONT)
            error.hint = f"Its breakpoints were taken away in its place: {describe_state(self._pid)}."
            raise


def _ended(stopped: Stopped | None) -> bool:
    return stopped is not None and stopped.reason.startswith("exited")


def _ending(stopped: Stopped | None) -> Ending | None:
    """How a target ended that isn't our child, as gdb says."""
    if stopped is None or not _ended(stopped):
        return None
    return Ending(status=stopped.exit_code, signal=stopped.signal)
