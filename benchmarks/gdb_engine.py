"""What a call of a function costs that gdb traces, compared with a breakpoint by hand that only counts.

By the target's own clock, and by the processor time of all processes together, less that of a run with one
call, which other work on the machine changes less. All are measured in turn; a ratio is of one run and its
neighbour.
"""

from __future__ import annotations

import resource
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


def used() -> float:
    """Seconds of processor time of all that has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=7)
    parser.add_argument("--calls", type=int, default=10_000, metavar="N", help="calls a run (10000)")
    given = parser.parse_args()
    clocks: dict[str, list[float]] = {}
    with workshop():
        target = build(Path(__file__).with_name("calls.c"), "calls")
        sample = build(EXAMPLES / "c" / "itest.c", "itest.test")
        Path("by_hand.py").write_text(BY_HAND)
        ours = (*TRACEKIT, "trace", "--backend", "gdb", "-q")
        ways = {
            "by hand, counting": (
                "gdb",
                "-nx",
                "-q",
                "-batch",
                "-x",
                "by_hand.py",
                "--args",
                target,
                "{}",
                "each",
            ),
            "tracekit, count()": (*ours, "-e", COUNT, "--", target, "{}", "each"),
            "tracekit, lhist": (*ours, "-e", HIST, "--", target, "{}", "each"),
            "tracekit, filter, keys, hist": (*ours, "-e", KEYS, "--", target, "{}", "each"),
            "the sample, lhist": (*ours, "-e", SAMPLE, "--", sample, "{}"),
        }

        def run(way: tuple[str, ...], calls: int) -> float:
            before = used()
            seconds([word.replace("{}", str(calls)) if word == "{}" else word for word in way])
            return used() - before

        def each(name: str) -> float:
            short = run(ways[name], 1)
            long = run(ways[name], given.calls)
            if "each" in ways[name]:
                clocks.setdefault(name, []).append(float(Path("each").read_text()) / 1000)
            return 1e6 * (long - short) / (given.calls - 1)

        times = interleaved([lambda name=name: each(name) for name in ways], given.runs)
    walls = [clocks[name][1:] for name in ways if name in clocks]
    print(heading())
    print(f"{given.calls} calls a run, {given.runs} runs\n")
    for title, columns in (("microseconds a call", walls), ("the same, processor time", times)):
        named = list(zip(ways, columns, strict=False))
        print(table([title, "min", "median", "max"], [[name, *spread(t, ".1f")] for name, t in named]))
        rows = [[name, *spread(ratios(t, columns[0]))] for name, t in named[1:4]]
        print(table(["its ratio to by hand", "min", "median", "max"], rows))
    rate = [1e6 / t for t in times[-1]]
    print(
        table(
            ["of processor time", "min", "median", "max"],
            [["events a second of the sample", *spread(rate, ".0f")]],
        )
    )


if __name__ == "__main__":
    main()
