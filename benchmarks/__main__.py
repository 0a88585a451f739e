"""Runs all benchmarks, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMANDS = (
    ("startup.py",),
    ("calibration.py",),
    ("whole_run.py", "--breakdown"),
    ("symbols.py",),
    ("parse_output.py",),
    ("cost.py",),
    ("exact_counts.py",),
    ("gdb_engine.py",),
)


def main() -> None:
    """Run them."""
    for script, *words in COMMANDS:
        print(f"$ python benchmarks/{' '.join((script, *words))}", flush=True)
        subprocess.run([sys.executable, Path(__file__).with_name(script), *words], check=True)


if __name__ == "__main__":
    main()
