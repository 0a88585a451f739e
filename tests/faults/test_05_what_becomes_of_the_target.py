"""Proof 5: however the target ends, and whatever it does, that is told, its calls count, and nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.faults.cli import WITH_TRACEFS, Engine, Target, await_tracing, finish
from tests.faults.processes import fields, until

from tracekit.core.result import Ending

pytestmark = pytest.mark.live

CALLS = 40
MODES = {
    "exit 7": ("run", 7, Ending(status=7)),
    "SIGSEGV": ("crash", 0, Ending(signal="SIGSEGV")),
    "exec": ("exec", 3, Ending(status=3)),
    "fork": ("forks", 4, Ending(status=4)),
}


@pytest.mark.parametrize("name", MODES)
def test_how_it_ends(engine: Engine, steady: Target, name: str) -> None:
    """An exit status, a crash, an exec and forks are told as they are, and each call of the target counts."""
    mode, status, ending = MODES[name]
    done = engine.trace(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words(mode, CALLS, 0, status)
    )
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == CALLS == steady.ledger["calls"]
    assert done.result.provenance.target.ending == ending


def test_a_daemon_that_forks_away(engine: Engine, steady: Target) -> None:
    """Tracing ends with the process that was started; that nothing was seen is said, with the way to see it."""
    done = engine.trace(
        f"uprobe:{steady.path}:work {{ @ = count() }}",
        "--",
        *steady.words("daemon", 100),
        stderr=subprocess.PIPE,
    )
    assert done.status == 0 and done.map.total == 0
    assert "--follow" in "".join(done.result.notes)
    assert until(lambda: steady.ledger["children"] == 100, 20)


def test_a_daemon_that_is_followed(follower: Engine, steady: Target) -> None:
    """With --follow, what the child does until its parent has ended counts, and the child goes on unharmed."""
    words = steady.words("forks", CALLS)
    done = follower.trace(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *words, options=["--follow"], before=WITH_TRACEFS
    )
    assert done.map.total == CALLS + steady.ledger["children"], done.said


def test_standard_output_closed(engine: Engine, steady: Target) -> None:
    """A target that closes its output is counted like any other."""
    done = engine.trace(f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *steady.words("mute", CALLS))
    assert done.status == 0 and done.result.whole, done.said
    assert done.map.total == CALLS


ZOMBIE = """
import os, sys, time
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
print(pid, flush=True)
sys.stdin.read()
"""


def test_a_zombie(engine: Engine, steady: Target) -> None:
    """A process whose parent doesn't wait for it ends tracing; what is a zombie already is refused."""
    words = [sys.executable, "-c", ZOMBIE, *steady.words("serve", CALLS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stdin is not None
        pid = int(parent.stdout.readline())
        assert until(lambda: steady.ledger["pid"], 20)
        tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", pid)
        await_tracing(tracing)
        steady.make_calls()
        steady.ledger.tell("stop")
        done = finish(tracing)
        assert done.status == 0 and done.result.whole, done.said
        assert done.map.total == CALLS
        assert fields(pid)["State"].startswith("Z") and os.path.exists(f"/proc/{pid}")
        again = engine.trace(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", pid)
        assert again.status == 1 and "zombie" in again.said
        parent.stdin.close()
