"""C and C++ on x86-64: the System V ABI.

Sources: System V Application Binary Interface, AMD64 Architecture Processor Supplement 1.0, 3.2.3 "Parameter
Passing"; Itanium C++ ABI, 3.1 "Non-virtual function calling conventions". Where compilers differ from it,
that was measured with gcc 12 and clang 14 and 19.
"""

from __future__ import annotations

from typing import Final

from tracekit.core.arch import X86_64
from tracekit.core.location import Behind, InRegister, InX87, Piece
from tracekit.core.signature import Signature
from tracekit.core.source import Array, Base, Encoding, Pointer, Record, RecordKind, SourceType, TypeId, Types
from tracekit.symbols.abi.classes import by_reference
from tracekit.symbols.abi.convention import (
    Ask,
    Placed,
    Registers,
    in_order,
    stack_alignment,
    unknown_type,
    words,
)
from tracekit.symbols.abi.eightbytes import LARGEST, MEMORY, Class, classify, is_binary128
from tracekit.symbols.abi.int128 import place_int128
from tracekit.symbols.abi.layout import WORD, alignment, has_misplaced_record, has_unmarked_bits, leaves
from tracekit.symbols.abi.producer import Compiler, Maker, compiler
from tracekit.values import frozen

NAME: Final = "System V AMD64"


@frozen
class Rules:
    """The ABI's rules for one signature.

    Attributes:
        signature: whose.
        ask: answers what debug information doesn't tell.
    """

    signature: Signature
    ask: Ask

    @property
    def _compiler(self) -> Compiler:
        return compiler(self.signature.producer)

    def place(self) -> tuple[list[Placed], list[Placed]]:
        """The arguments and the result."""
        registers = Registers(X86_64.arguments, X86_64.vectors, X86_64.stack_arguments)
        results = []
        result, types = self.signature.result, self.signature.types
        if result is not None and (unknown := unknown_type(types, result)):
            # Whether there is a hidden pointer, before all parameters, can't be known either.
            reason = f"The result's place is not known: {unknown}"
            return [Placed(None, reason) for _ in self.signature.parameters], [Placed(None, unknown)]
        if result is not None:
            pieces = self.result(result)
            results.append(Placed(pieces))
            if any(isinstance(p.location, Behind) for p in pieces):
                registers.take_integer()
        arguments = in_order(self.signature.parameters, types, lambda number: self.argument(number, registers))
        return arguments, results

    def argument(self, number: TypeId, registers: Registers) -> tuple[Piece, ...]:
        """The place of the next argument (3.2.3, "Passing")."""
        types = self.signature.types
        size = types.size(number) or WORD * ("nullptr" in types.spelled(number))
        if by_reference(self.signature, number, self.ask):
            return (Piece(0, size, Behind(registers.take_pointer())),)
        classes = self._classes(number)
        if Class.MEMORY not in classes and not {Class.X87, Class.COMPLEX_X87} & set(classes):
            if (
                classes.count(Class.INTEGER) + classes.count(Class.UNNAMED)
                <= registers.integers_left + registers.uncounted
                and classes.count(Class.SSE) <= registers.vectors_left
            ):
                if self._is_clang and _is_nullptr(types.resolved(number)):
                    registers.uncounted += registers.integers_left > 0
                return _in_registers(classes, size, registers)
            if self._is_int128(number):
                return place_int128(registers, self._compiler, self.ask)
        align = stack_alignment(types, number, registers.stack, self.ask)
        return (Piece(0, size, registers.take_stack(size, align, WORD)),)

    def result(self, number: TypeId) -> tuple[Piece, ...]:
        """The place of the result (3.2.3, "Returning of Values")."""
        types = self.signature.types
        size = types.size(number) or WORD * ("nullptr" in types.spelled(number))
        classes = self._classes(number)
        if by_reference(self.signature, number, self.ask) or Class.MEMORY in classes:
            return (Piece(0, size, Behind(InRegister(X86_64.results[0]))),)
        if Class.COMPLEX_X87 in classes:
            return Piece(0, 16, InX87(0)), Piece(16, 16, InX87(1))
        if Class.X87 in classes:
            return (Piece(0, size, InX87(0)),)
        return _in_registers(classes, size, Registers(X86_64.results, X86_64.vector_results, 0))

    def _classes(self, number: TypeId) -> tuple[Class, ...]:
        """The classes of a value's eightbytes, if the compilers agree on them."""
        types = self.signature.types
        kind = types.resolved(number)
        classes = classify(types, number, self.ask)
        if not isinstance(kind, Record) or kind.size > LARGEST:
            return classes
        gap = Class.NO_CLASS in classes and any(c is not Class.NO_CLASS for c in classes)
        if gap and not self._is_clang and alignment(types, number) < 2 * WORD:
            # Only what the debug information leaves out can be there, and GCC counts it as an integer.
            question = f"whether {kind.name or 'a record without a name'} has a bit-field without a name"
            hidden = Class.UNNAMED if self.ask(question) else Class.NO_CLASS
            classes = tuple(hidden if c is Class.NO_CLASS else c for c in classes)
        if self._compiler.maker is Maker.GCC:
            return classes
        if self._is_clang and any(_is_nullptr(leaf.type) for leaf in leaves(types, number)):
            return MEMORY  # clang 14 and 19, by trying; the ABI doesn't name the type
        doubt = _doubt(types, number, kind)
        if doubt and self.ask(f"how the compiler passes {kind.name or 'a record without a name'}, {doubt}"):
            one_vector = (Class.SSE, *(Class.SSEUP,) * (len(words(kind.size)) - 1))
            return MEMORY if classes != MEMORY else one_vector
        return classes

    @property
    def _is_clang(self) -> bool:
        return self._compiler.maker in (Maker.CLANG, Maker.APPLE_CLANG)

    def _is_int128(self, number: TypeId) -> bool:
        kind = self.signature.types.resolved(number)
        return isinstance(kind, Base) and kind.size == 2 * WORD and kind.encoding in _INTEGERS


