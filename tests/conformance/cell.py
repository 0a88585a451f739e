"""Runs one cell: a case on an engine, in this process, and judges it.

    python -m tests.conformance.cell FOLDER ENGINE PROGRAM CASE…

traces cases with the engine whose program is given, or any word for one that has none, beside the targets in a
folder, and prints a line for each.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from tests.conformance.case import Case, cases
from tests.conformance.engines import COLUMNS, Column
from tests.conformance.expected import expected
from tests.conformance.judge import differences
from tests.conformance.truth import read

import tracekit as tk
from tracekit.codec.model import to_json
from tracekit.core.result import LossKind

_CLONE_NEWNS = 0x20000

_SECONDS = 240
"""How long a cell may take; a million events take about 30 s on a machine that does something else besides."""


@attrs.frozen
class Outcome:
    """What came of a cell.

    Attributes:
        wrong: what isn't as it must be; empty if all is.
        refused: the feature and the reason of an ``UnsupportedError``; None if it was run.
        maps: all maps of the result, as in a run file; empty if it was refused.
        seconds: how long it took.
    """

    wrong: tuple[str, ...] = ()
    refused: tuple[str, str] | None = None
    maps: str = ""
    seconds: float = 0.0


def see_tracepoints() -> None:
    """Give this process a tracefs, in a mount namespace of its own, where the machine has mounted none."""
    if os.path.isdir("/sys/kernel/tracing/events"):
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    for words in (["--make-rprivate", "/"], ["-t", "tracefs", "tracefs", "/sys/kernel/tracing"]):
        subprocess.run(["mount", *words], check=True)


def run(case: Case, column: Column, program: str, folder: Path) -> Outcome:
    """Trace a case's target and compare the result with what the target says.

    Args:
        case: the case.
        column: the engine.
        program: the engine's program; empty if it has none.
        folder: where the targets are.
    """
    os.chdir(folder)
    if column.variable:
        os.environ[column.variable] = program
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(_SECONDS)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{case.name}-") as own:
        try:
            wrong, maps = _judged(case, column, Path(own) / "truth")
        except tk.UnsupportedError as error:
            return Outcome(refused=(error.feature, error.reason), seconds=time.monotonic() - start)
        except Exception as error:  # also what should never come: it is the cell that is wrong
            wrong, maps = (f"{type(error).__name__}: {error}",), ""
        finally:
            signal.alarm(0)
    return Outcome(wrong, maps=maps, seconds=time.monotonic() - start)


def _too_late(_number: int, _frame: object) -> None:
    raise TimeoutError(f"it did not end in {_SECONDS} s")


def _judged(case: Case, column: Column, truth: Path) -> tuple[tuple[str, ...], str]:
    program = tk.parse(case.text, origin=f"{case.name}.tk")
    options, follow = _options(case, column)
    command = tuple(word.format(events=column.events) for word in case.command)
    environment = {**os.environ, "TRUTH": str(truth)}
    with _target(case, command, environment, follow) as (target, go):
        # dtrace 2.0.7 loses its END clause now and then, which the result tells: then once more.
        for _ in range(3 if column.backend == "dtrace" else 1):
            if not case.attach:
                truth.unlink(missing_ok=True)
            with tk.start(program, target, backend=column.backend, options=options, interval=None) as session:
                go()
                while session.running:
                    session.wait()
                result = session.stop()
            if case.attach or not any(loss.kind is LossKind.INCOMPLETE for loss in result.losses):
                break
    events = list(read(truth))
    if "lost-events" in case.loses(column.name):
        # Told, though not how many: what runs before the program's own first instruction.
        events = [event for event in events if not event.numbers.get("early")]
    pids = None if follow else frozenset(result.provenance.target.pids)
    unreturned = sum(event.site.startswith("unreturned:") for event in events)
    cut = "truncated" in case.loses(column.name)
    maps = expected(program, events, options.max_string, pids, nul_ends=cut)
    wrong = tuple(differences(case, column.name, program, result, maps, unreturned))
    return wrong, json.dumps(to_json(result.maps))


def _options(case: Case, column: Column) -> tuple[tk.Options, bool]:
    given = dict(case.options)
    follow = given.pop("follow", None) is not None
    exact = given.pop("exact", None) != "no"
    numbers = {name: int(value) for name, value in given.items()}
    return tk.Options(exact=exact, **numbers, **column.options), follow


@contextmanager
def _target(
    case: Case, command: tuple[str, ...], environment: dict[str, str], follow: bool
) -> Iterator[tuple[tk.Command | tk.Pids, Callable[[], object]]]:
    """Who is traced, and what lets it go once the probes are in place."""
    if not case.attach:
        yield tk.Command(command, follow=follow, env=environment), lambda: None
        return
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:
        try:
            yield tk.Pids((process.pid,), follow=follow), lambda: os.write(process.stdin.fileno(), b"\n")
        finally:
            process.kill()


def main(arguments: list[str]) -> int:
    """Run cases and print what came of them; 1 if one is wrong."""
    folder, engine, program, *names = arguments
    see_tracepoints()
    bad = False
    for name in names or cases():
        outcome = run(cases()[name], COLUMNS[engine], program, Path(folder))
        bad |= bool(outcome.wrong)
        word = "wrong" if outcome.wrong else "refused" if outcome.refused else "equal"
        more = (*outcome.wrong, *(outcome.refused or ()))
        print(f"{word:8} {outcome.seconds:5.1f} s  {name}", *more, sep="\n    ")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
