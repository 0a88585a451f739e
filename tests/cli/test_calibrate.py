"""``tracekit calibrate`` and ``tracekit calibrations``: what they take, print and keep."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.installed import needed

TRACEKIT = [sys.executable, "-m", "tracekit"]

SOURCE = """
#include <stdint.h>
#include <stdlib.h>
struct view { const char *data; uint64_t len; };
__attribute__((noinline)) int insert(struct view value, int32_t kind) {
  __asm__ volatile("" : : "r"(value.data), "r"(value.len), "r"(kind));
  return kind;
}
__attribute__((noinline)) int never(int x) { __asm__ volatile("" : : "r"(x)); return x; }
int main(int count, char **words) {
  for (int i = 0; i < 20; i++) insert((struct view){words[0], 500 + 7 * (uint64_t)i}, i % 3 - 1);
  if (count > 1) abort();
  return count > 5 ? never(count) : 0;
}
"""

needs_gdb = pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is missing: apt-get install gdb")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with and without optimisation, debug information and symbols."""
    folder = tmp_path_factory.mktemp("calibrate")
    (folder / "a.c").write_text(SOURCE)
    for name, flags in {"fast": "-O2 -g", "slow": "-O0 -g", "bare": "-O2"}.items():
        subprocess.run(["gcc", *flags.split(), "-o", name, "a.c"], check=True, cwd=folder)
    subprocess.run(["strip", "-o", "stripped", "fast"], check=True, cwd=folder)
    (folder / "noise").write_bytes(b"\x7fELF\2\1\1" + bytes(range(200)))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where calibrations are kept in a test."""
    return tmp_path / "store"


def run(
    folder: Path, store: Path, *words: str, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run tracekit in the folder to its end."""
    environment = {**os.environ, "TRACEKIT_CALIBRATIONS": str(store), **(env or {})}
    done = subprocess.run(
        [*TRACEKIT, *words],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_the_binary_alone(folder: Path, store: Path) -> None:
    """Without a command the table comes from the binary: places, argN and verdicts; it is kept."""
    done = run(folder, store, "calibrate", "./fast", "insert")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^value\.len +uint64_t +rsi +arg1 +arg1 +high$", done.stdout, re.MULTILINE)
    assert re.search(
        r"^kind +int32_t +the low 4 bytes of rdx +\(int32\)arg2 +\(int32_t\)arg2 +high$",
        done.stdout,
        re.MULTILINE,
    )
    listed = run(folder, store, "calibrations", "list").stdout.splitlines()
    assert len(listed) == 1
    assert "insert" in listed[0]


@needs_gdb
def test_what_gdb_confirms_is_verified(folder: Path, store: Path) -> None:
    """Without optimisation gdb itself knows the values; with it, what is expected does."""
    slow = run(folder, store, "calibrate", "./slow", "insert", "--", "./slow")
    assert slow.returncode == 0, slow.stderr
    assert re.search(r"^value\.len .* 500 to 549, 8 distinct +verified$", slow.stdout, re.MULTILINE)
    assert "8 of 8 hits, 8 distinct values" in slow.stdout
    fast = run(folder, store, "calibrate", "./fast", "insert", "--expect", "value.len=500..700", "--", "./fast")
    assert re.search(r"^value\.len .* verified$", fast.stdout, re.MULTILINE)


@needs_gdb
def test_json_and_registers(folder: Path, store: Path) -> None:
    """The same as JSON, with what all registers held."""
    words = ("-f", "json", "--registers", "--hits", "5", "--no-store", "-c", "./fast")
    done = run(folder, store, "calibrate", "./fast", "insert", *words)
    document = json.loads(done.stdout)
    assert document["format"] == "tracekit-calibrate"
    assert document["hits"] == 5
    assert {row["name"] for row in document["rows"]} == {"value.data", "value.len", "kind", "retval"}
    registers = {row["place"]: row for row in document["registers"]}
    assert registers["rsi"]["values"] == [500, 507, 514, 521, 528]
    assert registers["rdx"]["kind"] == "small integer"
    assert not store.exists()


@needs_gdb
def test_what_gdb_contradicts_is_told_and_not_kept(folder: Path, store: Path) -> None:
    """A wrong expectation fails, with both readings, and spoils nothing."""
    done = run(folder, store, "calibrate", "./fast", "insert", "--expect", "value.len=3", "--", "./fast")
    assert done.returncode == 1
    assert "value.len=3 is expected, but rsi (arg1) had 500" in done.stdout
    assert not store.exists()


@needs_gdb
def test_without_debug_information(folder: Path, store: Path) -> None:
    """What is expected finds the register; the registers show themselves otherwise."""
    found = run(folder, store, "calibrate", "./bare", "insert", "--expect", "size=500..700", "--", "./bare")
    assert found.returncode == 0
    assert re.search(r"^size +uint64_t +rsi +arg1 +arg1 .* verified$", found.stdout, re.MULTILINE)
    shown = run(folder, store, "calibrate", "./bare", "insert", "--", "./bare")
    assert re.search(r"^rsi +arg1 +small integer +8 +500 to 549 +rises by 7$", shown.stdout, re.MULTILINE)
    assert "no debug information" in shown.stdout


@needs_gdb
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("./fast", "never", "--", "./fast"), "0 of 8 entries seen"),
        (("./fast", "insert", "--hits", "50", "--", "./fast"), "20 of 50 entries seen"),
        (("./fast", "insert", "--hits", "50", "--", "./fast", "x"), "SIGABRT"),
    ],
)
def test_a_target_that_gives_less(folder: Path, store: Path, words: tuple[str, ...], told: str) -> None:
    """A function that is never called, too few calls, or a target that dies: it is told."""
    done = run(folder, store, "calibrate", *words)
    assert told in done.stdout + done.stderr
    assert done.returncode == (1 if "0 of" in told and not told.startswith("20") else 0)


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("./bare", "insert"), 1, "./bare has no debug information"),
        (("./stripped", "insert"), 1, "./stripped has no function 'insert'"),
        (("./missing", "insert"), 1, "./missing does not exist"),
        (("./noise", "insert"), 1, "./noise is "),
        (("./fast", "insrt"), 1, "./fast has no function 'insrt'"),
        (("./fast", "insert", "--expect", "value.len=3"), 2, "what is expected can only be seen in a run"),
        (("./fast", "insert", "--registers"), 2, "registers can only be seen in a run"),
        (("./fast", "insert", "--expect", "x", "--", "./fast"), 2, "the expectation 'x' has no NAME=VALUE"),
        (("./fast", "insert", "--expect", "x=1", "--", "./fast"), 2, "insert has no number 'x'"),
        (("./fast", "insert", "--hits", "0", "--", "./fast"), 2, "0 is not in the range"),
        (("./fast", "insert", "-p", "1", "--", "./fast"), 2, "there are several targets"),
        (("./fast", "insert", "--remote", "1234", "--", "./fast"), 2, "there are several targets"),
        (("./fast", "insert", "--remote", "99999"), 2, "99999 is no TCP port"),
        (("./fast", "insert", "--remote", "socket"), 2, "Give an absolute path without blanks"),
        (("./fast", "insert", "--", "./missing"), 1, "'./missing' can't be executed"),
        (("./fast", "insert", "-p", "999999999"), 1, "there is no process 999999999"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Path, store: Path, words: tuple[str, ...], status: int, sentence: str
) -> None:
    """Each says what is wrong, and ends with 1 for a failure and 2 for what can't be meant."""
    done = run(folder, store, "calibrate", *words)
    assert done.returncode == status, done.stderr
    assert sentence in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("gdb", "sentence"),
    [("/nonexistent/gdb", "is no program"), ("/bin/true", "gdb")],
)
def test_without_gdb(folder: Path, store: Path, gdb: str, sentence: str) -> None:
    """A gdb that isn't there, or that is none, is named with the way out."""
    done = run(folder, store, "calibrate", "./fast", "insert", "--", "./fast", env={"TRACEKIT_GDB": gdb})
    assert done.returncode == 1
    assert sentence in done.stderr


