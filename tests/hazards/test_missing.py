"""A function that isn't there, or not only there, is told before anything runs, and never counted as 0."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.hazards.conftest import Used, on
from tests.installed import needed

import tracekit as tk
from tracekit.errors import BinaryError, FunctionNotFoundError

SOURCE = """
static inline __attribute__((always_inline)) long gone(long x) { return x * 3 + 1; }
long sink;
long both(long x) { sink += x; return sink ^ x; }
__attribute__((noinline)) long caller(long x) { return gone(x) + both(x) + gone(x + 1); }
int main(void) {
  long (*volatile pointer)(long) = both;
  for (int i = 0; i < 10; i++) caller(i);
  return pointer(4) == 12345;
}
"""


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """A program of which one function is nowhere, and another also where it was inlined."""
    (tmp_path / "inlined.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O2", "-g", "-o", tmp_path / "inlined", tmp_path / "inlined.c"], check=True)
    return tmp_path / "inlined"


@pytest.mark.parametrize("backend", ["bpf", "bpftrace", "dtrace", "gdb"])
def test_one_of_two_functions_that_is_missing_refuses_the_run(binary: Path, backend: str) -> None:
    """The other one isn't counted without it; the error says where its calls went, and nothing has run."""
    program = tk.parse(f"uprobe:{binary}:caller, uprobe:{binary}:gone {{ @ = count() }}")
    made = binary.with_name("made")
    with pytest.raises(FunctionNotFoundError, match="has no function 'gone'") as caught:
        tk.run(program, tk.Command(["touch", str(made)]), backend=backend)
    assert caught.value.hint.startswith("It is inlined in 2 places, where no probe sees its calls")
    assert not made.exists()


@pytest.mark.live
@on("bpftrace 0.23")
def test_copies_that_no_probe_sees_are_told(used: Used, binary: Path) -> None:
    """Of a function that was inlined besides, the calls of its own code count, and the others are told."""
    result = used.run(f"uprobe:{binary}:both {{ @ = count() }}", tk.Command([str(binary)]))
    assert result.maps[0].total == 1
    assert "both is inlined in one other place, whose calls no probe on it sees" in result.notes


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the assembler of x86-64 makes 32-bit programs")
def test_a_32_bit_program_is_refused(tmp_path: Path) -> None:
    """Its arguments are where no engine looks for them: the class of a real one's ELF header is the reason."""
    needed("as", "ld")
    (tmp_path / "short.s").write_text(".globl _start\n_start: mov $1, %eax\nint $0x80\n")
    subprocess.run(["as", "--32", "-o", tmp_path / "short.o", tmp_path / "short.s"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", tmp_path / "short", tmp_path / "short.o"], check=True)
    program = tk.parse(f"uprobe:{tmp_path / 'short'}:_start {{ @ = count() }}")
    with pytest.raises(BinaryError, match="is a 32-bit binary, whose arguments the engines read wrongly"):
        tk.run(program, tk.Command([str(tmp_path / "short")]))
