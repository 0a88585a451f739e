"""Proof 4: after a SIGKILL to tracekit or its engine, at any moment, nothing is left and the target goes on.

The runs are the soak's, with this fault only: it looks for tracers, for stopped or held targets, for other code
than the file's in the target and in a new process of the binary, and for uprobes that the kernel still lists.
gdb's and dtrace's own death is another matter, which docs/safety.md tells and the last tests here show.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from tests.faults import harm
from tests.faults.cli import Engine, Target, await_tracing, engine_of, finish
from tests.faults.conftest import BPFTRACES, COLUMNS
from tests.faults.processes import until
from tests.faults.soak.many import soak

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("fault", "columns"),
    [("SIGKILL to tracekit", COLUMNS), ("SIGKILL to the engine", BPFTRACES)],
)
def test_nothing_is_left(
    found_programs: dict[str, str], built: Path, fault: str, columns: tuple[str, ...]
) -> None:
    """At 20 random moments each, with commands and with processes that ran before, on every engine."""
    there = {name: path for name, path in found_programs.items() if name in columns}
    rows = soak("proof 4", 20, there, {"fault": fault}, built, workers=4)
    # Some of the moments come before there is an engine, or after its end.
    assert sum(row["struck"] for row in rows) >= 8
    assert not [json.dumps(row) for row in rows if row["problems"]]


def test_a_command_outlives_its_engine(bpftrace: Engine, steady: Target) -> None:
    """A command whose engine is killed goes on to its own end, and the result says what is missing."""
    tracing = bpftrace.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words("serve", 100, 0, 7)
    )
    await_tracing(tracing)
    os.kill(engine_of(tracing, "bpftrace"), signal.SIGKILL)
    assert tracing.stderr is not None and "the command goes on" in tracing.stderr.readline()
    steady.make_calls()
    assert tracing.poll() is None
    steady.ledger.tell("stop")
    done = finish(tracing)
    ending = done.result.provenance.target.ending
    assert done.status == 1 and not done.result.complete
    assert ending is not None and (ending.status, ending.by_us) == (7, False)


def test_an_engine_that_somebody_ends(bpftrace: Engine, steady: Target) -> None:
    """At SIGTERM bpftrace tells a result and ends well: it is no whole one, and the command goes on."""
    tracing = bpftrace.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words("serve", 100))
    await_tracing(tracing)
    os.kill(engine_of(tracing, "bpftrace"), signal.SIGTERM)
    assert tracing.stderr is not None and "the command goes on" in tracing.stderr.readline()
    steady.make_calls()
    steady.ledger.tell("stop")
    done = finish(tracing)
    ending = done.result.provenance.target.ending
    assert done.status == 1 and not done.result.complete
    assert ending is not None and (ending.status, ending.by_us) == (0, False)


def test_what_a_killed_gdb_does(found_programs: dict[str, str], steady: Target) -> None:
    """A process that meets gdb's breakpoint then dies by SIGTRAP; the result is incomplete and says so."""
    engine = Engine("gdb 13", found_programs["gdb 13"])
    process = steady.serve(10**9)
    tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid)
    await_tracing(tracing)
    steady.ledger.tell("go")
    assert until(lambda: steady.ledger["calls"] > 50, 20)
    os.kill(engine_of(tracing, "gdb"), signal.SIGKILL)
    done = finish(tracing)
    assert done.status == 1 and not done.result.complete
    assert any(str(process.pid) in loss.hint for loss in done.result.losses)
    assert process.poll() in (None, -signal.SIGTRAP) or until(lambda: process.poll() == -signal.SIGTRAP, 5)


def test_what_a_killed_dtrace_does(found_programs: dict[str, str], steady: Target) -> None:
    """The result is incomplete, tracekit takes its uprobes away, and the process goes on."""
    if "dtrace 2.0.7" not in found_programs:
        pytest.skip("there is no dtrace 2.0.7 here: 'make engines' sets it up")
    engine = Engine("dtrace 2.0.7", found_programs["dtrace 2.0.7"])
    process = steady.serve(100)
    tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid)
    await_tracing(tracing)
    pid = engine_of(tracing, "dtrace")
    with open(
        f"/proc/{pid}/root/sys/kernel/tracing/uprobe_events"
    ) as listed:  # as it sees it: we may have no tracefs
        assert f":dt_{pid}_" in listed.read()
        os.kill(pid, signal.SIGKILL)
        done = finish(tracing)
        listed.seek(0)
        assert f":dt_{pid}_" not in listed.read()
    assert done.status == 1 and not done.result.complete
    assert not harm.changed_code(process.pid)
    steady.make_calls()
    assert harm.fields(process.pid)["TracerPid"] == "0"
    assert steady.stop() == 0
