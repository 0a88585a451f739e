"""Where a static tracepoint's arguments are: the assembler's operands in its note, as expressions. Pure.

Sources: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation (``N@OP``: the size in bytes,
negative if signed, and the operand); GNU as, "i386-Memory" (AT&T's ``disp(base, index, scale)``); Arm
Architecture Reference Manual, C1.3.3 (``[base, #offset]``).
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.backends.bpf.assembler import BACKEND
from tracekit.core.arch import Architecture
from tracekit.core.expr import Binary, Cast, Expr, Int, Load, Reg
from tracekit.core.probe import Usdt
from tracekit.core.types import UINT64, IntType
from tracekit.errors import UnsupportedError

_INTEGER: Final = r"-?(?:0x[0-9a-f]+|0|[1-9]\d*)"
_ARGUMENT: Final = re.compile(r"(?:(-?[1248])f?@)?((?:[^\s\[\](),]+)?(?:\([^)]*\)|\[[^\]]*\])?)")
_AT_T_MEMORY: Final = re.compile(rf"({_INTEGER})?\((?:%(\w+))?(?:,\s*%(\w+)(?:,\s*([1248]))?)?\)")
_ARM_MEMORY: Final = re.compile(rf"\[(\w+)(?:,\s*#?({_INTEGER}))?\]")
_ARM_REGISTER: Final = re.compile(r"[xw](\d+)|sp")
_NUMBER: Final = re.compile(rf"[$#]?({_INTEGER})")
_OLD: Final = {name: f"r{name}" for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")}


def operands(text: str, probe: Usdt, arch: Architecture) -> tuple[Expr, ...]:
    """The arguments of one place of a tracepoint, as expressions of registers and memory.

    Args:
        text: the note's words, such as ``-4@%edi 8@-16(%rbp)``.
        probe: the tracepoint, for the error.
        arch: the machine's processor.

    Raises:
        UnsupportedError: for an operand that is none of the above, such as a floating-point register.
    """
    found: list[Expr] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        match = _ARGUMENT.match(text, at)
        operand = _operand(match[2], arch) if match and match.end() > at and "f@" not in match[0] else None
        if match is None or operand is None:
            raise UnsupportedError(
                feature=f"the argument {text[at:].split(' ')[0]!r} of {probe.provider}:{probe.name}",
                backend=BACKEND,
                reason="it is neither in a general register nor in memory that one points at",
                remedy="Use bpftrace, or leave that argument out.",
            )
        size = int(match[1] or 8)
        type_ = IntType(8 * abs(size), signed=size < 0)
        if isinstance(operand, Load):
            found.append(Load(type_, operand.address))
        else:
            found.append(Cast(type_, operand) if type_ != UINT64 else operand)
        at = match.end()
    return tuple(found)


def _operand(text: str, arch: Architecture) -> Expr | None:
    if (number := _NUMBER.fullmatch(text)) is not None:
        return Int(int(number[1], 0))
    return _at_t(text) if arch.name == "x86_64" else _arm(text)


def _at_t(text: str) -> Expr | None:
    if text.startswith("%"):
        return _x86(text[1:])
    match = _AT_T_MEMORY.fullmatch(text)
    if match is None:
        return None
    shift, base, index, scale = match.groups()
    address: Expr = Int(int(shift or "0", 0))
    for name, factor in ((base, 1), (index, int(scale or 1))):
        if name is not None:
            if (register := _x86(name)) is None:
                return None
            address = Binary("+", Binary("*", register, Int(factor)) if factor > 1 else register, address)
    return Load(UINT64, address)


def _x86(name: str) -> Expr | None:
    """A general register of whatever width; the cast to the argument's type takes what is of it."""
    if name in ("ah", "bh", "ch", "dh"):
        return Binary(">>", Reg(f"r{name[0]}x"), Int(8))
    if re.fullmatch(r"r(8|9|1[0-5])[bwd]?", name):
        return Reg(name.rstrip("bwd"))
    if name in ("al", "bl", "cl", "dl"):
        return Reg(f"r{name[0]}x")
    if name in ("sil", "dil", "bpl", "spl"):
        return Reg(f"r{name[:2]}")
    bare = name[1:] if len(name) == 3 and name[0] in "er" else name
    return Reg(_OLD[bare]) if bare in _OLD else None


def _arm(text: str) -> Expr | None:
    if (memory := _ARM_MEMORY.fullmatch(text)) is not None:
        base = _arm(memory[1])
        return None if base is None else Load(UINT64, Binary("+", base, Int(int(memory[2] or "0", 0))))
    register = _ARM_REGISTER.fullmatch(text)
    if register is None:
        return None
    return Reg("sp" if text == "sp" else f"x{register[1]}")
