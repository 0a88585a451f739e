"""Runs programs of the dtrace backend with a real dtrace on a real program."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs
from tests.live.harness import NONCE, SECONDS

from tracekit import parse
from tracekit.backends.base import Options, Reading
from tracekit.backends.dtrace.attach import by_name
from tracekit.backends.dtrace.dialect import LINUX
from tracekit.backends.dtrace.instrument import instrument
from tracekit.backends.dtrace.parse import OutputParser
from tracekit.core.arch import architecture
from tracekit.core.program import Program
from tracekit.core.result import MapResult


@attrs.frozen
class Dtrace:
    """A dtrace.

    Attributes:
        command: its program, and what it always needs.
    """

    command: tuple[str, ...]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*self.command, *arguments], check=False, capture_output=True, text=True, timeout=SECONDS
        )


@attrs.frozen
class Run:
    """What came of a run.

    Attributes:
        reading: the final one.
        snapshots: those before.
        said: what dtrace said on standard error.
    """

    reading: Reading
    snapshots: tuple[Reading, ...]
    said: str

    def __getitem__(self, name: str) -> MapResult:
        return next(m for m in self.reading.maps if m.name == name)


def trace(
    dtrace: Dtrace,
    program: Program | str,
    binary: Path,
    arguments: Sequence[str] = (),
    options: Options = Options(),
) -> Run:
    """Run a program on a new process of a binary, which its probes must name.

    Raises:
        AssertionError: with all that dtrace said, if it gives no result.
        EngineError: if it prints what the parser doesn't understand.
    """
    if isinstance(program, str):
        program = parse(program)
    arch = architecture("x86_64")
    sites = {probe: (by_name(probe, arch, LINUX),) for clause in program.clauses for probe in clause.probes}
    script = instrument(program, sites, "pid == $target", options, arch, LINUX, NONCE)
    file, output = binary.with_suffix(".d"), binary.with_suffix(".out")
    file.write_text(script.text)
    output.unlink(missing_ok=True)
    words = " ".join([str(binary), *arguments])
    done = dtrace.run("-s", str(file), "-o", str(output), "-c", words)
    parser = OutputParser(script.plan)
    found = [e for e in parser.feed(output.read_bytes() if output.exists() else b"") if isinstance(e, Reading)]
    assert found and found[-1].final, f"{done.stderr}\n{script.text}"
    return Run(found[-1], tuple(found[:-1]), done.stderr)
