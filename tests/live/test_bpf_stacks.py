"""Stacks as keys, on our own eBPF programs: what is named, and what is told where callers are missing."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.installed import needed

import tracekit as tk
from tracekit.core.result import LossKind

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root"),
]

PROGRAMS = Path(__file__).parent / "programs"
FRAMES = ("-fno-omit-frame-pointer", "-fno-optimize-sibling-calls")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """``built(*flags)`` compiles ``callers.c``, once a module, and gives the binary's path."""
    folder = tmp_path_factory.mktemp("callers")
    made: dict[tuple[str, ...], str] = {}

    def build(*flags: str, sources: tuple[str, ...] = ("callers.c", "callers_two.c")) -> str:
        key = (*flags, *sources)
        if key not in made:
            made[key] = str(folder / f"callers{len(made)}")
            paths = [str(PROGRAMS / source) for source in sources]
            command = ["gcc", "-O1", "-g", "-pthread", *flags, "-o", made[key], *paths]
            subprocess.run(command, check=True)
        return made[key]

    return build


def traced(binary: str, *arguments: str, text: str = "", **options: int) -> tk.Result:
    """What a program of ``value``'s callers gives, on a new process."""
    text = text or 'uprobe:"{b}":value { @[ustack] = count() }'
    program = tk.parse(text.replace("{b}", binary))
    return tk.run(program, tk.Command([binary, *arguments]), backend="bpf", options=tk.Options(**options))


def names(result: tk.Result, name: str = "") -> Counter[tuple[str, ...]]:
    """The functions of each stack up to ``main``, and how often it came."""
    found: Counter[tuple[str, ...]] = Counter()
    for (stack,), histogram in result[name].entries.items():
        functions = [re.sub(r"\+\d+$", "", frame) for frame in str(stack).split("\n")]
        end = functions.index("main") + 1 if "main" in functions else len(functions)
        found[tuple(functions[:end])] += histogram.count
    return found


@pytest.mark.parametrize("flags", [(), ("-static",), ("-no-pie",), ("-Wl,--build-id=none",)])
def test_callers_have_names(built: Callable[..., str], flags: tuple[str, ...]) -> None:
    """However it is linked, with or without a build-id, each call is counted under its callers."""
    result = traced(built(*FRAMES, *flags))
    found = names(result)
    direct = ("value", "work", "main")
    assert found[direct] == 3
    others = [functions for functions in found if functions != direct]
    assert sorted(found[functions] for functions in others) == [3, 3]
    assert {len(functions) for functions in others} == {4, 5}
    assert result.whole, result.losses


def test_functions_of_one_name_are_told_apart(built: Callable[..., str]) -> None:
    """Two functions named alike at the same distance have their place in the file beside their names."""
    result = traced(built(*FRAMES))
    seconds = [str(stack).split("\n")[1] for (stack,) in result[""].entries]
    alike = [second for second in seconds if second.startswith("same+")]
    assert len(set(alike)) == 2
    assert all(re.fullmatch(r"same\+\d+ \(callers\d+\+0x[0-9a-f]+\)", second) for second in alike)


def test_a_library_that_is_gone_again_has_names(built: Callable[..., str]) -> None:
    """Code of a library that is loaded after the start, and unloaded before the end, has names."""
    library = built(*FRAMES, "-shared", "-fPIC", sources=("callers_two.c",))
    result = traced(built(*FRAMES), "library", library)
    assert names(result) == {("value", "each", "main"): 4}
    assert result.whole, result.losses


def test_a_running_process_has_names(built: Callable[..., str]) -> None:
    """Callers in a process that ran already are named, and of two processes those of both together."""
    binary = built(*FRAMES)
    program = tk.parse(f'uprobe:"{binary}":value {{ @[ustack] = count() }}')
    with (
        subprocess.Popen([binary, "wait"], stdin=subprocess.PIPE) as first,
        subprocess.Popen([binary, "wait"], stdin=subprocess.PIPE) as second,
        tk.start(program, tk.Pids((first.pid, second.pid)), backend="bpf") as session,
    ):
        for process in (first, second):
            process.communicate(b"\n")
        while session.running:
            session.wait()
        result = session.stop()
    assert names(result)["value", "work", "main"] == 2
    assert sum(names(result).values()) == 6


