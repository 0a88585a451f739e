"""What the benchmarks share: the machine, the engines, the programs that are traced, paired runs, tables."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "cache"
TRACEKIT = (sys.executable, "-m", "tracekit")


class Engine(NamedTuple):
    """An engine that can be used here."""

    name: str
    path: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def options(description: str | None, runs: int) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--runs", type=int, default=runs, metavar="N", help=f"repeat everything N times ({runs})"
    )
    return parser


def engines(kind: str = "bpftrace") -> list[Engine]:
    """The engines of a kind: the system's and those of ``make engines``."""
    command = [sys.executable, ROOT / "tools" / "engines.py", "list"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [Engine(*line.split("\t")) for line in listed.splitlines()]
    others = {"bpftrace", "dtrace", "gdb"} - {kind}
    return [engine for engine in found if not engine.name.startswith(tuple(others))]


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """A temporary folder to work in; Python keeps its compiled modules there, as it does for a package."""
    with tempfile.TemporaryDirectory(prefix="tracekit-benchmark-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        with contextlib.chdir(folder):
            yield Path(folder)


def build(source: Path, name: str) -> str:
    """Compile a C program into the working folder; returns its path."""
    subprocess.run(["gcc", "-O2", "-g", "-Wall", "-Wextra", "-o", name, source], check=True)
    return f"./{name}"


def build_go(name: str) -> str | None:
    """Compile the Go sample into the working folder; returns its path, or None where there is no Go."""
    if shutil.which("go") is None:
        return None
    command = ["go", "build", "-buildvcs=false", "-o", Path.cwd() / name, "."]
    subprocess.run(command, check=True, cwd=EXAMPLES / "go")
    return f"./{name}"


def seconds(argv: Sequence[str], environment: dict[str, str] | None = None) -> float:
    """How long a command takes, from its start until it has been waited for."""
    started = perf_counter()
    subprocess.run(argv, check=True, capture_output=True, env={**os.environ, **(environment or {})})
    return perf_counter() - started


def interleaved(kinds: Sequence[Callable[[], float]], runs: int) -> list[list[float]]:
    """Measure several things in turn, A B C A B C, so that what else the machine does hits all of them.

    Each is done once before, unmeasured, with everything that only a first run does.
    """
    for kind in kinds:
        kind()
    rounds = [[kind() for kind in kinds] for _ in range(runs)]
    return [list(column) for column in zip(*rounds, strict=True)]


def ratios(of: Sequence[float], to: Sequence[float]) -> list[float]:
    """The ratio of each run to its neighbour."""
    return [a / b for a, b in zip(of, to, strict=True)]


def spread(values: Sequence[float], form: str = ".2f") -> list[str]:
    """Minimum, median and maximum, as cells of a table."""
    return [format(x, form) for x in (min(values), statistics.median(values), max(values))]


def heading() -> str:
    """The machine, and how busy it is."""
    system = platform.freedesktop_os_release()["PRETTY_NAME"] if sys.platform == "linux" else platform.system()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return (
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, {system}, "
        f"Python {platform.python_version()}; load average {load}\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in which the first column is on the left and the others on the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *rest in cells:
        right = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *right]).rstrip())
    return "\n".join(lines) + "\n"
