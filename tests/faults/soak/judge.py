"""Whether a result is the truth or says that it is less, and whether target and machine are as before."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.faults import harm, processes
from tests.faults.builds import returned, values
from tests.faults.ledger import Ledger
from tests.faults.processes import until
from tests.faults.soak.plan import Plan
from tests.faults.soak.run import END_LIMIT, Outcome, Run

from tracekit.core.result import LossKind, MapResult, Result
from tracekit.errors import UsageError
from tracekit.render.run_file import load

_KEYS = {"a": lambda v: (v & 63,), "b": lambda v: (v & 7,)}
"""The keys of the program ``keys``, for each argument."""


def judge_result(plan: Plan, outcome: Outcome) -> tuple[str, list[str]]:
    """What came of a tracekit, in a word, and what is wrong with it."""
    if outcome.status == -999:
        return "hung", ["tracekit hangs"]
    wrong = ["a traceback"] if _shows_insides(outcome) else []
    if not outcome.output:
        if outcome.status == 0 and outcome.kept:
            wrong.append("no result, and status 0")
        elif outcome.status == 0:
            wrong.append("the result could not be written, and the status is 0")
        elif (
            outcome.status > 0
            and "tracekit: " not in outcome.said
            and outcome.kept
            and not _before_ours(outcome)
        ):
            wrong.append("no result, and no reason")
        return ("killed" if outcome.status < 0 else "error"), wrong
    try:
        result = load(outcome.output)
    except UsageError as error:
        # What could be written of it is no result, and the status says so.
        return "error", wrong if outcome.status else [
            *wrong,
            f"a part of a result, and status 0: {error.message}",
        ]
    if result.complete != (outcome.status == 0) and outcome.status >= 0:
        wrong.append(f"status {outcome.status} for a result that is {'' if result.complete else 'in'}complete")
    wrong += [fault for found in result.maps for fault in _judge_map(plan, outcome, result, found)]
    return ("whole" if result.whole else "marked" if result.complete else "incomplete"), wrong


_OURS = re.compile(r'File ".*/tracekit/.*", line \d+, in (?!<module>)')
"""A line of a traceback in a function of tracekit's."""


def _before_ours(outcome: Outcome) -> bool:
    """Whether Ctrl-C came while Python was starting, and nothing of tracekit's had run."""
    return "KeyboardInterrupt" in outcome.said and not _OURS.search(outcome.said)


def _shows_insides(outcome: Outcome) -> bool:
    """Whether tracekit shows a traceback; Python's own, from before it runs any of ours, is none of its."""
    told = "Traceback" in outcome.said or "Exception ignored" in outcome.said
    return told and not _before_ours(outcome)


def _judge_map(plan: Plan, outcome: Outcome, result: Result, found: MapResult) -> Iterator[str]:
    """What is wrong with a map."""
    calls = values(plan.target, plan.mode, plan.calls)
    of_returns = found.name == "r"
    events = returned(plan.target, calls) if of_returns else calls
    losses = [x for x in result.losses if x.map in (None, found.name)]
    lost = sum(x.count or 0 for x in losses if x.kind in (LossKind.KEYS, LossKind.EVENTS))
    least, most = outcome.least[of_returns], outcome.most[of_returns]
    # Of a histogram without room for all buckets, the count is whole: the loss is the buckets'.
    kept = sum(
        sum(b.count for b in h.buckets) if h.scheme and lost else h.count for h in found.entries.values()
    )
    counted = kept + lost
    kinds = {x.kind for x in losses}
    if LossKind.APPROXIMATE in kinds:
        return
    if counted > most:
        yield f"@{found.name} has {counted} events of {most}"
    open_ended = kinds & {LossKind.INCOMPLETE, LossKind.ENGINE} or (of_returns and LossKind.UNRETURNED in kinds)
    if not open_ended and counted < least:
        yield f"@{found.name} has {counted} events, of at least {least}, and doesn't say so"
    if any(sum(b.count for b in h.buckets) > h.count for h in found.entries.values()):
        yield f"@{found.name} has buckets with more than their count"
    if not losses and counted == len(events):
        yield from _differences(plan, found, events)


def _differences(plan: Plan, found: MapResult, events: list[int]) -> Iterator[str]:
    """How a map that has all events differs from the truth."""
    key = _KEYS[found.name] if plan.program == "keys" else lambda _: ()
    groups: dict[tuple[int, ...], list[int]] = {}
    for value in events:
        groups.setdefault(key(value), []).append(value)
    if {k for k, h in found.entries.items() if h.count} != set(groups):
        yield f"@{found.name} has other keys"
        return
    for keys, h in found.entries.items():
        true = groups.get(keys, [])
        valued = found.function != "count" and true
        if h.count != len(true) or (valued and (h.sum, h.min, h.max) != (sum(true), min(true), max(true))):
            yield f"@{found.name}{list(keys)} is {h.count, h.sum, h.min, h.max}"
        if h.scheme and {b.range: b.count for b in h.buckets} != Counter(map(h.scheme.bucket, true)):
            yield f"@{found.name}{list(keys)} has other buckets"


