"""What is said where no event comes: facts that say why."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.emulator import Emulator, tracekit
from tests.live.endless import endless

import tracekit as tk

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def _an_engine() -> None:
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")


@pytest.fixture
def quiet(binaries: Callable[[str], Path], tmp_path: Path) -> str:
    """A program of this test's own, which calls next to nothing."""
    return str(shutil.copy(binaries("quiet"), tmp_path / "quiet"))


def wait_for(reason: str, session: tk.Session) -> None:
    """Wait until that is a reason for there being no event."""
    for _ in range(1000):
        if any(reason in found for found in session.silence()):
            return
        session.wait(10)
    raise AssertionError(session.silence())


def note(result: tk.Result) -> str:
    """What a result without events says of that."""
    assert result.maps[0].total == 0
    (found,) = [note for note in result.notes if note.startswith("no event came")]
    return found


def test_the_command_itself_was_asked_and_never_called_it(quiet: str) -> None:
    """Where the command runs the very file, it isn't a child that was missed."""
    result = tk.run(tk.parse(f'uprobe:"{quiet}":never {{ @ = count() }}'), tk.Command([quiet]))
    assert (
        note(result)
        == f"no event came: the command has run {quiet}, and never called never as far as probes see; "
        "what it forks counts with --follow"
    )


def test_a_filter_that_lets_nothing_through(quiet: str) -> None:
    """The probe is met, and the filter excludes everything: how often is told."""
    with endless(quiet, "serve") as pid:
        session = tk.start(
            tk.parse(f'uprobe:"{quiet}":never /arg0 > 5/ {{ @ = count() }}'), tk.Pids([pid]), interval=0.1
        )
        with session:
            wait_for("run into", session)
        assert "the filter let nothing through" in note(session.result)


def test_a_call_that_began_before(quiet: str) -> None:
    """A process that is in the middle of the function, as in its main loop, is seen to be."""
    with endless(quiet, "serve") as pid:
        session = tk.start(tk.parse(f'uprobe:"{quiet}":serve {{ @ = count() }}'), tk.Pids([pid]), interval=0.1)
        with session:
            wait_for("serve seems to be running already", session)
    with (
        endless(quiet, "wait") as pid,
        tk.start(tk.parse(f'uprobe:"{quiet}":serve {{ @ = count() }}'), tk.Pids([pid])) as session,
    ):
        pass
    assert "and what it called then is not seen" in note(session.result)


def test_a_child_that_runs_the_program_is_found_while_it_runs(quiet: str) -> None:
    """Without any snapshot, a line says after some seconds which process it is, and so does the result."""
    shell = ["sh", "-c", '"$1" wait; true', "sh", quiet]
    words = tracekit("trace", "--backend", "bpf", "-e", f'uprobe:"{quiet}":never {{ @ = count() }}', "--")
    with subprocess.Popen(
        [*words, *shell], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tracing:
        assert tracing.stderr is not None and tracing.stdout is not None
        while not (line := tracing.stderr.readline()).startswith("no event yet"):
            assert line
        tracing.send_signal(signal.SIGINT)
        tracing.wait()
        child = int(line.split()[4].rstrip(","))
        os.kill(child, signal.SIGKILL)  # it has the pipe, too
        result = tracing.stdout.read()
    said = f"process {child}, which the command has started, runs {quiet}: count it with --follow"
    assert line == f"no event yet: {said}\n"
    assert f"note: no event came: {said}\n" in result


def test_a_line_says_why_nothing_comes(quiet: str) -> None:
    """Where the engine can be asked at any moment, the reason is told also without snapshots."""
    with endless(quiet, "serve") as pid:
        program = f'uprobe:"{quiet}":never /arg0 > 5/ {{ @ = count() }}'
        words = tracekit("trace", "--backend", "bpf", "-e", program, "-p", str(pid))
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracing:
            assert tracing.stderr is not None
            while not (line := tracing.stderr.readline()).startswith("no event yet"):
                assert line
            tracing.send_signal(signal.SIGINT)
            assert tracing.wait() == 0
    assert "the filter let nothing through" in line


def test_a_terminal_is_told_why_nothing_comes(quiet: str) -> None:
    """On a terminal the reason is told without any snapshot being asked for, and none is shown."""
    program = f'uprobe:"{quiet}":never /arg0 > 5/ {{ @ = count() }}'
    with endless(quiet, "serve") as pid:
        words = tracekit("trace", "--backend", "bpftrace", "-e", program, "-p", str(pid))
        with Emulator(words) as terminal:
            terminal.until(lambda screen: "no event yet: the probes were run into" in screen.text)
            terminal.press(b"\x03")
            assert terminal.end() == 0


def test_a_screen_says_why_nothing_is_on_it(quiet: str) -> None:
    """Live, the reason stands where the histograms would."""
    program = f'uprobe:"{quiet}":serve {{ @ = count() }}'
    with endless(quiet, "serve") as pid:
        words = tracekit("trace", "--live", "--interval", "100ms", "--backend", "bpf", "-e", program)
        with Emulator([*words, "-p", str(pid)]) as terminal:
            terminal.shows("no event yet", "serve seems to be running already: only calls that", "@: no events")
            terminal.press(b"\x03")
            assert terminal.end() == 0
            terminal.check_restored()
