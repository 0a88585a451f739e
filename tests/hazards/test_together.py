"""Several who trace at once, and targets whose first moments matter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.conformance.engines import COLUMNS

pytestmark = pytest.mark.live

ENGINES = ("bpf own", "bpftrace 0.17", "bpftrace 0.23", "bpftrace 0.27", "dtrace 2.0.7")


def test_tracers_of_one_file_at_once_are_exact(found: dict[str, str], victim: str) -> None:
    """Each counts its own command's thousand calls, which begin with its first instruction, and no other's."""
    if missing := [name for name in ENGINES if COLUMNS[name].kit and COLUMNS[name].kit not in found]:
        pytest.skip(f"there is no {', '.join(missing)} here: 'make engines' sets it up")
    program = f"uprobe:{victim}:hit {{ @ = count() }}"
    tracers = []
    for column in (COLUMNS[name] for name in ENGINES):
        words = ["trace", "-q", "--backend", column.backend, "-e", program, "--", victim, "exit"]
        environment = {
            **os.environ,
            **({column.variable: found[column.kit]} if column.variable else {}),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        tracers.append(
            subprocess.Popen(
                [sys.executable, "-m", "tracekit", *words], stdout=subprocess.PIPE, env=environment, text=True
            )
        )
    told = [tracer.communicate(timeout=240)[0].splitlines() for tracer in tracers]
    assert [lines.count("@: 1000") for lines in told] == [1] * len(ENGINES)
