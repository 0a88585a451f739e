"""Programs in D as files to read: what ``compile`` prints (SYSTEM/NAME.d), and what a run uses (NAME.run.d).

After a deliberate change, ``TRACEKIT_UPDATE_GOLDEN=1 pytest tests/backends/dtrace/test_golden.py`` writes
them anew; read the difference before it is committed. ``tests/live/test_dtrace_compile.py`` has a real dtrace
compile them all.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.backends.base import Options, Script
from tracekit.backends.dtrace.attach import Site, by_name, entry, exits
from tracekit.backends.dtrace.dialect import LINUX, MACOS, Dialect
from tracekit.backends.dtrace.instrument import instrument
from tracekit.core.arch import AARCH64, X86_64
from tracekit.core.probe import Probe, Uprobe
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError

GOLDEN = Path(__file__).parent / "golden"
NONCE = (1 << 62) | 7_777_777_777
SYSTEMS = ("linux", "macos")

PROGRAMS = {
    "lhist": "uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }",
    "hist": "uprobe:./a:f { @ = hist(arg0) }",
    "hist_parts": "uprobe:./a:f { @ = hist((uint64)arg0, 3) }",
    "llquantize": "uprobe:./a:f { @ = llquantize(arg0, 10, 0, 3, 10) }",
    "lhist_beyond_native": "uprobe:./a:f { @ = lhist(arg0, 0, 1024G, 1G) }",
    "moments": (
        "uprobe:./a:f { @n = count(); @s = sum(arg0); @l = min(arg0); @g = max(arg0); @a = avg((uint64)arg0); "
        "@t = stats(arg0) }"
    ),
    "keys": 'uprobe:./a:f { @[pid, tid, cpu, comm, str(arg1, 16), (int8)arg2, "text"] = count() }',
    "filter": 'uprobe:./a:f /arg0 > 0 && (comm == "x" || arg1 % 3 == 1)/ { @ = hist(arg1 >> 2) }',
    "memory": "uprobe:./a:f / *(uint32*)(arg0 + 8) != 0/ { @ = hist(*(int16*)(arg0 + 12)) }",
    "registers": 'uprobe:./a:f { @[reg("rbx")] = hist((uint32)reg("r12")) }',
    "stack_argument": "uprobe:./a:f { @ = hist(arg7); @far = hist(arg12) }",
    "conditional": "uprobe:./a:f { @ = hist(arg0 < 0 ? -arg0 : arg0 / arg1) }",
    "counted": 'uprobe:./a:f /str(arg0, arg1) == "GET"/ { @[str(arg2, arg3)] = count() }',
    "several_probes": 'uprobe:./a:f,\nuprobe:"./b c":"g" { @[func] = count() }',
    "elapsed": "uretprobe:./a:f /retval >= 0/ { @time = hist(elapsed); @value = stats(retval) }",
    "offset": "uprobe:./a:f+20 { @ = count() }",
    "usdt": "usdt:./a:provider:name { @ = hist(arg0) }",
    "syscall": "syscall:write:return /retval > 0/ { @ = hist(retval) }",
    "timers": "interval:s:1 { @ticks = count() } profile:hz:99 { @[comm] = count() }",
}

EXITS = {
    "returns": exits(77, "a b", 0x5555_1139, [0x5555_1150, 0x5555_1162], "f", X86_64, goroutine=False),
    "returns_go": exits(77, "a", 0x401140, [0x401150, 0x401162], "main.f", X86_64, goroutine=True),
    "returns_go_arm64": exits(77, "a", 0x401140, [0x401150, 0x401164], "main.f", AARCH64, goroutine=True),
}
"""Sites of functions whose return instructions are probed."""


def site(probe: Probe) -> Site:
    """A probe's site as a run has it."""
    if isinstance(probe, Uprobe):
        return entry(77, "a.out", 0x5555_5555_5139, probe.function.text)
    return by_name(probe, X86_64, LINUX, ("77",))


def run_text(program: Program, options: Options, dialect: Dialect = LINUX) -> str:
    """The program of a run whose probes are where ``site`` has them."""
    sites = {probe: (site(probe),) for clause in program.clauses for probe in clause.probes}
    return instrument(program, sites, "pid == 77", options, X86_64, dialect, NONCE).text


