"""Where integers of 16 bytes go on x86-64 when fewer than two registers are left, in which compilers differ."""

from __future__ import annotations

from typing import Final

from tracekit.core.location import Piece
from tracekit.symbols.abi.convention import Ask, Registers, words
from tracekit.symbols.abi.layout import WORD
from tracekit.symbols.abi.producer import Compiler, Maker

_SIZE: Final = 2 * WORD


def place_int128(registers: Registers, compiler: Compiler, ask: Ask, at: int = 0) -> tuple[Piece, ...]:
    """The place of the next integer of 16 bytes.

    By the ABI (System V AMD64 1.0, 3.2.3, "Passing") it is on the stack as a whole, aligned to 16 bytes, and a
    register that is left serves a later argument. So do gcc and LLVM 22; LLVM 19 never uses that register; LLVM
    14 passes the two halves as if they were two arguments.

    Args:
        registers: what is free.
        compiler: what compiled the function.
        ask: answers what debug information doesn't tell.
        at: bytes from the value's start to the integer.
    """
    if registers.integers_left >= 2:
        return tuple(Piece(at + n, some, registers.take_integer()) for n, some in words(_SIZE))
    if _halves(compiler, ask):
        return tuple(Piece(at + n, some, registers.take_pointer()) for n, some in words(_SIZE))
    if registers.integers_left and _wastes(compiler, ask):
        registers.take_integer()
    return (Piece(at, _SIZE, registers.take_stack(_SIZE, _SIZE, WORD)),)


def _halves(compiler: Compiler, ask: Ask) -> bool:
    match compiler:
        case Compiler(Maker.GCC):
            return False
        case Compiler(Maker.CLANG, version) if version:
            return version < (18,)
        case Compiler(Maker.RUSTC, version) if version and (version < (1, 64) or version >= (1, 95)):
            return version < (1, 64)
        case _:
            return ask("whether the compiler's LLVM is older than version 18")


def _wastes(compiler: Compiler, ask: Ask) -> bool:
    match compiler:
        case Compiler(Maker.GCC):
            return False
        case Compiler(Maker.CLANG, version) if version and (version < (20,) or version >= (22,)):
            return version < (20,)
        case Compiler(Maker.RUSTC, version) if version >= (1, 95):
            return False
        case _:
            return ask("whether the compiler's LLVM is older than version 22")
