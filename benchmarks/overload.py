"""How soon a target that is too hot is left alone, and what a trap costs here.

The target's calls take a nanosecond each, and so it is slow only while probes are in it: from what all of its
calls took together, the time for as many without probes is taken off.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from common import build, engines, heading, options, spread, table, workshop

import tracekit as tk
from tracekit.backends.trap import trap_nanoseconds

CALLS = 20_000_000
PROGRAM = "uprobe:./calls:called { @ = lhist(arg1, 0, 16384, 128) }"


def took() -> float:
    """Milliseconds that the last target was at its calls."""
    return float(Path("each").read_text().split()[0]) * CALLS / 1e6


def stopped(backend: str, rate: float) -> tuple[float, float]:
    """Milliseconds until the guard stopped counting, and from then until the target ran as it does alone."""
    command = tk.Command(["./calls", str(CALLS), "each"])
    subprocess.run(command.argv, check=True)
    alone = took()
    result = tk.run(tk.parse(PROGRAM), command, backend=backend, options=tk.Options(max_rate=rate))
    load = result.provenance.load
    assert load is not None
    assert any(loss.kind is tk.LossKind.OVERLOAD for loss in result.losses)
    counting = load.nanoseconds / 1e6
    return counting, max(0.0, took() - alone - counting)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=5).parse_args()
    found = [("bpftrace", engine) for engine in engines() if not engine.name.startswith("gdb")]
    found += [("dtrace", engine) for engine in engines("dtrace")]
    rows = []
    with workshop():
        build(Path(__file__).with_name("calls.c"), "calls")
        for backend, engine in found:
            os.environ[f"TRACEKIT_{backend.upper()}"] = engine.path
            times = [stopped(backend, 1000) for _ in range(given.runs)]
            for name, column in zip(("counting", "until it is off"), zip(*times, strict=True), strict=True):
                rows.append([f"{engine}, {name}: ms", *spread(column, ".1f")])
    traps = [trap_nanoseconds.__wrapped__() or 0 for _ in range(given.runs)]
    print(heading())
    print()
    rows.append(["a trap as --max-overhead takes it: µs", *spread([trap / 1000 for trap in traps], ".1f")])
    print(table([f"--max-rate 1000, {given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