def test_the_caller_is_there_without_frame_pointers(built: Callable[..., str]) -> None:
    """Where no function keeps a frame pointer, the direct caller is right all the same, and a note tells."""
    result = traced(built("-fomit-frame-pointer", "-fcf-protection=none"), "down", "3")
    ((stack,),) = result[""].entries
    assert [re.sub(r"\+\d+$", "", frame) for frame in str(stack).split("\n")][:2] == ["value", "down"]
    assert any("callers may be missing from stacks" in note and "down" in note for note in result.notes)


def test_frame_pointers_need_no_note(built: Callable[..., str]) -> None:
    """Nothing is said of missing callers where all functions up to main keep frame pointers."""
    assert not any("callers may be" in note for note in traced(built(*FRAMES)).notes)


def test_callers_at_the_return_are_those_at_the_entry(built: Callable[..., str]) -> None:
    """At a function's return instruction, where its frame is gone, its caller is not passed over."""
    text = 'uprobe:"{b}":value { @in[ustack] = count() } uretprobe:"{b}":value { @out[ustack] = count() }'
    result = traced(built(*FRAMES), text=text)
    ends = [
        {str(stack).partition("\n")[2]: h.count for (stack,), h in result[name].entries.items()}
        for name in ("in", "out")
    ]
    assert ends[0] == ends[1]
    assert sum(ends[0].values()) == 9


def test_a_stack_beyond_the_limit_is_told(built: Callable[..., str]) -> None:
    """A stack deeper than the kernel looks is cut, and the result says so; one of the most is not mixed up."""
    with open("/proc/sys/kernel/perf_event_max_stack", encoding="ascii") as file:
        if int(file.read()) != 127:
            pytest.skip("kernel.perf_event_max_stack is not 127, its default")
    result = traced(built(*FRAMES), "down", "300")
    ((stack,),) = result[""].entries
    assert len(str(stack).split("\n")) in (127, 128)  # where the kernel has left out the caller, one more
    assert [loss.kind for loss in result.losses] == [LossKind.TRUNCATED]
    assert traced(built(*FRAMES), "down", "100").whole


def test_stacks_without_room_are_counted_and_told(built: Callable[..., str]) -> None:
    """Events whose stacks find no room are under an empty stack, so that no event is lost, and are told."""
    binary = built(*FRAMES)
    whole = traced(binary, "threads", "8", "40")
    assert whole.whole, whole.losses
    assert len(whole[""].entries) == 40
    assert {h.count for h in whole[""].entries.values()} == {8}
    result = traced(binary, "threads", "8", "40", max_keys=20)
    assert LossKind.KEYS in {loss.kind for loss in result.losses}
    told = sum(loss.count or 0 for loss in result.losses if "found no room" in loss.message and not loss.map)
    empty = result[""].entries.get(("",))
    missing = 8 * 40 - result[""].total
    assert told == (empty.count if empty else 0) + (0 if empty else missing)
    assert result[""].total + missing == 320


def test_go_has_names(tmp_path: Path) -> None:
    """Go's functions are named in stacks, whose own linker gives binaries no GNU build-id."""
    needed("go")
    source = tmp_path / "main.go"
    source.write_text(
        "package main\n"
        "//go:noinline\nfunc value(v int) int { return v + 1 }\n"
        "type T struct{ n int }\n"
        "//go:noinline\nfunc (t *T) method(v int) int { return value(v) * t.n }\n"
        "func main() { t := &T{2}; s := 0; for i := 0; i < 5; i++ { s += t.method(i) }; println(s) }\n"
    )
    binary = str(tmp_path / "main")
    subprocess.run(["go", "build", "-o", binary, source], check=True)
    result = traced(binary, text='uprobe:"{b}":main.value { @[ustack] = count() }')
    ((stack,),) = result[""].entries
    functions = [re.sub(r"\+\d+$", "", frame) for frame in str(stack).split("\n")]
    assert functions[:4] == ["main.value", "main.(*T).method", "main.main", "runtime.main"]
    assert result.histogram("", stack).count == 5
