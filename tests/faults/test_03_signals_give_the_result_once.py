"""Proof 3: SIGINT, twice, SIGTERM and SIGHUP give the full result once; what ran before lives on."""

from __future__ import annotations

import signal

import pytest
from tests.faults import harm
from tests.faults.cli import Engine, Target, await_tracing, finish, send
from tests.faults.processes import until

from tracekit.core.result import Ending

pytestmark = pytest.mark.live

SIGNALS = {
    "SIGINT": (signal.SIGINT,),
    "SIGINT twice": (signal.SIGINT, signal.SIGINT),
    "SIGTERM": (signal.SIGTERM,),
    "SIGHUP": (signal.SIGHUP,),
}
CALLS = 200


@pytest.mark.parametrize("name", SIGNALS)
def test_a_process_that_ran_before(engine: Engine, steady: Target, name: str) -> None:
    """The result has every call until then, is there once, and the process goes on as if nothing had been."""
    process = steady.serve(CALLS)
    tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid)
    await_tracing(tracing)
    steady.make_calls()
    send(tracing, *SIGNALS[name])
    done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == CALLS and len(done.out.splitlines()) == 1
    assert until(lambda: not harm.marks_on(process.pid), 5), harm.marks_on(process.pid)
    assert steady.stop() == 0


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("engine", ["bpf own", "gdb 13"], indirect=True)
def test_a_command(engine: Engine, steady: Target, name: str) -> None:
    """A command that still runs is ended by SIGTERM, which the result says; its calls until then are there."""
    tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words("serve", CALLS))
    await_tracing(tracing)
    steady.make_calls()
    send(tracing, *SIGNALS[name])
    done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == CALLS and len(done.out.splitlines()) == 1
    assert done.result.provenance.target.ending == Ending(signal="SIGTERM", by_us=True)
