"""Who may load eBPF programs, and what those are told who may not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools.with_capabilities import command

import tracekit

ASK = """
from contextlib import ExitStack
from tracekit.backends.bpf.rights import kernel_for
from tracekit.errors import PrivilegeError
try:
    kernel_for(sudo=False, stack=ExitStack())
except PrivilegeError as error:
    print(f"{error.message}. {error.hint}")
"""
USER = 65534
NEEDED = "eBPF programs need root, or CAP_BPF and CAP_PERFMON"
NEEDED_BY_ROOT = "eBPF programs need CAP_BPF and CAP_PERFMON"

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to give"),
]


def told(command_line: list[str]) -> str:
    """What a process is told that may be refused."""
    source = Path(tracekit.__file__).parent.parent
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(source)}
    done = subprocess.run(command_line, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("user", "held", "said"),
    [
        (USER, [], f"{NEEDED}. Say --sudo"),
        (USER, ["bpf"], f"{NEEDED}, and CAP_PERFMON is missing. Say --sudo"),
        (USER, ["perfmon"], f"{NEEDED}, and CAP_BPF is missing. Say --sudo"),
        (0, ["bpf"], "eBPF programs need CAP_BPF and CAP_PERFMON, and CAP_PERFMON is missing. Give them"),
        (
            0,
            ["sys_ptrace"],
            "eBPF programs need CAP_BPF and CAP_PERFMON, which root doesn't have here. Give them",
        ),
    ],
)
def test_the_exact_cause_and_the_way_out(user, held, said):
    """Which of the two capabilities is missing is told, and what to do about it, for a user and for root."""
    assert told(command(user, held, [sys.executable, "-c", ASK])).startswith(said)


@pytest.mark.parametrize("held", [["bpf", "perfmon"], ["sys_admin"]])
def test_who_may(held):
    """With both capabilities, or the one that includes them, an ordinary user isn't refused."""
    assert told(command(USER, held, [sys.executable, "-c", ASK])) == ""


def test_root_of_a_user_namespace():
    """Capabilities that hold in a user namespace only are none for the kernel, which is told."""
    apart = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*apart, "true"], capture_output=True, timeout=60).returncode:
        pytest.skip("this machine allows no user namespaces")
    said = told([*apart, sys.executable, "-c", ASK])
    assert said.startswith("eBPF programs need root of the whole system, and this is root of a user namespace")
