"""Runs programs with a real bpftrace, or with tracekit's own engine, on a real program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs
from tools.engines import Engine

from tracekit import parse, process
from tracekit.backends.base import Options, Processes, Reading
from tracekit.backends.bpf.backend import BpfBackend
from tracekit.backends.bpftrace.attach import numeric, symbolic
from tracekit.backends.bpftrace.instrument import Filter, Instrumented, instrument
from tracekit.backends.bpftrace.parse import OutputParser, Ready
from tracekit.backends.bpftrace.run import _ARGUMENTS, _environment
from tracekit.core.arch import architecture
from tracekit.core.probe import Uprobe, Uretprobe
from tracekit.core.program import Program
from tracekit.core.result import Ending, Loss, MapResult
from tracekit.errors import EngineError
from tracekit.workflow.locate import locate

SECONDS = float(os.environ.get("LIVE_SECONDS", "120"))
"""How long an engine or a target may take for anything."""

OWN = Engine("own", Path(), "")
"""Tracekit's own engine, which has no program."""

NONCE = (1 << 62) | 0x5EED
"""The mark of our lines; the targets here don't try to forge it."""


@attrs.frozen
class Run:
    """What came of a run.

    Attributes:
        reading: the final one.
        snapshots: those before.
        warnings: what the engine said besides, which the parser passed on.
        losses: what the engine said of losses.
        ending: how the target ended.
        text: the script.
    """

    reading: Reading
    snapshots: tuple[Reading, ...]
    warnings: tuple[str, ...]
    losses: tuple[Loss, ...]
    ending: Ending | None
    text: str

    def __getitem__(self, name: str) -> MapResult:
        return next(m for m in self.reading.maps if m.name == name)


def addresses(binary: Path) -> dict[str, int]:
    """The functions of a binary, by name."""
    table = subprocess.run(["nm", binary], check=True, capture_output=True, text=True).stdout
    rows = (line.split() for line in table.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3 and row[1] in "Tt"}


def trace(
    engine: Engine,
    program: Program | str,
    binary: Path,
    arguments: Sequence[str] = (),
    options: Options = Options(),
) -> Run:
    """Run a program on a new process of a binary, whatever binary its probes name.

    Raises:
        AssertionError: with all that the engine said, if it doesn't place the probes.
        EngineError: if it prints what the parser doesn't understand.
    """
    if isinstance(program, str):
        program = parse(program)
    if engine is OWN:
        return _run_own(program, binary, arguments, options)
    functions = addresses(binary)
    with process.Target.start([str(binary), *arguments]) as target, binary.open("rb") as file:
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        sites = {
            probe: (
                numeric(probe, path, functions[probe.function.text], probe.function.text)
                if isinstance(probe, Uprobe | Uretprobe)
                else symbolic(probe),
            )
            for clause in program.clauses
            for probe in clause.probes
        }
        arch = architecture(os.uname().machine)
        script = instrument(program, sites, Filter(f"pid == {target.pid}"), options, arch, NONCE)
        return _run(engine.path, script, target, options)


def _run_own(program: Program, binary: Path, arguments: Sequence[str], options: Options) -> Run:
    clauses = [
        attrs.evolve(clause, probes=[attrs.evolve(probe, binary=str(binary)) for probe in clause.probes])
        for clause in program.clauses
    ]
    program = Program(clauses)
    with ExitStack() as stack:
        located = locate(program, max_probes=1024)
        stack.callback(located.close)
        target = stack.enter_context(process.Target.start([str(binary), *arguments]))
        processes = Processes((target.pid,))
        tracer = BpfBackend().tracer(program, located.places, located.files, processes, options)
        stack.callback(tracer.close)
        tracer.attach()
        target.release()
        ending = target.wait(SECONDS)
        assert ending is not None, "the target did not end"
        (reading,) = tracer.finish()
        return Run(reading, (), tracer.notes, tracer.losses, ending, tracer.script)


def _run(path: Path, script: Instrumented, target: process.Target, options: Options) -> Run:
    parser = OutputParser(script.plan)
    environment = _environment(options, script.plan.max_keys)
    with os.fdopen(os.memfd_create("script.bt"), "wb") as file:
        file.write(script.text.encode("utf-8", "surrogateescape"))
        file.flush()
        argv = [str(path), *_ARGUMENTS, f"/proc/{os.getpid()}/fd/{file.fileno()}"]
        with process.Engine.start(argv, env=environment, name="bpftrace", nudge=0.25) as engine:
            said = bytearray()
            started = _events(lambda: engine.read(SECONDS), parser, said)
            if Ready() not in started:
                engine.wait(SECONDS)
                raise AssertionError((said + engine.stderr).decode(errors="backslashreplace"))
            target.release()
            ending = target.wait(SECONDS)
            assert ending is not None, "the target did not end"
            engine.interrupt()
            try:
                readings = list(_events(lambda: engine.read(SECONDS), parser, said))
            except EngineError:
                print(script.text)
                raise
            parser.close()
    assert readings and readings[-1].final, engine.stderr.decode(errors="backslashreplace")
    return Run(
        readings[-1], tuple(readings[:-1]), tuple(parser.warnings), tuple(parser.losses), ending, script.text
    )


def _events(
    read: Callable[[], bytes | None], parser: OutputParser, said: bytearray
) -> Iterator[Ready | Reading]:
    """What the engine's output means, as it comes; ``said`` gets the output itself."""
    while data := read():
        said += data
        yield from parser.feed(data)
    assert data is not None, "the engine says nothing"
