"""Returns by return instructions: in Go, with exceptions, and in deep recursions, on every bpftrace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tests.installed import needed
from tests.live.harness import OWN
from tools.engines import Engine

import tracekit as tk
from tracekit.core.result import LossKind
from tracekit.errors import UnsupportedError

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("the_engine")]

PROGRAMS = Path(__file__).parent / "programs"
MILLISECOND = 1_000_000


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """``built(source, compiler, *flags)`` compiles a program, once a session, and gives the binary's path."""
    folder = tmp_path_factory.mktemp("returns")
    made: dict[tuple[str, ...], str] = {}

    def build(source: str, *command: str) -> str:
        key = (source, *command)
        if key not in made:
            needed(command[0])
            made[key] = str(folder / f"binary{len(made)}")
            subprocess.run([*command, "-o", made[key], PROGRAMS / source], check=True)
        return made[key]

    return build


@pytest.fixture(scope="session")
def go(built: Callable[..., str]) -> str:
    """The Go program, as Go builds it by itself."""
    return built("goroutines.go", "go", "build")


def traced(binary: str, function: str, maps: str, *arguments: str, where: str = "") -> tk.Result:
    return tk.run(
        tk.parse(f'uretprobe:"{binary}":{function} {where} {{ {maps} }}'), tk.Command([binary, *arguments])
    )


def status(result: tk.Result) -> int | None:
    ending = result.provenance.target.ending
    assert ending is not None and not ending.by_us
    return ending.status


