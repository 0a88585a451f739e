"""What a call of a function costs that gdb traces, compared with a breakpoint by hand that only counts.

Microseconds by the target's own clock. Both are measured in turn, and a ratio is of one run and its neighbour.
"""

from __future__ import annotations

from pathlib import Path

from common import (
    EXAMPLES,
    TRACEKIT,
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

BY_HAND = """
class Counter(gdb.Breakpoint):
    count = 0
    def stop(self):
        self.count += 1
        return False
counter = Counter("*called")
gdb.execute("run")
print(counter.count)
"""
HIST = "uprobe:./calls:called { @ = lhist(arg1, 0, 16384, 128) }"
COUNT = "uprobe:./calls:called { @ = count() }"
KEYS = "uprobe:./calls:called /arg1 > 64/ { @[tid, arg0 & 7] = hist(arg1) }"
SAMPLE = "uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }"


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=7)
    parser.add_argument("--calls", type=int, default=10_000, metavar="N", help="calls a run (10000)")
    given = parser.parse_args()
    with workshop():
        target = (build(Path(__file__).with_name("calls.c"), "calls"), str(given.calls), "each")
        sample = build(EXAMPLES / "c" / "itest.c", "itest.test")
        Path("by_hand.py").write_text(BY_HAND)
        ours = (*TRACEKIT, "trace", "--backend", "gdb", "-q")
        ways = {
            "by hand, counting": ("gdb", "-nx", "-q", "-batch", "-x", "by_hand.py", "--args", *target),
            "tracekit, count()": (*ours, "-e", COUNT, "--", *target),
            "tracekit, lhist": (*ours, "-e", HIST, "--", *target),
            "tracekit, filter, keys, hist": (*ours, "-e", KEYS, "--", *target),
        }

        def each(argv: tuple[str, ...]) -> float:
            seconds(argv)
            return float(Path("each").read_text()) / 1000

        def whole(calls: int) -> float:
            return seconds((*ours, "-e", SAMPLE, "--", sample, str(calls)))

        kinds = [lambda way=way: each(way) for way in ways.values()]
        whole_runs = [lambda: whole(given.calls), lambda: whole(1)]
        *times, long, short = interleaved([*kinds, *whole_runs], given.runs)
    print(heading())
    print(f"{given.calls} calls a run, {given.runs} runs\n")
    rows = [[name, *spread(t, ".1f")] for name, t in zip(ways, times, strict=True)]
    print(table(["microseconds a call", "min", "median", "max"], rows))
    compared = [[name, *spread(ratios(t, times[0]))] for name, t in list(zip(ways, times, strict=True))[1:]]
    print(table(["ratio to by hand", "min", "median", "max"], compared))
    rates = [(given.calls - 1) / (a - b) for a, b in zip(long, short, strict=True)]
    print(table(["the sample, lhist", "min", "median", "max"], [["events a second", *spread(rates, ".0f")]]))


if __name__ == "__main__":
    main()