def test_calibrations_go_to_another_machine(folder: Path, store: Path, tmp_path: Path) -> None:
    """What was exported is imported, and then known of a stripped copy of the binary; forgotten, it isn't."""
    run(folder, store, "calibrate", "./fast", "insert")
    file, other = tmp_path / "exported.json", tmp_path / "other"
    assert run(folder, store, "calibrations", "export", "insert", "-o", str(file)).returncode == 0
    assert run(folder, other, "calibrations", "import", str(file)).stdout == "1 imported\n"
    assert run(folder, other, "calibrations", "import", "-", stdin=file.read_bytes()).stdout == "1 imported\n"
    compiled = run(folder, other, "compile", "./stripped", "insert", "hist(value.len)")
    assert compiled.returncode == 0, compiled.stderr
    assert "hist((uint64)arg1)" in compiled.stdout
    shown = run(folder, other, "calibrations", "show", "insert")
    assert "imported" in shown.stdout
    assert run(folder, other, "calibrations", "forget", "./fast").stdout == "1 forgotten\n"
    assert run(folder, other, "compile", "./stripped", "insert", "hist(value.len)").returncode == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "nothing"), "there is no stored calibration of 'nothing'"),
        (("forget",), "it isn't said what to forget"),
        (("import", "/nonexistent"), "/nonexistent can't be read"),
        (("import", "-"), "the file of calibrations is no JSON"),
    ],
)
def test_calibrations_that_are_not_there(
    folder: Path, store: Path, words: tuple[str, ...], sentence: str
) -> None:
    """Each is one sentence and a status of 2."""
    done = run(folder, store, "calibrations", *words)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_damaged_store_is_told_and_lived_with(folder: Path, store: Path) -> None:
    """A file that can't be read is a warning, and the binary is read once more; calibrating repairs it."""
    run(folder, store, "calibrate", "./fast", "insert")
    (file,) = store.iterdir()
    file.write_text("{")
    listed = run(folder, store, "calibrations", "list")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert "can't be used" in listed.stderr
    compiled = run(folder, store, "compile", "./fast", "insert", "hist(value.len)")
    assert "hist((uint64)arg1)" in compiled.stdout
    run(folder, store, "calibrate", "./fast", "insert")
    assert json.loads(file.read_text())["format"] == "tracekit-calibration"


