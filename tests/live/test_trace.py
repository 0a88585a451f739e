"""Whole runs through the Python API, on every bpftrace that there is: what tests/conformance/ doesn't have."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.leftovers import children, descriptors
from tests.live.endless import endless
from tests.live.harness import OWN
from tools.engines import Engine

import tracekit as tk
from tracekit.core.result import LossKind
from tracekit.errors import TargetError, UnsupportedError

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("the_engine")]

ROOT = Path(__file__).parents[2]
GO_LENGTH = 'lhist(reg("rsi"), 0, 32768, 4096)'


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C sample."""
    binary = tmp_path_factory.mktemp("c") / "itest.test"
    source = ROOT / "examples/cache/c/itest.c"
    subprocess.run(["gcc", "-O2", "-g", "-o", binary, source, "-pthread"], check=True)
    return binary


@pytest.fixture(scope="session")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go sample."""
    binary = tmp_path_factory.mktemp("go") / "cache"
    subprocess.run(["go", "build", "-o", binary, "."], check=True, cwd=ROOT / "examples/cache/go")
    return binary


@pytest.fixture
def tree(binaries: Callable[[str], Path]) -> str:
    """Calls that nest."""
    return str(binaries("calls_tree"))


@pytest.fixture
def loop(tree: str) -> Iterator[int]:
    """A process that calls for ever, of somebody else as far as tracekit knows."""
    with endless(tree, "loop") as pid:
        yield pid


def the_program(binary: object, function: str, aggregation: str) -> tk.Program:
    return tk.parse(f'uprobe:"{binary}":"{function}" {{ @m = {aggregation} }}')


def truth(binary: Path, count: int, tmp_path: Path) -> list[int]:
    """The lengths that the sample itself says it has inserted."""
    file = tmp_path / "truth"
    subprocess.run([binary, "-truth", file, str(count)], check=True)
    return [int(line.split()[0]) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_the_c_sample_is_counted_exactly(cache: Path, count: int, tmp_path: Path) -> None:
    """Every call counts once, while a second process of the same binary makes others."""
    with subprocess.Popen([cache, "10000000"]) as noise:
        try:
            result = tk.run(
                the_program(cache, "cache_insert", "lhist(arg2, 0, 16384, 128)"),
                tk.Command([str(cache), str(count)]),
            )
        finally:
            noise.kill()
    lengths = truth(cache, count, tmp_path)
    assert len(lengths) == count
    assert result.whole
    assert result.histogram("m") == tk.Histogram.of(lengths, tk.Linear(0, 16384, 128))


@pytest.mark.parametrize("count", [0, 1, 1000, 20000])
def test_the_go_sample_is_counted_exactly(go_cache: Path, count: int, tmp_path: Path) -> None:
    """A Go function that grows its stack counts once."""
    result = tk.run(
        the_program(go_cache, "main.Cache.Insert", GO_LENGTH), tk.Command([str(go_cache), str(count)])
    )
    assert result.whole
    assert result.histogram("m") == tk.Histogram.of(truth(go_cache, count, tmp_path), tk.Linear(0, 32768, 4096))


@pytest.mark.parametrize("linker", ["internal", "external"])
def test_a_go_program_that_is_a_pie_is_exact_or_flagged(
    tmp_path: Path, the_engine: Engine, linker: str
) -> None:
    """Linked by gcc, the code has the same numbers in the file and as addresses: there 0.17 can't be exact."""
    binary = tmp_path / "pie"
    flags = ["-buildmode=pie", f"-ldflags=-linkmode={linker}", "-buildvcs=false"]
    subprocess.run(["go", "build", *flags, "-o", binary, "."], check=True, cwd=ROOT / "examples/cache/go")
    result = tk.run(the_program(binary, "main.Cache.Insert", "count()"), tk.Command([str(binary), "2000"]))
    count = result.histogram("m").count
    if linker == "external" and the_engine.version.startswith("0.17"):
        assert [loss.kind for loss in result.losses] == [LossKind.APPROXIMATE]
        assert 1900 <= count < 3000  # how often the runtime interrupts depends on the machine's load
    else:
        assert result.whole
        assert count == 2000