def judge_target(run: Run, first: Outcome, status: int | None, marks: list[str]) -> list[str]:
    """How the target differs from itself alone."""
    plan, harmed = run.plan, list(marks)
    if run.fault.ends_target and run.struck:
        return harmed
    by_itself = -11 if plan.mode == "crash" else plan.status
    made = run.ledger["calls"]
    all_made = len(values(plan.target, plan.mode, plan.calls))
    if plan.attached:
        if status != by_itself:
            harmed.append(f"the target ended with {status} instead of {by_itself}")
        return harmed
    if first.status < 0 or (status is None and first.output == b""):
        # Killed before it let the target go: then nothing of it has run.
        if made == 0 and run.ledger["pid"] == 0:
            return harmed
        if run.fault.ends_tracekit and (status not in (by_itself, None) or made != all_made):
            harmed.append(
                f"after tracekit's end, the target ended with {status} after {made} calls of {all_made}"
            )
        return harmed
    if run.plan.fault == "file replaced" and run.struck and run.ledger["pid"] == 0:
        return harmed  # before it was executed: then it is the other program that has run
    return harmed + _recorded(run, first, by_itself, made == all_made)


def _recorded(run: Run, first: Outcome, by_itself: int, all_made: bool) -> list[str]:
    """What a result says of the target's end, and what is wrong with that."""
    try:
        ending = load(first.output).provenance.target.ending
    except UsageError:
        return []
    if ending is None:
        return ["the result doesn't say how the target ended"]
    if ending.by_us:
        return [] if run.fault.ends else ["tracekit ended the target"]
    found = ending.status if ending.signal is None else -11 if ending.signal == "SIGSEGV" else ending.signal
    if found != by_itself or not all_made:
        return [f"the target ended with {found} instead of {by_itself}, all calls made: {all_made}"]
    return []


def leftovers(run: Run, built: Path) -> list[str]:
    """What is left of a run: processes, probes, files."""
    left = _running(run)
    left += _probes(run)
    left += _code_of_a_new_process(run)
    expected = {"cwd", "home", "tmp", "ledger", "newer", run.binary.name}
    for path in sorted(run.folder.rglob("*")):
        name = str(path.relative_to(run.folder))
        if name in expected or path.suffix in (".err", ".out") or path == run.output or "calibrations" in name:
            continue
        if path.name in (".gdbinit", ".gdbearlyinit", "sitecustomize.py") or path.name.startswith(
            f"{run.binary.name}-gdb."
        ):
            continue
        if path.name in run.said:  # a result that could not be written where it should go, and was told
            continue
        left.append(f"file {name}")
    return left


def _running(run: Run) -> list[str]:
    """The processes of a run that don't end, which are killed then; every orphan of it is our child."""
    known = {run.target.pid} if run.target else set()

    def running() -> list[int]:
        for pid in set(processes.children(os.getpid())) - known:
            if not processes.runs(pid):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return [p for p in processes.descendants(os.getpid()) if p not in known and processes.runs(p)]

    until(lambda: not running(), END_LIMIT)
    left = []
    for pid in running():
        state = processes.fields(pid).get("State")
        left.append(f"process {pid} {' '.join(processes.words(pid))[:200]!r} {state}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not running(), 10)
    return left


def _probes(run: Run) -> list[str]:
    """The uprobes that a run's dtrace has left in the kernel; its id may have been another's before."""

    def found() -> list[str]:
        ours = [f":dt_{pid}_" for pid in run.engines]
        return [p for p in harm.named_probes() if p not in run.probes_before and any(o in p for o in ours)]

    until(lambda: not found(), 5)
    return found()


def _code_of_a_new_process(run: Run) -> list[str]:
    """Whether a probe is still in the file: it would be in the code of any process of it that starts now."""
    if not run.binary.exists() or run.binary.read_bytes()[:2] == b"#!":
        return []
    ledger = Ledger(run.folder / "ledger")
    command = [run.binary, ledger.path, "serve" if run.plan.target == "steady" else "run", "0", "0", "0"]
    if run.plan.target != "steady":
        return []
    with subprocess.Popen(command) as process:
        until(lambda: ledger["pid"], 10)
        changed = harm.changed_code(process.pid)
        ledger.tell("stop")
    return [f"a probe at {place}" for place in changed]


def owned_by_others(run: Run) -> list[str]:
    """Files of a run that belong to root though a user has called."""
    if "SUDO_UID" not in run.environment or run.output is None or not run.output.exists():
        return []
    owner = run.output.stat().st_uid
    return [] if str(owner) == run.environment["SUDO_UID"] else [f"the result belongs to {owner}"]


def marks(run: Run) -> list[str]:
    """What is left on an attached target when tracekit has ended."""
    if run.target is None or (run.fault.ends_target and run.struck) or run.target.poll() is not None:
        return []
    found: list[str] = []

    def unmarked() -> bool:
        found[:] = harm.marks_on(run.target.pid) if run.target and run.target.poll() is None else []
        return not found

    # After a SIGKILL to tracekit, its engine takes some time to let go.
    until(unmarked, 40 if run.fault.ends_tracekit else 3, 0.05)
    return found if os.path.exists(f"/proc/{run.target.pid}") else []
