"""How long the page of a run with 1,000 keys takes to open in headless Chromium, and how large it is."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from time import perf_counter

from common import ROOT, heading, options, spread, table, workshop

import tracekit as tk
from tracekit.core.result import Engine, Machine, MapResult, Provenance, Result, TargetRecord
from tracekit.render.html import render_html

sys.path.insert(0, str(ROOT))
from tests.render.browser import browser

KEYS, VALUES = 1000, 400


def result() -> Result:
    """A run whose histogram has many keys, each with values of many sizes."""
    numbers = random.Random(1)
    entries: dict[tuple[int | str, ...], tk.Histogram] = {
        (1000 + n, f"worker-{n}"): tk.Histogram.of(
            [int(numbers.lognormvariate(7, 1.5)) for _ in range(VALUES)], tk.Log2()
        )
        for n in range(KEYS)
    }
    origin = Provenance(None, "", Engine("none"), TargetRecord(), Machine(), None, None)
    return Result((MapResult("bytes", "hist", ("pid", "comm"), entries),), origin)


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=10).parse_args()
    print(heading())
    found = result()
    written, opened, chosen = [], [], []
    with workshop() as folder, browser() as tab:
        page = Path(folder) / "page.html"
        tab.screen(1000, 700)
        for n in range(given.runs):
            started = perf_counter()
            page.write_text(render_html(found), "utf-8")
            written.append(perf_counter() - started)
            assert not tab.open(page), "the page logs or fetches something"
            # Since navigation began, until the first frame after all is loaded.
            opened.append(tab.value("performance.now()") / 1000)
            choose = f"by('list').selectedIndex = {n + 1}; by('list').dispatchEvent(new Event('change'));"
            ends = "await new Promise(requestAnimationFrame); return performance.now() - start;"
            timed = f"(async () => {{ const start = performance.now(); {choose} {ends} }})()"
            chosen.append(tab.value(timed) / 1000)
        size = page.stat().st_size
    print(f"\n{KEYS} keys: {size / 1000:.0f} kB\n")
    rows = [
        ["writing it", *spread(written, ".3f")],
        ["opening it", *spread(opened, ".3f")],
        ["choosing a key", *spread(chosen, ".3f")],
    ]
    print(table([f"seconds, {given.runs} runs", "min", "median", "max"], rows))


if __name__ == "__main__":
    main()