@pytest.mark.parametrize("stripped", [False, True])
def test_two_static_functions_of_one_name_are_told_apart_by_address(tmp_path: Path, stripped: bool) -> None:
    """Engines would probe the first for both; by its place in the file, each is reached, stripped or not."""
    body = 'static __attribute__((noinline, noclone)) void twin(long x) { __asm__ volatile("" : : "r"(x)); }'
    (tmp_path / "one.c").write_text(f"{body} void one(void) {{ for (long i = 0; i < 10; i++) twin(i); }}")
    (tmp_path / "two.c").write_text(
        f"{body} void one(void); int main(void) {{ one(); for (long i = 0; i < 25; i++) twin(i); return 0; }}"
    )
    sources = [tmp_path / "two.c", tmp_path / "one.c"]
    subprocess.run(["gcc", "-O1", "-no-pie", "-o", tmp_path / "twins", *sources], check=True)
    binary = str(tmp_path / "twins")
    with pytest.raises(tk.TracekitError, match="2 functions 'twin'") as error:
        tk.run(the_program(binary, "twin", "count()"), tk.Command([binary]))
    addresses = [word for word in error.value.hint.split() if word.startswith("0x")]
    if stripped:
        subprocess.run(["strip", binary], check=True)
    counts = [
        tk.run(tk.parse(f"uprobe:{binary}:{a} {{ @m = stats(arg0) }}"), tk.Command([binary])).histogram("m")
        for a in addresses
    ]
    assert [(h.count, h.sum) for h in counts] == [(25, 300), (10, 45)]


def test_offsets_of_instructions_are_probed_and_others_refused(tree: str, the_engine: Engine) -> None:
    """Inside an instruction a probe would end the target; where a version can't, it says so."""
    listing = subprocess.run(
        ["objdump", "-d", "--disassemble=deep", tree], check=True, capture_output=True, text=True
    )
    lines = [line.split() for line in listing.stdout.splitlines() if line.startswith("  ")]
    starts = [int(words[0].rstrip(":"), 16) for words in lines]
    inside = next(a + 1 for a, b in pairwise(starts) if b - a > 1) - starts[0]
    with pytest.raises(tk.TracekitError, match="inside an instruction"):
        tk.run(tk.parse(f"uprobe:{tree}:deep+{inside} {{ @ = count() }}"), tk.Command([tree, "deep", "5"]))
    second = tk.parse(f"uprobe:{tree}:deep+{starts[1] - starts[0]} {{ @ = count() }}")
    if the_engine.version.startswith("0.17"):  # a PIE, where 0.17 can't
        with pytest.raises(UnsupportedError, match="probes inside a function"):
            tk.run(second, tk.Command([tree, "deep", "5"]))
    else:
        assert tk.run(second, tk.Command([tree, "deep", "5"])).histogram("").count == 6


def test_a_go_function_can_be_probed_where_its_arguments_are_on_the_stack(go_cache: Path) -> None:
    """The key, an array, is behind the return address, as Go's convention says."""
    program = tk.parse(
        f'uprobe:"{go_cache}":"main.Cache.Insert" {{ @k = count(); '
        f'@first[*(uint8*)(reg("rsp") + 8)] = count() }}'
    )
    result = tk.run(program, tk.Command([str(go_cache), "100"]))
    assert sum(h.count for h in result["first"].entries.values()) >= 100


def test_a_running_process_is_traced_and_left_alone(tree: str, loop: int) -> None:
    """Attaching counts that process only, and leaves it running."""
    with subprocess.Popen([tree, "loop"]) as other:
        try:
            program = tk.parse(f"uprobe:{tree}:fib {{ @[pid] = count() }}")
            result = tk.run(program, tk.Pids([loop]), duration=0.5)
            both = tk.run(program, tk.Pids([loop, other.pid]), duration=0.5)
            everyone = tk.run(program, tk.SystemWide(), duration=0.5)
        finally:
            other.kill()
    assert set(result[""].entries) == {(loop,)}
    assert set(both[""].entries) == {(loop,), (other.pid,)}
    assert set(everyone[""].entries) >= {(loop,), (other.pid,)}
    assert result.whole
    assert result.provenance.target.ending is None


