"""How long a whole `tracekit trace` of a short command takes, compared with bare bpftrace."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from time import time

from common import (
    EXAMPLES,
    TRACEKIT,
    Engine,
    build,
    engines,
    heading,
    interleaved,
    options,
    ratios,
    seconds,
    spread,
    table,
    workshop,
)  # fmt: skip

PROGRAM = "uprobe:./itest.test:cache_insert {@bytes=lhist(arg2, 0 , 16384, 128)}"
COMMAND = "./itest.test -test.count=1"
ONE_LINER = ("-e", PROGRAM, "-c", COMMAND)

STEPS = (
    "Python starts",
    "imports",
    "program, symbols, engine ready",
    "target runs",
    "probes away, result told",
    "result drawn",
    "Python ends",
)
CHILD = """
import gc, json, sys
from time import time
times = [float(sys.argv[1]), time()]
import shlex
import tracekit.cli.main, tracekit.cli.commands.trace, tracekit.backends.bpftrace.run
import tracekit as tk
times.append(time())
session = tk.start(tk.parse(sys.argv[2]), tk.Command(shlex.split(sys.argv[3])), interval=None)
times.append(time())
while session.running:
    session.wait()
times.append(time())
result = session.stop()
times.append(time())
from tracekit.render.text import render_result
render_result(result)
times.append(time())
print(json.dumps(times), flush=True)
gc.freeze()
"""


def steps(engine: Engine) -> list[float]:
    """Do what tracekit does, in its order; returns how long each of its steps takes."""
    environment = {**os.environ, "TRACEKIT_BPFTRACE": engine.path}
    command = [sys.executable, "-c", CHILD, str(time()), PROGRAM, COMMAND]
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    times = [*json.loads(done.stdout), time()]
    return [after - before for before, after in itertools.pairwise(times)]


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=10)
    parser.add_argument("--breakdown", action="store_true", help="also print where tracekit's time goes")
    given = parser.parse_args()
    compared, where = [], []
    found = engines()
    with workshop():
        build(EXAMPLES / "c" / "itest.c", "itest.test")
        for engine in found:
            environment = {"TRACEKIT_BPFTRACE": engine.path}
            bare, ours = interleaved(
                [
                    lambda e=engine: seconds([e.path, *ONE_LINER]),
                    lambda e=environment: seconds([*TRACEKIT, "trace", *ONE_LINER], e),
                ],
                given.runs,
            )
            compared.append([f"{engine}, bare: seconds", *spread(bare)])
            compared.append([f"{engine}, tracekit: seconds", *spread(ours)])
            compared.append([f"{engine}: ratio of each pair", *spread(ratios(ours, bare))])
            if given.breakdown:
                where.append(list(zip(*(steps(engine) for _ in range(given.runs)), strict=True)))
    print(heading())
    print(table([f"{given.runs} runs", "min", "median", "max"], compared))
    if given.breakdown:
        rows = [
            [step, *(spread(times[n], ".3f")[1] for times in where)]
            for n, step in enumerate(STEPS)
        ]  # fmt: skip
        print(table(["tracekit's time: seconds, medians", *map(str, found)], rows))


if __name__ == "__main__":
    main()
