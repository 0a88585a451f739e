"""Generated Python as files to read: what a run uses (NAME.run.txt), and the end of what ``compile`` prints.

After a deliberate change, ``TRACEKIT_UPDATE_GOLDEN=1 pytest tests/backends/gdb/test_golden.py`` writes them
anew; read the difference before it is committed.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.backends.base import Options
from tracekit.backends.gdb.instrument import instrument
from tracekit.core.arch import AARCH64, X86_64
from tracekit.errors import UnsupportedError

GOLDEN = Path(__file__).parent / "golden"

PROGRAMS = {
    "lhist": "uprobe:./itest.test:cache_insert { @bytes = lhist(arg2, 0, 16384, 128) }",
    "hist_parts": "uprobe:./a:f { @ = hist((uint64)arg0, 3) }",
    "llquantize": "uprobe:./a:f { @ = llquantize(arg0, 10, 0, 3, 10) }",
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
    "floats": 'uprobe:./a:f /float64(reg("xmm0")) > 1.5/ { @[float32(arg0)] = sum(float64(arg1) * 1000) }',
    "offset": "uprobe:./a:f+20 { @ = count() }",
}


def check(name: str, text: str) -> None:
    """Compare a text with its file, or write the file if that was asked."""
    file = GOLDEN / name
    if os.environ.get("TRACEKIT_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_run_uses_is_the_golden_one(name: str) -> None:
    """What gdb is given for a program is what was read and found right."""
    check(f"{name}.run.txt", instrument(tk.parse(PROGRAMS[name]), (), Options(), X86_64).text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_for_people_is_the_golden_one(name: str) -> None:
    """It has a run's own functions, says how it is run, and is Python."""
    script = tk.compile(tk.parse(PROGRAMS[name]), backend="gdb", arch="x86_64")
    ast.parse(script.text)
    head, _, tail = script.text.partition("\nstart()\n")
    assert "# gdb -nx -q -batch -x FILE --args COMMAND" in head and "class Map:" in head
    check(f"{name}.txt", tail)


def test_no_golden_file_is_left_over() -> None:
    """Every file belongs to a program here."""
    assert {f.name for f in GOLDEN.iterdir()} == {f"{n}{e}" for n in PROGRAMS for e in (".txt", ".run.txt")}


def test_arm64_has_its_own_registers() -> None:
    """Arguments and the stack follow the architecture."""
    text = instrument(tk.parse("uprobe:./a:f { @[arg3] = hist(arg8) }"), (), Options(), AARCH64).text
    assert "r.x3" in text and "load(r.sp + 0, 8, True)" in text


def test_the_command_has_the_script_in_it() -> None:
    """What is printed to be pasted needs no file, and the target's words stay words."""
    program = tk.parse("uprobe:./a:f { @ = count() }")
    command = tk.compile(program, backend="gdb", arch="x86_64", target=tk.Command(["./a", "b c"])).arguments
    assert command[-3:] == ("--args", "./a", "b c") and command[-4].startswith("python exec(")
    assert tk.compile(program, backend="gdb", arch="x86_64", target=tk.Pids([7])).arguments[-2:] == ("-p", "7")


@pytest.mark.parametrize("function", ["f*", "0x1139", '"a\'b"'])
def test_what_gdb_has_no_name_for_is_refused(function: str) -> None:
    """A script for people names functions as gdb takes them, or says why it can't."""
    with pytest.raises(UnsupportedError, match="one name"):
        tk.compile(tk.parse(f"uprobe:./a:{function} {{ @ = count() }}"), backend="gdb", arch="x86_64")
