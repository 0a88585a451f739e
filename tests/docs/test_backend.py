"""examples/backend, of docs/adding-a-backend.md: it is found as an installed package is, and it traces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest
from tests.docs.pages import ROOT

EXAMPLE = ROOT / "examples/backend"
TIMER = "interval:ms:20 { @ticks = count() }"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed: its module, and the metadata that pip would write."""
    folder = tmp_path_factory.mktemp("installed")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    metadata = folder / "tracekit_ticks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"[{group}]\n{name} = {value}\n" for group, points in project["entry-points"].items()
             for name, value in points.items()]  # fmt: skip
    (metadata / "entry_points.txt").write_text("".join(lines))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", EXAMPLE, folder)))}


def tracekit(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracekit", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_it_traces(installed: dict[str, str]) -> None:
    """A run gives a whole result, with the ticks of the time that the command took."""
    done = tracekit(installed, "trace", "-f", "json", "--backend", "ticks", "-e", TIMER, "--", "sleep", "0.1")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    (map_,) = run["maps"]
    assert map_["name"] == "ticks" and map_["entries"][0]["histogram"]["count"] >= 5
    assert run["complete"] and run["losses"] == [] and run["provenance"]["engine"]["name"] == "ticks"


def test_it_compiles(installed: dict[str, str]) -> None:
    """``compile`` asks it for a script, too."""
    done = tracekit(installed, "compile", "--backend", "ticks", "-e", TIMER)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "watch -n 20ms date")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("interval:ms:20 { @ = hist(cpu) }", "ticks can't do cpu: it has a clock and nothing else"),
        ("interval:ms:20 { @[1] = count() }", "it counts one timer, without filter and keys"),
    ],
)
def test_it_refuses_the_rest(installed: dict[str, str], program: str, reason: str) -> None:
    """What it can't do is refused before anything runs, with the reason that it gives."""
    done = tracekit(installed, "trace", "--backend", "ticks", "-e", program, "--", "echo", "ran")
    assert done.returncode != 0 and reason in done.stderr and "ran" not in done.stdout
