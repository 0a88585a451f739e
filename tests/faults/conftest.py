"""What the proofs share: the engines that they concern, and targets of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.builds import build
from tests.faults.cli import Engine, Target
from tests.faults.ledger import Ledger
from tests.faults.soak.worker import programs

BPFTRACES = ("bpftrace 0.17", "bpftrace 0.23", "bpftrace 0.27")
PROCESSES = (*BPFTRACES, "dtrace 2.0.7", "gdb 13")
"""The engines that are processes of their own."""
COLUMNS = ("bpf own", *PROCESSES)


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Results that can't be written where they should go are kept in a folder of the test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture(scope="session")
def found_programs() -> dict[str, str]:
    """The engines that there are, by the matrix's names."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    return programs()


@pytest.fixture(params=COLUMNS)
def engine(request: pytest.FixtureRequest, found_programs: dict[str, str]) -> Engine:
    """Each engine in turn."""
    return an_engine(request.param, found_programs)


@pytest.fixture(params=PROCESSES)
def engine_process(request: pytest.FixtureRequest, found_programs: dict[str, str]) -> Engine:
    """Each engine that is a process of its own, in turn."""
    return an_engine(request.param, found_programs)


@pytest.fixture(params=("bpf own", *BPFTRACES))
def follower(request: pytest.FixtureRequest, found_programs: dict[str, str]) -> Engine:
    """Each engine that can follow forks, in turn."""
    return an_engine(request.param, found_programs)


@pytest.fixture(params=BPFTRACES)
def bpftrace(request: pytest.FixtureRequest, found_programs: dict[str, str]) -> Engine:
    """Each bpftrace in turn."""
    return an_engine(request.param, found_programs)


@pytest.fixture
def any_engine(found_programs: dict[str, str]) -> Engine:
    """One engine, where it doesn't matter which: the quickest."""
    return an_engine("bpf own", found_programs)


def an_engine(column: str, found: dict[str, str]) -> Engine:
    """An engine; skips the test if it isn't there."""
    if column not in found:
        pytest.skip(f"there is no {column} here: 'make engines' sets it up")
    return Engine(column, found[column])


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all targets."""
    folder = tmp_path_factory.mktemp("faults")
    build(folder)
    return folder


@pytest.fixture
def target(built: Path, tmp_path: Path) -> Iterator[Callable[..., Target]]:
    """A function that gives a copy of a target, with a ledger of its own."""
    made: list[Target] = []

    def copy(name: str = "steady", called: str = "") -> Target:
        folder = tmp_path / f"target{len(made)}"
        folder.mkdir()
        path = folder / (called or name)
        shutil.copy(built / name, path)
        made.append(Target(path, Ledger(folder / "ledger")))
        return made[-1]

    yield copy
    for found in made:
        found.close()


@pytest.fixture
def steady(target: Callable[..., Target]) -> Target:
    """A copy of the target in C."""
    return target()