_INTEGERS: Final = (Encoding.SIGNED, Encoding.UNSIGNED)


def _in_registers(classes: tuple[Class, ...], size: int, registers: Registers) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for (at, some), kind in zip(words(size), classes, strict=True):
        match kind:
            case Class.INTEGER:
                registers.uncounted -= not registers.integers_left
                pieces.append(Piece(at, some, registers.take_pointer()))
            case Class.UNNAMED:
                registers.take_integer()
            case Class.SSE:
                pieces.append(Piece(at, some, registers.take_vector()))
            case Class.SSEUP:
                last = pieces.pop()
                pieces.append(Piece(last.offset, last.size + some, last.location))
            case _:
                pass
    return tuple(pieces)


def _doubt(types: Types, number: TypeId, record: Record) -> str:
    """In what clang (14 and 19, by trying) doesn't follow the ABI, or may not; empty if in nothing."""
    found = [leaf.type for leaf in leaves(types, number)]
    if any(isinstance(leaf, Base) and is_binary128(leaf) for leaf in found):
        return "which holds a __float128"  # 14 has it in memory, 19 may lose a half
    if has_misplaced_record(types, number):
        return "which is packed and holds a record of a larger alignment"  # gcc looks at the numbers in it only
    if has_unmarked_bits(types, number):
        return "in which the debug information of clang may not mark a bit-field"
    vectors = any(isinstance(leaf, Array) for leaf in found)
    if vectors and record.size > 2 * WORD and _is_union(types, record):
        return "a union of vectors"  # with AVX it may be taken for a longer vector
    return ""


def _is_nullptr(kind: SourceType) -> bool:
    return isinstance(kind, Pointer) and "nullptr" in kind.name


def _is_union(types: Types, record: Record) -> bool:
    """Whether a record is a union, or consists of nothing else."""
    if record.kind is RecordKind.UNION:
        return True
    inner = types.resolved(record.fields[0].type) if len(record.fields) == 1 else None
    return isinstance(inner, Record) and inner.size == record.size and _is_union(types, inner)
