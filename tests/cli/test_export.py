"""``tracekit export``: run files in other programs' forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.test_cli import run
from tests.render.hostile import RESULT as HOSTILE
from tests.render.run_file_sample import RESULT

import tracekit as tk


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, str]:
    """A run file that lacks some events, and an incomplete one full of hostile names."""
    for name, result in (("run", RESULT), ("hostile", HOSTILE)):
        (tmp_path / name).write_text(tk.dump(result))
    return {name: str(tmp_path / name) for name in ("run", "hostile")}


def test_a_picture(runs: dict[str, str], tmp_path: Path) -> None:
    """The picture goes to the file, and what is missing also to standard error."""
    done = run("export", runs["run"], "--to", "svg", "--map", "bytes", "-o", str(tmp_path / "out.svg"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "warning: 3 events were lost\n         Filter.\nnote: a note\n"
    assert (tmp_path / "out.svg").read_text().startswith("<svg ")


def test_keys_are_together_or_chosen(runs: dict[str, str]) -> None:
    """A picture is of all keys unless one is chosen; an incomplete run ends with 1."""
    done = run("export", runs["hostile"], "--to", "svg", "--map", "@bytes")
    assert done.returncode == 1
    assert "@bytes, all 11 keys together" in done.stdout and "count 22" in done.stdout
    chosen = run("export", runs["hostile"], "--to", "svg", "--map", "bytes", "--key", "=HYPERLINK(1)")
    assert "@bytes[&quot;=HYPERLINK(1)&quot;]" in chosen.stdout and "count 2" in chosen.stdout


def test_a_part_is_chosen(runs: dict[str, str]) -> None:
    """With --map and --key there are only that map's rows, or that key's."""
    done = run("export", runs["run"], "--to", "csv", "--map", "n", "--key", "2", "--key", "b")
    assert done.stdout.splitlines()[1:] == ["entry,no,n,sum,2,b,,,2,5,2.5,2,3"]
    whole = run("export", "-", "--to", "uhi", stdin=Path(runs["run"]).read_text())
    assert [document["metadata"]["map"] for document in json.loads(whole.stdout)] == ["bytes"]


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("html", "<!DOCTYPE html>"), ("prometheus", "# HELP tracekit_bytes "), ("otlp", '{"resourceMetrics": ')],
)
def test_forms(runs: dict[str, str], form: str, beginning: str) -> None:
    """Each form goes to standard output."""
    done = run("export", runs["run"], "--to", form)
    assert (done.returncode, done.stdout[: len(beginning)]) == (0, beginning)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "svg"), "the run has several maps: @bytes @n"),
        (("--to", "svg", "--map", "n"), "@n, all 2 keys together has no buckets to draw"),
        (("--to", "uhi", "--map", "n"), "nothing in the run has buckets"),
        (("--to", "csv", "--map", "x"), "the run has no map x"),
        (("--to", "csv", "--map", "n", "--key", "3"), "the run has no event with the key 3"),
        (("--to", "csv", "--key", "3"), "the run has several maps"),
        ((), "Missing option '--to'"),
    ],
)
def test_what_makes_no_sense(runs: dict[str, str], words: tuple[str, ...], message: str) -> None:
    """Each is one sentence and status 2."""
    done = run("export", runs["run"], *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr
