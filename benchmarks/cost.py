"""What a call of a traced function costs the target: microseconds, by the target's own clock."""

from __future__ import annotations

from pathlib import Path

from common import (
    TRACEKIT,
    Engine,
    build,
    engines,
    heading,
    interleaved,
    options,
    seconds,
    spread,
    table,
    workshop,
)  # fmt: skip

AGGREGATION = "lhist(arg1, 0, 16384, 128)"
PROGRAM = f"uprobe:./calls:called {{ @ = {AGGREGATION} }}"


def each(argv: tuple[str, ...], environment: dict[str, str] | None = None) -> float:
    """Run a command that runs the target; returns microseconds for each call."""
    seconds(argv, environment)
    result = Path("each")
    nanoseconds = float(result.read_text().split()[0])
    result.unlink()
    return nanoseconds / 1000


def kinds(engine: Engine, count: int) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """The ways to run the target, each a command with its environment."""
    target = f"./calls {count} each"
    words = ("-e", PROGRAM, "-c", target)
    ours = (*TRACEKIT, "trace", *words)
    environment = {"TRACEKIT_BPFTRACE": engine.path}
    return {
        "no probe": (tuple(target.split()), {}),
        "bare bpftrace": ((engine.path, *words), {}),
        "tracekit --no-exact": ((*ours, "--no-exact"), environment),
        "tracekit": (ours, environment),
    }


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, runs=5)
    parser.add_argument("--calls", type=int, default=200_000, metavar="N", help="calls a run (200000)")
    given = parser.parse_args()
    rows = []
    with workshop():
        build(Path(__file__).with_name("calls.c"), "calls")
        for engine in engines():
            ways = kinds(engine, given.calls)
            times = interleaved([lambda way=way: each(*way) for way in ways.values()], given.runs)
            rows += [[f"{engine}, {name}", *spread(t, ".3f")] for name, t in zip(ways, times, strict=True)]
    print(heading())
    print(f"{AGGREGATION}, {given.calls} calls, {given.runs} runs\n")
    print(table(["microseconds a call", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
