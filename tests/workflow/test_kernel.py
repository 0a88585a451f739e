"""What doctor says of kernels and containers that this machine doesn't have, and the program that it traces."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.installed import needed

from tracekit.workflow.ebpf import reasons, slower
from tracekit.workflow.kernel import obstacles
from tracekit.workflow.specimen import program_file, specimen_image

FINE = {
    "/proc/self/status": "Name:\tpython\nCapEff:\t000001ffffffffff\n",
    "/proc/self/limits": "Max locked memory         8388608              8388608              bytes\n",
    "/sys/kernel/btf/vmlinux": "",
    "/proc/sys/kernel/yama/ptrace_scope": "1\n",
    "/sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
}
POORER = {
    "/sys/kernel/security/lockdown": ("none integrity [confidentiality]\n", "locked down (confidentiality)"),
    "/sys/kernel/btf/vmlinux": (None, "no type information (BTF)"),
    "/proc/sys/kernel/yama/ptrace_scope": ("3\n", "ptrace_scope is 3: no process may be held"),
    "/proc/self/status": ("CapEff:\t00000000a80425fb\n", "CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE"),
}


def test_nothing_is_said_of_a_machine_that_withholds_nothing() -> None:
    """Files as they are on most machines."""
    assert list(obstacles(FINE.get, root=True)) == []


@pytest.mark.parametrize("file", POORER)
def test_what_is_withheld_is_named_with_its_remedy(file: str) -> None:
    """One thing that is otherwise makes one sentence, and what would change it."""
    content, said = POORER[file]
    (found,) = obstacles({**FINE, file: content}.get, root=True)
    assert said in found.says
    assert found.remedy.endswith(".")


PERMITTED = {
    **FINE,
    "/proc/self/uid_map": "         0          0 4294967295\n",
    "/sys/bus/event_source/devices/uprobe/type": "9\n",
    "/proc/sys/kernel/unprivileged_bpf_disabled": "2\n",
    "/proc/sys/net/core/bpf_jit_enable": "1\n",
}
FORBIDDEN = {
    "/proc/self/status": (
        "CapEff:\t0000008000000000\n",
        "lacks CAP_PERFMON (kernel.unprivileged_bpf_disabled is 2: nobody else may load programs)",
    ),
    "/proc/self/uid_map": ("         0     100000      65536\n", "a user namespace"),
    "/sys/bus/event_source/devices/uprobe/type": (None, "no probes of files"),
}


def test_why_no_program_is_taken() -> None:
    """Each thing that may keep the kernel from it is named, with what would change it; else nothing is."""
    assert list(reasons(PERMITTED.get, root=True)) == [] == list(slower(PERMITTED.get))
    for file, (content, said) in FORBIDDEN.items():
        (found,) = reasons({**PERMITTED, file: content}.get, root=True)
        assert said in found.says and found.remedy.endswith(".")
    filtered = PERMITTED["/proc/self/status"] + "Seccomp:\t2\n"
    (found,) = reasons({**PERMITTED, "/proc/self/status": filtered}.get, root=True)
    assert "a seccomp filter is in force" in found.says
    without_root = {**PERMITTED, "/proc/self/status": "CapEff:\t0000000000000000\n"}
    (found,) = reasons(without_root.get, root=False)
    assert "lacks CAP_BPF and CAP_PERFMON" in found.says and found.remedy == "Run tracekit with sudo."


def test_an_interpreter_is_slower() -> None:
    """A kernel that doesn't compile programs still runs them."""
    (found,) = slower({**PERMITTED, "/proc/sys/net/core/bpf_jit_enable": "0\n"}.get)
    assert "interprets eBPF programs" in found.says


def test_an_old_kernel_counts_maps_as_locked_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since 5.11 it doesn't (bpf: memcg-based memory accounting)."""
    for release, count in (("5.10.0-30-amd64", 1), ("5.11.0", 0), ("6.1.0", 0)):
        uname = type("uname", (), {"release": release})
        monkeypatch.setattr("os.uname", lambda uname=uname: uname)
        assert len(list(obstacles(FINE.get, root=True))) == count


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_program_that_is_traced_runs(machine: str) -> None:
    """Made without a compiler, it ends well on either processor."""
    needed("qemu-aarch64") if machine == "aarch64" else None
    image = specimen_image(machine)
    assert image is not None
    with program_file(image) as path:
        emulator = ["qemu-aarch64"] if machine == "aarch64" else []
        assert subprocess.run([*emulator, path], check=False).returncode == 0
    assert not Path(path).exists()
