"""An engine that hangs, or that others signal, keeps neither tracekit nor the target."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hazards.conftest import Used, on

import tracekit as tk
from tracekit.core.result import LossKind
from tracekit.process.attached import status
from tracekit.process.debugger import Debugger

pytestmark = pytest.mark.live

Waiting = Callable[[], "subprocess.Popen[bytes]"]


def engine_of(session: tk.Session) -> int:
    """The process of its engine."""
    tracer = session._tracer
    return tracer._session._debugger.pid if hasattr(tracer, "_session") else tracer._engine.pid


def is_free(process: subprocess.Popen[bytes]) -> bool:
    """Whether it runs, held by nobody."""
    found = status(process.pid)
    return process.poll() is None and found["TracerPid"] == "0" and found["State"][0] in "RS"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@on("bpftrace 0.17", "bpftrace 0.23", "bpftrace 0.27", "dtrace 2.0.7", "gdb 13")
def test_a_hang_up_of_the_engine_loses_nothing(used: Used, victim: str, waiting: Waiting) -> None:
    """A SIGHUP, as a terminal's end sends to all that it has, doesn't end an engine: its result is whole."""
    process = waiting()
    with used.start(f"uprobe:{victim}:hit {{ @ = count() }}", process.pid) as session:
        os.kill(engine_of(session), signal.SIGHUP)
        time.sleep(0.2)
        result = session.stop()
    assert result.whole and result.maps[0].total > 10
    until(lambda: is_free(process))


@on("bpftrace 0.17", "bpftrace 0.27", "dtrace 2.0.7", "gdb 13")
def test_an_engine_that_hangs_is_given_up(
    used: Used, victim: str, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped as by a lack of memory, it is waited for only so long; that is told, and the target lives on."""
    monkeypatch.setattr("tracekit.backends.bpftrace.run._NUDGE_SECONDS", None)  # it would have it go on
    monkeypatch.setattr("tracekit.backends.gdb.session.PATIENCE", 2.0)
    monkeypatch.setattr(Debugger, "GRACE", 1.0)
    process = waiting()
    with used.start(f"uprobe:{victim}:hit {{ @ = count() }}", process.pid) as session:
        session._tracer._patience = 1.0
        engine = engine_of(session)
        os.kill(engine, signal.SIGSTOP)
        result = session.stop()
        assert not result.complete
        assert any(loss.kind is LossKind.INCOMPLETE for loss in result.losses)
        if used.backend == "gdb":  # never killed: it would take the process with it
            assert any("may still hold" in loss.message for loss in result.losses)
            os.kill(engine, signal.SIGCONT)
    until(lambda: is_free(process) and not os.path.exists(f"/proc/{engine}"))


@on("dtrace 2.0.7", "gdb 13", "gdb 18")
def test_a_killed_engine_does_not_take_the_process_with_it(
    used: Used, victim: str, waiting: Waiting, tmp_path: Path
) -> None:
    """Its breakpoint in the loader is taken out in its place: the process can still load a library."""
    process = waiting()
    # A function of a library has gdb follow libraries, as dtrace always does.
    with used.start("uprobe:libc.so.6:getpwnam { @ = count() }" if used.backend == "gdb" else
                    f"uprobe:{victim}:never {{ @ = count() }}", process.pid) as session:  # fmt: skip
        os.kill(engine_of(session), signal.SIGKILL)
        while session.running:
            session.wait(1.0)
        result = session.stop()
    assert not result.complete
    (tmp_path / "go").touch()
    assert process.wait(30) == 7
