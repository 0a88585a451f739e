"""What strikes tracekit strikes the engine that is in it: the kernel cleans up, and the target goes on."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest
from tests.faults import harm, kernel
from tests.faults.cli import SECONDS, Engine, Target, await_tracing, finish
from tests.faults.conftest import an_engine
from tests.faults.ledger import Ledger
from tests.faults.processes import until

import tracekit as tk
from tracekit.render.run_file import load

pytestmark = pytest.mark.live

CALLS = 300
PROGRAM = "uprobe:{b}:work {{ @[arg0 & 7] = hist(arg0) }} uretprobe:{b}:work {{ @time = stats(elapsed) }}"
COUNT = "uprobe:{b}:work {{ @ = count() }}"


@pytest.fixture
def own(found_programs: dict[str, str]) -> Engine:
    """Our own engine."""
    return an_engine("bpf own", found_programs)


def test_after_kill_9_the_kernel_keeps_nothing(own: Engine, steady: Target) -> None:
    """Its programs, maps and links are gone, the target has its own code, and goes on calling."""
    process = steady.serve(10**9)
    tracing = own.start(PROGRAM.format(b=steady.path), "-p", process.pid)
    await_tracing(tracing)
    steady.ledger.tell("go")
    assert until(lambda: steady.ledger["calls"] > 50, 20)
    things = kernel.held(tracing.pid)
    assert {kind for kind, _ in things} >= {"prog", "map"} and all(map(kernel.is_there, things))
    assert harm.changed_code(process.pid)
    tracing.kill()
    finish(tracing)
    assert until(lambda: not any(map(kernel.is_there, things)), 20)
    assert not harm.marks_on(process.pid)
    calls = steady.ledger["calls"]
    assert until(lambda: steady.ledger["calls"] > calls, 20)
    assert steady.stop() == 0


def test_stopped_while_all_happens(own: Engine, steady: Target) -> None:
    """The kernel counts while tracekit stands still: what came and went meanwhile is in the result, whole."""
    process = steady.serve(CALLS)
    tracing = own.start(COUNT.format(b=steady.path), "-p", process.pid, options=["--interval", "0.1"])
    await_tracing(tracing)
    tracing.send_signal(signal.SIGSTOP)
    steady.make_calls()
    assert steady.stop() == 0
    tracing.send_signal(signal.SIGCONT)
    done = finish(tracing)
    assert done.status == 0 and load(done.out.splitlines()[-1]).whole, done.said
    assert load(done.out.splitlines()[-1]).maps[0].total == CALLS


def test_a_target_that_is_killed(own: Engine, steady: Target) -> None:
    """By whatever call it has come to when SIGKILL meets it, each before it counts, and none besides."""
    process = steady.serve(10**9)
    tracing = own.start(COUNT.format(b=steady.path), "-p", process.pid)
    await_tracing(tracing)
    steady.ledger.tell("go")
    assert until(lambda: steady.ledger["calls"] > 500, 20)
    process.kill()
    done = finish(tracing)
    assert done.status == 0 and done.result.whole, done.said
    # A call is noted before it is made, and once more when it has returned.
    assert steady.ledger["returns"] <= done.map.total <= steady.ledger["calls"]


@pytest.mark.parametrize("descriptors", [11, 14, 19])
def test_few_descriptors(own: Engine, steady: Target, descriptors: int) -> None:
    """Wherever they come to an end, one sentence says that it is they, or the result is whole."""
    limit = ["prlimit", f"--nofile={descriptors}", "--"]
    words = steady.words("run", CALLS)
    done = own.trace(PROGRAM.format(b=steady.path), "--", *words, before=limit)
    if done.status == 0:
        assert done.result.whole and done.map.total == CALLS
    else:
        assert done.status == 1 and not done.out
        assert re.search(r"^tracekit: .*(too many|descriptors|files)", done.said, re.MULTILINE), done.said
        assert "fault of tracekit" not in done.said and "Traceback" not in done.said


def test_snapshots_while_all_processors_count(found_programs: dict[str, str], steady: Target) -> None:
    """Two processes call without a pause: no number of a snapshot goes down, and the last ones are exact."""
    ledgers = [Ledger(steady.path.parent / name) for name in ("one", "two")]
    words = [[steady.path, ledger.path, "serve", str(10**12), "0", "0"] for ledger in ledgers]
    with subprocess.Popen(words[0]) as one, subprocess.Popen(words[1]) as two:
        try:
            assert until(lambda: all(ledger["pid"] for ledger in ledgers), 20)
            program = tk.parse(
                f"uprobe:{steady.path}:work {{ @[pid, arg0 & 7] = hist(arg0); @n = stats(arg0) }}"
            )
            before: dict[object, int] = {}
            with tk.start(program, tk.Pids([one.pid, two.pid]), backend="bpf", interval=0.1) as session:
                for ledger in ledgers:
                    ledger.tell("go")
                for _, snapshot in zip(range(8), session.snapshots(0.1), strict=False):
                    now = {
                        (m.name, keys, part): number
                        for m in snapshot.maps
                        for keys, h in m.entries.items()
                        for part, number in [("count", h.count), *((b.lo, b.count) for b in h.buckets)]
                    }
                    assert all(now[place] >= number for place, number in before.items())
                    before = now
                for ledger in ledgers:
                    ledger.tell("stop")
                assert one.wait(SECONDS) == two.wait(SECONDS) == 0
                result = session.stop()
        finally:
            one.kill(), two.kill()
    assert result.whole and before
    calls = {pid: ledger["calls"] for pid, ledger in zip((one.pid, two.pid), ledgers, strict=True)}
    assert result.histogram("n").count == sum(calls.values())
    assert result.histogram("n").sum == sum(ledger["sum"] for ledger in ledgers)
    for pid, number in calls.items():
        kept = [h for (of, _), h in result[""].entries.items() if of == pid]
        assert sum(h.count for h in kept) == sum(b.count for h in kept for b in h.buckets) == number
