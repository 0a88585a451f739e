"""What watching a run with --live costs its target: its own time and processor time, against a run without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from common import ROOT, TRACEKIT, build, heading, interleaved, options, ratios, spread, table, workshop

sys.path.insert(0, str(ROOT))
from tests.live import emulator

PROGRAM = "uprobe:./calls:called { @size = lhist(arg1, 0, 16384, 128); @by[arg0 % 16] = hist(arg1) }"


def took() -> tuple[float, float]:
    """Microseconds that each call of the last target took, and those of a processor."""
    wall, worked = Path("each").read_text().split()
    return float(wall) / 1000, float(worked) / 1000


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=5)
    parser.add_argument("--calls", type=int, default=1_000_000, metavar="N", help="calls a run (1000000)")
    given = parser.parse_args()
    emulator.SECONDS = 3600.0  # on a busy machine, too
    print(heading())
    with workshop():
        build(Path(__file__).with_name("calls.c"), "calls")
        words = [*TRACEKIT, "trace", "-q", "-e", PROGRAM]
        target = ["--", "./calls", str(given.calls), "each"]
        worked: list[list[float]] = [[], []]

        def plain() -> float:
            subprocess.run([*words, *target], check=True, capture_output=True)
            wall, processor = took()
            worked[0].append(processor)
            return wall

        def live() -> float:
            with emulator.Emulator([*words, "--live", *target], env=dict(os.environ)) as terminal:
                assert terminal.end() == 0
            wall, processor = took()
            worked[1].append(processor)
            return wall

        walls = interleaved([plain, live], given.runs)
    processors = [column[1:] for column in worked]  # without the first, unmeasured run
    rows = []
    for name, (without, with_) in (("time", walls), ("processor", processors)):
        rows.append([f"{name}, without", *spread(without, ".3f")])
        rows.append([f"{name}, with --live", *spread(with_, ".3f")])
        rows.append([f"{name}: ratio of each pair", *spread(ratios(with_, without))])
    print(f"{given.calls} calls, {given.runs} runs\n")
    print(table(["microseconds a call", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
