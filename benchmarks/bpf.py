"""What tracekit's own eBPF engine costs: a whole short run, an event, its memory, and many probes.

An event is compared with the smallest possible program on the same probe, which does nothing and ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from common import (
    EXAMPLES,
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

from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.assembler import Assembler

SHORT = ("-e", "uprobe:./itest.test:cache_insert {@bytes=lhist(arg2, 0 , 16384, 128)}")
COMMAND = ("-c", "./itest.test -test.count=1")
BPF = (str(Path(sys.executable).with_name("tracekit")), "trace", "--backend", "bpf", "-q")

EVENTS = {
    "count()": "@ = count()",
    "lhist()": "@ = lhist(arg1, 0, 16384, 128)",
    "three keys, one of them str()": "@[arg0 & 7, str(arg2), arg1 >> 11] = hist(arg1)",
}


def each(argv: tuple[str, ...]) -> float:
    """Run a command that runs the target; returns microseconds for each call."""
    seconds(argv)
    return told()


def told() -> float:
    """What the last target told of itself: microseconds for each call."""
    return float(Path("each").read_text().split()[0]) / 1000


def smallest(target: tuple[str, ...], offset: int) -> float:
    """The same with the smallest program on the probe."""
    asm = Assembler()
    asm.leave()
    with ExitStack() as stack:
        program = kernel.load_program(2, asm.assemble().encode({}), (), sleeps=False, attach=0, name="smallest")
        stack.callback(os.close, program)
        event = kernel.uprobe(str(Path("calls").resolve()), offset, returns=False, semaphore=0, pid=-1)
        stack.callback(os.close, event)
        kernel.attach(event, program, None)
        subprocess.run(target, check=True)
    return told()


def place_of(function: str) -> int:
    """Where a function is in the file of a program that is not position-independent from 0x400000 on, or is."""
    symbols = subprocess.run(["nm", "calls"], check=True, capture_output=True, text=True).stdout
    address = next(int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(f" {function}"))
    return address - 0x400000 if address >= 0x400000 else address


def whole_runs(runs: int) -> list[list[str]]:
    """A whole run of a short command, against a bare one-liner of each bpftrace."""
    rows = []
    for engine in engines():
        bare, ours = interleaved(
            [
                lambda e=engine: seconds([e.path, *SHORT, *COMMAND]),
                lambda: seconds([*BPF, *SHORT, *COMMAND]),
            ],
            runs,
        )
        rows.append([f"{engine}, bare: seconds", *spread(bare)])
        rows.append(["tracekit, bpf: seconds", *spread(ours)])
        rows.append(["ratio of each pair", *spread(ratios(ours, bare))])
    return rows


def events(runs: int, calls: int) -> list[list[str]]:
    """What a call costs the target, against the smallest program."""
    target = ("./calls", str(calls), "each")
    offset = place_of("called")
    ways = [lambda: smallest(target, offset)]
    for what in EVENTS.values():
        words = (*BPF, "-e", f"uprobe:./calls:called {{ {what} }}", "--", *target)
        ways.append(lambda words=words: each(words))
    least, *others = interleaved(ways, runs)
    rows = [["the smallest program: microseconds", *spread(least, ".3f")]]
    for name, times in zip(EVENTS, others, strict=True):
        rows.append([f"{name}: microseconds", *spread(times, ".3f")])
        rows.append(["ratio of each pair", *spread(ratios(times, least), ".3f")])
    return rows


def peak() -> str:
    """The most memory that the tracer has had, or a process that it started, in MB."""
    run = subprocess.Popen([*BPF, *SHORT, *COMMAND], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(run.pid, 0)
    run.returncode = status
    assert status == 0
    return f"{used.ru_maxrss / 1024:.1f}"


def many(count: int) -> list[str]:
    """Seconds from the first system call until so many probes are in place, and until they are gone."""
    from time import perf_counter

    import tracekit as tk
    from tracekit.backends.bpf.run import BpfTracer

    functions = "".join(f"__attribute__((noinline)) void f{n}(void) {{ sink += {n}; }}\n" for n in range(count))
    calls = "".join(f"f{n}();" for n in range(count))
    Path("many.c").write_text(f"volatile long sink;\n{functions}int main(void) {{ {calls} }}\n")
    build(Path("many.c"), "many")
    took: Counter[str] = Counter()

    def timed(name: str) -> None:
        method = getattr(BpfTracer, name)

        def measured(self: BpfTracer) -> object:
            started = perf_counter()
            try:
                return method(self)
            finally:
                took[name] += perf_counter() - started

        setattr(BpfTracer, name, measured)

    timed("attach")
    timed("finish")
    timed("close")
    program = tk.parse("uprobe:./many:f* { @[func] = count() }")
    result = tk.run(program, tk.Command(["./many"]), backend="bpf", options=tk.Options(max_probes=count + 100))
    assert sum(h.count for h in result.maps[0].entries.values()) == count
    return [f"{count} probes", f"{took['attach']:.3f}", f"{took['finish'] + took['close']:.3f}"]


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=10)
    parser.add_argument("--calls", type=int, default=200_000, metavar="N", help="calls a run (200000)")
    given = parser.parse_args()
    with workshop():
        build(EXAMPLES / "c" / "itest.c", "itest.test")
        build(Path(__file__).with_name("calls.c"), "calls")
        whole = whole_runs(given.runs)
        cost = events(given.runs, given.calls)
        memory = peak()
        probes = [many(count) for count in (1, 100, 1000)]
    print(heading())
    print(table([f"a short command, {given.runs} runs", "min", "median", "max"], whole))
    print(table([f"an event, {given.calls} calls, {given.runs} runs", "min", "median", "max"], cost))
    print(f"the tracer's peak: {memory} MB\n")
    print(table(["seconds", "in place", "gone"], probes))


if __name__ == "__main__":
    main()
