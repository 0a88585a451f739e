"""Many runs, some at once."""

from __future__ import annotations

import json
import multiprocessing
import queue
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.soak.worker import Only, work


def soak(
    seed: str,
    runs: int,
    engines: Mapping[str, str],
    only: Only,
    folder: Path,
    *,
    workers: int,
    seconds: float = 1e9,
    tell: bool = False,
) -> list[dict[str, Any]]:
    """Do runs until their number, or the time, is over, or Ctrl-C comes.

    Args:
        seed: what they are drawn from.
        runs: how many.
        engines: the engines' programs, by the matrix's names.
        only: what is said and not drawn.
        folder: where the targets are.
        workers: how many at once.
        seconds: when to begin no further run.
        tell: whether to print each finding at once, with how to repeat it.

    Returns:
        What came of each.
    """
    context = multiprocessing.get_context("spawn")
    numbers, rows = context.Value("q", 0), context.Queue()
    words = seed, dict(engines), only, folder, numbers, runs, time.monotonic() + seconds, rows
    started = [context.Process(target=work, args=words) for _ in range(workers)]
    for worker in started:
        worker.start()
    if tell:
        signal.signal(signal.SIGINT, lambda *_: setattr(numbers, "value", 1 << 40))
    done: list[dict[str, Any]] = []
    while rest := [worker for worker in started if worker.is_alive()] or not rows.empty():
        try:
            done.append(rows.get(timeout=1))
        except queue.Empty:
            continue
        if tell:
            _tell(seed, only, done)
        assert rest
    return done


def _tell(seed: str, only: Only, done: list[dict[str, Any]]) -> None:
    row = done[-1]
    if row["problems"]:
        fixed = " ".join(f"'{name}={value}'" for name, value in only.items())
        fixed = f' ONLY="{fixed}"' if only else ""
        print(
            f"\n{json.dumps(row, indent=1)}\n  again: make soak SEED={seed} RUN={row['number']}{fixed}",
            flush=True,
        )
    if len(done) % 50 == 0:
        findings = sum(bool(r["problems"]) for r in done)
        print(
            f"{time.strftime('%H:%M:%S')}  {len(done)} runs, {findings} with findings",
            flush=True,
        )
