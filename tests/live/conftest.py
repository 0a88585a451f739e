"""What the live tests share: the engines that there are, and the programs that they trace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.dtrace import Dtrace
from tests.live.harness import OWN
from tools.engines import Engine, engines

PROGRAMS = Path(__file__).parent / "programs"
ENGINES = {"system": "system", "trixie": "bpftrace-trixie", "sid": "bpftrace-sid"}
"""The names that tests give the engines, and those that the kit of engines gives them."""


@pytest.fixture(autouse=True)
def _no_other_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test names no backend it means bpf, or bpftrace if it is about each of those, and no other."""
    meant = "bpftrace" if {"engine", "any_engine"} & {*request.fixturenames} else "bpf"
    monkeypatch.setattr("tracekit.backends.registry.ORDER", (meant,))


@pytest.fixture(scope="session")
def found_engines() -> dict[str, Engine]:
    """Every engine that can be used here, by the kit's name."""
    return {found.name: found for found in engines()}


def _engine(name: str, found_engines: dict[str, Engine]) -> Engine:
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if name == OWN.name:
        return OWN
    if ENGINES[name] not in found_engines:
        pytest.skip(f"there is no bpftrace of {name} here: 'make engines' sets it up")
    return found_engines[ENGINES[name]]


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, found_engines: dict[str, Engine]) -> Engine:
    """Each bpftrace in turn: the system's, Debian 13's and Debian unstable's."""
    return _engine(request.param, found_engines)


@pytest.fixture(scope="session", params=[*ENGINES, OWN.name])
def any_engine(request: pytest.FixtureRequest, found_engines: dict[str, Engine]) -> Engine:
    """Each bpftrace in turn, and tracekit's own engine."""
    return _engine(request.param, found_engines)


@pytest.fixture
def the_engine(any_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same, for tests that name no backend: it is what runs their programs."""
    if any_engine is OWN:
        monkeypatch.setattr("tracekit.backends.registry.ORDER", ("bpf",))
    else:
        monkeypatch.setenv("TRACEKIT_BPFTRACE", str(any_engine.path))
    return any_engine


@pytest.fixture(scope="session")
def dtrace(found_engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Dtrace:
    """Debian unstable's dtrace, without the part of its library that many kernels can't load."""
    if os.geteuid() != 0:
        pytest.skip("tracing needs root")
    if "dtrace-sid" not in found_engines:
        pytest.skip("there is no dtrace here: 'make engines' sets it up")
    program = found_engines["dtrace-sid"].path
    library = tmp_path_factory.mktemp("dtrace") / "library"
    kit = program.resolve().parent.parent
    shutil.copytree(
        next(kit.glob("sid/usr/lib/*/dtrace")), library, ignore=shutil.ignore_patterns("io.d"), symlinks=True
    )
    return Dtrace((str(program), f"-xsyslibdir={library}"))


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that compiles ``programs/NAME.c``, once a session, and gives the binary's path."""
    folder = tmp_path_factory.mktemp("binaries")

    def build(name: str) -> Path:
        binary = folder / name
        if not binary.exists():
            source = PROGRAMS / f"{name}.c"
            subprocess.run(["gcc", "-O1", "-g", "-pthread", "-o", binary, source], check=True)
        return binary

    return build
