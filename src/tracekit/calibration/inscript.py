"""How scripts for bpftrace and dtrace read a scalar at a function's entry, for people who write their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracekit.calibration.leaves import Leaf
from tracekit.core.arch import Architecture
from tracekit.core.location import Behind, InRegister, OnStack, Piece
from tracekit.core.source import Encoding

_WIDTHS: Final = (8, 16, 32, 64)
_NOT_WHOLE_NUMBERS: Final = (Encoding.FLOAT, Encoding.COMPLEX)
_MOST_DTRACE: Final = 10
"""dtrace has ``arg0`` to ``arg9``."""


def in_bpftrace(leaf: Leaf, pieces: Sequence[Piece], arch: Architecture, *, c_arguments: bool) -> str:
    """What reads a scalar in bpftrace's language; empty if nothing that is short does.

    Args:
        leaf: the scalar.
        pieces: where it is.
        arch: the processor.
        c_arguments: whether ``arg0`` is the first register for arguments.
    """

    def register(name: str) -> str:
        if c_arguments and name in arch.arguments:
            return f"arg{arch.arguments.index(name)}"
        return f'reg("{arch.register(name)}")'

    if leaf.encoding in _NOT_WHOLE_NUMBERS:
        return ""
    match pieces:
        case [Piece(location=InRegister(name, shift))]:
            return _cut(register(name), leaf, shift, suffix="")
        case [Piece(location=OnStack(offset))] if _is_whole(leaf):
            stack = f'reg("{arch.register(arch.stack_pointer)}")'
            return f"*({_type(leaf)} *)({stack} + {offset})"
        case [Piece(location=Behind(InRegister(name), offset))] if _is_whole(leaf):
            return f"*({_type(leaf)} *)({register(name)} + {offset})"
        case _:
            return ""


def in_dtrace(leaf: Leaf, pieces: Sequence[Piece], arch: Architecture, *, c_arguments: bool) -> str:
    """What reads a scalar in D; empty if nothing that is short does. The arguments are as above."""

    def register(name: str) -> str:
        if c_arguments and name in arch.arguments:
            return f"arg{arch.arguments.index(name)}"
        return f"uregs[R_{name.upper()}]"

    if leaf.encoding in _NOT_WHOLE_NUMBERS:
        return ""
    match pieces:
        case [Piece(location=InRegister(name, shift))]:
            return _cut(register(name), leaf, shift, suffix="_t")
        case [Piece(location=OnStack(offset))] if c_arguments:
            behind, shift = divmod(offset - arch.stack_arguments, 8)
            index = len(arch.arguments) + behind
            return _cut(f"arg{index}", leaf, shift, suffix="_t") if index < _MOST_DTRACE else ""
        case [Piece(location=Behind(InRegister(name), offset))] if _is_whole(leaf):
            return f"*({_type(leaf)}_t *)copyin({register(name)} + {offset}, {leaf.bits // 8})"
        case _:
            return ""


def _cut(word: str, leaf: Leaf, shift: int, *, suffix: str) -> str:
    """A scalar out of a word of 64 bits."""
    bits = 8 * shift + leaf.bit_offset % 8
    if bits + leaf.bits > 64:
        return ""
    moved = f"{word} >> {bits}" if bits else word
    if leaf.bits == 64:
        return word
    if _is_whole(leaf):
        return f"({_type(leaf)}{suffix}){f'({moved})' if bits else moved}"
    if leaf.encoding is Encoding.SIGNED:
        return ""
    return f"({moved}) & {(1 << leaf.bits) - 1:#x}" if bits else f"{word} & {(1 << leaf.bits) - 1:#x}"


def _is_whole(leaf: Leaf) -> bool:
    """Whether a scalar is one that the languages have a type for."""
    return not leaf.bit_offset % 8 and leaf.bits in _WIDTHS


def _type(leaf: Leaf) -> str:
    return f"{'' if leaf.encoding is Encoding.SIGNED else 'u'}int{leaf.bits}"