def check(name: str, text: str) -> None:
    """Compare a script with its file, or write the file if that was asked."""
    file = GOLDEN / name
    if os.environ.get("TRACEKIT_UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_for_people_is_the_golden_one(name: str, system: str) -> None:
    """What compile prints for a program is what was read and found right."""
    script = tk.compile(tk.parse(PROGRAMS[name]), backend="dtrace", arch="x86_64", system=system)
    check(f"{system}/{name}.d", script.text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_of_a_run_is_the_golden_one(name: str) -> None:
    """What a run gives to dtrace is what was read, and run on a real one by the live tests."""
    options = Options(interval=1.0 if name == "lhist" else None, max_events=50 if name == "hist" else None)
    check(f"{name}.run.d", run_text(tk.parse(PROGRAMS[name]), options))


@pytest.mark.parametrize("name", EXITS)
def test_the_program_for_return_instructions_is_the_golden_one(name: str) -> None:
    """A call's time is kept by thread and stack pointer, or by goroutine and depth, without any shift."""
    program = tk.parse("uretprobe:./a:f { @time = sum(elapsed); @value = sum(retval) }")
    sites = {program.clauses[0].probes[0]: (EXITS[name],)}
    arch = AARCH64 if name.endswith("arm64") else X86_64
    check(f"{name}.run.d", instrument(program, sites, "pid == 77", Options(), arch, LINUX, NONCE).text)


def test_no_golden_file_is_left_over() -> None:
    """Every file belongs to a program here."""
    expected = {f"{s}/{n}.d" for s in SYSTEMS for n in PROGRAMS}
    expected |= {f"{n}.run.d" for n in (*PROGRAMS, *EXITS)}
    assert {str(f.relative_to(GOLDEN)) for f in GOLDEN.rglob("*.d")} == expected


def test_arm64_has_its_own_registers() -> None:
    """The comment, the stack and the registers follow the architecture."""
    program = tk.parse('uprobe:./a:f { @[reg("x3"), reg("fp"), arg12] = hist(arg7) }')
    text = tk.compile(program, backend="dtrace", arch="aarch64", system="linux").text
    assert "arg7 is the register x7 on aarch64" in text
    assert "@[uregs[R_X3], uregs[R_X29], *(int64_t *)copyin(uregs[R_SP] + 32, 8)]" in text


def test_apple_silicon_has_no_probes_inside_of_functions() -> None:
    """What the system's dtrace leaves out without a word is refused."""
    program = tk.parse(PROGRAMS["offset"])
    assert ":f:14\n" in tk.compile(program, backend="dtrace", arch="x86_64", system="Darwin").text
    with pytest.raises(UnsupportedError, match="none for aarch64 on macos"):
        tk.compile(program, backend="dtrace", arch="arm64", system="Darwin")


def test_targets_are_the_processes_that_dtrace_is_given() -> None:
    """A command and a process are $target; several processes are probed one by one; all of them can't be."""
    program = tk.parse("uprobe:./a:f { @ = count() } syscall:read:entry { @r = count() }")

    def script(target: tk.Target) -> Script:
        return tk.compile(program, backend="dtrace", system="linux", arch="x86_64", target=target)

    command = script(tk.Command(["./a", "-x"]))
    assert command.arguments[-2:] == ("-c", "./a -x")
    assert "pid$target:a:f:entry" in command.text and "/pid == $target/" in command.text
    assert script(tk.Command(["./a", "b c"])).arguments[-1] == command.text
    assert script(tk.Pids([3])).arguments[-2:] == ("-p", "3")
    several = script(tk.Pids([3, 4])).text
    assert "pid3:a:f:entry,\npid4:a:f:entry" in several and "/pid == 3 || pid == 4/" in several
    with pytest.raises(UnsupportedError, match="in every process"):
        script(tk.SystemWide())
    with pytest.raises(UnsupportedError, match="that the target forks"):
        script(tk.Pids([3], follow=True))


def test_macos_counts_negative_values_in_rows_of_their_own() -> None:
    """Its llquantize has none for them, so the bucket is computed, unless no value can be negative."""
    unsigned = tk.parse("uprobe:./a:f { @ = llquantize((uint32)arg0, 10, 0, 3, 10) }")
    assert "llquantize(" in tk.compile(unsigned, backend="dtrace", system="macos").text.split("{", 2)[2]
    single = tk.parse("uprobe:./a:f { @ = llquantize((uint32)arg0, 10, 3, 3, 10) }")
    assert "@[this->x1b]" in tk.compile(single, backend="dtrace", system="macos").text
    assert MACOS.takes(tk.LogLinear(10, 0, 3, 20)) and not MACOS.takes(tk.LogLinear(10, 0, 3, 5))


def test_maps_of_stats_have_names_that_no_other_map_has() -> None:
    """The program's own names stay its own."""
    program = tk.parse("uprobe:./a:f { @a = stats(arg0); @a_count = count(); @ = count(); @_ = count() }")
    text = tk.compile(program, backend="dtrace", system="linux").text
    assert "@a_count_ = count();" in text and "@a_count = count();" in text
    assert "  @ = count();" in text and "@__ = count();" in text