def test_max_events_stops_soon_after_that_many(tree: str, loop: int) -> None:
    """A single thread's events are counted up to the limit, and the result is whole."""
    result = tk.run(the_program(tree, "fib", "count()"), tk.Pids([loop]), options=tk.Options(max_events=100))
    assert result.whole
    assert result.histogram("m").count == 100


def test_snapshots_come_while_it_runs_and_the_result_is_exact(tree: str, loop: int) -> None:
    """Snapshots grow, can be left at any time, and the result has at least what the last one had."""
    program = the_program(tree, "fib", "hist(arg0)")
    with tk.start(program, tk.Pids([loop]), interval=0.1) as session:
        seen = []
        for snapshot in session.snapshots(every=0.2):
            seen.append(snapshot)
            if len(seen) == 3:
                break
        result = session.stop()
    counts = [s["m"].total for s in seen]
    assert counts == sorted(counts)
    assert counts[0] > 0
    assert seen[0].at < seen[1].at < seen[2].at
    assert result.whole
    assert result.histogram("m").count >= counts[-1]
    assert session.stop() is result


def test_snapshots_finer_than_the_interval_are_refused(tree: str) -> None:
    """A session can't give snapshots more often than its engine prints them."""
    started = tk.start(the_program(tree, "fib", "count()"), tk.Command([tree, "fib"]))
    with started as session, pytest.raises(tk.UsageError, match=r"every 0\.01 s"):
        list(session.snapshots(every=0.01))


def test_a_command_that_still_runs_is_ended(tree: str) -> None:
    """When the time is over, the command that was started for tracing ends, and that is on the result."""
    result = tk.run(the_program(tree, "fib", "count()"), tk.Command([tree, "loop"]), duration=0.4)
    ending = result.provenance.target.ending
    assert ending is not None
    assert (ending.by_us, ending.signal) == (True, "SIGTERM")
    assert not Path(f"/proc/{result.provenance.target.pids[0]}").exists()
    assert result.histogram("m").count > 0


@pytest.mark.parametrize(
    ("words", "status", "signal_name"),
    [(["exit", "7"], 7, None), (["crash"], None, "SIGSEGV"), (["fib"], 0, None)],
)
def test_how_the_target_ended_is_on_the_result(
    tree: str, words: list[str], status: int | None, signal_name: str | None
) -> None:
    """A status or a signal is recorded, and what was counted before is whole."""
    result = tk.run(the_program(tree, "fib", "count()"), tk.Command([tree, *words]))
    ending = result.provenance.target.ending
    assert ending is not None
    assert (ending.status, ending.signal, ending.by_us) == (status, signal_name, False)
    assert result.whole


