"""A worker of the soak: does one run after the other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conformance.engines import COLUMNS
from tests.faults.processes import become_subreaper
from tests.faults.soak import judge
from tests.faults.soak.plan import plan
from tests.faults.soak.run import Run
from tools.engines import engines

_CLONE_NEWNS = 0x20000
Only = Mapping[str, str]


def programs() -> dict[str, str]:
    """The engines that there are: the path of each column's program; of our own, which is none, nothing."""
    there = {engine.name: engine for engine in engines()}
    found = {
        name: str(there[column.kit].path)
        for name, column in COLUMNS.items()
        if column.kit in there and there[column.kit].version.startswith(column.version)
    }
    return {name: "" for name, column in COLUMNS.items() if not column.kit} | found


def work(
    seed: str,
    found: dict[str, str],
    only: Only,
    folder: Path,
    numbers: Any,
    runs: int,
    deadline: float,
    rows: Any,
) -> None:
    """A worker: does one run after the other."""
    signal.signal(signal.SIGINT, lambda *_: None)  # a handler, so that what is started has none
    own = Path(tempfile.mkdtemp(dir=folder))
    own.chmod(0o755)
    settle(own)
    while time.monotonic() < deadline:
        with numbers.get_lock():
            number, numbers.value = numbers.value, numbers.value + 1
        if number >= runs:
            break
        try:
            rows.put(one(seed, number, found, only, folder, own))
        except Exception:  # a mistake of the soak's own is told like any other finding
            rows.put({"number": number, "problems": {"soak": [traceback.format_exc()]}})


def settle(own: Path) -> None:
    """Be the parent of every orphan, see the kernel's probes, and have a full disk at hand."""
    become_subreaper()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    (own / "full").mkdir()
    mounts = [["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "size=16k", "tmpfs", str(own / "full")]]
    if not os.path.isdir("/sys/kernel/tracing/events"):
        mounts.append(["-t", "tracefs", "tracefs", "/sys/kernel/tracing"])
    for words in mounts:
        subprocess.run(["mount", *words], check=True)
    room = os.open(own / "full" / "room", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(room, bytes(4096)):
            pass
    os.close(room)


def one(
    seed: str,
    number: int,
    found: dict[str, str],
    only: Only,
    built: Path,
    own: Path | None = None,
    *,
    keep: bool = False,
) -> dict[str, Any]:
    """Do a run, and say what came of it."""
    own = own or built
    drawn = plan(seed, number, tuple(found), only)
    run = Run(drawn, found[drawn.column], built, own / f"run{number}", own / "full")
    begun = time.monotonic()
    outcomes = run.go()
    marks = judge.marks(run)
    status = run.conclude()
    judged = [judge.judge_result(drawn, outcome) for outcome in outcomes]
    problems = {
        "result": [wrong for _, found in judged for wrong in found],
        "target": judge.judge_target(run, outcomes[0], status, marks),
        "left": judge.leftovers(run, built) + judge.owned_by_others(run),
    }
    row = {
        "number": number,
        **{
            name: getattr(drawn, name)
            for name in ("column", "target", "mode", "program", "fault", "moment", "calls")
        },
        "struck": run.struck,
        "outcome": [word for word, _ in judged],
        "status": outcomes[0].status,
        "said": [line for line in outcomes[0].said.splitlines() if line.startswith("tracekit: ")],
        "seconds": round(time.monotonic() - begun, 2),
        "problems": {kind: found for kind, found in problems.items() if found},
    }
    if row["problems"]:
        row["output"] = outcomes[0].said[-1500:]
    if not keep:
        shutil.rmtree(run.folder, ignore_errors=True)
    return row
