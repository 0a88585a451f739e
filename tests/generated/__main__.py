"""Draws programs, runs them with the eBPF engine, and compares each with the model:

    python -m tests.generated [--programs N] [--seed SEED] [--together N]

Each must give what the model says, or be refused with a reason. Those that don't are printed, and its
status isn't 0 then. Needs root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.generated.campaign import draw_cases, outcomes, told
from tests.generated.tracing import Bench, build

_STEP = 100
"""How many programs are drawn before they are run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs as many programs as are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description=__doc__)
    parser.add_argument("--programs", type=int, default=1000, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn by")
    parser.add_argument("--together", type=int, default=10, help="how many are run at once")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    refused: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, Bench(build(Path(folder))) as bench:
        for start in range(0, options.programs, _STEP):
            cases = draw_cases(min(_STEP, options.programs - start), f"{options.seed} {start}")
            for case, outcome in outcomes(bench, cases, options.together):
                if outcome.wrong:
                    wrong += 1
                    print(told(case, outcome), end="\n\n", flush=True)
                elif outcome.refused:
                    refused[outcome.refused] += 1
    for reason, count in refused.most_common():
        print(f"{count:5} refused: {reason}")
    equal = options.programs - refused.total() - wrong
    print(
        f"{equal} of {options.programs} programs give what the model says, {refused.total()} are refused with "
        f"a reason, {wrong} are wrong; seed {options.seed}, {time.monotonic() - started:.0f} s"
    )
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
