"""Where the kernel keeps a thread's registers while a probe runs, as data.

Sources: ``struct pt_regs`` in ``arch/x86/include/asm/ptrace.h`` and ``struct user_pt_regs`` in
``arch/arm64/include/uapi/asm/ptrace.h``, which is what a probe's program gets on each (``bpf_user_pt_regs_t``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.core.arch import Architecture

_X86_64: Final = (
    "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
)  # fmt: skip
_AARCH64: Final = (*(f"r{n}" for n in range(31)), "sp", "pc", "pstate")

_ORDER: Final[Mapping[str, tuple[str, ...]]] = {"x86_64": _X86_64, "aarch64": _AARCH64}


def place_of(arch: Architecture, name: str) -> int:
    """How many bytes into the context a general register is; each has 8.

    Args:
        arch: the machine's processor.
        name: the manual's name of the register, or the kernel's.

    Raises:
        UsageError: if there is no such register.
    """
    return 8 * _ORDER[arch.name].index(arch.register(name))
