"""How our own eBPF programs come to their points: all at once where the kernel can, else one by one."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tracekit as tk
from tracekit.backends.bpf import kernel

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root"),
]

TEXT = """
uprobe:"{b}":calls_*, uprobe:"{b}":inner { @in[func] = stats(arg0) }
uretprobe:"{b}":calls_*, uretprobe:"{b}":inner { @out[func] = stats(retval); @time[func] = stats(elapsed) }
"""
TREE = """
#include <stdlib.h>
#define KEPT __attribute__((noinline, noclone))
#define FUNCTION(n) KEPT long calls_##n(long v) { long r = inner(v + n) * 2; return r; }
KEPT long inner(long v) { __asm__ volatile("" : "+r"(v)); return v + 1; }
FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5)
int main(void)
{
    long all = 0;
    for (long v = 0; v < 20; v++)
        all += calls_1(v) + calls_2(v) + calls_3(v) + calls_4(v) + calls_5(v);
    return all < 0;
}
"""


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is asked for is noted; and, one by one, refused as kernels before 6.6 do."""
    asked: list[int] = []
    load = kernel.load_program

    def loaded(*arguments: Any, attach: int, **options: Any) -> int:
        asked.append(attach)
        if attach and request.param == "one by one":
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return load(*arguments, attach=attach, **options)

    monkeypatch.setattr(kernel, "load_program", loaded)
    return asked


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, compiled: Callable[[Path, str], Path]) -> Path:
    """A program of five functions that call a sixth."""
    return compiled(tmp_path_factory.mktemp("tree") / "tree", TREE)


@pytest.fixture(scope="module")
def compiled() -> Callable[[Path, str], Path]:
    """A function that compiles C to a file."""

    def build(binary: Path, source: str) -> Path:
        command = ["gcc", "-O1", "-g", "-x", "c", "-o", binary, "-"]
        subprocess.run(command, input=source, text=True, check=True)
        return binary

    return build


@pytest.mark.parametrize("way", ["at once", "one by one"], indirect=True)
def test_all_at_once_and_one_by_one_count_the_same(way: list[int], tree: Path) -> None:
    """Entries, returns and times of functions have their own function's name, whichever way they are probed."""
    program = tk.parse(TEXT.replace("{b}", str(tree)))
    result = tk.run(program, tk.Command([str(tree)]), backend="bpf")
    assert result.whole, result.losses
    assert any(way), "it was never asked whether all can be had at once"
    passed = {f"calls_{n}": list(range(20)) for n in range(1, 6)}
    passed["inner"] = [v + n for v in range(20) for n in range(1, 6)]
    for function, values in passed.items():
        found = result.histogram("in", function)
        assert (found.count, found.sum, found.max) == (len(values), sum(values), max(values))
        n = int(function[-1]) if function != "inner" else 0
        returned = [2 * (v + n + 1) if n else v + 1 for v in values]
        found = result.histogram("out", function)
        assert (found.count, found.sum, found.max) == (len(returned), sum(returned), max(returned))
        assert result.histogram("time", function).count == len(values)
    assert result["in"].entries.keys() == {(function,) for function in passed}


def test_a_thousand_functions(tmp_path: Path, compiled: Callable[[Path, str], Path]) -> None:
    """A thousand functions are each counted under their own name."""
    names = [f"fn_{n:04}" for n in range(1000)]
    body = '__attribute__((noinline, noclone)) void {}(void) {{ __asm__ volatile("" ::: "memory"); }}\n'
    calls = "".join(f"{name}();\n" for name in names)
    source = "".join(map(body.format, names)) + f"int main(void)\n{{\n{calls}return 0;\n}}\n"
    binary = compiled(tmp_path / "thousand", source)
    program = tk.parse(f'uprobe:"{binary}":fn_* {{ @[func] = count() }}')
    options = tk.Options(max_probes=2000)
    result = tk.run(program, tk.Command([str(binary)]), backend="bpf", options=options)
    assert result.whole, result.losses
    assert {keys: h.count for keys, h in result[""].entries.items()} == {(name,): 1 for name in names}
