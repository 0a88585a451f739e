"""A process's number can come to mean another process: that one must not be touched."""

import os
import signal
import subprocess

from tracekit.backends.gdb.run import GdbTracer
from tracekit.backends.gdb.sites import BREAKPOINTS
from tracekit.core.arch import architecture
from tracekit.errors import EngineError


def test_after_gdbs_death_another_process_is_not_repaired() -> None:
    """Of a process that has ended nothing is undone, although another one has its number and stands still."""
    with subprocess.Popen(["sleep", "60"]) as ended, subprocess.Popen(["sleep", "60"]) as other:
        try:
            tracer = object.__new__(GdbTracer)
            tracer.ended, tracer._losses, tracer._code_at = False, [], {}
            tracer._arch = architecture(os.uname().machine)
            tracer._pidfd, tracer._pid = os.pidfd_open(ended.pid), other.pid
            ended.kill()
            ended.wait()
            other.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
            with open(f"/proc/{other.pid}/auxv", "rb") as file:
                words = memoryview(file.read()).cast("Q")
            entry = dict(zip(words[::2], words[1::2], strict=True))[9]
            with open(f"/proc/{other.pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(entry)
                memory.write(BREAKPOINTS[tracer._arch.name])
                tracer._code_at = {entry: b"\0"}
                tracer._died(EngineError(message="gdb has ended", engine="gdb"))
                memory.seek(entry)
                assert memory.read(1) == BREAKPOINTS[tracer._arch.name][:1]
            assert not os.waitid(os.P_PID, other.pid, os.WCONTINUED | os.WNOHANG)
        finally:
            os.close(tracer._pidfd)
            other.kill()
