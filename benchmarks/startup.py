"""How long `tracekit --help` takes, compared with a Python that imports click and attrs and ends."""

from __future__ import annotations

import sys

from common import TRACEKIT, heading, interleaved, options, ratios, seconds, spread, table, workshop

COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "python -c 'import click, attrs'": (sys.executable, "-c", "import click, attrs"),
    "tracekit --help": (*TRACEKIT, "--help"),
}


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=20).parse_args()
    with workshop():
        times = interleaved([lambda c=c: seconds(c) for c in COMMANDS.values()], given.runs)
    print(heading())
    rows = [[name, *spread(t, ".3f")] for name, t in zip(COMMANDS, times, strict=True)]
    _, imports, help_ = times
    rows.append(["ratio of the last two, of each pair", *spread(ratios(help_, imports))])
    print(table([f"seconds, {given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
