"""How long a whole `tracekit trace --backend dtrace` of a short command takes, compared with bare dtrace.

Bare dtrace gets a copy of its library without io.d, which stops it on kernels without CONFIG_KALLSYMS_ALL; and
the small one that tracekit gives it, which spares it most of its start.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from common import (
    EXAMPLES,
    TRACEKIT,
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
)

from tracekit.backends.dtrace.library import installed, library
from tracekit.core.feature import Feature

PROGRAM = "uprobe:./itest.test:cache_insert {@bytes=lhist(arg2, 0 , 16384, 128)}"
COMMAND = "./itest.test -test.count=1"
SCRIPT = "pid$target:a.out:cache_insert:entry { @bytes = lquantize(arg2, 0, 16384, 128); }"


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=7).parse_args()
    rows = []
    with workshop():
        build(EXAMPLES / "c" / "itest.c", "itest.test")
        for engine in engines("dtrace"):
            suite = Path(os.path.realpath(engine.path)).parents[1] / engine.name.partition("-")[2]
            (whole,) = suite.glob("usr/lib/*/dtrace")
            shutil.copytree(whole, "library", ignore=shutil.ignore_patterns("io.d"), symlinks=True)
            words = (engine.path, "-q", "-c", COMMAND, "-n", SCRIPT)
            environment = {"TRACEKIT_DTRACE": engine.path}
            ours = (*TRACEKIT, "trace", "--backend", "dtrace", "-e", PROGRAM, "-c", COMMAND)
            with library(installed(engine.path), {Feature.COUNT}) as small:
                large, little, tracekit = interleaved(
                    [
                        lambda w=words: seconds([*w, f"-xsyslibdir={os.getcwd()}/library"]),
                        lambda w=words, s=small: seconds([*w, *s]),
                        lambda o=ours, e=environment: seconds(o, e),
                    ],
                    given.runs,
                )
            rows.append([f"{engine}, bare: seconds", *spread(large)])
            rows.append([f"{engine}, bare with a small library: seconds", *spread(little)])
            rows.append([f"{engine}, tracekit: seconds", *spread(tracekit)])
            rows.append(["tracekit's ratio to bare, of each pair", *spread(ratios(tracekit, large))])
            rows.append(["tracekit's ratio to bare with a small library", *spread(ratios(tracekit, little))])
    print(heading())
    print(table([f"{given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
