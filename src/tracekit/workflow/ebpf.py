"""Why the kernel takes no eBPF programs of ours, or runs them slowly, as far as it tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tracekit.workflow.kernel import Obstacle, Read

_SYS_ADMIN: Final = 21
_NEEDED: Final = {39: "CAP_BPF", 38: "CAP_PERFMON"}
"""Numbers of ``include/uapi/linux/capability.h``; before kernel 5.8, and still, CAP_SYS_ADMIN is both."""

_ALL_IDS: Final = ["0", "0", "4294967295"]


def reasons(read: Read, *, root: bool) -> Iterator[Obstacle]:
    """What may be why it takes none, where it doesn't.

    Args:
        read: reads the kernel's files.
        root: whether we are root.
    """
    status = read("/proc/self/status") or ""
    yield from _capabilities(status, read, root)
    if (read("/proc/self/uid_map") or " ".join(_ALL_IDS)).split() != _ALL_IDS:
        yield Obstacle(
            "this is a user namespace, whose capabilities aren't those of the system",
            "Run tracekit outside of it, as root.",
        )
    if re.search(r"^Seccomp:\s*2", status, re.MULTILINE):
        yield Obstacle(
            "a seccomp filter is in force, which may forbid bpf(2) and perf_event_open(2)",
            "In a container, --cap-add=BPF --cap-add=PERFMON lifts Docker's and Podman's.",
        )
    if read("/sys/bus/event_source/devices/uprobe/type") is None:
        yield Obstacle(
            "the kernel has no probes of files, or /sys isn't mounted",
            "Mount sysfs, or use a kernel from 4.17 on with CONFIG_UPROBE_EVENTS=y.",
        )


def _capabilities(status: str, read: Read, root: bool) -> Iterator[Obstacle]:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    held = int(found[1], 16) if found else 0
    missing = [name for bit, name in _NEEDED.items() if not held >> bit & 1]
    if held >> _SYS_ADMIN & 1 or not missing:
        return
    says = f"this process lacks {' and '.join(missing)}"
    setting = (read("/proc/sys/kernel/unprivileged_bpf_disabled") or "").strip()
    if setting not in ("", "0"):
        says += f" (kernel.unprivileged_bpf_disabled is {setting}: nobody else may load programs)"
    options = " ".join(f"--cap-add={name.removeprefix('CAP_')}" for name in missing)
    yield Obstacle(says, f"Start the container with {options}." if root else "Run tracekit with sudo.")


def slower(read: Read) -> Iterator[Obstacle]:
    """What makes programs slower than they could be."""
    if (read("/proc/sys/net/core/bpf_jit_enable") or "").strip() == "0":
        yield Obstacle(
            "the kernel interprets eBPF programs, so that each event takes longer",
            "Say 'sysctl net.core.bpf_jit_enable=1' as root.",
        )
