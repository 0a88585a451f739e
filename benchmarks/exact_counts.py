"""Whether counts and sums are exact, from 0 calls to 1,000,000, beside a second process of the same binary."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

from common import EXAMPLES, build, build_go, engines, heading, options, table, workshop

import tracekit as tk

NOISE = 'while :; do "$0" 100000; done'


class Sample(NamedTuple):
    """A program that inserts as many values as it is told to."""

    name: str
    binary: str
    program: str

    def truth(self, calls: int) -> tuple[int, int]:
        """How many values it inserts, and how large they are together, by its own word."""
        done = subprocess.run([self.binary, "-v", str(calls)], check=True, capture_output=True, text=True)
        count, size = map(int, re.findall(r"\d+", done.stdout))
        return count, size


@contextlib.contextmanager
def noise(binary: str) -> Iterator[None]:
    """Run the binary again and again beside what is measured."""
    with subprocess.Popen(["sh", "-c", NOISE, binary], start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def samples() -> list[Sample]:
    """The samples, compiled; the length of a value is in another register in Go."""
    aggregation = "{ @bytes = lhist(%s, 0, 16384, 128) }"
    c = build(EXAMPLES / "c" / "itest.c", "itest.test")
    found = [Sample("C", c, f"uprobe:{c}:cache_insert " + aggregation % "arg2")]
    if go := build_go("cache"):
        found.append(Sample("Go", go, f"uprobe:{go}:main.Cache.Insert " + aggregation % 'reg("rsi")'))
    return found


def measure(sample: Sample, calls: int) -> list[object]:
    """Trace a sample once; returns cells of a row of the table."""
    count, size = sample.truth(calls)
    with noise(sample.binary):
        started = perf_counter()
        result = tk.run(tk.parse(sample.program), tk.Command([sample.binary, str(calls)]))
        took = perf_counter() - started
    found = result.histogram("bytes")
    buckets = sum(bucket.count for bucket in found.buckets)
    exact = (found.count, buckets, found.sum) == (count, count, size)
    losses = ", ".join(loss.kind.value for loss in result.losses) or "none"
    verdict = "exact" if exact else f"{found.count - count:+}"
    return [f"{count:,}", f"{found.count:,}", f"{size:,}", f"{found.sum:,}", verdict, losses, f"{took:.1f}"]


def main() -> None:
    """Trace, compare and print."""
    parser = options(__doc__, runs=1)
    parser.add_argument(
        "--calls", type=int, nargs="+", default=[0, 1, 1_000, 1_000_000], metavar="N",
        help="how many calls there are (0 1 1000 1000000)",
    )  # fmt: skip
    given = parser.parse_args()
    rows = []
    with workshop():
        for engine in engines():
            os.environ["TRACEKIT_BPFTRACE"] = engine.path
            for sample in samples():
                for calls in given.calls:
                    for _ in range(given.runs):
                        rows.append([f"{engine}, {sample.name}", *measure(sample, calls)])
    print(heading())
    head = ["engine, sample", "calls", "counted", "bytes", "summed", "verdict", "losses", "seconds"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
