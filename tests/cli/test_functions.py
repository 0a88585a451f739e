"""``tracekit functions`` and ``tracekit signature``: what they take and print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tracekit.cli.commands.functions import Patience

SOURCE = """
struct view { const char *data; unsigned long len; };
__attribute__((noinline)) int cache_insert(struct view value) { return value.len > 3; }
int main(int argc, char **argv) { return cache_insert((struct view){argv[0], argc}); }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with debug information."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "a.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O2", "-g", "-o", "program", "a.c"], check=True, cwd=folder)
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run tracekit in the folder to its end."""
    argv = [sys.executable, "-m", "tracekit", *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_text(folder: Path) -> None:
    """Functions are printed with what they are, and nothing else is."""
    done = run(folder, "functions", "./program", "insert")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "int cache_insert(struct view value)\n    a.c:3, C\n\n1 function of ./program\n"


def test_json(folder: Path) -> None:
    """JSON has the facts for programs, in one line."""
    done = run(folder, "functions", "./program", "-f", "json", "--limit", "1")
    document = json.loads(done.stdout)
    assert (document["format"], document["version"], document["architecture"]) == (
        "tracekit-functions",
        1,
        "x86_64",
    )
    (insert,) = document["functions"]
    assert (insert["name"], insert["traceable"], insert["line"]) == ("cache_insert", True, 3)
    assert document["matched"] > 1


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (
            ["./program", "cash_insert"],
            1,
            "./program has no function 'cash_insert'\nDid you mean cache",
        ),
        (["a.c"], 1, "a.c is not an ELF binary"),
        (["-p", "1", "--container", "x"], 2, "there are several targets"),
        ([], 2, "there is no binary"),
    ],
)
def test_refusals(folder: Path, words: list[str], status: int, message: str) -> None:
    """What can't be answered ends in a sentence, with the way out."""
    done = run(folder, "functions", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"tracekit: {message}")


def test_signature(folder: Path) -> None:
    """A signature is printed as a table, or as JSON."""
    done = run(folder, "signature", "./program", "cache_insert")
    assert (done.returncode, done.stderr) == (0, "")
    assert "int cache_insert(struct view value)\ncache_insert at a.c:3, C, x86_64\n" in done.stdout
    document = json.loads(run(folder, "signature", "./program", "cache_insert", "-f", "json").stdout)
    assert [field["path"] for field in document["fields"]] == [
        "value", "value.data", "*value.data", "value.len", "retval",
    ]  # fmt: skip
    assert document["calibration"]["symbol"] == "cache_insert"


@pytest.mark.parametrize("terminal", [False, True])
def test_long_work_is_told(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal it is said how far long work is, and taken away at its end; elsewhere it is said once."""
    monkeypatch.setattr("tracekit.cli.commands.functions._PATIENCE", 0.0)
    monkeypatch.setattr("os.isatty", lambda _: terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)  # what click asks
    with Patience() as patience:
        patience.tell(0.25)
        patience.tell(0.5)
    said = capsys.readouterr().err
    if terminal:
        assert "25%" in said and "50%" in said and said.endswith("\r\x1b[K")
    else:
        assert said == "reading the functions, which takes long only once\n"
