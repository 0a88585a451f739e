"""Has inputs made and read in processes of their own, and keeps what is wrong."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from typing import Self

import attrs
from tests.fuzz.judge import judge, limit_memory
from tests.fuzz.target import Target

BATCH = 2_000
"""Inputs that one process reads: what it keeps of them has to stay within its room."""

_SILENT = 180.0
"""Seconds after which a process that says nothing hangs where not even a signal reaches it."""

_KEPT = 3
_TOLD = 50


@attrs.define
class Figures:
    """What a campaign against one target comes to.

    Attributes:
        inputs: how many were read.
        accepted: how many of them weren't refused.
        seconds: of processors, in all.
        slowest: the most seconds of a processor that one took.
        largest: the most bytes by which a process became larger at one.
        findings: for each fault, the files of inputs that show it, and how many did.
    """

    inputs: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    largest: int = 0
    findings: dict[str, tuple[list[str], int]] = attrs.field(factory=dict)


def made(target: Target, seed: int, index: int) -> bytes:
    """The input of a number, which is always the same."""
    return target.make(Random(f"{target.name}/{seed}/{index}"))


def campaign(target: Target, seed: int, inputs: Sequence[int], jobs: int, folder: Path) -> Figures:
    """Read inputs of a target.

    Args:
        target: what is fuzzed; it is prepared.
        seed: of the inputs.
        inputs: their numbers.
        jobs: how many processes work at once.
        folder: where inputs are kept that something is wrong with.
    """
    figures = Figures()
    batches = iter([inputs[n : n + BATCH] for n in range(0, len(inputs), BATCH)])
    with _Workers(target, seed) as workers:
        for _ in range(jobs):
            workers.start(next(batches, ()))
        with contextlib.suppress(KeyboardInterrupt):  # what was read until then counts
            while workers.at_work:
                for worker in workers.ready():
                    rest = worker.hear(figures, target, seed, folder)
                    if rest is not None:
                        workers.replace(worker, rest or next(batches, ()))
    return figures


class _Workers:
    """Processes at work; those that are left at the end are ended."""

    def __init__(self, target: Target, seed: int) -> None:
        self.at_work: list[_Worker] = []
        self._target, self._seed = target, seed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.at_work:
            worker.end()

    def start(self, batch: Sequence[int]) -> None:
        if batch:
            self.at_work.append(_Worker(self._target, self._seed, batch))

    def replace(self, worker: _Worker, batch: Sequence[int]) -> None:
        worker.end()
        self.at_work.remove(worker)
        self.start(batch)

    def ready(self) -> Iterator[_Worker]:
        found = wait([w.connection for w in self.at_work], timeout=5)
        for worker in list(self.at_work):
            if worker.connection in found or time.monotonic() - worker.heard > _SILENT:
                yield worker


class _Worker:
    """A process that reads a batch, from its first to its last or until it dies."""

    def __init__(self, target: Target, seed: int, batch: Sequence[int]) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, other = context.Pipe(duplex=False)
        self._at = context.RawValue("q", -1)
        self._batch = batch
        self._process = context.Process(target=_work, args=(target, seed, batch, self._at, other))
        self._process.start()
        other.close()
        self.heard = time.monotonic()

    def hear(self, figures: Figures, target: Target, seed: int, folder: Path) -> Sequence[int] | None:
        """Take what it tells; the inputs that are left if it works no longer."""
        if self.connection.poll():
            try:
                told = self.connection.recv()
            except EOFError:
                return self._died(figures, target, seed, folder)
            self.heard = time.monotonic()
            if told is None:
                return ()
            _add(figures, *told, target, seed, folder)
            return None
        return self._died(figures, target, seed, folder)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _died(self, figures: Figures, target: Target, seed: int, folder: Path) -> Sequence[int]:
        alive = self._process.is_alive()
        self.end()
        what = "Hang that no signal ends" if alive else f"death of the process ({self._process.exitcode})"
        index = self._at.value
        _add(figures, Figures(inputs=1), [(index, what, "")], target, seed, folder)
        return self._batch[self._batch.index(index) + 1 :] if index >= 0 else ()


def _work(target: Target, seed: int, batch: Sequence[int], at: object, connection: Connection) -> None:
    """In a process of its own: read a batch, and tell of it every now and then."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit_memory()
    figures, findings = Figures(), []
    for number, index in enumerate(batch, start=1):
        at.value = index  # type: ignore[attr-defined]
        verdict = judge(target.read, made(target, seed, index))
        figures.inputs += 1
        figures.accepted += verdict.accepted
        figures.seconds += verdict.seconds
        figures.slowest = max(figures.slowest, verdict.seconds)
        figures.largest = max(figures.largest, verdict.grown)
        if verdict.finding:
            findings.append((index, verdict.finding, verdict.details))
        if number % _TOLD == 0 or findings:
            connection.send((figures, findings))
            figures, findings = Figures(), []
    connection.send((figures, findings))
    connection.send(None)
    os._exit(0)


def _add(
    figures: Figures,
    more: Figures,
    findings: list[tuple[int, str, str]],
    target: Target,
    seed: int,
    folder: Path,
) -> None:
    figures.inputs += more.inputs
    figures.accepted += more.accepted
    figures.seconds += more.seconds
    figures.slowest = max(figures.slowest, more.slowest)
    figures.largest = max(figures.largest, more.largest)
    for index, what, details in findings:
        files, count = figures.findings.get(what, ([], 0))
        if len(files) < _KEPT:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{target.name}-{seed}-{index}"
            path.write_bytes(made(target, seed, index))
            path.with_suffix(".txt").write_text(f"{what}\n{details}\n", errors="backslashreplace")
            files.append(str(path))
        figures.findings[what] = files, count + 1
