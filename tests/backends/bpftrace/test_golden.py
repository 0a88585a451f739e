"""Scripts as files to read: what ``compile`` prints (NAME.bt), and what a run uses (NAME.run.bt).

After a deliberate change, ``TRACEKIT_UPDATE_GOLDEN=1 pytest tests/backends/bpftrace/test_golden.py`` writes
them anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.backends.bpftrace.test_protocol import NONCE

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.bpftrace.attach import Site, exits, numeric, symbolic, syscall
from tracekit.backends.bpftrace.instrument import Filter, instrument
from tracekit.core.arch import AARCH64, X86_64
from tracekit.core.probe import Probe, Syscall, Uprobe, Uretprobe

GOLDEN = Path(__file__).parent / "golden"

PROGRAMS = {
    "lhist": "uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }",
    "hist": "uprobe:./a:f { @ = hist(arg0) }",
    "hist_parts": "uprobe:./a:f { @ = hist((uint64)arg0, 3) }",
    "llquantize": "uprobe:./a:f { @ = llquantize(arg0, 10, 0, 3, 10) }",
    "lhist_beyond_native": "uprobe:./a:f { @ = lhist(arg0, -100, 100, 10) }",
    "moments": (
        "uprobe:./a:f { @n = count(); @s = sum(arg0); @l = min(arg0); @g = max(arg0); @a = avg(arg0); "
        "@t = stats(arg0) }"
    ),
    "keys": 'uprobe:./a:f { @[pid, tid, cpu, comm, str(arg1, 16), (int8)arg2, "text"] = count() }',
    "filter": 'uprobe:./a:f /arg0 > 0 && (comm == "x" || arg1 % 3 == 1)/ { @ = hist(arg1 >> 2) }',
    "memory": "uprobe:./a:f / *(uint32*)(arg0 + 8) != 0/ { @ = hist(*(int16*)(arg0 + 12)) }",
    "stack_argument": "uprobe:./a:f { @ = hist(arg7) }",
    "conditional": "uprobe:./a:f { @ = hist(arg0 < 0 ? -arg0 : arg0 / arg1) }",
    "several_probes": 'uprobe:./a:f,\nuprobe:"./b c":"g h" { @[func] = count() }',
    "elapsed": "uretprobe:./a:f /retval >= 0/ { @time = hist(elapsed); @value = stats(retval) }",
    "usdt": "usdt:./a:provider:name { @ = hist(arg0) }",
    "syscall": "syscall:write:return /retval > 0/ { @ = hist(retval) }",
    "timers": "interval:s:1 { @ticks = count() } profile:hz:99 { @[comm] = count() }",
}


def site(probe: Probe) -> Site:
    """A probe's site as a run has it, with a fixed address."""
    if isinstance(probe, Uprobe | Uretprobe):
        return numeric(probe, "/proc/7/fd/3", 0x1139, probe.function.text)
    return syscall(probe, ("fd", "buf", "count")) if isinstance(probe, Syscall) else symbolic(probe)


EXITS = {
    "returns": exits("/proc/7/fd/3", 0x1139, [0x1150, 0x1162], "f", X86_64, goroutine=False),
    "returns_go": exits("/proc/7/fd/3", 0x1140, [0x1150, 0x1162], "main.f", X86_64, goroutine=True),
    "returns_go_arm64": exits("/proc/7/fd/3", 0x1140, [0x1150, 0x1164], "main.f", AARCH64, goroutine=True),
}
"""Sites of functions whose return instructions are probed."""


def check(name: str, text: str) -> None:
    """Compare a script with its file, or write the file if that was asked."""
    file = GOLDEN / name
    if os.environ.get("TRACEKIT_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_for_people_is_the_golden_one(name: str) -> None:
    """What compile prints for a program is what was read and found right."""
    check(f"{name}.bt", tk.compile(tk.parse(PROGRAMS[name]), arch="x86_64").text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_of_a_run_is_the_golden_one(name: str) -> None:
    """What a run gives to bpftrace is what was read, and run on every version by the live tests."""
    program = tk.parse(PROGRAMS[name])
    sites = {probe: (site(probe),) for clause in program.clauses for probe in clause.probes}
    options = Options(interval=1.0 if name == "lhist" else None, max_events=50 if name == "hist" else None)
    check(f"{name}.run.bt", instrument(program, sites, Filter("pid == 77"), options, X86_64, NONCE).text)


@pytest.mark.parametrize("name", EXITS)
def test_the_script_for_return_instructions_is_the_golden_one(name: str) -> None:
    """A call's time is kept by thread and stack pointer, or by goroutine and depth, without any shift."""
    program = tk.parse("uretprobe:./a:f { @time = sum(elapsed); @value = sum(retval) }")
    sites = {program.clauses[0].probes[0]: (EXITS[name],)}
    arch = AARCH64 if name.endswith("arm64") else X86_64
    check(f"{name}.run.bt", instrument(program, sites, Filter("pid == 77"), Options(), arch, NONCE).text)


def test_no_golden_file_is_left_over() -> None:
    """Every file belongs to a program here."""
    expected = {f"{n}{e}" for n in PROGRAMS for e in (".bt", ".run.bt")} | {f"{n}.run.bt" for n in EXITS}
    assert {f.name for f in GOLDEN.iterdir()} == expected


def test_arm64_has_its_own_registers() -> None:
    """The comment, the stack and the registers follow the architecture."""
    program = tk.parse('uprobe:./a:f { @[reg("x3"), arg8] = hist(arg7) }')
    text = tk.compile(program, arch="aarch64").text
    assert "// arg7 is the register x7 on aarch64" in text
    assert 'reg("r3")' in text
    assert '*(uint64*)(reg("sp") + 0)' in text


def test_targets_are_filtered_by_process() -> None:
    """A script for people counts the command's or the processes' events only, as trace does."""
    program = tk.parse("uprobe:./a:f { @ = count() }")
    assert "/(pid == 3 || pid == 4)/" in tk.compile(program, arch="x86_64", target=tk.Pids([3, 4])).text
    command = tk.compile(program, arch="x86_64", target=tk.Command(["./a", "-x"]))
    assert "/pid == cpid/" in command.text
    assert command.arguments[-2:] == ("-c", "./a -x")
    assert tk.compile(program, arch="x86_64", target=tk.Command(["./a", "b c"])).arguments[-1] == command.text
