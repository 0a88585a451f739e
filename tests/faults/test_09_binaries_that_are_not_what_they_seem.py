"""Proof 9: replaced, deleted, stripped, missing, inlined, 32-bit: the right count, or the specific error."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.faults.cli import Engine, Target, await_tracing, finish
from tests.installed import needed
from tests.live.harness import addresses

pytestmark = pytest.mark.live

CALLS = 50


@pytest.mark.parametrize("what", ["replaced", "deleted"])
def test_while_it_runs(engine: Engine, steady: Target, what: str) -> None:
    """What the process runs is probed, not what has its name now; or it is said that it can't be."""
    process = steady.serve(CALLS)
    if what == "replaced":
        shutil.copy("/bin/true", steady.path.with_name("newer"))
        steady.path.with_name("newer").rename(steady.path)
    else:
        steady.path.unlink()
    tracing = engine.start(
        f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid, options=["--duration", "20"]
    )
    if engine.backend == "dtrace":
        done = finish(tracing)
        assert done.status == 1 and "replaced or deleted" in done.said
    else:
        await_tracing(tracing)
        steady.make_calls()
        steady.ledger.tell("stop")
        done = finish(tracing)
        assert done.result.whole and done.map.total == CALLS
    assert steady.stop() == 0


@pytest.mark.parametrize("what", ["replaced", "deleted"])
def test_after_the_start(engine: Engine, steady: Target, what: str) -> None:
    """Once probes are in place, what becomes of the name changes nothing."""
    process = steady.serve(CALLS)
    tracing = engine.start(f"uprobe:{steady.path}:work {{ @ = count() }}", "-p", process.pid)
    await_tracing(tracing)
    if what == "replaced":
        shutil.copy("/bin/true", steady.path.with_name("newer"))
        steady.path.with_name("newer").rename(steady.path)
    else:
        steady.path.unlink()
    steady.make_calls()
    assert steady.stop() == 0
    done = finish(tracing)
    assert done.result.whole and done.map.total == CALLS


def test_stripped(engine: Engine, steady: Target) -> None:
    """Names that are gone are said to be; by its address the function is counted, or it is said why not."""
    needed("objcopy")
    address = addresses(steady.path)["work"]
    subprocess.run(["strip", steady.path], check=True)
    words = steady.words("run", CALLS)
    # What was learnt of the same build before is left out: it would tell where the function is.
    unknown = {"TRACEKIT_CALIBRATIONS": str(steady.path.parent / "none")}
    named = engine.trace(f"uprobe:{steady.path}:work {{ @ = count() }}", "--", *words, env=unknown)
    assert named.status == 1 and "no symbol table" in named.said and not steady.ledger["pid"]
    done = engine.trace(f"uprobe:{steady.path}:{address:#x} {{ @ = count() }}", "--", *words)
    if done.status:
        assert not steady.ledger["pid"] and "tracekit: " in done.said
        assert "0.17" in engine.column or engine.backend == "dtrace" or "begin" in done.said
    else:
        assert done.result.whole and done.map.total == CALLS


INLINED = """
static inline __attribute__((always_inline)) long work(long v) { return v * 3; }
int main(int count, char **words) { return (int)work(count) & (int)work((long)words) & 1; }
"""
BITS = """
__attribute__((noinline)) int work(int v) { __asm__ volatile("" : "+r"(v)); return v; }
void _start(void) { work(1); __asm__ volatile("int $0x80" : : "a"(1), "b"(0)); }
"""


def compiled(folder: Path, source: str, *options: str) -> Path:
    """A small program."""
    (folder / "small.c").write_text(source)
    subprocess.run(["gcc", "-O1", "-g", *options, "-o", folder / "small", folder / "small.c"], check=True)
    return folder / "small"


@pytest.mark.parametrize(
    ("what", "program", "says"),
    [
        ("missing file", "uprobe:{b}-gone:work {{ @ = count() }}", "gone"),
        ("missing function", "uprobe:{b}:wrok {{ @ = count() }}", "Did you mean"),
        ("one of two", "uprobe:{b}:main,uprobe:{b}:wrok {{ @ = count() }}", "has no function 'wrok'"),
        ("inlined", "uprobe:{b}:work {{ @ = count() }}", "no function 'work'"),
        ("32-bit", "uprobe:{b}:work {{ @ = count() }}", "32-bit"),
        ("script", "uprobe:{b}.sh:work {{ @ = count() }}", "script for '/bin/sh'"),
        ("inside an instruction", "uprobe:{b}:main+1 {{ @ = count() }}", "instruction"),
    ],
)
def test_what_cannot_be_probed(engine: Engine, tmp_path: Path, what: str, program: str, says: str) -> None:
    """The error is about just that, comes before the command has run, and there is no traceback."""
    source, options = (BITS, ["-m32", "-nostdlib", "-static"]) if what == "32-bit" else (INLINED, [])
    if "missing" in what or what == "one of two":
        source = INLINED.replace("inline __attribute__((always_inline))", "__attribute__((noinline, noclone))")
    binary = compiled(tmp_path, source, *options)
    (tmp_path / "small.sh").write_text("#!/bin/sh\n")
    done = engine.trace(program.format(b=binary), "--", "touch", tmp_path / "ran")
    assert done.status in (1, 2) and says in done.said, done.said
    assert "Traceback" not in done.said and not (tmp_path / "ran").exists()
