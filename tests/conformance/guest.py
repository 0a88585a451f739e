"""Runs cells of the eBPF engine, and the main job, in a virtual machine: ``tools/kernels.py`` starts it there.

Prints a line for each that begins with ``@``, as JSON, between whatever else comes over the serial line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import attrs
from tests.conformance.case import cases
from tests.conformance.cell import run
from tests.conformance.engines import COLUMNS
from tests.conformance.refusals import refusal

import tracekit as tk

_NAME = "bpf own"
_CELLS = Path("/cells")
_X86 = ("entry-offset", "entry-offset-exec", "width-registers", "return-float")
"""Cases that name instructions and registers of x86-64."""
_FEW = 500
"""How many events each of many threads makes: the processor is emulated."""


def say(outcome: str, name: str, *text: object) -> None:
    """Print what came of something."""
    print("\n@ " + json.dumps({"outcome": outcome, "name": name, "text": " ".join(map(str, text))}), flush=True)


def main_job() -> None:
    """The sample in C, by the name in its source: as many values, as large together, as it says itself."""
    truth = Path(tempfile.gettempdir(), "truth")
    target = tk.Command(("./itest.test", "-truth", str(truth), "1000"), env=dict(os.environ))
    text = "uprobe:./itest.test:cache_insert { @bytes = lhist(value.len, 0, 16384, 128) }"
    begin = time.monotonic()
    with tk.start(tk.parse(text), target, backend="bpf", interval=None) as session:
        while session.running:
            session.wait()
        result = session.stop()
    lengths = [int(line.split()[0]) for line in truth.read_text().splitlines()]
    found = result["bytes"].entries[()]
    told, said = (
        (found.count, found.sum, found.min, found.max),
        (len(lengths), sum(lengths), min(lengths), max(lengths)),
    )
    good = told == said and not result.losses
    seconds = f"{time.monotonic() - begin:.1f} s"
    say(
        "equal" if good else "wrong",
        "itest.test",
        seconds,
        f"{told[0]} values, {told[1]} bytes",
        "" if good else (told, said, result.losses),
    )


def limit() -> None:
    """The first events only, which some kernels can't count off."""
    program = tk.parse("uprobe:./itest.test:cache_insert { @n = count() }")
    try:
        result = tk.run(program, tk.Command(("./itest.test",)), backend="bpf", options=tk.Options(max_events=7))
    except tk.UnsupportedError as error:
        say("refused", "--max-events", "only here:", error.feature, error.reason)
        return
    count = result["n"].entries[()].count
    say("equal" if count == 7 else "wrong", "--max-events", f"{count} events")


def main(arguments: list[str]) -> int:
    """Run the main job and the cases that are named."""
    from tracekit.backends.bpf import kernel
    from tracekit.backends.bpf.trying import abilities

    column = attrs.evolve(COLUMNS[_NAME], events=_FEW)
    say("kernel", os.uname().release, os.uname().machine, abilities(kernel))
    os.chdir(_CELLS)
    for job in (main_job, limit):
        try:
            job()
        except Exception as error:  # what should never come is told, too
            say("wrong", job.__name__, f"{type(error).__name__}: {error}")
    for name in arguments:
        case, listed = cases()[name], refusal(name, _NAME)
        if name in _X86 and os.uname().machine != "x86_64":
            say("skipped", name, "it names what only x86-64 has")
            continue
        if not Path(_CELLS, case.command[0]).exists():
            say("skipped", name, f"{case.command[0]} can't be built for this machine here")
            continue
        outcome = run(case, column, "/bin/true", _CELLS)
        seconds = f"{outcome.seconds:.1f} s"
        if outcome.refused and outcome.refused == ((listed.feature, listed.reason) if listed else None):
            say("refused", name, seconds, *outcome.refused)
        elif outcome.refused:
            say("refused", name, seconds, "only here:", *outcome.refused)
        else:
            say("wrong" if outcome.wrong else "equal", name, seconds, *outcome.wrong)
    say("end", "all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
