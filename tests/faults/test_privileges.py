"""Proof 13: who isn't root is told how to trace, and a target is the invoking user's in every respect."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.faults.other_user import SECONDS, other_user

PROGRAM = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static void copy(const char *from, int to) {
    char part[4096];
    ssize_t size;
    int in = open(from, O_RDONLY);
    while ((size = read(in, part, sizeof part)) > 0) if (write(to, part, size) < 0) abort();
}
__attribute__((noipa)) void work(long n) { (void)n; }
int main(int argc, char **argv) {
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    copy("/proc/self/status", out);
    copy("/proc/self/environ", out);
    for (long i = 0; i < atol(argv[2]); i++) work(i);
    if (argc > 3) pause();
    return 0;
}
"""
RIGHTS = (
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
)
RIGHTS += ("SigBlk", "SigIgn")
VARIABLES = ("HOME=", "USER=", "LOGNAME=", "SHELL=", "SUDO_", "MAIL=")

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a user"),
    pytest.mark.skipif(not shutil.which("sudo"), reason="there is no sudo: 'make test' installs it"),
    pytest.mark.skipif(not shutil.which("bpftrace"), reason="there is no bpftrace: 'make test' installs it"),
]


@pytest.fixture(scope="module")
def user():
    with other_user() as found:
        yield found


@pytest.fixture(scope="module")
def program(user) -> Path:
    (user.home / "demo.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "-g", "-o", user.home / "demo", user.home / "demo.c"], check=True)
    return user.home / "demo"


def told(path: Path) -> dict[str, str]:
    """What a target said of its rights and of its environment."""
    text = path.read_bytes().decode()
    lines = [line.split(":", 1) for line in text.splitlines() if line.startswith(RIGHTS)]
    rights = {name: value.strip() for name, value in lines if name in RIGHTS}
    return rights | {
        v.split("=")[0]: v for v in text[text.rindex("\n") :].split("\0") if v.startswith(VARIABLES)
    }


def trace(program: Path, *options: str) -> list[str]:
    text = f"uprobe:{program}:work {{ @n = count(); @sum = sum(n) }}"
    return ["trace", "--backend", "bpftrace", "-e", text, "-f", "json", *options]


def alone(user, program) -> dict[str, str]:
    """What the program says of itself when the user starts it."""
    out = user.home / "alone"
    assert user.run([program, out, "0"]).returncode == 0
    return told(out)


def figures(path: Path) -> dict[str, object]:
    document = json.loads(path.read_text())
    assert document["complete"] and not document["losses"]
    found = {m["name"]: m["entries"][0]["histogram"] for m in document["maps"]}
    return {"n": found["n"]["count"], "sum": found["sum"]["sum"]}


def test_without_rights_the_way_out_is_told(user, program):
    """An ordinary user who can't trace gets a line with the cause and one with --sudo, and nothing has run."""
    done = user.run(user.tracekit(*trace(program), "--", program, user.home / "not-run", "5"))
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 2 and "needs root" in done.stderr and "--sudo" in done.stderr
    assert not (user.home / "not-run").exists()


def test_a_password_is_asked_of_nobody(user, program):
    """Where sudo would ask for a password, that is one error with the way out, before anything runs."""
    with user.sudoers("ALL"):
        done = user.run(user.tracekit(*trace(program, "--sudo"), "--", program, user.home / "not-run", "5"))
    assert done.returncode == 1 and "password" in done.stderr and "sudo -v" in done.stderr
    assert not (user.home / "not-run").exists()


@pytest.mark.parametrize("way", ["--sudo", "sudo tracekit"])
def test_the_target_is_the_users(user, program, way):
    """Counts are exact; uid, groups, capabilities, mask and environment are those without tracekit.

    So are the owners of the result and of the stored calibrations.
    """
    target, result = user.home / f"target{way[0]}", user.home / f"result{way[0]}.json"
    words = trace(program, "-o", result, *(["--sudo"] if way == "--sudo" else []))
    command = user.tracekit(*words, "--", program, target, "1000")
    shutil.rmtree(user.home / ".cache", ignore_errors=True)
    with user.sudoers("NOPASSWD: SETENV: ALL"):
        kept = "PYTHONPATH,PYTHONDONTWRITEBYTECODE"
        before = [] if way == "--sudo" else ["sudo", "-n", f"--preserve-env={kept}", "--"]
        done = user.run([*before, *command])
    assert done.returncode == 0, done.stderr
    assert figures(result) == {"n": 1000, "sum": sum(range(1000))}
    assert told(target) == alone(user, program)
    stored = list((user.home / ".cache" / "tracekit" / "calibrations").glob("*.json"))
    assert stored
    assert {path.stat().st_uid for path in (result, target, *stored, stored[0].parent)} == {user.uid}
    assert (
        way != "--sudo"
        or f"runs as root (sudo), as only root may place probes; all else runs as {user.name}" in (done.stderr)
    )


@pytest.mark.skipif(not shutil.which("doas"), reason="there is no doas: 'make test' installs it")
def test_doas_starts_the_engine_too(user, program):
    """Where there is doas and no sudo, it starts the engine; the count is exact, and nothing odd is said."""
    target, result = user.home / "by-doas", user.home / "by-doas.json"
    user = user.only("doas", "bpftrace", "gdb", "sh")
    with user.doas():
        done = user.run(user.tracekit(*trace(program, "--sudo", "-o", result), "--", program, target, "1000"))
    assert done.returncode == 0, done.stderr
    assert figures(result) == {"n": 1000, "sum": sum(range(1000))}
    assert "runs as root (doas)" in done.stderr and "note:" not in done.stderr
    assert told(target)["Uid"] == alone(user, program)["Uid"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_end_of_tracekit(user, program, number):
    """A stop gives the whole result once; after SIGKILL no engine is left. What is traced lives on."""
    process = user.start([program, user.home / "served", "0", "wait"])
    try:
        with (
            user.sudoers("NOPASSWD: ALL"),
            user.start(user.tracekit(*trace(program, "--sudo"), "-p", str(process.pid))) as tracer,
        ):
            said = ""
            while "tracing;" not in said:
                line = tracer.stderr.readline()
                assert line, said
                said += line
            helpers = descendants(tracer.pid)
            assert any("bpftrace" in name for name in helpers.values()), helpers
            tracer.send_signal(number)
            out, _ = tracer.communicate(timeout=SECONDS)
        if number is signal.SIGKILL:
            deadline = time.monotonic() + SECONDS
            while (
                left := [p for p in helpers if os.path.exists(f"/proc/{p}")]
            ) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not left
        else:
            assert json.loads(out)["complete"] and tracer.returncode == 0
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def descendants(pid: int) -> dict[int, str]:
    """The processes below one, with their names."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,comm="], check=True, capture_output=True, text=True
    ).stdout
    rows = [
        (int(p), int(parent), name) for p, parent, name in (line.split(None, 2) for line in listed.splitlines())
    ]
    found: dict[int, str] = {}
    below = {pid}
    while below:
        now = {p: name for p, parent, name in rows if parent in below}
        found |= now
        below = set(now)
    return found
