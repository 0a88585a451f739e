"""How long it takes to parse what bpftrace prints, and how much memory: rows of maps with two keys."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from time import perf_counter

from common import heading, options, spread, table

import tracekit as tk
from tracekit.backends.base import Reading
from tracekit.backends.bpftrace.attach import symbolic
from tracekit.backends.bpftrace.instrument import Filter, instrument
from tracekit.backends.bpftrace.parse import OutputParser
from tracekit.backends.bpftrace.saved import parse_saved
from tracekit.backends.plan import Plan
from tracekit.core.arch import architecture
from tracekit.core.result import MapResult

SIZES = (25_000, 50_000, 100_000, 200_000)
COUNT = tk.parse("uprobe:./itest.test:cache_insert { @m[pid, comm] = count() }")
HIST = tk.parse("uprobe:./itest.test:cache_insert { @m[pid, comm] = hist(arg2) }")

VALUES = (1, 2, 4, 8, 16, 32)
"""What each key of a histogram has seen."""
BAR = "@" * 52
PIECE = 64 << 10


def plan_of(program: tk.Program) -> Plan:
    """What a run's script prints for a program."""
    sites = {probe: (symbolic(probe),) for clause in program.clauses for probe in clause.probes}
    arch, nonce = architecture("x86_64"), (1 << 62) | 0x5EED
    return instrument(program, sites, Filter(), tk.Options(max_keys=1 << 20), arch, nonce).plan


def keys(count: int) -> Iterator[tuple[int, str]]:
    """Different pids and names, as many as asked for."""
    return ((n, f"worker, no. {n % 1000}") for n in range(count))


def run_of_counts(plan: Plan, rows: int) -> str:
    """Output of our own script, with one row for each key."""
    found = "".join(f"@c0[{pid}, {comm}, {plan.nonce}]: 6\n" for pid, comm in keys(rows))
    return f"{plan.nonce} ready\n{plan.nonce} result 1\n@t0: {6 * rows}\n\n{found}\n{plan.nonce} done\n"


def run_of_histograms(plan: Plan, rows: int) -> str:
    """Output of our own script, with 10 rows for each key: 6 buckets, count, sum, min and max."""
    count, low = rows // 10, (1 << 63) - 1
    index = [f"{pid}, {comm}, {plan.nonce}" for pid, comm in keys(count)]
    parts = (
        [f"@b0[{i}, {v}]: 1" for i in index for v in VALUES],
        [f"@c0[{i}]: {len(VALUES)}" for i in index],
        [f"@s0[{i}]: {sum(VALUES)}" for i in index],
        [f"@n0[{i}, 0]: {low - min(VALUES)}" for i in index],
        [f"@x0[{i}, 0]: {max(VALUES)}" for i in index],
    )
    found = "\n\n".join("\n".join(part) for part in parts)
    total = count * len(VALUES)
    return f"{plan.nonce} ready\n{plan.nonce} result 1\n@t0: {total}\n\n{found}\n\n{plan.nonce} done\n"


def text_of_counts(rows: int) -> str:
    """What bpftrace prints for the one-liner, with one row for each key."""
    return "Attaching 1 probe...\n\n\n" + "".join(f"@m[{pid}, {comm}]: 6\n" for pid, comm in keys(rows))


def text_of_histograms(rows: int) -> str:
    """What bpftrace prints for the one-liner, with 8 lines for each key: it, 6 buckets, a blank line."""
    labels = ["[1]", *(f"[{v}, {2 * v})" for v in VALUES[1:])]
    buckets = "".join(f"{label:16} {1:8} |{BAR}|\n" for label in labels)
    return "Attaching 1 probe...\n\n\n" + "".join(
        f"@m[{pid}, {comm}]:\n{buckets}\n" for pid, comm in keys(rows // 8)
    )


def json_of_histograms(rows: int) -> str:
    """What ``bpftrace -f json`` prints for the one-liner, with 8 rows for each key as in the text."""
    buckets = [{"min": v, "max": 2 * v - 1, "count": 1} for v in VALUES]
    data = {f"{pid},{comm}": buckets for pid, comm in keys(rows // 8)}
    probes = {"type": "attached_probes", "data": {"probes": 1}}
    return f"{json.dumps(probes)}\n\n\n{json.dumps({'type': 'hist', 'data': {'@m': data}})}\n"


def parse_run(plan: Plan, output: bytes) -> MapResult:
    """Parse output of our own script as it comes, in pieces."""
    parser = OutputParser(plan)
    events = [event for at in range(0, len(output), PIECE) for event in parser.feed(output[at : at + PIECE])]
    result = events[-1]
    assert isinstance(result, Reading) and result.final and not result.losses
    return result.maps[0]


def measure(make: Callable[[int], str], parse: Callable[[bytes], MapResult], runs: int) -> list[list[str]]:
    """Measure one kind of output in all sizes; returns cells of rows of the table."""
    found = []
    for rows in SIZES:
        output = make(rows).encode()
        times = []
        for _ in range(runs):
            started = perf_counter()
            entries = parse(output)
            times.append(perf_counter() - started)
        calls = sum(h.count or h.sum or 0 for h in entries.entries.values())
        assert calls == len(entries.entries) * len(VALUES), "the parser has lost something"
        del entries
        tracemalloc.start()
        entries = parse(output)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del entries
        found.append([str(rows), *spread(times), f"{peak / 1e6:.0f}", f"{peak / rows:.0f}"])
    return found


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=5).parse_args()
    print(heading())
    counts, histograms = plan_of(COUNT), plan_of(HIST)
    kinds: dict[str, tuple[Callable[[int], str], Callable[[bytes], MapResult]]] = {
        "run: count()": (lambda n: run_of_counts(counts, n), lambda out: parse_run(counts, out)),
        "run: hist()": (lambda n: run_of_histograms(histograms, n), lambda out: parse_run(histograms, out)),
        "saved text: count()": (text_of_counts, lambda out: parse_saved(out, program=COUNT).maps[0]),
        "saved text: hist()": (text_of_histograms, lambda out: parse_saved(out, program=HIST).maps[0]),
        "saved JSON: hist()": (json_of_histograms, lambda out: parse_saved(out, program=HIST).maps[0]),
    }
    rows = [[kind, *cells] for kind, how in kinds.items() for cells in measure(*how, given.runs)]
    print(table(["output", "rows", "s, min", "median", "max", "peak MB", "bytes/row"], rows))


if __name__ == "__main__":
    main()