def test_a_target_cannot_forge_a_result(tree: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What the target prints goes where it always goes, and is no part of the result."""
    result = tk.run(the_program(tree, "fib", "count()"), tk.Command([tree, "talk"]))
    assert result.whole
    assert result.histogram("m").count == 15
    output = capfd.readouterr()
    assert output.out.startswith("@b0[1]: 77\n")
    assert output.err == "Lost 80 events\n"


def test_keys_that_two_processors_make_at_once_lose_nothing(binaries: Callable[[str], Path]) -> None:
    """Before 0.23.3, bpftrace drops an event whose new key another processor is just making."""
    binary = binaries("lockstep")
    program = tk.parse(f"uprobe:{binary}:fresh {{ @n[arg0] = count(); @h[arg0] = hist(arg0) }}")
    result = tk.run(program, tk.Command([str(binary), "4000"]))
    assert result.whole, result.losses
    assert {h.count for h in result["n"].entries.values()} == {2}
    assert {(h.count, h.sum == 2 * key) for (key,), h in result["h"].entries.items()} == {(2, True)}
    assert len(result["n"].entries) == len(result["h"].entries) == 4000


def test_the_first_event_on_two_processors_at_once_is_not_lost(binaries: Callable[[str], Path]) -> None:
    """A map without keys has an entry to be made too."""
    binary = binaries("lockstep")
    program = tk.parse(f"uprobe:{binary}:fresh {{ @n = count(); @h = hist(arg0) }}")
    for _ in range(8):
        result = tk.run(program, tk.Command([str(binary), "1"]))
        assert result.whole, result.losses
        assert (result.histogram("n").count, result.histogram("h").count) == (2, 2)


def test_an_engine_that_dies_gives_an_incomplete_result(tree: str, loop: int, the_engine: Engine) -> None:
    """Killed in the middle, bpftrace has told nothing whole; the result says so, the target lives on."""
    if the_engine is OWN:
        pytest.skip("it has no process of its own that could die alone")
    with tk.start(the_program(tree, "fib", "count()"), tk.Pids([loop]), interval=0.1) as session:
        next(session.snapshots(every=0.1))
        os.kill(session._tracer._engine.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        deadline = time.monotonic() + 20
        while session.running and time.monotonic() < deadline:
            session.wait(0.1)
        result = session.stop()
    assert not result.complete
    assert [loss.kind for loss in result.losses] == [LossKind.INCOMPLETE]
    assert "signal 9" in result.losses[0].message
    assert result["m"].total > 0


def test_functions_in_a_library_are_counted_from_the_first_instruction(tree: str) -> None:
    """Nothing that happens before the command's exec is counted, also in libraries that Python uses."""
    program = tk.parse("uprobe:libc.so.6:usleep { @ = count() }")
    quiet = tk.run(program, tk.Command([tree, "fib"]))
    assert quiet.histogram("").count == 0
    alloc = tk.parse("uprobe:libc.so.6:malloc { @ = count() }")
    counts = {tk.run(alloc, tk.Command([tree, "threads"])).histogram("").count for _ in range(3)}
    assert len(counts) == 1


def test_a_replaced_binary_is_taken_from_the_process(tree: str, tmp_path: Path) -> None:
    """The file that the process runs is probed, not the newer one that has its name now."""
    binary = tmp_path / "tree"
    binary.write_bytes(Path(tree).read_bytes())
    binary.chmod(0o755)
    with subprocess.Popen([binary, "loop"]) as process:
        try:
            newer = tmp_path / "newer"
            newer.write_bytes(Path(tree).read_bytes())
            newer.rename(binary)
            result = tk.run(the_program(binary, "fib", "count()"), tk.Pids([process.pid]), duration=0.5)
        finally:
            process.kill()
    assert result.histogram("m").count > 0


def test_a_process_that_runs_something_else_is_refused(cache: Path, loop: int) -> None:
    """Instead of a silent 0, the message says what the process runs."""
    with pytest.raises(TargetError, match="runs"):
        tk.run(the_program(cache, "cache_insert", "count()"), tk.Pids([loop]), duration=0.1)


def test_odd_paths_and_duplicate_names_hit_what_they_say(tree: str, tmp_path: Path) -> None:
    """Spaces, quotes, colons, stars and newlines in a path don't reach the engine."""
    for name in ("a b", 'q"uote', "co:lon", "st*r", "back\\slash", "caf\u00e9", "{brace}", "#hash//"):
        binary = tmp_path / name
        binary.parent.mkdir(parents=True, exist_ok=True)
        binary.write_bytes(Path(tree).read_bytes())
        binary.chmod(0o755)
        program = tk.Program(
            [tk.Clause(tk.uprobe(str(binary), "fib"), aggregates=[tk.count(name="m", by=tk.func)])]
        )
        result = tk.run(program, tk.Command([str(binary), "fib"]))
        assert result.histogram("m", "fib").count == 177, name


def test_nothing_is_left_behind(tree: str, tmp_path: Path) -> None:
    """No engine, no open file and no thread remains after a run, nor after one that was refused."""
    import threading

    tk.run(the_program(tree, "fib", "count()"), tk.Command([tree, "fib"]))
    before = len(descriptors()), threading.active_count(), children()
    tk.run(the_program(tree, "fib", "count()"), tk.Command([tree, "fib"]))
    with pytest.raises(tk.TracekitError):
        tk.run(the_program(tree, "fibb", "count()"), tk.Command([tree, "fib"]))
    assert (len(descriptors()), threading.active_count(), children()) == before
