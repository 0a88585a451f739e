"""``--cross-check``: two real engines on one target, and what is said of their counts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner
from tests.leftovers import children, descriptors
from tests.live.endless import endless
from tools.engines import Engine

import tracekit as tk
from tracekit.backends.base import Tracer
from tracekit.backends.bpftrace.backend import BpftraceBackend
from tracekit.cli.main import cli
from tracekit.core.program import Program
from tracekit.core.result import LossKind
from tracekit.errors import EngineMissingError, UsageError

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
]

BOTH = tk.Options(cross_check="bpftrace")


@pytest.fixture
def calls(binaries: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the program that no other test's probes are in."""
    return Path(shutil.copy(binaries("calls"), tmp_path / "calls"))


@pytest.fixture
def tree(binaries: Callable[[str], Path], tmp_path: Path) -> Path:
    """The same of another one."""
    return Path(shutil.copy(binaries("calls_tree"), tmp_path / "tree"))


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bpftrace that leaves out one value."""
    right = BpftraceBackend.tracer

    def tracer(self: BpftraceBackend, program: Program, *rest: Any) -> Tracer:
        other = tk.parse("uprobe:x:f /arg0 != 0x2a/ { @ = count() }").clauses[0].where
        clauses = [attrs.evolve(clause, where=other) for clause in program.clauses]
        return right(self, tk.Program(clauses), *rest)

    monkeypatch.setattr(BpftraceBackend, "tracer", tracer)


def program(
    binary: Path, function: str = "value", aggregation: str = "hist(arg0)", keys: str = "comm"
) -> Program:
    return tk.parse(f'uprobe:"{binary}":{function} {{ @n = count(); @v[{keys}] = {aggregation} }}')


@pytest.fixture
def second(
    request: pytest.FixtureRequest, found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> str:
    """The other engine, by its backend's name."""
    name = request.param
    if name not in found_engines:
        pytest.skip(f"there is no {name} here: 'make engines' sets it up")
    backend = "dtrace" if name.startswith("dtrace") else "bpftrace"
    monkeypatch.setenv(f"TRACEKIT_{backend.upper()}", str(found_engines[name].path))
    return backend


@pytest.mark.parametrize("second", ["system", "bpftrace-sid", "dtrace-sid"], indirect=True)
def test_two_engines_that_agree_are_named(calls: Path, second: str) -> None:
    """A command's events are the same for both, its first and its last; the result is bpf's, and whole."""
    before = descriptors(), children()
    result = tk.run(
        program(calls, keys="arg0 & 1, tid == pid"),
        tk.Command([str(calls), "values", "0", "1", "2a", "ffffffffffffffff", "2a"]),
        options=tk.Options(cross_check=second),
    )
    assert result.whole and result.provenance.engine.name == "bpf"
    assert result.histogram("n").count == 5
    (note,) = [note for note in result.notes if note.startswith("cross-checked")]
    assert re.fullmatch(rf"cross-checked: {second} [\d.]+\S* has counted the same, 10 values", note)
    assert (descriptors(), children()) == before


def test_a_difference_is_told_with_its_numbers(calls: Path, wrong: None) -> None:
    """The result stays bpf's, and isn't whole: the loss says what the other one has, and the status is 1."""
    text = f'uprobe:"{calls}":value {{ @n = count(); @v = lhist(arg0, 0, 100, 10) }}'
    done = CliRunner().invoke(
        cli, ["trace", "--cross-check", "-e", text, "--", str(calls), "values", "1", "2a", "2a"],
        standalone_mode=False,
    )  # fmt: skip
    assert done.return_value == 1
    assert "@n: 3\n" in done.stdout
    assert re.search(
        r"warning: the cross-check failed: bpftrace \S+ has counted otherwise: @n events: 1, not 3; "
        r"@v events: 1, not 3; @v in \[40, 50\): 0, not 2\n",
        done.stdout,
    )


def test_a_process_that_runs_already_is_compared_by_bounds(tree: Path) -> None:
    """Events of the time in which one of the two was there alone are no difference; the process goes on."""
    with endless(tree, "loop") as pid:
        text = program(tree, "fib", "lhist(arg0, 0, 10, 1)", "pid")
        with tk.start(text, tk.Pids([pid]), options=BOTH, interval=0.02) as session:
            for snapshot in session.snapshots(0.02):
                if snapshot["n"].total >= 300:
                    break
            result = session.stop()
    assert result.whole, result.losses
    (note,) = [note for note in result.notes if note.startswith("cross-checked")]
    found = re.search(r"counted ([\d,]+) values, and between ([\d,]+) and ([\d,]+) came", note)
    assert found is not None, note
    count, least, most = (int(number.replace(",", "")) for number in found.groups())
    assert 0 < least <= count <= most <= result.histogram("n").count * 2


