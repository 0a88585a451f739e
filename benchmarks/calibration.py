"""How long sampling eight entries of a function takes, compared with a gdb script by hand that shows one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from common import (
    EXAMPLES,
    ROOT,
    build,
    heading,
    interleaved,
    options,
    ratios,
    seconds,
    spread,
    table,
    workshop,
)

SCRIPT = "set confirm off\nbreak {0}\nrun\ninfo args\ninfo registers\nkill\n"
OURS = """
import os, sys
from tracekit.backends.gdb.sampler import sample
from tracekit.calibration.samples import SampleRequest
from tracekit.core.target import Command
binary = sys.argv[1]
samples = sample(SampleRequest(binary, int(sys.argv[2]), os.uname().machine, Command(sys.argv[3:]), hits=8))
assert len(samples.hits) == 8, samples.notes
"""
FUNCTION = "cache_insert"


def address(binary: str) -> str:
    """The function's virtual address, in decimal."""
    listed = subprocess.run(["nm", binary], check=True, capture_output=True, text=True).stdout
    rows = (line.split() for line in listed.splitlines())
    return next(str(int(row[0], 16)) for row in rows if row[-1] == FUNCTION)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=10).parse_args()
    with workshop():
        os.environ["PYTHONPATH"] = str(ROOT / "src")
        binary = build(EXAMPLES / "c" / "itest.c", "itest.test")
        command = [binary, "-test.count=1"]
        Path("one.gdb").write_text(SCRIPT.format(FUNCTION), encoding="utf-8")
        by_hand = ["gdb", "-nx", "-batch", "-x", "one.gdb", "--args", *command]
        ours = [sys.executable, "-c", OURS, binary, address(binary), *command]
        times = interleaved([lambda: seconds(by_hand), lambda: seconds(ours)], given.runs)
    print(heading())
    rows = [
        ["gdb by hand, one entry: seconds", *spread(times[0], ".3f")],
        ["tracekit's sampler, eight entries: seconds", *spread(times[1], ".3f")],
        ["ratio of each pair", *spread(ratios(times[1], times[0]))],
    ]
    print(table([f"{given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
