"""``tracekit export``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import click

from tracekit.cli.programs import option
from tracekit.cli.runs import chosen_histogram, chosen_map, chosen_part, read_run
from tracekit.cli.screen import Screen, tell_losses
from tracekit.core.result import Result


@click.command("export")
@click.argument("run", metavar="RUN")
@option("--to", "form", required=True, help="What to write.",
        type=click.Choice(["csv", "svg", "html", "prometheus", "otlp", "uhi"]))  # fmt: skip
@option("--map", "name", metavar="NAME", help="Only this map.")
@option("--key", "keys", multiple=True, metavar="VALUE",
        help="Only the entry with this key; one for each of the map's keys.")  # fmt: skip
@option("-o", "--output", metavar="FILE",
        help="Write to this file, in one step, and not to standard output.")  # fmt: skip
def command(run: str, form: str, name: str | None, keys: tuple[str, ...], output: str | None) -> int:
    """Write a run in a form for other programs: a table, a picture, a page, or metrics.

    RUN is a file of trace -f json -o, or - for standard input. A picture is of one map, and of all its keys
    together unless --key names one; the page has them all.

    \b
      tracekit export run.json --to html -o run.html
      tracekit export run.json --to svg --map bytes -o bytes.svg

    Ends with 0 when done, 1 if the run is not complete, 2 if it has nothing for this form.
    """
    result = read_run(run)
    part = chosen_part(result, name, keys)
    text = _svg(part) if form == "svg" else _renderer(form)(part)
    Screen("text", output).text(text)
    tell_losses(result)
    return 0 if result.complete else 1


def _renderer(form: str) -> Callable[[Result], str]:
    found: Callable[[Result], str] = getattr(import_module(f"tracekit.render.{form}"), f"render_{form}")
    return found


def _svg(part: Result) -> str:
    from tracekit.render.facts import caption
    from tracekit.render.svg import render_svg

    map_ = chosen_map(part, None)
    histogram = chosen_histogram(map_, ())
    entry = next(iter(map_.entries)) if len(map_.entries) == 1 else None
    return render_svg(histogram, caption(part, map_, entry))
