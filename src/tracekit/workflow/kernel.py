"""What this kernel and this process's surroundings withhold from engines, and what gives it back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Final

from tracekit.values import frozen

Read = Callable[[str], str | None]
"""Gives the text of one of the kernel's files; None if there is none, or it may not be read."""

_CAPABILITIES: Final = {21: "CAP_SYS_ADMIN", 39: "CAP_BPF", 38: "CAP_PERFMON", 19: "CAP_SYS_PTRACE"}
_MEMLOCK: Final = 64 << 20


@frozen
class Obstacle:
    """Something that is in an engine's way, or may be.

    Attributes:
        says: what, as a sentence without its full stop.
        remedy: what would change it.
    """

    says: str
    remedy: str


def obstacles(read: Read, *, root: bool) -> Iterator[Obstacle]:
    """What there is of that.

    Args:
        read: reads the kernel's files.
        root: whether we are root.
    """
    yield from _capabilities(read("/proc/self/status") or "", root)
    if "[confidentiality]" in (read("/sys/kernel/security/lockdown") or ""):
        yield Obstacle(
            "the kernel is locked down (confidentiality): eBPF may read no memory",
            "Boot with lockdown=integrity or without Secure Boot; gdb isn't concerned.",
        )
    if read("/sys/kernel/btf/vmlinux") is None:
        yield Obstacle(
            "the kernel has no type information (BTF), which newer engines look for",
            "A kernel with CONFIG_DEBUG_INFO_BTF=y has it, as those of distributions do.",
        )
    yield from _memlock(read("/proc/self/limits") or "")
    scope = (read("/proc/sys/kernel/yama/ptrace_scope") or "0").strip()
    if scope == "3" or (scope == "2" and not root):
        yield Obstacle(
            f"kernel.yama.ptrace_scope is {scope}: no process may be held, so no command can be traced",
            "Only a restart of the system changes it." if scope == "3" else "Run tracekit with sudo.",
        )


def _capabilities(status: str, root: bool) -> Iterator[Obstacle]:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    if not root or found is None:
        return
    missing = [name for bit, name in _CAPABILITIES.items() if not int(found[1], 16) >> bit & 1]
    if missing:
        options = " ".join(f"--cap-add={name.removeprefix('CAP_')}" for name in missing)
        yield Obstacle(
            f"this is root without {', '.join(missing)}, as in a container",
            f"Start the container with {options}, or run tracekit outside of it.",
        )


def _memlock(limits: str) -> Iterator[Obstacle]:
    found = re.search(r"^Max locked memory\s+(\d+)", limits, re.MULTILINE)
    if found is not None and int(found[1]) < _MEMLOCK and _before_5_11():
        yield Obstacle(
            f"locked memory is limited to {int(found[1]) >> 10} KiB, which eBPF's maps count against here",
            "Say 'ulimit -l unlimited' before, or use a kernel from 5.11 on.",
        )


def _before_5_11() -> bool:
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) < (5, 11)


def read_file(path: str) -> str | None:
    """The text of a file of the kernel's; the beginning of one that is long."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return None
