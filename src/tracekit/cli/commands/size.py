"""``tracekit size``."""

from __future__ import annotations

import click

from tracekit.cli.programs import option
from tracekit.cli.runs import Bytes, Share, chosen_histogram, chosen_map, read_run
from tracekit.cli.screen import Screen, tell_losses


@click.command("size")
@click.argument("run", metavar="RUN")
@option("--memory", type=Bytes(), help="How many entries fit into this memory?")
@option(
    "--entries", type=click.IntRange(min=1), metavar="N", help="Or: how much memory do so many entries need?"
)
@option("--overhead", type=Bytes(), default=0, help="What an entry takes beside its size.")
@option(
    "--headroom", type=Share(), default=0.0, help="The share of the memory that is to stay free, such as 20%."
)
@option("--confidence", type=Share(), default=0.95, help="With which intervals are to hold; 95% if not given.")
@option("--map", "name", metavar="NAME", help="The map that has the sizes, if there are several.")
@option("--key", "keys", multiple=True, metavar="VALUE",
        help="Only entries with this key; one for each of the map's keys. Else all together.")  # fmt: skip
def command(
    run: str,
    memory: int | None,
    entries: int | None,
    overhead: int,
    headroom: float,
    confidence: float,
    name: str | None,
    keys: tuple[str, ...],
) -> int:
    """How many entries of a cache fit into a memory, or the memory that they need.

    RUN has the sizes of entries, as a histogram. The arithmetic is in docs/sizing.md.

    \b
      tracekit size run.json --memory 2GiB --overhead 96 --headroom 20%
      tracekit size run.json --entries 10000 --overhead 96

    Ends with 0 when done, 1 if the run is not complete, 2 if the request makes no sense.
    """
    from tracekit.core.sizing import plan_cache
    from tracekit.render.sizing import render_plan

    result = read_run(run)
    histogram = chosen_histogram(chosen_map(result, name), keys)
    plan = plan_cache(
        histogram,
        memory=memory,
        entries=entries,
        overhead=overhead,
        headroom=headroom,
        confidence=confidence,
    )
    Screen("text", None).text(render_plan(plan))
    tell_losses(result)
    return 0 if result.complete else 1
