"""C and C++ on arm64: the AAPCS64, and Apple's variant of it.

Sources: Procedure Call Standard for the Arm 64-bit Architecture 2024Q3, 5.9 "Composite types", 6.8.2
"Parameter passing rules" (their numbers, such as C.10, stand in the comments) and 6.9 "Result return"; Apple,
"Writing ARM64 code for Apple platforms", "Pass arguments to functions correctly"; for what that leaves open,
clang's ``lib/CodeGen/Targets/AArch64.cpp``.
"""

from __future__ import annotations

from typing import Final

from tracekit.core.arch import AARCH64
from tracekit.core.location import Behind, OnStack, Piece
from tracekit.core.signature import Signature
from tracekit.core.source import Array, Base, Encoding, Record, TypeId
from tracekit.symbols.abi.classes import by_reference
from tracekit.symbols.abi.convention import Ask, Placed, Registers, in_order, rounded, unknown_type, words
from tracekit.symbols.abi.layout import (
    WORD,
    alignment,
    is_empty,
    leaves,
    natural_alignment,
    size_of,
)
from tracekit.values import frozen

NAME: Final = "AAPCS64"
APPLE_NAME: Final = "Apple arm64"

_MOST_ELEMENTS: Final = 4
_SHORT_VECTORS: Final = (8, 16)
_LARGEST_HOMOGENEOUS: Final = _MOST_ELEMENTS * 16
_LARGEST_BY_VALUE: Final = 2 * WORD
_IN_X8: Final = "The result's address was in x8 at the entry, and no register has it for certain at the return."


@frozen
class Rules:
    """The rules for one signature.

    Attributes:
        signature: whose.
        ask: answers what debug information doesn't tell.
        apple: whether Apple's differences hold.
    """

    signature: Signature
    ask: Ask
    apple: bool = False

    def place(self) -> tuple[list[Placed], list[Placed]]:
        """The arguments and the result; a hidden pointer to the result is in x8 and shifts nothing."""
        registers = Registers(AARCH64.arguments, AARCH64.vectors, AARCH64.stack_arguments)
        arguments = in_order(
            self.signature.parameters, self.signature.types, lambda number: self.argument(number, registers)
        )
        result = self.signature.result
        return arguments, [] if result is None else [self.result(result)]

    def result(self, number: TypeId) -> Placed:
        """The place of the result: that of an only argument, unless that would be in memory (6.9)."""
        if unknown := unknown_type(self.signature.types, number):
            return Placed(None, unknown)
        pieces = self.argument(number, Registers(AARCH64.results, AARCH64.vector_results, 0))
        if any(isinstance(p.location, Behind | OnStack) for p in pieces):
            return Placed(None, _IN_X8)
        return Placed(pieces)

    def argument(self, number: TypeId, registers: Registers) -> tuple[Piece, ...]:
        """The place of the next argument (6.8.2)."""
        types = self.signature.types
        kind = types.resolved(number)
        size = types.size(number) or size_of(kind)
        composite = isinstance(kind, Record) or (isinstance(kind, Array) and not kind.vector)
        if by_reference(self.signature, number, self.ask):
            return (Piece(0, size, Behind(registers.take_pointer())),)
        if not size or (self.apple and is_empty(types, number)):
            return ()
        if element := self._homogeneous(number, size):
            return self._vectors(number, size, element, registers)
        if size > _LARGEST_BY_VALUE:  # B.4
            return (Piece(0, size, Behind(registers.take_pointer())),)
        # C.9 to C.13
        wide = self._asks_for_16(number)
        if wide and not self.apple and registers.integers_left:
            registers.integer = rounded(registers.integer, 2)
        if len(words(size)) <= registers.integers_left:
            return tuple(Piece(at, some, registers.take_integer()) for at, some in words(size))
        registers.integer = len(registers.integers)
        if self.apple and not composite:
            return (Piece(0, size, registers.take_stack(size, size, 1)),)
        align = 16 if wide else WORD  # C.14
        return (Piece(0, size, registers.take_stack(size, align, WORD)),)

    def _vectors(self, number: TypeId, size: int, element: int, registers: Registers) -> tuple[Piece, ...]:
        """The place of a float, a vector, or an aggregate of up to four equal ones."""
        count = size // element
        if count <= registers.vectors_left:  # C.1, C.2
            return tuple(Piece(n * element, element, registers.take_vector()) for n in range(count))
        registers.vector = len(registers.vectors)  # C.3
        if self.apple:
            return (Piece(0, size, registers.take_stack(size, alignment(self.signature.types, number), 1)),)
        align = 16 if self._asks_for_16(number) else WORD  # C.4
        return (Piece(0, size, registers.take_stack(size, align, WORD)),)

    def _asks_for_16(self, number: TypeId) -> bool:
        """Whether a value's natural alignment is 16 bytes, which is not that of the record as a whole."""
        types = self.signature.types
        natural = natural_alignment(types, number)
        match types.resolved(number):
            case Record(name, align=None) if natural >= 16:
                return not self.ask(f"whether {name or 'a record without a name'} is packed")
            case Record(name, align=int(align)) if natural < 16 <= align:
                return self.ask(
                    f"whether {name or 'a record without a name'} is aligned as a whole or by a member"
                )
            case _:
                return natural >= 16

    def _homogeneous(self, number: TypeId, size: int) -> int:
        """Bytes of each of the one to four equal floats or vectors of which a value consists (5.9.5).

        There is no padding between them. 0 if it consists of something else.
        """
        types = self.signature.types
        if size > _LARGEST_HOMOGENEOUS:
            return 0
        elements: set[tuple[bool, int]] = set()
        offsets: set[int] = set()
        for leaf in leaves(types, number):
            if leaf.bit_size is not None:
                return 0
            match leaf.type:
                case Base(encoding=Encoding.FLOAT, size=part):
                    elements.add((False, part))
                    offsets.add(leaf.offset)
                case Base(encoding=Encoding.COMPLEX, size=whole):
                    part = whole // 2
                    elements.add((False, part))
                    offsets |= {leaf.offset, leaf.offset + part}
                case Array(vector=True) as vector if (part := size_of(vector)) in _SHORT_VECTORS:
                    elements.add((True, part))
                    offsets.add(leaf.offset)
                case _:
                    return 0
        if len(elements) != 1 or len(offsets) > _MOST_ELEMENTS:
            return 0
        ((_, part),) = elements
        return part if part * len(offsets) == size else 0
