"""Programs as files to read: what ``compile`` prints (NAME.txt), and what only a run has (NAME.run.txt).

After a deliberate change, ``TRACEKIT_UPDATE_GOLDEN=1 pytest tests/backends/bpf/test_golden.py`` writes them
anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.bpf.emit import Ids
from tracekit.backends.bpf.instrument import instrument
from tracekit.backends.bpf.operands import operands
from tracekit.backends.bpf.programs import Fields, Whose
from tracekit.backends.bpf.sites import Instruction, Site, result_of
from tracekit.backends.calls import Call
from tracekit.core.arch import X86_64
from tracekit.core.probe import Usdt
from tracekit.errors import UnsupportedError

GOLDEN = Path(__file__).parent / "golden"
PATH = "/proc/7/fd/3"
TARGET = Whose((77,))

PROGRAMS = {
    "count": "uprobe:./a:f { @ = count() }",
    "hist": "uprobe:./a:f { @ = hist(arg0) }",
    "hist_parts": "uprobe:./a:f { @ = hist((uint64)arg0, 3) }",
    "lhist": "uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }",
    "llquantize": "uprobe:./a:f { @ = llquantize(arg0, 10, 0, 3, 10) }",
    "moments": "uprobe:./a:f { @s = sum(arg0); @t = stats((uint64)arg0) }",
    "keys": 'uprobe:./a:f { @[pid, cpu, comm, str(arg1, 16), (int8)arg2, "text"] = count() }',
    "counted": "uprobe:./a:f { @[str(arg0, arg1)] = count() }",
    "filter": 'uprobe:./a:f /arg0 > 0 && (comm == "x" || arg1 % 3 == 1)/ { @ = count() }',
    "known_filter": "uprobe:./a:f /1 || arg0 / *(int32*)arg0 > 2/ { @ = sum(2 > 1 ? arg0 : arg1) }",
    "memory": "uprobe:./a:f / *(uint32*)(arg0 + 8) != 0/ { @ = sum(*(int16*)(arg0 + 12)) }",
    "stack_argument": "uprobe:./a:f { @ = max(arg7) }",
    "conditional": "uprobe:./a:f { @ = sum(arg0 < 0 ? -arg0 : arg0 / arg1) }",
    "several_probes": 'uprobe:./a:f,\nuprobe:"./b c":"g h" { @[func] = count() }',
    "elapsed": "uretprobe:./a:f /retval >= 0/ { @time = stats(elapsed) }",
    "syscall": "syscall:write:return /retval > 0/ { @ = sum(retval) } syscall:write:entry { @n = max(arg2) }",
    "timers": "interval:s:1 { @ticks = count() } profile:hz:99 { @[comm] = count() }",
}


def check(name: str, text: str) -> None:
    """Compare a program with its file, or write the file if that was asked."""
    file = GOLDEN / name
    if os.environ.get("TRACEKIT_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_compile_prints_is_the_golden_one(name: str) -> None:
    """The instructions of a program are those that were read and found right."""
    script = tk.compile(tk.parse(PROGRAMS[name]), backend="bpf", arch="x86_64", target=tk.Pids([77]))
    check(f"{name}.txt", script.text)


def test_arm64_has_its_own_registers() -> None:
    """There arguments, the stack and results are elsewhere in the context."""
    program = tk.parse(
        "uretprobe:./a:f { @ = stats(retval); @t = sum(elapsed) } uprobe:./a:f { @a[arg8] = sum(arg7) }"
    )
    check("arm64.txt", tk.compile(program, backend="bpf", arch="aarch64").text)


def _returns(call: Call) -> Site:
    return Site(Instruction(PATH, 0x1150), Instruction(PATH, 0x1139), "f", retval=result_of(X86_64), call=call)


def _run(text: str, site: Site, whose: Whose = TARGET, options: Options = Options()) -> str:
    program = tk.parse(text)
    sites = {probe: (site,) for clause in program.clauses for probe in clause.probes}
    return instrument(program, sites, whose, options, X86_64).text


ENTRY = Site(Instruction(PATH, 0x1139), function="f")
_NOTE = operands("-4@%edi 8@-16(%rbp) 1@$5", Usdt("./a", "p", "n"), X86_64)
_TIMED = "uretprobe:./a:f { @ = sum(elapsed); @v = sum(retval) }"
_COUNT = "uprobe:./a:f { @ = count() }"

RUNS = {
    "usdt": lambda: _run(
        "usdt:./a:p:n { @[arg2] = sum(arg0 + arg1) }", Site(Instruction(PATH, 0x1139, 0x4010), arguments=_NOTE)
    ),
    "returns": lambda: _run(_TIMED, _returns(Call.THREAD)),
    "returns_go": lambda: _run(_TIMED, _returns(Call.GOROUTINE)),
    "follow": lambda: _run(_COUNT, ENTRY, Whose((77, 78), Fields(24, 48, 24))),
    "namespace": lambda: _run(_COUNT, ENTRY, Whose((77,), ids=Ids(4, 4026531836))),
    "max_events": lambda: _run(_COUNT, ENTRY, options=Options(max_events=10)),
    "max_rate": lambda: _run(_COUNT, ENTRY, options=Options(max_rate=50_000.0)),
}
"""What ``compile`` can't know: where instructions are, and whose events count."""


@pytest.mark.parametrize("name", RUNS)
def test_what_only_a_run_has_is_the_golden_one(name: str) -> None:
    """Tracepoints' operands, calls' times, whose events count and limits are as they were read."""
    check(f"{name}.run.txt", RUNS[name]())


def test_no_golden_file_is_left_over() -> None:
    """Every file belongs to a program here."""
    expected = {*(f"{name}.txt" for name in (*PROGRAMS, "arm64")), *(f"{name}.run.txt" for name in RUNS)}
    assert {file.name for file in GOLDEN.iterdir()} == expected


def test_a_tracepoint_is_not_compiled_without_its_binary() -> None:
    """Where its arguments are stands in the binary: it is refused, and the way out is named."""
    with pytest.raises(UnsupportedError, match=r"stands in \./a") as error:
        tk.compile(tk.parse("usdt:./a:p:n { @ = count() }"), backend="bpf", arch="x86_64")
    assert "tracekit trace -v" in error.value.hint
