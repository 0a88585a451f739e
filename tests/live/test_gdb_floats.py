"""Floats on a machine that has every engine: gdb takes them, and the others say why they don't."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.live.dtrace import Dtrace

import tracekit as tk
from tracekit.backends.registry import backend_names
from tracekit.errors import UnsupportedError

pytestmark = pytest.mark.live

PROGRAM = """
uprobe:{b}:mean /p > 1.5/ {{ @[q >= 50.5] = sum(p * 1000) }}
uretprobe:{b}:mean {{ @back = sum(retval * 100) }}
"""
SUMS = {
    0: sum(n * 500 for n in range(4, 51)),
    1: sum(n * 500 for n in range(51, 100)),
}
RETURNED = sum(n * 75 for n in range(100))


@pytest.fixture
def binary(binaries: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The target, for which the choice is between all engines again."""
    monkeypatch.setattr("tracekit.backends.registry.ORDER", backend_names())
    monkeypatch.setenv("TRACEKIT_CALIBRATIONS", str(tmp_path / "calibrations"))
    return str(binaries("floats"))


def test_auto_takes_gdb(binary: str) -> None:
    """Arguments, a filter, a key and a result, to the last digit."""
    result = tk.run(tk.parse(PROGRAM.format(b=binary)), tk.Command([binary]))
    assert result.provenance.engine.name == "gdb"
    assert result.complete and not result.losses
    assert {keys: h.sum for keys, h in result[""].entries.items()} == {(n,): s for n, s in SUMS.items()}
    assert result["back"].entries[()].sum == RETURNED
    assert [(r.name, r.location) for r in result.provenance.resolutions] == [
        ("p", "xmm0"),
        ("q", "the low 4 bytes of xmm1"),
        ("retval", "xmm0"),
    ]


@pytest.mark.parametrize("backend", ["bpftrace", "dtrace"])
def test_the_others_refuse_and_name_gdb(
    binary: str, backend: str, dtrace: Dtrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything runs, with the reason and the engine that can."""
    monkeypatch.setenv("TRACEKIT_DTRACE", dtrace.command[0])
    with pytest.raises(UnsupportedError, match="vector registers: it reads general registers only") as refused:
        tk.run(tk.parse(PROGRAM.format(b=binary)), tk.Command([binary]), backend=backend)
    assert refused.value.alternatives == ("gdb",)


def test_the_script_for_people_reads_them(binary: str, tmp_path: Path) -> None:
    """By gdb's own means, from the same registers."""
    script = tmp_path / "script.py"
    script.write_text(tk.compile(tk.parse(PROGRAM.format(b=binary)), backend="gdb").text)
    words = ["gdb", "-nx", "-q", "-batch", "-x", str(script), "--args", binary]
    said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=100).stdout
    for key, total in SUMS.items():
        assert f"[{key}]: count {47 if key == 0 else 49}, sum {total}," in said
