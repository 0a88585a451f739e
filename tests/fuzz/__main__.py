"""``python -m tests.fuzz``: reads many inputs that nobody should trust, and says what came of it.

Inputs are made by rules of our own and not by coverage guidance (atheris), which needs a build of its own for
each Python and knows nothing of the structures: here each has a number, so that it is made again by seed and
number, a run can go on where another ended (``--first``), and several processes share the work. An interrupt
ends a run with the figures until then.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from time import monotonic

from tests.fuzz.campaign import Figures, campaign, made
from tests.fuzz.judge import judge, limit_memory
from tests.fuzz.targets import TARGETS

FOLDER = Path("build/fuzz")


def main() -> int:
    options = _options()
    if options.read:
        return _read(options.read, options.names)
    seed = int(date.today().strftime("%Y%m%d")) if options.seed is None else options.seed  # noqa: DTZ011
    print(f"seed {seed}, inputs {options.first} to {options.first + options.inputs - 1} of each", flush=True)
    wrong = 0
    for name in options.names:
        target = TARGETS[name]
        target.prepare()
        if options.only is not None:
            sys.stdout.buffer.write(made(target, seed, options.only))
            continue
        start = monotonic()
        numbers = range(options.first, options.first + options.inputs)
        figures = campaign(target, seed, numbers, options.jobs, FOLDER)
        wrong += sum(count for _, count in figures.findings.values())
        _tell(name, figures, monotonic() - start)
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none")
    parser.add_argument("--inputs", type=int, default=100_000, help="how many of each (100000)")
    parser.add_argument("--first", type=int, default=0, help="the first one's number, to go on (0)")
    parser.add_argument("--seed", type=int, help="of the inputs; today's date if not given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument(
        "--only", type=int, metavar="NUMBER", help="print the input of this number, and read none"
    )
    parser.add_argument("--read", metavar="FILE", help="read this input and no other; name its target")
    options = parser.parse_args()
    if unknown := set(options.names) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there is {', '.join(TARGETS)}")
    options.names = options.names or list(TARGETS)
    return options


def _read(path: str, names: list[str]) -> int:
    for name in names:
        TARGETS[name].prepare()
        limit_memory()
        verdict = judge(TARGETS[name].read, Path(path).read_bytes())
        print(f"{name}: {verdict.finding or ('read' if verdict.accepted else 'refused')}\n{verdict.details}")
        if verdict.finding:
            return 1
    return 0


def _tell(name: str, figures: Figures, seconds: float) -> None:
    print(
        f"{name:12} {figures.inputs:7} inputs, {figures.accepted:6} accepted, in {seconds:.0f} s "
        f"({figures.seconds:.0f} s of processors); slowest {figures.slowest:.2f} s, "
        f"largest {figures.largest >> 20} MiB; {len(figures.findings)} findings",
        flush=True,
    )
    for what, (files, count) in sorted(figures.findings.items()):
        print(f"  {count} times {what}: {' '.join(files)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
