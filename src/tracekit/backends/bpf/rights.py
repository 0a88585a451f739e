"""Who does what needs rights: this process, or with ``--sudo`` a helper that runs as root."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, Protocol

from tracekit import process
from tracekit.backends.bpf import kernel
from tracekit.errors import PrivilegeError
from tracekit.process import capabilities
from tracekit.process.namespaces import in_first_users

_NEEDED: Final = {"CAP_BPF": capabilities.BPF, "CAP_PERFMON": capabilities.PERFMON}


class Kernel(Protocol):
    """The system calls that need rights; see the functions of ``kernel``. Others need but the descriptors."""

    def create_map(self, kind: int, key: int, value: int, entries: int, name: str) -> int:
        """Make a map."""

    def load_program(
        self, kind: int, code: bytes, maps: Sequence[int], *, sleeps: bool, attach: int, name: str
    ) -> int:
        """Load a program."""

    def uprobe(self, path: str, offset: int, *, returns: bool, semaphore: int, pid: int) -> int:
        """Make a probe at an instruction of a file."""

    def tracepoint(self, number: int) -> int:
        """Make a probe at a tracepoint of the kernel."""

    def raw_tracepoint(self, name: str, program: int) -> int:
        """Have a program run at a tracepoint of the kernel, by its name in the kernel's own code."""

    def timer(self, nanoseconds: int, hertz: int, processor: int) -> int:
        """Make a clock."""

    def mappings(self, pid: int, processor: int) -> int:
        """Make what tells of files that a process maps."""

    def attach(self, event: int, program: int, number: int | None) -> int | None:
        """Have a program run at a probe."""

    def attach_many(
        self,
        program: int,
        path: str,
        offsets: Sequence[int],
        semaphores: Sequence[int],
        numbers: Sequence[int],
        *,
        returns: bool,
        pid: int,
    ) -> int:
        """Have a program run at many instructions of a file."""

    def describe(self, category: str, name: str) -> int:
        """Open the description of a tracepoint of the kernel."""


def kernel_for(*, sudo: bool, stack: ExitStack) -> Kernel:
    """Who does it.

    Args:
        sudo: whether that may be a helper.
        stack: ends it.

    Raises:
        PrivilegeError: if neither has the rights.
        EngineError: if the helper can't be started.
    """
    if sudo and (elevation := process.elevation()) is not None:
        from tracekit.backends.bpf.elevated import Elevated

        return stack.enter_context(Elevated.start(elevation))
    _check()
    kernel.allow_memory()
    return kernel


def _check() -> None:
    """Refuse early what the kernel would refuse late."""
    held = capabilities.effective()
    if not in_first_users():
        raise PrivilegeError(
            "eBPF programs need root of the whole system, and this is root of a user namespace at most",
            "Run tracekit on the host, where -p takes the host's ids and --container a name.",
        )
    missing = [name for name, bit in _NEEDED.items() if not held & bit]
    if held & capabilities.SYS_ADMIN or not missing:
        return
    lacking = f", and {missing[0]} is missing" if len(missing) == 1 else ""
    if os.geteuid() == 0:
        raise PrivilegeError(
            "eBPF programs need CAP_BPF and CAP_PERFMON" + (lacking or ", which root doesn't have here"),
            "Give them to the container or the service, as with --cap-add, or run tracekit on the host.",
        )
    raise PrivilegeError(
        f"eBPF programs need root, or CAP_BPF and CAP_PERFMON{lacking}",
        "Say --sudo to have a small helper alone run as root, or run the same command with sudo before it.",
    )