def test_a_binary_of_another_system(folder: Path, store: Path, tmp_path: Path) -> None:
    """A program for macOS on arm64 is looked into, by a hash of its code, and its names become registers."""
    needed("go")
    source = Path(__file__).parents[1] / "live" / "programs" / "paths_go"
    target = {"GOOS": "darwin", "GOARCH": "arm64"}
    build = ["go", "build", "-buildvcs=false", "-o", tmp_path / "mac", "."]
    subprocess.run(build, check=True, cwd=source, env={**os.environ, **target})
    done = run(tmp_path, store, "calibrate", "./mac", "main.Label", "-f", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {row["name"]: row["dtrace"] for row in found["rows"]}
    assert rows["name.len"] == "uregs[R_X1]"
    assert rows["after"] == "(int32_t)uregs[R_X5]"
    listed = run(tmp_path, store, "calibrations", "list")
    assert "main.Label" in listed.stdout
    assert "aarch64" in listed.stdout
    wrong = run(tmp_path, store, "compile", "-e", "uprobe:./mac:main.Label { @ = sum(len(nme)) }")
    assert (wrong.returncode, "Did you mean name?" in wrong.stderr) == (1, True)
    traced = run(tmp_path, store, "trace", "./mac", "main.Label", "sum(len(name))", "--", "./mac")
    assert (traced.returncode, "is a macOS binary" in traced.stderr) == (1, True)