def test_a_process_that_runs_already_and_a_difference(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other engine leaves out is seen within the bounds, too."""
    right = BpftraceBackend.tracer

    def tracer(self: BpftraceBackend, given: Program, *rest: Any) -> Tracer:
        other = tk.parse("uprobe:x:f /arg0 != 1/ { @ = count() }").clauses[0].where
        return right(self, tk.Program([attrs.evolve(c, where=other) for c in given.clauses]), *rest)

    monkeypatch.setattr(BpftraceBackend, "tracer", tracer)
    with endless(tree, "loop") as pid:
        text = tk.parse(f'uprobe:"{tree}":fib {{ @v = lhist(arg0, 0, 10, 1) }}')
        with tk.start(text, tk.Pids([pid]), options=BOTH, interval=0.02) as session:
            for snapshot in session.snapshots(0.02):
                if snapshot["v"].total >= 300:
                    break
            result = session.stop()
    (loss,) = [loss for loss in result.losses if loss.kind is LossKind.UNCONFIRMED]
    assert re.search(r"@v in \[1, 2\): 0, not \d+ to \d+", loss.message)


def test_times_are_counted_only(calls: Path) -> None:
    """Each engine takes its own time of a call: how many there are is compared, and that is said."""
    text = tk.parse(f'uretprobe:"{calls}":deep {{ @ = hist(elapsed) }}')
    result = tk.run(text, tk.Command([str(calls), "deep", "5"]), options=BOTH)
    assert result.whole and result.histogram("").count == 6
    assert any(note.endswith("has counted the same, 6 values") for note in result.notes)
    assert "of times only how many there are is compared: each engine takes its own" in result.notes


def test_an_engine_that_dies_confirms_nothing(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the other one's result the own one is shown, with the loss."""
    monkeypatch.setattr("tracekit.backends.bpftrace.run.BpftraceTracer.finish", lambda self: ())
    result = tk.run(program(calls), tk.Command([str(calls), "values", "1"]), options=BOTH)
    (loss,) = result.losses
    assert loss.kind is LossKind.UNCONFIRMED and "told no result to compare with" in loss.message
    assert result.complete and result.histogram("n").count == 1


def test_a_second_engine_that_is_not_there(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, and nothing of the command has run."""
    monkeypatch.setenv("TRACEKIT_BPFTRACE", "/nonexistent")
    made = tmp_path / "made"
    with pytest.raises(EngineMissingError, match="TRACEKIT_BPFTRACE"):
        tk.run(program(calls), tk.Command(["touch", str(made)]), options=BOTH)
    assert not made.exists()


REFUSED = [
    ("profile:hz:9 { @ = count() }", {}, {}, "timers don't fire"),
    ("uprobe:x:f { @[cpu] = count() }", {}, {}, "cpu and elapsed may differ"),
    ("uretprobe:x:f /elapsed > 1/ { @ = count() }", {}, {}, "cpu and elapsed may differ"),
    ("uretprobe:x:f { @ = count() }", {}, {"target": tk.SystemWide()}, "calls that began before"),
    ("uprobe:x:f { @ = count() }", {}, {"target": tk.Pids([1], follow=True)}, "what a process forks"),
    ("uprobe:x:f { @ = count() }", {"max_events": 9}, {}, "--max-events would stop"),
    ("uprobe:x:f { @ = count() }", {"cross_check": "gdb"}, {}, "gdb can't be beside bpf"),
    ("uprobe:x:f { @ = count() }", {"cross_check": "bpf"}, {}, "bpf can't be beside bpf"),
    ("uprobe:x:f { @ = count() }", {"cross_check": "perf"}, {}, "there is no backend 'perf'"),
    ("uprobe:x:f { @ = count() }", {}, {"backend": "dtrace"}, "compares bpf with another engine"),
]


@pytest.mark.parametrize(("text", "options", "more", "said"), REFUSED)
def test_what_two_engines_see_differently_is_refused(
    text: str, options: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    """Before anything is started, with the reason and a way out."""
    target = more.pop("target", tk.Command(["true"]))
    with pytest.raises(UsageError, match=said) as caught:
        tk.start(tk.parse(text), target, options=attrs.evolve(BOTH, **options), **more)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        (("--cross-check", "{0}", "value", "count()"), "bpftrace"),
        (("{0}", "value", "count()", "--cross-check"), "bpftrace"),
        (("{0}", "value", "count()", "--cross-check=bpftrace"), "bpftrace"),
        (("--cross-check", "gdb", "{0}", "value", "count()"), "gdb"),
    ],
)
def test_a_binary_is_not_taken_for_an_engine(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], engine: str
) -> None:
    """The word behind the option is its value only if it is an engine's name; behind -- it is the command's."""
    asked: list[str | None] = []

    def start(*_: object, options: tk.Options, **__: object) -> None:
        asked.append(options.cross_check)
        raise UsageError("enough")

    monkeypatch.setattr("tracekit.cli.commands.trace.start", start)
    line = ["trace", *(word.format("./calls") for word in words), "--", "./calls", "--cross-check"]
    assert isinstance(CliRunner().invoke(cli, line, standalone_mode=False).exception, UsageError)
    assert asked == [engine]