def test_a_go_recursion_that_grows_its_stack_is_timed_call_by_call(go: str) -> None:
    """Of 4,001 nested calls on a stack that is copied many times, each takes longer than the one in it."""
    result = traced(go, "main.deep", "@time[retval] = stats(elapsed); @value = stats(retval)", "deep", "4000")
    assert result.whole, result.losses
    assert status(result) == 0
    value = result.histogram("value")
    assert (value.count, value.sum, value.min, value.max) == (4001, 4000 * 4001 // 2, 0, 4000)
    times = [result.histogram("time", n) for n in range(4001)]
    assert {h.count for h in times} == {1}
    totals = [h.sum for h in times]
    assert all(inner is not None and outer is not None and inner < outer for inner, outer in pairwise(totals))


def test_goroutines_that_change_their_threads_are_timed(go: str) -> None:
    """Each of 4,000 goroutines sleeps 10 ms in the function, on two processors: none is taken for another."""
    maps = "@time = stats(elapsed); @[func, retval] = count()"
    result = traced(go, "main.sleeps", maps, "sleeps", "4000", "10")
    assert result.whole, result.losses
    assert status(result) == 0
    assert {keys: h.count for keys, h in result[""].entries.items()} == {("main.sleeps", 30): 4000}
    time = result.histogram("time")
    assert time.count == 4000
    assert time.min is not None and time.min >= 10 * MILLISECOND


def test_goroutines_of_several_processes_are_told_apart(go: str) -> None:
    """Go has its goroutines at the same addresses in every process."""
    program = tk.parse(f"uretprobe:{go}:main.sleeps {{ @[pid] = stats(elapsed) }}")
    processes = []
    with tk.start(program, tk.SystemWide()) as session:
        for milliseconds in (5, 40):
            command = [go, "sleeps", "200", str(milliseconds)]
            processes.append(subprocess.Popen(command))
        assert [p.wait() for p in processes] == [0, 0]
        result = session.stop()
    short, long = (result.histogram("", p.pid) for p in processes)
    assert (short.count, long.count) == (200, 200)
    assert short.min is not None and short.min >= 5 * MILLISECOND
    assert long.min is not None and long.min >= 40 * MILLISECOND


def test_a_go_process_that_runs_already_is_left_alone(go: str) -> None:
    """Probes at return instructions come and go while goroutines are inside the function."""
    with subprocess.Popen([go, "loop", "50"]) as process:
        try:
            program = tk.parse(f"uretprobe:{go}:main.sleeps {{ @ = stats(elapsed); @r = stats(retval) }}")
            first, second = (tk.run(program, tk.Pids([process.pid]), duration=0.4) for _ in range(2))
            assert process.poll() is None
        finally:
            process.kill()
    for result in (first, second):
        time, value = result.histogram(""), result.histogram("r")
        assert time.count == value.count > 0
        assert time.min is not None and time.min >= MILLISECOND
        assert (value.min, value.max) == (21, 21)
        assert {loss.kind for loss in result.losses} <= {LossKind.UNRETURNED}


@pytest.mark.parametrize(
    ("function", "what", "count", "returned", "total"),
    [
        ("main.panics", "panics", 3000, 2000, sum(n for n in range(3000) if n % 3)),
        ("main.recovers", "panics", 3000, 3000, sum(n if n % 3 else -1 for n in range(3000))),
        ("main.leaves", "leaves", 1000, 750, sum(n for n in range(1000) if n % 4)),
        ("main.panics", "dies", 3, 0, 0),
    ],
)
def test_calls_that_panic_or_leave_are_no_returns(
    go: str, function: str, what: str, count: int, returned: int, total: int
) -> None:
    """What unwinds a stack isn't a return but a loss with its number; the one that recovers does return."""
    result = traced(go, function, "@value = stats(retval); @time = stats(elapsed)", what, str(count))
    value = result.histogram("value")
    assert (value.count, value.sum) == (returned, total)
    assert result.histogram("time").count == returned
    calls = 1 if what == "dies" else count
    lost = [(loss.kind, loss.count) for loss in result.losses]
    assert lost == ([(LossKind.UNRETURNED, calls - returned)] if returned < calls else [])
    assert status(result) == (2 if what == "dies" else 0)


def test_keys_and_filters_of_what_a_go_function_returns(go: str) -> None:
    """A function with a return in each branch, and with a table of its branches, is seen at every one."""
    result = traced(go, "main.chooses", "@[retval] = count()", "chooses", "900", where="/retval > 0/")
    wanted = (40, 3, 42, 4, 45, 47, 8)
    assert {keys: h.count for keys, h in result[""].entries.items()} == {(n,): 100 for n in wanted}
    assert result.whole, result.losses


def test_a_pattern_means_the_functions_that_return(go: str) -> None:
    """All that match are probed; those that have nothing to probe are left out, and that is said."""
    program = tk.parse(f"uretprobe:{go}:main.*n* {{ @[func] = count() }}")
    result = tk.run(program, tk.Command([go, "chooses", "90"]))
    counts = {keys: h.count for keys, h in result[""].entries.items()}
    assert counts == {("main.(*counter).Add",): 90, ("main.main",): 1}
    assert any("main.nothing is left out: it does nothing but return" in note for note in result.notes)
    with pytest.raises(UnsupportedError, match="nothing but return"):
        traced(go, "main.nothing", "@ = count()", "chooses", "1")


@pytest.mark.parametrize("linker", ["internal", "external"])
def test_a_go_program_that_is_a_pie_is_exact_or_refused(
    built: Callable[..., str], the_engine: Engine, linker: str
) -> None:
    """Where 0.17 can't reach the return instructions it says so; a return probe is never used."""
    go = built("goroutines.go", "go", "build", "-buildmode=pie", f"-ldflags=-linkmode={linker}")
    if linker == "external" and the_engine.version.startswith("0.17"):
        with pytest.raises(UnsupportedError, match="return probe would end this program"):
            traced(go, "main.deep", "@ = count()", "deep", "500")
        return
    result = traced(go, "main.deep", "@ = stats(elapsed)", "deep", "500")
    assert result.whole, result.losses
    assert (result.histogram("").count, status(result)) == (501, 0)


@pytest.mark.parametrize("pie", ["-pie", "-no-pie"])
def test_exceptions_pass_functions_whose_returns_are_probed(
    built: Callable[..., str], the_engine: Engine, pie: str
) -> None:
    """Normal returns are exact, an exception's way through is told as calls without return, all goes on."""
    binary = built("throws.cc", "g++", "-O2", pie)
    with pytest.raises(UnsupportedError, match="other ways out than return instructions"):
        traced(binary, "jumps", "@ = count()", "300")
    if pie == "-pie" and the_engine.version.startswith("0.17"):
        with pytest.raises(UnsupportedError, match="return probe would end this program"):
            traced(binary, "catches", "@ = count()", "300")
        return
    program = tk.parse(
        f"uretprobe:{binary}:passes {{ @passes = stats(retval) }} "
        f"uretprobe:{binary}:catches {{ @catches = stats(retval); @time = stats(elapsed) }} "
        f"uretprobe:{binary}:depth {{ @depth = stats(retval) }}"
    )
    result = tk.run(program, tk.Command([binary, "300"]))
    values = [*range(300), *range(1, 301)]
    good = [n + 1 for n in values if n % 3]
    expected = {
        "passes": good,
        "catches": [n + 1 if n % 3 else -1 for n in values],
        "depth": list(range(201)),
    }
    for name, wanted in expected.items():
        assert result.histogram(name) == tk.Histogram.of(wanted)
    assert result.histogram("time").count == 600
    assert [(x.kind, x.count) for x in result.losses] == [(LossKind.UNRETURNED, 600 - len(good))]
    assert status(result) == 0


def test_panics_pass_functions_of_rust(built: Callable[..., str], the_engine: Engine) -> None:
    """Rust unwinds as C++ does: what returns is exact, also from a ``match`` that is a table of jumps."""
    model = "static" if the_engine.version.startswith("0.17") else "pic"
    binary = built("panics.rs", "rustc", "-O", "-C", f"relocation-model={model}")
    program = tk.parse(
        f"uretprobe:{binary}:panics {{ @panics = stats(retval) }} "
        f"uretprobe:{binary}:chooses {{ @chooses = stats(retval) }}"
    )
    result = tk.run(program, tk.Command([binary]))
    assert result.histogram("panics") == tk.Histogram.of([n for n in range(400) if n % 4])
    assert result.histogram("chooses") == tk.Histogram.of(50 * [2, 8, 9, 4, 1, 77, 3, 1])
    assert [(x.kind, x.count) for x in result.losses] == [(LossKind.UNRETURNED, 100)]
    assert status(result) == 0


@pytest.mark.parametrize("pie", ["-pie", "-no-pie"])
def test_a_recursion_deeper_than_return_probes_follow_is_exact(
    built: Callable[..., str], the_engine: Engine, pie: str
) -> None:
    """In C, too, return instructions are probed if they are few; where 0.17 can't, what is missing is told."""
    binary = built("calls_tree.c", "gcc", "-O1", "-pthread", pie)
    result = traced(binary, "deep", "@time = stats(elapsed); @value = stats(retval)", "deep", "200")
    count = result.histogram("time").count
    if pie == "-pie" and the_engine.version.startswith("0.17"):
        assert 64 <= count < 201
        assert [(x.kind, x.count) for x in result.losses] == [(LossKind.UNRETURNED, 201 - count)]
    else:
        assert result.whole, result.losses
        assert count == 201
        assert result.histogram("value") == tk.Histogram.of(range(201))


def test_functions_that_end_by_a_jump_keep_the_return_probe(built: Callable[..., str]) -> None:
    """Where return instructions aren't all, C is left to the kernel: exact, but for deep recursions."""
    binary = built("tail.c", "gcc", "-O2")
    result = traced(binary, "jumps", "@ = stats(retval)", "jump", "50")
    assert result.whole, result.losses
    assert result.histogram("") == tk.Histogram.of([2 * n + 1 for n in range(50)])
    deep = traced(binary, "recurses", "@ = count()", "recurse", "200")
    returned = deep.histogram("").count
    assert 64 <= returned < 201
    assert [(x.kind, x.count) for x in deep.losses] == [(LossKind.UNRETURNED, 201 - returned)]


def test_c_in_a_go_program_and_go_that_c_calls(built: Callable[..., str]) -> None:
    """C runs on its thread's stack and Go on its goroutine's; each call is timed by its own."""
    binary = built("cgo/main.go", "go", "build")
    program = tk.parse(
        f"uretprobe:{binary}:into_c {{ @c = stats(retval); @c_time = stats(elapsed) }} "
        f"uretprobe:{binary}:main.back {{ @go = stats(retval); @go_time = stats(elapsed) }} "
        f"uretprobe:{binary}:main.around {{ @around = stats(retval) }}"
    )
    result = tk.run(program, tk.Command([binary]))
    assert result.whole, result.losses
    assert status(result) == 0
    values = 4 * [-n if n % 2 else 2 * n + 1 for n in range(100)]
    assert result.histogram("c") == result.histogram("around") == tk.Histogram.of(values)
    assert result.histogram("go") == tk.Histogram.of(4 * [2 * n for n in range(0, 100, 2)])
    assert (result.histogram("c_time").count, result.histogram("go_time").count) == (400, 200)


@pytest.fixture(scope="session")
def plugin(built: Callable[..., str]) -> tuple[str, str]:
    """A program that loads a library when it runs, and the library."""
    return built("plugin.c", "gcc", "-O1", "-DPROGRAM"), built("plugin.c", "gcc", "-O1", "-shared", "-fPIC")


def test_a_library_that_is_loaded_late_is_counted_exactly(plugin: tuple[str, str]) -> None:
    """Its functions, those that run while it is loaded and unloaded, and those before main all count."""
    program, library = plugin
    text = (
        f"uprobe:{program}:early {{ @early = stats(arg0) }} "
        f"uprobe:{library}:loaded {{ @loaded = stats(arg0) }} "
        f"uprobe:{library}:work {{ @work = stats(arg0) }} "
        f"uretprobe:{library}:work {{ @value = stats(retval); @time = stats(elapsed) }}"
    )
    result = tk.run(tk.parse(text), tk.Command([program, library, "1000"]))
    assert result.whole, result.losses
    assert status(result) == 0
    expected = {
        "early": range(7),
        "loaded": [*range(9), 100],
        "work": range(1000),
        "value": [n if n % 5 else -n for n in range(1000)],
    }
    for name, values in expected.items():
        assert result.histogram(name) == tk.Histogram.of(values), name
    assert result.histogram("time").count == 1000


def test_a_library_that_is_never_loaded_gives_nothing(plugin: tuple[str, str]) -> None:
    """Nothing of what bpftrace or Python do with the file counts."""
    program, library = plugin
    result = tk.run(tk.parse(f"uprobe:{library}:work {{ @ = count() }}"), tk.Command([program, "/none", "5"]))
    assert (result.histogram("").count, status(result)) == (0, 1)


def test_two_functions_of_one_name_in_a_library_are_refused(tmp_path: Path, the_engine: Engine) -> None:
    """Even by address bpftrace would probe the first for both; in a library no other number reaches them."""
    if the_engine is OWN:
        pytest.skip("it has each address for itself")
    body = 'static __attribute__((noinline, noclone)) void twin(long x) { __asm__ volatile("" : : "r"(x)); }'
    for name in ("one", "two"):
        (tmp_path / f"{name}.c").write_text(f"{body} void {name}(void) {{ twin(1); }}")
    library = tmp_path / "libtwins.so"
    sources = [tmp_path / "one.c", tmp_path / "two.c"]
    subprocess.run(["gcc", "-O1", "-fPIC", "-shared", "-o", library, *sources], check=True)
    for kind in ("uprobe", "uretprobe"):
        with pytest.raises(tk.TracekitError, match="2 functions 'twin'") as error:
            tk.run(tk.parse(f"{kind}:{library}:twin {{ @ = count() }}"), tk.Command(["true"]))
        addresses = [word for word in error.value.hint.split() if word.startswith("0x")]
        assert len(addresses) == 2
        for address in addresses:
            with pytest.raises(UnsupportedError, match="first function of a name"):
                tk.run(tk.parse(f"{kind}:{library}:{address} {{ @ = count() }}"), tk.Command(["true"]))
