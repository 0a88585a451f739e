"""``show``, ``merge``, ``diff`` and ``size``: what is done with run files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from tests.cli.test_cli import run
from tests.core.test_result import PROVENANCE

import tracekit as tk
from tracekit.core.result import Result

SIZES = (tk.Log2(0), [100] * 300 + [5000] * 100)


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, str]:
    """Run files: of sizes, of other sizes, an incomplete one, one with keys, and one of another program."""
    scheme, sizes = SIZES

    def write(name: str, *maps: tk.MapResult, day: int, **more: object) -> str:
        starts = attrs.evolve(PROVENANCE, started=PROVENANCE.started + timedelta(day))
        (tmp_path / name).write_text(tk.dump(attrs.evolve(Result(maps, starts), **more)))
        return str(tmp_path / name)

    def bytes_(values: list[int]) -> tk.MapResult:
        return tk.MapResult("bytes", "hist", entries={(): tk.Histogram.of(values, scheme)})

    keyed = {("a",): tk.Histogram.of([1, 2], scheme), ("b\x1b[2J",): tk.Histogram.of([9], scheme)}
    loss = tk.Loss(tk.LossKind.EVENTS, "3 events were lost", 3)
    return {
        "old": write("old.json", bytes_(sizes), day=0),
        "new": write("new.json", bytes_([200] * 400), day=1),
        "less": write("less.json", bytes_([1]), day=2, complete=False, losses=(loss,)),
        "keyed": write("keyed.json", tk.MapResult("bytes", "hist", ("comm",), keyed), day=3),
        "two": write("two.json", bytes_([1]), attrs.evolve(bytes_([1]), name="other"), day=4),
    }


def test_show(runs: dict[str, str]) -> None:
    """A run file is shown as trace showed it; each has its name if there are several."""
    done = run("show", runs["old"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("@bytes:\n[64, 128)") and "count 400, sum 530000" in done.stdout
    done = run("show", runs["old"], runs["less"])
    assert done.returncode == 1
    assert done.stdout.startswith(f"{runs['old']}:\n@bytes:")
    assert "INCOMPLETE" in done.stdout and "warning: 3 events were lost" in done.stdout
    with open(runs["old"]) as file:
        assert run("show", "-", stdin=file.read()).stdout == run("show", runs["old"]).stdout


def test_merge(runs: dict[str, str], tmp_path: Path) -> None:
    """The merged run file has all values, and what one run lacks."""
    whole = str(tmp_path / "whole.json")
    done = run("merge", runs["old"], runs["new"], "-o", whole)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    result = tk.load_run(Path(whole).read_text())
    assert result.histogram("bytes") == tk.Histogram.of([*SIZES[1], *[200] * 400], SIZES[0])
    assert len(result.merged) == 2
    done = run("merge", whole, runs["less"])
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["merged"]) == 3
    assert "warning: 3 events were lost" in done.stderr
    assert "tracekit: a run is there twice" in run("merge", whole, runs["old"]).stderr
    assert "@bytes has the keys none in one run and comm in" in run("merge", runs["old"], runs["keyed"]).stderr


def test_diff(runs: dict[str, str]) -> None:
    """Buckets, figures and quantiles stand beside each other, and whether chance explains it."""
    done = run("diff", runs["old"], runs["new"])
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "@bytes:"
    assert lines[1].split() == ["[64,", "128)", "300", "->", "0", "75.00%", "->", "0.00%", "-----------"]
    assert lines[2].split() == ["[128,", "256)", "0", "->", "400", "0.00%", "->", "100.00%", "+++++++++++++++"]
    assert "  mean              1325 -> 200              (-84.91%)" in lines
    assert "  Below 128 are 75.00% -> 0.00% of the values: more than chance, which makes such" in done.stdout
    assert "  The distributions are the same." in run("diff", runs["old"], runs["old"]).stdout


def test_diff_says_what_is_missing(runs: dict[str, str]) -> None:
    """Losses are those of the file that has them, and maps of one run are named."""
    done = run("diff", runs["less"], runs["two"])
    assert done.returncode == 1
    assert done.stdout.endswith("@other: only in the second run\n")
    assert done.stderr.startswith(f"{runs['less']}:\nINCOMPLETE")
    assert run("diff", runs["old"], runs["two"], "--map", "other").returncode == 2
    assert (
        "@bytes is not the same in both runs: hist and hist[comm]"
        in run("diff", runs["old"], runs["keyed"]).stderr
    )


def test_size(runs: dict[str, str]) -> None:
    """How many fit by the mean, by percentiles and at worst; the inverse; and the assumptions."""
    done = run("size", runs["old"], "--memory", "1MiB", "--overhead", "75", "--headroom", "20%")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"the mean size                           1325 {838860 // 1400:>23}\n" in done.stdout
    assert f"the greatest size seen                  5000 {838860 // 5075:>23}\n" in done.stdout
    assert "Each costs its size and 75 bytes. 20% of the memory stays free." in done.stdout
    done = run("size", runs["old"], "--entries", "599", "--overhead", "75", "--headroom", "0.2")
    assert f"the mean size                           1325 {599 * 1400 * 5 // 4:>23}\n" in done.stdout


def test_size_of_a_key(runs: dict[str, str]) -> None:
    """Without a key, all are taken together; keys of the target reach the terminal escaped."""
    assert "1 bytes hold, by the sizes of 3 entries" in run("size", runs["keyed"], "--memory", "1").stdout
    assert "by the sizes of 2 entries" in run("size", runs["keyed"], "--memory", "1", "--key", "a").stdout
    done = run("size", runs["keyed"], "--memory", "1", "--key", "c\x1b")
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
    assert "\x1b" not in run("show", runs["keyed"]).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "/nonexistent"), "/nonexistent can't be read: No such file or directory"),
        (("show", "{old}/x"), "can't be read: Not a directory"),
        (("show", "/dev/null"), "/dev/null: the run file is no JSON"),
        (("size", "{two}", "--memory", "1"), "the run has several maps: @bytes @other"),
        (("size", "{two}", "--memory", "1", "--map", "x"), "the run has no map x"),
        (("size", "{old}", "--memory", "two"), "'two' is no size; write it as 96, 64KiB"),
        (("size", "{old}", "--memory", "1", "--headroom", "x"), "'x' is no share; write it as 20%"),
        (("size", "{old}"), "either the memory or the number of entries has to be given"),
        (("size", "{old}", "--memory", "1", "--headroom", "100%"), "the headroom is out of range"),
    ],
)
def test_what_makes_no_sense(runs: dict[str, str], words: tuple[str, ...], message: str) -> None:
    """Each is one sentence and status 2."""
    done = run(*(word.format(**runs) for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and "Traceback" not in done.stderr
