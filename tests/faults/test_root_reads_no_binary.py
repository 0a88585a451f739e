"""Proof 13, as root: nothing of a foreign binary is parsed with root's rights, whatever is asked."""

import os
import subprocess
from pathlib import Path

import pytest
from tools.engines import engines

import tracekit as tk
from tracekit.core.target import Command
from tracekit.symbols import dwarf, elf, image, macho

PROGRAM = r"""
#include <sys/sdt.h>
struct value { long len; };
__attribute__((noinline)) long insert(struct value *value, long key) { return value->len + key; }
int main(void) {
    long sum = 0;
    for (long i = 0; i < 100; i++) { struct value v = {i}; sum += insert(&v, i); DTRACE_PROBE1(demo, tick, i); }
    return sum == 0;
}
"""
TEXT = (
    "uprobe:{0}:insert {{ @len = lhist(value->len, 0, 100, 10) }} uretprobe:{0}:insert {{ @ret = sum(retval) }}"
)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights that a binary could take over"),
]


@pytest.fixture(autouse=True)
def _root_that_parses_fails(monkeypatch):
    """Whatever parses ends with an error if it is root who does."""

    def guard(module, name):
        real = getattr(module, name)

        def guarded(*arguments, **named):
            assert os.geteuid() != 0, f"root parses: {name}"
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, guarded)

    for module, name in (
        (elf, "read_headers"),
        (elf, "notes"),
        (elf.SymbolTable, "__init__"),
        (dwarf, "open_debug_info"),
        (macho, "open_macho"),
    ):
        guard(module, name)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("program")
    (folder / "demo.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "-g", "-o", folder / "demo", folder / "demo.c"], check=True)
    return folder / "demo"


def test_the_guard_sees_root(program):
    """Without a process of its own for it, reading a binary as root is noticed here."""
    with pytest.raises(AssertionError, match="root parses"):
        image.open_image(str(program))


@pytest.mark.parametrize("ask", ["resolve", "calibrate", "compile"])
def test_what_runs_nothing(program, ask):
    """Names are resolved and compiled without root's rights."""
    if ask == "compile":
        text = tk.compile(
            tk.parse(f"uprobe:{program}:insert {{ @ = sum(value->len) }}"), backend="bpftrace"
        ).text
        assert "sum(" in text
    elif ask == "resolve":
        assert tk.resolve(str(program), "insert").arguments
    else:
        assert tk.calibrate(str(program), "insert", Command((str(program),))).samples.hits


@pytest.mark.parametrize("backend", ["bpf", "bpftrace", "dtrace", "gdb"])
def test_a_run(program, backend, monkeypatch):
    """A run is exact on every engine, with names, returns and, where there are some, static probes."""
    if backend == "dtrace":
        found = [engine for engine in engines() if engine.name.startswith("dtrace")]
        if not found:
            pytest.skip("there is no dtrace here: 'make engines' sets it up")
        monkeypatch.setenv("TRACEKIT_DTRACE", str(found[0].path))
    usdt = f"usdt:{program}:demo:tick {{ @tick = count() }}" if backend.startswith("bpf") else ""
    result = tk.run(tk.parse(TEXT.format(program) + usdt), Command((str(program),)), backend=backend)
    assert result.complete
    sums = {name: result[name].entries[()].sum for name in ("len", "ret")}
    assert sums == {"len": sum(range(100)), "ret": 2 * sum(range(100))}
    assert not usdt or result["tick"].total == 100
