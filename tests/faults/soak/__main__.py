"""Runs tracekit under random faults until the time is over, and says what came of it.

    python -m tests.faults.soak [--minutes M] [--runs N] [--seed S] [--run I] [ATTRIBUTE=VALUE …]

``--seed S --run I`` repeats one run, and leaves its folder. ATTRIBUTE=VALUE fixes what would be drawn, such as
``fault=SIGINT``, by the names of ``plan.Plan``.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.builds import build
from tests.faults.soak import report
from tests.faults.soak.many import soak
from tests.faults.soak.worker import one, programs, settle

WORKERS = 2 * (os.cpu_count() or 1)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--runs", type=int, default=1 << 30)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--run", type=int)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("only", nargs="*", metavar="ATTRIBUTE=VALUE")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        print("tests.faults.soak: tracing needs root", file=sys.stderr)
        return 2
    only = dict(word.split("=", 1) for word in asked.only)
    found = programs()
    print(f"seed {asked.seed}, engines: {', '.join(found)}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="tracekit-soak-", dir="/var/tmp"))
    folder.chmod(0o755)
    build(folder)
    if asked.run is not None:
        settle(folder)
        row = one(asked.seed, asked.run, found, only, folder, keep=True)
        print(f"{json.dumps(row, indent=1)}\nits folder: {folder}")
        return int(bool(row["problems"]))
    try:
        rows = soak(
            asked.seed,
            asked.runs,
            found,
            only,
            folder,
            workers=asked.workers,
            seconds=asked.minutes * 60,
            tell=True,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.write(asked.seed, rows))
    return int(not rows or any(row["problems"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
