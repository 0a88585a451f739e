"""DWARF's numbers of registers, and which of them can hold an argument when a function is entered.

Sources: System V AMD64 ABI 1.0, figure 3.36 (numbers) and 3.2.1 (registers that belong to the caller);
"DWARF for the Arm 64-bit Architecture" 2024Q3, 4.1; AAPCS64 2024Q3, 6.1.1; Go's
``src/cmd/compile/abi-internal.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.core.location import InRegister, InVector
from tracekit.values import frozen


@frozen
class Registers:
    """An architecture's registers by DWARF's numbers.

    Attributes:
        places: the registers.
        stack_pointer: the number of the one that points at the stack.
        frame: at the entry, bytes from the stack pointer to the canonical frame address.
        arguments: at the entry, bytes from the stack pointer to the first argument that can be on the stack.
        kept: registers that a function finds with its caller's values, in all conventions but Go's.
        kept_by_go: the same in Go's.
    """

    places: Mapping[int, InRegister | InVector]
    stack_pointer: int
    frame: int
    arguments: int
    kept: frozenset[str]
    kept_by_go: frozenset[str]


_X86_64: Final = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)))

REGISTERS: Final[Mapping[str, Registers]] = {
    "x86_64": Registers(
        places={
            **{n: InRegister(name) for n, name in enumerate(_X86_64)},
            **{17 + n: InVector(f"xmm{n}") for n in range(16)},
            **{67 - 16 + n: InVector(f"xmm{n}") for n in range(16, 32)},
        },
        stack_pointer=7,
        frame=8,
        arguments=8,
        kept=frozenset({"rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"}),
        kept_by_go=frozenset({"rbp", "rsp", "r14", "r15"}),
    ),
    "aarch64": Registers(
        places={
            **{n: InRegister(f"x{n}") for n in range(31)},
            31: InRegister("sp"),
            **{64 + n: InVector(f"v{n}") for n in range(32)},
        },
        stack_pointer=31,
        frame=0,
        arguments=0,
        kept=frozenset({"sp", *(f"x{n}" for n in range(19, 31))}),
        kept_by_go=frozenset({"sp", *(f"x{n}" for n in range(18, 31))}),
    ),
}
"""By the names of architectures that ``uname`` has."""
