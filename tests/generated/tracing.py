"""Runs programs on the target with the eBPF engine, many at once, and compares each with the model."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
from tests.conformance.judge import bucket
from tests.generated.draw import PROBES
from tests.generated.model import Call, Expected, Keys, World, expected

from tracekit.backends.base import Options, Processes, Reading, Tracer
from tracekit.backends.bpf.backend import BpfBackend
from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.expr import BuiltinName
from tracekit.core.histogram import Histogram
from tracekit.core.program import Aggregate, Clause, Program, check
from tracekit.core.result import LossKind
from tracekit.errors import TracekitError, UnsupportedError, UsageError
from tracekit.workflow.locate import locate

SOURCE = Path(__file__).parent / "target.c"


@attrs.frozen
class Case:
    """A program and how it is run."""

    program: Program
    options: Options


@attrs.frozen
class Outcome:
    """What came of a case.

    Attributes:
        wrong: what isn't as it must be; empty if all is.
        refused: why it was refused; empty if it was run.
    """

    wrong: tuple[str, ...] = ()
    refused: str = ""


def build(folder: Path) -> Path:
    """Compile the target."""
    binary = folder / "target"
    subprocess.run(
        ["gcc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-o", binary, SOURCE], check=True
    )
    return binary


class Bench:
    """The target as it waits for rounds, and what is known of it."""

    def __init__(self, binary: Path) -> None:
        """Start the target."""
        self._stack = ExitStack()
        self._target = self._stack.enter_context(
            subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        )
        self._stack.callback(self._target.kill)
        self.calls: list[Call] = []
        cpu = self._read_calls()
        pid = self._target.pid
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        self._stack.callback(os.close, self._memory)
        self._numbers = {BuiltinName.PID: pid, BuiltinName.TID: pid, BuiltinName.CPU: cpu}
        every = [Clause(probe, aggregates=Aggregate("", Count())) for probe in PROBES]
        with contextlib.chdir(binary.parent):
            self._located = locate(Program(every))
        self._stack.callback(self._located.close)

    def _read_calls(self) -> int:
        assert self._target.stdout is not None
        text = b""
        while not text.endswith(b"\n\n"):
            text += os.read(self._target.stdout.fileno(), 1 << 16)
        *lines, cpu = text.decode().strip().split("\n")
        for line in lines:
            function, *words = line.split()
            *arguments, result = (int(word, 16) for word in words)
            self.calls.append(Call(function, tuple(arguments), result))
        return int(cpu.split()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the target's memory, as far as they can be read."""
        try:
            return os.pread(self._memory, size, address)
        except (OSError, OverflowError):
            return b""

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """Run cases together, over one round."""
        outcomes: dict[int, Outcome] = {}
        with ExitStack() as stack:
            tracers: dict[int, Tracer] = {}
            for n, case in enumerate(cases):
                try:
                    tracers[n] = self._attached(case)
                    stack.callback(tracers[n].close)
                except (UnsupportedError, UsageError) as error:
                    outcomes[n] = Outcome(refused=error.message)
                except TracekitError as error:
                    outcomes[n] = Outcome((f"{error.message}\n{getattr(error, 'output', '')}",))
            self._round()
            for n, tracer in tracers.items():
                (reading,) = tracer.finish()
                outcomes[n] = Outcome(tuple(self._differences(cases[n], reading)))
        return [outcomes[n] for n in range(len(cases))]

    def _attached(self, case: Case) -> Tracer:
        check(case.program)
        tracer = BpfBackend().tracer(
            case.program,
            self._located.places,
            self._located.files,
            Processes((self._target.pid,)),
            case.options,
        )
        try:
            tracer.attach()
        except BaseException:
            tracer.close()
            raise
        return tracer

    def _round(self) -> None:
        assert self._target.stdin is not None
        assert self._target.stdout is not None
        os.write(self._target.stdin.fileno(), b".")
        assert os.read(self._target.stdout.fileno(), 1) == b"."

    def _differences(self, case: Case, reading: Reading) -> Iterator[str]:
        world = World(self._numbers, b"target", case.options.max_string, self.read)
        return differences(case, reading, expected(case.program, self.calls, world))


def differences(case: Case, reading: Reading, wanted: Expected) -> Iterator[str]:
    """What is wrong in a reading."""
    if not reading.final:
        yield "it is no final one"
    faults = sorted(count for count in wanted.faults.values() if count)
    told = sorted(x.count or 0 for x in reading.losses if x.kind is LossKind.APPROXIMATE)
    if told != faults:
        yield f"{told} reads are told to have failed, not {faults}"
    cut = {x.map: x.message.split()[0] for x in reading.losses if x.kind is LossKind.TRUNCATED}
    if cut != {name: str(len(keys)) for name, keys in wanted.cut.items()}:
        yield f"{cut} keys are told to be cut, not {dict(wanted.cut)}"
    for loss in reading.losses:
        if loss.kind not in (LossKind.APPROXIMATE, LossKind.TRUNCATED):
            yield f"a loss is told: {loss.message}"
    maps = {m.name: m.entries for m in reading.maps}
    for name, aggregate in case.program.maps.items():
        found, entries = maps[name], wanted.maps[name]
        if found.keys() != entries.keys():
            lacks, more = sorted(entries.keys() - found.keys()), sorted(found.keys() - entries.keys())
            yield f"@{name} lacks {lacks[:5]} and has besides {more[:5]}"
        for keys in found.keys() & entries.keys():
            yield from _entry(
                name, keys, aggregate.function, found[keys], entries[keys], exact=case.options.exact
            )


def _entry(
    name: str, keys: Keys, function: Aggregation, found: Histogram, values: Counter[int], *, exact: bool
) -> Iterator[str]:
    number = not isinstance(function, Count)
    moment = function.moment if isinstance(function, Scalar) else None
    whole = number and (exact or moment is Moment.STATS)
    total = sum(value * times for value, times in values.items())
    rows = {
        "count": values.total(),
        "sum": total if whole or moment in (Moment.SUM, Moment.AVG) else None,
        "min": min(values, default=None) if whole or moment in (Moment.MIN, Moment.MAX) else None,
        "max": max(values, default=None) if whole or moment in (Moment.MIN, Moment.MAX) else None,
    }
    for row, value in rows.items():
        if getattr(found, row) != value:
            yield f"@{name}{list(keys)}: {row} is {getattr(found, row)}, not {value}"
    if isinstance(function, Distribution):
        wanted: Counter[tuple[int | None, int | None]] = Counter()
        for value, times in values.items():
            wanted[bucket(function.scheme, value)] += times
        told = {(b.lo, b.hi): b.count for b in found.buckets}
        if told != dict(wanted):
            yield f"@{name}{list(keys)}: buckets are {told}, not {dict(wanted)}"
