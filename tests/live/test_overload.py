"""Limits on what tracing costs, on every engine: it stops by itself, and what it had counted is exact."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from tests.live.endless import endless
from tools.engines import Engine

import tracekit as tk
from tracekit.backends.trap import trap_nanoseconds
from tracekit.core.result import Ending, Load, LossKind, Result
from tracekit.workflow import sampling

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
]

# A window of a second, in which the 101st event is one too many.
LIMIT = tk.Options(max_rate=100, attach_gdb=True)


@pytest.fixture(params=["bpf", "system", "bpftrace-trixie", "bpftrace-sid", "dtrace-sid", "gdb"])
def backend(
    request: pytest.FixtureRequest, found_engines: dict[str, Engine], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Each engine in turn, by its backend's name."""
    name: str = request.param
    if name == "bpf":
        return name
    if name == "gdb":
        if shutil.which("gdb") is None:
            pytest.skip("there is no gdb here")
        return name
    if name not in found_engines:
        pytest.skip(f"there is no {name} here: 'make engines' sets it up")
    found = "dtrace" if name.startswith("dtrace") else "bpftrace"
    monkeypatch.setenv(f"TRACEKIT_{found.upper()}", str(found_engines[name].path))
    return found


@pytest.fixture(params=["bpf", "bpftrace"])
def in_files(request: pytest.FixtureRequest) -> str:
    """Each backend in turn that the kernel tells of what other processes do."""
    return str(request.param)


@pytest.fixture
def hot(binaries: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the program that no other test's probes are in."""
    return Path(shutil.copy(binaries("hot"), tmp_path / "hot"))


@pytest.fixture
def running(hot: Path) -> Iterator[int]:
    """A process that calls for ever, of somebody else as far as tracekit knows."""
    with endless(hot, "-1") as pid:
        yield pid


def program(binary: Path) -> tk.Program:
    return tk.parse(f'uprobe:"{binary}":insert {{ @sizes = lhist(arg0, 0, 1000, 100) }}')


def load(result: Result) -> Load:
    assert result.provenance.load is not None
    return result.provenance.load


def test_a_command_that_is_too_hot_is_left_alone(backend: str, hot: Path) -> None:
    """Above the limit nothing more is counted, all before is exact, and the command goes on to its own end."""
    result = tk.run(program(hot), tk.Command([str(hot), "20000"]), backend=backend, options=LIMIT)
    sizes = result.histogram("sizes")
    # With time lost to others, a window may end before it is full; it never has more than 101.
    assert 101 <= sizes.count <= 101 * (1 + load(result).nanoseconds // 1_000_000_000)
    assert sizes == tk.Histogram.of([i % 1000 for i in range(sizes.count)], tk.Linear(0, 1000, 100))
    assert result.complete
    (loss,) = [loss for loss in result.losses if loss.kind is LossKind.OVERLOAD]
    assert loss.message.startswith("stopped after ")
    assert loss.message.endswith("is above --max-rate 100")
    assert load(result).events == sizes.count
    assert result.provenance.target.ending == Ending(status=7)


def test_a_process_that_is_too_hot_is_let_go(backend: str, hot: Path, running: int) -> None:
    """A run on a process that isn't ours ends by itself, and the process goes on."""
    result = tk.run(program(hot), tk.Pids([running]), backend=backend, options=LIMIT)
    assert result.complete
    assert [loss.kind for loss in result.losses] == [LossKind.OVERLOAD]
    assert result.histogram("sizes").count == load(result).events >= 101


def test_the_first_event_may_be_the_last(backend: str, hot: Path, running: int) -> None:
    """A run that has all it wants before its engine has said that it is ready has its result all the same."""
    options = tk.Options(max_events=1, attach_gdb=True)
    result = tk.run(program(hot), tk.Pids([running]), backend=backend, options=options)
    assert result.complete
    assert result.histogram("sizes").count == 1


def test_what_stays_below_the_limit_is_not_stopped(backend: str, hot: Path) -> None:
    """The same command, called less often, is counted whole."""
    options = tk.Options(max_rate=1_000_000, max_overhead=1_000_000)
    result = tk.run(program(hot), tk.Command([str(hot), "300"]), backend=backend, options=options)
    assert result.histogram("sizes").count == load(result).events == 300
    assert not any(loss.kind is LossKind.OVERLOAD for loss in result.losses)


def test_a_sample_says_what_it_is(
    backend: str, hot: Path, running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows and pauses take turns, no probe is left in a pause, and the result says how long they were."""
    monkeypatch.setattr(sampling, "_Alarm", lambda _, real=sampling._Alarm: real(0.2))
    options = attrs.evolve(LIMIT, on_overload="sample")
    with tk.start(program(hot), tk.Pids([running]), backend=backend, options=options, interval=None) as session:
        sampler = session._tracer
        assert isinstance(sampler, sampling.SamplingTracer)
        while not (sampler.windows == 2 and sampler.pausing):
            assert session.running
            session.wait(10.0)
            if sampler.pausing:
                assert code(running, hot) == code_in_file(running, hot)
        result = session.stop()
    assert result.complete
    (loss,) = [loss for loss in result.losses if loss.kind is LossKind.OVERLOAD]
    assert loss.message.startswith("sampled: 2 windows of together ")
    sizes = result.histogram("sizes")
    assert sizes.count == load(result).events == sum(b.count for b in sizes.buckets) >= 2 * 101


def mapping(pid: int, binary: Path) -> tuple[int, int, int]:
    """Where a process has a binary's code: from, to, and the offset in the file."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split()
        if words[1] == "r-xp" and words[-1] == str(binary):
            start, end = (int(number, 16) for number in words[0].split("-"))
            return start, end, int(words[2], 16)
    raise AssertionError(f"process {pid} does not run {binary}")


def code(pid: int, binary: Path) -> bytes:
    """The binary's code as the process has it, with whatever breakpoints are in it."""
    start, end, _ = mapping(pid, binary)
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(start)
        return memory.read(end - start)


def code_in_file(pid: int, binary: Path) -> bytes:
    """The same as the file has it."""
    start, end, offset = mapping(pid, binary)
    return binary.read_bytes()[offset : offset + end - start].ljust(end - start, b"\0")


def test_a_share_of_a_processor_is_a_limit_too(in_files: str, hot: Path) -> None:
    """It becomes a rate by what a trap takes here, which is measured; the result names the limit."""
    cost = trap_nanoseconds()
    if cost is None:
        pytest.skip("this kernel lets us measure no trap")
    options = tk.Options(max_overhead=0.1)
    result = tk.run(program(hot), tk.Command([str(hot), "200000"]), backend=in_files, options=options)
    (loss,) = result.losses
    assert loss.message.endswith("above --max-overhead 0.1")
    assert result.histogram("sizes").count < 200000


def test_bystanders_are_told_and_count_for_the_limit(in_files: str, hot: Path, running: int) -> None:
    """Another process of the same binary is not counted, but what it runs into is, and stops the run."""
    quiet = tk.Command([str(hot), "5", "1000"])
    result = tk.run(program(hot), quiet, backend=in_files)
    assert result.whole
    assert result.histogram("sizes").count == 5
    assert load(result).others > 0
    assert any("by other processes that run the same binary" in note for note in result.notes)
    slow = tk.Command([str(hot), "2000", "1000"])
    result = tk.run(program(hot), slow, backend=in_files, options=tk.Options(max_rate=200))
    assert [loss.kind for loss in result.losses] == [LossKind.OVERLOAD]
    assert result.histogram("sizes").count < 2000
