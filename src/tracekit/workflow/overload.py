"""What tracing costs its target: limits before a run, and what is told after it."""

from __future__ import annotations

from typing import Final

import attrs

from tracekit.backends.base import Backend, Options, Overload, Reading
from tracekit.backends.trap import trap_nanoseconds
from tracekit.core.result import Load, Loss, LossKind
from tracekit.core.target import SystemWide, Target
from tracekit.errors import UnsupportedError, UsageError

STOP_NANOSECONDS: Final = 350_000
"""What a stop by a debugger takes, of which docs/measurements.md has the figures."""

STOP, SAMPLE = "stop", "sample"

WORTH_EVENTS: Final = 10_000
"""Of fewer events it isn't worth to measure what each costs, which takes a tenth of a second, or to say it."""
_NOTED_NANOSECONDS: Final = 1_000_000_000
_NOTED_SHARE: Final = 0.1


def check_limits(options: Options, target: Target) -> None:
    """Refuse limits that make no sense.

    Raises:
        UsageError: if there are any.
    """
    for name, limit in (("--max-rate", options.max_rate), ("--max-overhead", options.max_overhead)):
        if limit is not None and not 0 < limit < float("inf"):
            raise UsageError(f"{name} {limit:g} is no limit", "Give a number above 0.")
    if options.on_overload not in (STOP, SAMPLE):
        raise UsageError(f"on overload there is {STOP} and {SAMPLE}, and no {options.on_overload!r}")
    if options.on_overload == SAMPLE and options.max_rate is None and options.max_overhead is None:
        raise UsageError("there is no limit from which on to sample", "Give --max-rate or --max-overhead.")
    if options.on_overload == SAMPLE and options.max_events is not None:
        raise UsageError("--max-events counts a whole run, and a sample is none", "Give one of them.")
    if options.on_overload == SAMPLE and not isinstance(target, SystemWide) and target.follow:
        raise UsageError(
            "--follow would miss the processes that begin in a pause of --on-overload sample",
            "Give one of them.",
        )


def limited(options: Options, backend: Backend) -> Options:
    """The options with a share of a processor made a rate, for a backend whose events cost what they cost.

    Raises:
        UnsupportedError: if that isn't known here.
    """
    if options.max_overhead is None:
        return options
    cost = event_nanoseconds(backend)
    if cost is None:
        raise UnsupportedError(
            feature="--max-overhead",
            backend="tracekit",
            reason="what a probe's trap takes can't be measured here",
            remedy="Give --max-rate instead.",
        )
    by_share = options.max_overhead / 100 * 1e9 / max(1, cost)
    return attrs.evolve(options, max_rate=min(by_share, options.max_rate or by_share))


def event_nanoseconds(backend: Backend) -> int | None:
    """About how long an event keeps its process from its own work, at most; None if that isn't known."""
    return STOP_NANOSECONDS if backend.takes_hold else trap_nanoseconds()


def load_of(last: Reading, nanoseconds: int, backend: Backend) -> Load:
    """What a run has cost.

    Args:
        last: the last reading.
        nanoseconds: how long the probes were in place.
        backend: the engine's.
    """
    worth = last.hits + last.others >= WORTH_EVENTS
    return Load(last.hits, last.others, nanoseconds, event_nanoseconds(backend) if worth else None)


def remarks(load: Load) -> tuple[str, ...]:
    """What a reader should know of it."""
    found = []
    if load.others:
        found.append(
            f"{load.others:,} of {load.events + load.others:,} events were made by other processes that run "
            "the same binary: they are not counted, but each cost its process as much as one that is"
        )
    share = share_of(load)
    if load.cost and share is not None and share >= _NOTED_SHARE:
        total = load.events + load.others
        if total * load.cost >= _NOTED_NANOSECONDS:
            found.append(
                f"tracing took up to {share:.0%} of a processor from what was traced: "
                f"{rate_of(load):,.0f} events/s of up to {load.cost / 1000:.0f} µs each"
            )
    return tuple(found)


def rate_of(load: Load) -> float:
    """Events a second, of all processes."""
    return (load.events + load.others) * 1e9 / max(1, load.nanoseconds)


def share_of(load: Load) -> float | None:
    """How much of one processor the events took; None if it isn't known."""
    if load.cost is None:
        return None
    return (load.events + load.others) * load.cost / max(1, load.nanoseconds)


def stopped(overload: Overload, options: Options, backend: Backend) -> Loss:
    """What is said of a run that was stopped to spare its target."""
    return Loss(
        LossKind.OVERLOAD,
        f"stopped after {_time(overload.at)}: {_excess(overload, options, backend)}",
        hint="What is counted is exact for that time. Raise the limit, probe a function that is called less, "
        "or give --on-overload sample.",
    )


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.1f} s" if nanoseconds >= 1e9 else f"{nanoseconds / 1e6:.0f} ms"


def _excess(overload: Overload, options: Options, backend: Backend) -> str:
    rate = f"{overload.rate:,.0f} events/s"
    if options.max_rate is not None and overload.rate > options.max_rate:
        return f"{rate} is above --max-rate {options.max_rate:,.0f}"
    share = overload.rate * (event_nanoseconds(backend) or 0) / 1e7
    return f"{rate} take up to {share:.1f} % of a processor, above --max-overhead {options.max_overhead:g}"
