"""What docs/safety.md says of capabilities: with those that it names, and no others, runs are exact."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tools.engines import engines, kit_folder
from tools.with_capabilities import command, here

import tracekit

PAGE = (Path(__file__).parents[2] / "docs" / "safety.md").read_text()
USERS = {"root": 0, "a user": 65534}
CALLS = 100
PROGRAM = """
#include <stdlib.h>
#include <unistd.h>
__attribute__((noipa)) void work(long n) { (void)n; }
int main(int argc, char **argv) {
    char go;
    if (argc > 2 && read(0, &go, 1) < 0) return 1;
    for (long i = 0; i < atol(argv[1]); i++) work(i);
    return 0;
}
"""

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to give"),
]


def rows():
    """The table's rows: the engine, its Debian suite, as whom it runs, and the capabilities."""
    lines = re.findall(r"^\| (\w+) ([\d.]+) \| (root|a user) \| (.+) \|$", PAGE, re.MULTILINE)
    return [pytest.param(*line, id=" ".join(line[:3])) for line in lines if "doesn't run" not in line[3]]


def names(text: str) -> list[str]:
    """The capabilities in a text, in the words of the tool."""
    return [name.lower() for name in re.findall(r"(?:CAP_)?([A-Z][A-Z_]+)\b", text)]


@pytest.fixture(scope="module")
def program():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are for nobody but root
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "demo.c").write_text(PROGRAM)
        subprocess.run(["cc", "-O2", "-o", folder / "demo", folder / "demo.c"], check=True)
        yield folder / "demo"


def suite_of(engine: str, version: str) -> list[str]:
    """What is executed before to have the engine of a version; skips where it isn't here."""
    if engine in ("bpf", "gdb"):
        return []
    for found in engines():
        kind, _, suite = ("bpftrace", "", "") if found.name == "system" else found.name.partition("-")
        if kind == engine and found.version.startswith(version):
            return [str(kit_folder() / "bin" / "enter"), str(kit_folder() / suite)] if suite else []
    pytest.skip(f"there is no {engine} {version} here: 'make engines' sets it up")


def environment() -> dict[str, str]:
    source = Path(tracekit.__file__).parent.parent
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(source), "HOME": "/dev/null"}


def check(words: list[str]) -> None:
    """Run tracekit so, and see that its count is exact."""
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["complete"] and not document["losses"]
    assert document["maps"][0]["entries"][0]["histogram"]["count"] == CALLS


def tracing(engine: str, program: Path) -> list[str]:
    text = f"uprobe:{program}:work {{ @ = count() }}"
    return [sys.executable, "-m", "tracekit", "trace", "--backend", engine, "-f", "json", "-e", text]


@pytest.mark.parametrize(("engine", "version", "whom", "capabilities"), rows())
def test_a_row_of_the_table(engine, version, whom, capabilities, program):
    """A run of tracekit as a whole, with these capabilities alone, is exact."""
    within = suite_of(engine, version)
    argv = [*tracing(engine, program), "--", str(program), str(CALLS)]
    check(command(USERS[whom], names(capabilities), argv, within))


@pytest.mark.parametrize("whose", ["systemd", "Kubernetes"])
def test_the_units(whose, program):
    """With the unit's or the pod's capabilities and a read-only root, another user's process counts exactly."""
    if whose == "systemd":
        listed = re.search(r"^CapabilityBoundingSet=(.*)$", PAGE, re.MULTILINE)[1]
        assert "NoNewPrivileges=yes\nProtectSystem=strict" in PAGE
        within = suite_of("bpftrace", "0.17")
    else:
        listed = re.search(r"^    add: \[(.*)\]$", PAGE, re.MULTILINE)[1]
        assert "readOnlyRootFilesystem: true" in PAGE and "runAsUser: 0" in PAGE
        within = suite_of("bpftrace", "0.23")
    with subprocess.Popen(
        [program, str(CALLS), "wait"], user=65534, group=65534, stdin=subprocess.PIPE
    ) as served:
        argv = [*tracing("bpftrace", program), "-p", str(served.pid)]
        words = command(0, names(listed), argv, within, read_only=True)
        with subprocess.Popen(
            words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as tracer:
            said = ""
            while "tracing;" not in said and (line := tracer.stderr.readline()):
                said += line
            served.communicate(b"!", timeout=100)
            out, rest = tracer.communicate(timeout=100)
    assert tracer.returncode == 0, said + rest
    document = json.loads(out)
    assert document["complete"] and document["maps"][0]["entries"][0]["histogram"]["count"] == CALLS


def test_the_tool_takes_the_others_away():
    """What runs with some capabilities has these, no more, and can get no more."""
    wanted = [name for name in ("perfmon", "bpf") if name in here()]
    done = subprocess.run(command(65534, wanted, ["cat", "/proc/self/status"]), capture_output=True, text=True)
    said = dict(line.split(":\t", 1) for line in done.stdout.splitlines())
    sets = {int(said[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert sets == {sum(1 << {"perfmon": 38, "bpf": 39}[name] for name in wanted)}
    assert said["NoNewPrivs"] == "1" and said["Uid"].split() == ["65534"] * 4
