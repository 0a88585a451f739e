"""Proof 13 for tracekit's own eBPF: a helper places the probes as root, and everything else is the user's."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults import harm
from tests.faults.other_user import SECONDS, OtherUser, other_user
from tests.faults.processes import descendants, until
from tests.faults.test_privileges import PROGRAM, figures, told

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a user"),
    pytest.mark.skipif(not shutil.which("sudo"), reason="there is no sudo: 'make test' installs it"),
]

EXACT = {"n": 1000, "sum": sum(range(1000))}
MOUNTED = """
[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
exec setpriv --reuid "$1" --regid "$2" --init-groups -- "${@:3}"
"""

OLDER = """
import ctypes, os, struct, sys
user, group, *command = sys.argv[1:]
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
steps = [(LOAD, 0, 0, 0), (EQUAL, 0, 5, number), (LOAD, 0, 0, 16)]  # seccomp_data: nr, and the first argument
steps += [(EQUAL, 4 - at, 0, what) for at, what in enumerate((1, 2, 4, 24))]  # to look up, to change, to go on
steps += [(RETURN, 0, 0, 0x7FFF0000), (RETURN, 0, 0, 0x50001)]  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO, EPERM
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
if ctypes.CDLL(None).prctl(22, ctypes.c_ulong(2), program, 0, 0):
    sys.exit("no filter of system calls")
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
os.execvp(command[0], command)
"""
"""Becomes a user for whom maps are as before kernel 5.19: only who has CAP_BPF may read them."""


@pytest.fixture(scope="module")
def user():
    with other_user() as found:
        yield found


@pytest.fixture(scope="module")
def program(user: OtherUser) -> Path:
    (user.home / "demo.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O2", "-g", "-o", user.home / "demo", user.home / "demo.c"], check=True)
    return user.home / "demo"


def trace(program: Path, *options: object) -> list[str]:
    text = f"uprobe:{program}:work {{ @n = count(); @sum = sum(n) }}"
    return ["trace", "--backend", "bpf", "-e", text, "-f", "json", *map(str, options)]


def test_without_rights_the_way_out_is_told(user, program):
    """An ordinary user gets a line with the cause and one with --sudo, and nothing has run."""
    done = user.run(user.tracekit(*trace(program), "--", program, user.home / "not-run", "5"))
    assert done.returncode == 1 and done.stdout == ""
    cause, way = done.stderr.splitlines()
    assert "eBPF programs need root, or CAP_BPF and CAP_PERFMON" in cause and "--sudo" in way
    assert not (user.home / "not-run").exists()


@pytest.mark.parametrize("way", ["sudo", "doas"])
def test_an_ordinary_user_counts_exactly(user, program, way):
    """With --sudo the counts are exact, and the target is the user's, without any capability."""
    if not shutil.which(way):
        pytest.skip(f"there is no {way}: 'make test' installs it")
    target, result = user.home / f"target-{way}", user.home / f"result-{way}.json"
    user = user.only(way, "sh")
    with user.sudoers("NOPASSWD: ALL") if way == "sudo" else user.doas():
        done = user.run(user.tracekit(*trace(program, "--sudo", "-o", result), "--", program, target, "1000"))
    assert done.returncode == 0, done.stderr
    assert figures(result) == EXACT and result.stat().st_uid == user.uid
    assert f"runs as root ({way})" in done.stderr
    said = told(target)
    assert said["Uid"].split() == [str(user.uid)] * 4 and int(said["CapEff"], 16) == 0


def test_what_only_root_may_read(user, program):
    """The helper opens descriptions of tracepoints: system calls and --follow are exact with --sudo, too."""
    text = f"syscall:write:entry /arg0 == 1/ {{ @told = count() }} uprobe:{program}:work {{ @n = count() }}"
    argv = user.tracekit("trace", "--backend", "bpf", "--sudo", "--follow", "-f", "json", "-e", text)
    shell = ["/bin/sh", "-c", 'printf 1 >/dev/null; "$1" "$2" 1000; printf 2 >/dev/null', "sh"]
    words = ["unshare", "--mount", "--propagation", "private", "bash", "-ec", MOUNTED, "bash"]
    group = pwd.getpwuid(user.uid).pw_gid
    with user.sudoers("NOPASSWD: ALL"):
        done = subprocess.run(
            [*words, str(user.uid), str(group), *argv, "--", *shell, program, user.home / "out"],
            env=user.environment, cwd=user.home, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["complete"] and not document["losses"]
    counts = {m["name"]: m["entries"][0]["histogram"]["count"] for m in document["maps"]}
    assert counts == {"n": 1000, "told": 2}


def test_stacks_have_their_names(user, program):
    """What the program and the C library map is told by the helper: stacks are named to main's own caller."""
    framed = user.home / "framed"
    words = ["cc", "-O1", "-g", "-fno-omit-frame-pointer", "-o", framed, program.with_suffix(".c")]
    subprocess.run(words, check=True)
    text = f"uprobe:{framed}:work {{ @[ustack] = count() }}"
    argv = user.tracekit("trace", "--backend", "bpf", "--sudo", "-f", "json", "-e", text)
    with user.sudoers("NOPASSWD: ALL"):
        done = user.run([*argv, "--", framed, user.home / "stacks", "1000"])
    assert done.returncode == 0, done.stderr
    ((entry,),) = [m["entries"] for m in json.loads(done.stdout)["maps"]]
    assert entry["histogram"]["count"] == 1000
    (stack,) = entry["key"]
    first, second, libc, *_ = stack.splitlines()
    assert first == "work+0" and second.startswith("main+"), stack
    assert libc.startswith(("__libc_start", "libc")), stack


def test_a_kernel_that_lets_only_root_read(user, program):
    """Where what is counted couldn't be read, --sudo is refused with the way out, before anything runs."""
    argv = user.tracekit(*trace(program, "--sudo"), "--", program, user.home / "not-run", "5")
    group = pwd.getpwuid(user.uid).pw_gid
    with user.sudoers("NOPASSWD: ALL"):
        done = subprocess.run(
            [sys.executable, "-c", OLDER, str(user.uid), str(group), *argv],
            env=user.environment, cwd=user.home, capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
    assert done.returncode == 1 and not (user.home / "not-run").exists()
    assert "this kernel lets nobody without CAP_BPF read" in done.stderr and "not with --sudo" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_tracekit(user, program, number):
    """While it traces, nothing runs as root; when it ends, also killed, no probe is left; the target lives."""
    process = user.start([program, user.home / "served", "0", "wait"])
    try:
        # Its code is compared once it is the program, and not what starts it.
        assert until(lambda: os.path.samefile(f"/proc/{process.pid}/exe", program), SECONDS)
        with (
            user.sudoers("NOPASSWD: ALL"),
            user.start(user.tracekit(*trace(program, "--sudo"), "-p", str(process.pid))) as tracer,
        ):
            said = ""
            while "tracing;" not in said:
                line = tracer.stderr.readline()
                assert line, said
                said += line
            assert harm.changed_code(process.pid)
            assert not [p for p in descendants(tracer.pid) if "0" in harm.fields(p).get("Uid", "").split()]
            tracer.send_signal(number)
            out, _ = tracer.communicate(timeout=SECONDS)
        assert until(lambda: not harm.changed_code(process.pid), SECONDS)
        assert process.poll() is None and not harm.marks_on(process.pid)
        assert number == signal.SIGKILL or (json.loads(out)["complete"] and tracer.returncode == 0)
    finally:
        process.kill()
        process.communicate()
