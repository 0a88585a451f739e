"""Rust, as observed: its own convention is specified nowhere.

Source: the signatures in the LLVM code that rustc 1.63 and 1.95 emit, which ``adjust_for_rust_abi`` in
``compiler/rustc_target/src/callconv/mod.rs`` makes; each scalar is then placed as LLVM's C convention places a
number (``X86CallingConv.td``, ``AArch64CallingConvention.td``). What differs between versions is said here.
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.core.arch import Architecture
from tracekit.core.location import Behind, InRegister, Piece
from tracekit.core.signature import Signature
from tracekit.core.source import Array, Record, TypeId, Types
from tracekit.symbols.abi.convention import Ask, Placed, Registers, in_order, rounded, unknown_type, words
from tracekit.symbols.abi.int128 import place_int128
from tracekit.symbols.abi.layout import WORD, alignment, size_of
from tracekit.symbols.abi.producer import compiler
from tracekit.symbols.abi.rust_shapes import FIRST_MEASURED, LAST_MEASURED, Scalar, Shapes
from tracekit.values import frozen

NAME: Final = "Rust, as observed"

_MANGLED: Final = re.compile(r"_?_ZN.*17h[0-9a-f]{16}E|_?_R[A-Za-z]")
_NOT_FOR_C: Final = re.compile(r"(core|alloc|std)::|[(&*\[{]|.*[<]")


def is_mangled(symbol: str) -> bool:
    """Whether a symbol is one of rustc's own; ``#[no_mangle]`` functions, mostly for C, have plain ones."""
    return _MANGLED.match(symbol) is not None


@frozen
class Rules:
    """The rules for one signature.

    Attributes:
        signature: whose.
        architecture: the processor's.
        ask: answers what debug information doesn't tell.
        apple: whether Apple's differences hold.
        shapes: finds the types' shapes.
    """

    signature: Signature
    architecture: Architecture
    ask: Ask
    apple: bool
    shapes: Shapes

    def place(self) -> tuple[list[Placed], list[Placed]]:
        """The arguments and the result."""
        arch, result = self.architecture, self.signature.result
        registers = Registers(arch.arguments, arch.vectors, arch.stack_arguments)
        results = []
        if result is not None:
            if unknown := unknown_type(self.signature.types, result):
                return [Placed(None, unknown) for _ in self.signature.parameters], [Placed(None, unknown)]
            placed, hidden = self.result(result)
            results.append(placed)
            if hidden and self._x86:
                registers.take_integer()
        arguments = in_order(
            self.signature.parameters,
            self.signature.types,
            lambda number: self.argument(number, registers),
        )
        return arguments, results

    @property
    def _x86(self) -> bool:
        return self.architecture.name == "x86_64"

    @property
    def _version(self) -> tuple[int, ...]:
        return self.shapes.version

    def argument(self, number: TypeId, registers: Registers) -> tuple[Piece, ...]:
        """The place of the next argument."""
        size = size_of(self.signature.types.resolved(number))
        shape = self.shapes.of(number)
        if shape is not None:
            return tuple(piece for scalar in shape for piece in self._scalar(scalar, registers))
        if size <= self._largest_packed():
            return tuple(
                piece
                for at, some in words(size)
                for piece in self._scalar(Scalar(at, some, "unsigned"), registers)
            )
        return (Piece(0, size, Behind(registers.take_pointer())),)

    def result(self, number: TypeId) -> tuple[Placed, bool]:
        """The place of the result, and whether there is a hidden pointer to it."""
        arch = self.architecture
        size = size_of(self.signature.types.resolved(number))
        shape = self.shapes.of(number)
        registers = Registers(arch.results[:2], arch.vector_results[:2], 0)
        if shape is not None and size <= 2 * WORD:
            return Placed(tuple(p for s in shape for p in self._scalar(s, registers))), False
        if shape is not None and not self._returns_large_pairs_through_a_pointer():
            return Placed(None, "How this version of rustc returns such a pair is not known here."), False
        if shape is None and size <= self._largest_packed():
            return Placed(tuple(Piece(at, some, registers.take_integer()) for at, some in words(size))), False
        if self._x86:
            return Placed((Piece(0, size, Behind(InRegister(arch.results[0]))),)), True
        return Placed(
            None,
            "The result's address was in x8 at the entry, and no register has it for certain at the return.",
        ), True

    def _returns_large_pairs_through_a_pointer(self) -> bool:
        """Whether pairs of more than two words are returned as blocks are: in 1.95, not in 1.63."""
        if self._version >= LAST_MEASURED:
            return True
        measured = bool(self._version) and self._version[:2] <= FIRST_MEASURED
        return not measured and self.ask("whether the program's rustc returns large pairs through a pointer")

    def _largest_packed(self) -> int:
        """Bytes of the largest block of memory that is passed in registers, as an integer."""
        if self._version >= FIRST_MEASURED or not self.ask(
            "whether the program's rustc is one that passes blocks of 16 bytes in registers"
        ):
            return WORD
        return 2 * WORD

    def _scalar(self, scalar: Scalar, registers: Registers) -> tuple[Piece, ...]:
        at, size = scalar.offset, scalar.size
        if scalar.kind == "float":
            if registers.vectors_left:
                return (Piece(at, size, registers.take_vector()),)
        elif size <= WORD:
            if registers.integers_left:
                return (Piece(at, size, registers.take_integer()),)
        else:
            return self._int128(at, size, registers)
        align = size if self.apple else rounded(size, WORD)
        return (Piece(at, size, registers.take_stack(size, align, 1 if self.apple else WORD)),)

    def _int128(self, at: int, size: int, registers: Registers) -> tuple[Piece, ...]:
        if self._x86:
            return place_int128(registers, compiler(self.signature.producer), self.ask, at)
        if registers.integers_left:
            registers.integer = rounded(registers.integer, 2)
        if registers.integers_left >= 2:
            return tuple(Piece(at + n, some, registers.take_integer()) for n, some in words(size))
        registers.integer = len(registers.integers)
        return (Piece(at, size, registers.take_stack(size, 2 * WORD, WORD)),)


def version(signature: Signature) -> tuple[int, ...]:
    """The compiler's version; empty if the debug information doesn't say."""
    return compiler(signature.producer).version


def may_be_c(types: Types, number: TypeId, depth: int = 0) -> bool:
    """Whether a type can be ``#[repr(C)]``: its fields are where C puts them, and C has all their types."""
    match types.resolved(number):
        case Record(name=name, variants=()) as record if not _NOT_FOR_C.match(name) and record.fields:
            end = 0
            for field in record.fields:
                at = field.bit_offset // 8
                fits = record.kind.value == "union" or at == rounded(end, alignment(types, field.type))
                if not fits or depth > 8 or not may_be_c(types, field.type, depth + 1):
                    return False
                end = at + types.size(field.type)
            return True
        case Array(element):
            return depth > 0 and may_be_c(types, element, depth + 1)
        case Record():
            return False
        case _:
            return True
