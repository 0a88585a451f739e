"""Runs the cells that were asked for, a few at once, while their tests wait for them one by one."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import pytest
from tests.conformance.builds import build
from tests.conformance.case import cases
from tests.conformance.cell import Outcome, run, see_tracepoints
from tests.conformance.engines import COLUMNS
from tools.engines import engines

WORKERS = 2 * (os.cpu_count() or 1)
"""A run waits for the kernel most of its time: twice as many as there are processors keep them busy."""

Cell = tuple[str, str]
"""A case and a column, by their names."""


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """The engines that there are: the path of each column's program, or nothing for one that has none."""
    there = {engine.name: engine for engine in engines()}
    found = {name: "" for name, column in COLUMNS.items() if not column.kit}
    for name, column in COLUMNS.items():
        engine = there.get(column.kit)
        if engine is not None and engine.version.startswith(column.version):
            found[name] = str(engine.path)
    return found


@pytest.fixture(scope="session")
def outcome(
    request: pytest.FixtureRequest, programs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Outcome]]:
    """A function that gives a cell's outcome, once it is there; skips it if its engine isn't."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if os.uname().machine != "x86_64":
        pytest.skip("the cases have registers and addresses of x86-64")
    folder = tmp_path_factory.mktemp("targets")
    build(folder)
    # A uprobe is in a file, and so in all processes of it: there gdb's breakpoints would never be met.
    apart = shutil.copytree(folder, folder.with_name(f"{folder.name}-gdb"), symlinks=True)
    found: dict[Cell, Future[Outcome]] = {}
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), see_tracepoints) as pool:
        for case, column in dict.fromkeys(_asked_for(request.session)):
            if column in programs:
                own = apart if COLUMNS[column].backend == "gdb" else folder
                cell = run, cases()[case], COLUMNS[column], programs[column], own
                found[case, column] = pool.submit(*cell)

        def wait(case: str, column: str) -> Outcome:
            if (case, column) not in found:
                pytest.skip(f"there is no {column} here: 'make engines' sets it up")
            return found[case, column].result()

        yield wait
        pool.shutdown(cancel_futures=True)


def _asked_for(session: pytest.Session) -> Iterator[Cell]:
    for item in session.items:
        call = getattr(item, "callspec", None)
        if call and "case" in call.params and item.path.parent == Path(__file__).parent:
            columns = [call.params["column"]] if "column" in call.params else COLUMNS
            yield from ((call.params["case"], column) for column in columns)
