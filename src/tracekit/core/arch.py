"""Registers and what conventions use them for, as data.

Sources: System V AMD64 ABI 1.0, section 3.2.3; AAPCS64 (2024Q3), sections 6.8.2 and 6.9; Go's
``src/cmd/compile/abi-internal.md``, sections "amd64 architecture" and "arm64 architecture"; the engines' own
names of registers: bpftrace ``src/arch/x86_64.cpp`` and ``src/arch/aarch64.cpp``, which follow the kernel's
``struct pt_regs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from tracekit.errors import UsageError
from tracekit.values import frozen


@frozen
class Architecture:
    """What differs between processors.

    Attributes:
        name: as ``uname -m`` has it.
        arguments: registers of the integer arguments, in order.
        stack_pointer: the register that points at the stack.
        stack_arguments: at a function's entry, bytes from the stack pointer to the first argument that
            is on the stack.
        return_shift: bytes that a return moves the stack pointer by.
        registers: the manual's names of the general registers, with ``pt_regs``'s name of each.
        aliases: what else a register may be called.
        vectors: registers of C's floating-point arguments, in order.
        results: registers of C's integer results, in order.
        vector_results: registers of C's floating-point results, in order.
        go_integers: registers of Go's integer arguments and results, in order.
        go_vectors: registers of Go's floating-point arguments and results, in order.
        go_stack_arguments: as ``stack_arguments``, for Go.
        all_vectors: all vector registers, whose low 64 bits are what ``reg()`` gives of them.
    """

    name: str
    arguments: tuple[str, ...]
    stack_pointer: str
    stack_arguments: int
    return_shift: int
    registers: Mapping[str, str]
    aliases: Mapping[str, str] = attrs.field(factory=dict)
    vectors: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    vector_results: tuple[str, ...] = ()
    go_integers: tuple[str, ...] = ()
    go_vectors: tuple[str, ...] = ()
    go_stack_arguments: int = 8
    all_vectors: tuple[str, ...] = ()

    def register(self, name: str) -> str:
        """The ``pt_regs`` name of a general register.

        Raises:
            UsageError: if there is no such register.
        """
        name = self.aliases.get(name, name)
        if name in self.registers:
            return self.registers[name]
        if name in self.registers.values():
            return name
        known = ", ".join(self.registers)
        raise UsageError(f"{self.name} has no register {name!r}", f"It has {known}.")


X86_64: Final = Architecture(
    name="x86_64",
    arguments=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
    stack_pointer="rsp",
    stack_arguments=8,
    return_shift=8,
    registers={
        **{f"r{n}": n for n in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip")},
        **{f"r{n}": f"r{n}" for n in range(8, 16)},
    },
    vectors=tuple(f"xmm{n}" for n in range(8)),
    results=("rax", "rdx"),
    vector_results=("xmm0", "xmm1"),
    go_integers=("rax", "rbx", "rcx", "rdi", "rsi", "r8", "r9", "r10", "r11"),
    go_vectors=tuple(f"xmm{n}" for n in range(15)),
    all_vectors=tuple(f"xmm{n}" for n in range(16)),
)

AARCH64: Final = Architecture(
    name="aarch64",
    arguments=tuple(f"x{n}" for n in range(8)),
    stack_pointer="sp",
    stack_arguments=0,
    return_shift=0,
    registers={**{f"x{n}": f"r{n}" for n in range(31)}, "sp": "sp", "pc": "pc"},
    aliases={"fp": "x29", "lr": "x30"},
    vectors=tuple(f"v{n}" for n in range(8)),
    results=tuple(f"x{n}" for n in range(8)),
    vector_results=tuple(f"v{n}" for n in range(8)),
    go_integers=tuple(f"x{n}" for n in range(16)),
    go_vectors=tuple(f"v{n}" for n in range(16)),
    all_vectors=tuple(f"v{n}" for n in range(32)),
)

ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "x86_64": X86_64,
    "amd64": X86_64,
    "aarch64": AARCH64,
    "arm64": AARCH64,
}
"""Architectures by the names that systems give them."""

VECTORS: Final = frozenset((*X86_64.all_vectors, *AARCH64.all_vectors))
"""The vector registers of all architectures; no general register has one of these names."""


def architecture(name: str) -> Architecture:
    """The architecture of a name such as ``platform.machine()`` gives.

    Raises:
        UsageError: if tracekit doesn't know it.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise UsageError(
            f"tracekit doesn't know the architecture {name!r}", "It knows x86_64 and aarch64."
        ) from None
