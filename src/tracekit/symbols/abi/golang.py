"""Go: its ABIInternal, and the older ABI0, in which all is on the stack.

Sources: Go's ``src/cmd/compile/abi-internal.md``, "Function call argument and result passing", and
``src/cmd/compile/internal/abi/abiutils.go``; on the dictionary of generic functions
``src/cmd/compile/internal/noder``, ``stencil.go`` (1.18, 1.19) and ``reader.go``, ``shapeSig`` (later).
Compared with binaries of Go 1.19, 1.21 and 1.27.
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.core.arch import Architecture
from tracekit.core.location import Piece
from tracekit.core.signature import Signature
from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Enumeration,
    Function,
    Pointer,
    Record,
    TypeId,
    Types,
)
from tracekit.symbols.abi.convention import Ask, Placed, Registers, rounded
from tracekit.symbols.abi.golang_unnamed import FIRST_THAT_LISTS_ALL, only_proven
from tracekit.symbols.abi.layout import WORD, alignment, size_of
from tracekit.symbols.abi.producer import numbers
from tracekit.values import frozen

NAME: Final = "Go ABIInternal"
STACK_NAME: Final = "Go ABI0"

_FIRST_WITH_REGISTERS: Final = {"x86_64": (1, 17), "aarch64": (1, 18)}
_FIRST_WITH_RECEIVER_BEFORE_DICTIONARY: Final = (1, 20)

_DEEPEST: Final = 32
_SHAPE: Final = "[go.shape."
_CLOSURE: Final = re.compile(r"(func|gowrap|deferwrap)\d+")
_VECTOR: Final = re.compile(r"(simd/)?archsimd\.|simd\.")

Part = tuple[int, int, bool]
"""Offset and size of what takes one register, and whether it is a float."""


def version(signature: Signature, go_version: str) -> tuple[int, ...]:
    """Go's version, from the binary's own word for it or the compiler's; empty if neither says."""
    return numbers(go_version.partition(" ")[0]) or numbers(
        (re.search(r"\bgo(\d[\d.]*)", signature.producer) or ("", ""))[1]
    )


def takes_registers(signature: Signature, architecture: str, go_version: str) -> bool | None:
    """Whether a function takes its arguments in registers; None if that can't be known.

    ``regabi`` in the producer says so from Go 1.17 on. Other compilers than Go's own have other conventions.
    """
    if signature.symbol.endswith(".abi0"):
        return False
    other = bool(signature.producer) and "cmd/compile" not in signature.producer
    if other or "gccgo" in go_version or "noregabi" in f"{go_version} {signature.producer}":
        return None
    if "regabi" in signature.producer:
        return True
    if found := version(signature, go_version):
        return found >= _FIRST_WITH_REGISTERS[architecture]
    return None


@frozen
class Rules:
    """The rules for one signature.

    Attributes:
        signature: whose.
        architecture: the processor's.
        version: Go's; empty if not known.
        ask: answers what debug information doesn't tell.
        registers: whether arguments are in registers: ABIInternal; else ABI0.
    """

    signature: Signature
    architecture: Architecture
    version: tuple[int, ...]
    ask: Ask
    registers: bool

    def place(self) -> tuple[list[Placed], list[Placed]]:
        """The arguments and the results."""
        state = self._fresh(0)
        hidden = self._dictionary()
        arguments: list[Placed] = []
        for index, parameter in enumerate(self.signature.parameters):
            if index == hidden:
                state.take_pointer()
            arguments.append(self._next(parameter.type, state))
        after = self._fresh(rounded(state.stack, WORD))
        results = [self._next(result.type, after) for result in self.signature.results]
        if self.version >= FIRST_THAT_LISTS_ALL:
            return arguments, results
        return only_proven(self.signature.parameters, arguments, results)

    def _fresh(self, stack: int) -> Registers:
        names = (self.architecture.go_integers, self.architecture.go_vectors) if self.registers else ((), ())
        return Registers(*names, self.architecture.go_stack_arguments, stack=stack)

    def _dictionary(self) -> int | None:
        """Before which parameter there is a dictionary that the debug information doesn't list; None if none.

        Functions for a whole shape of type arguments take one; what they enclose finds it in its context.
        """
        name = self.signature.name if _SHAPE in self.signature.name else self.signature.symbol
        if _SHAPE not in name or any(p.name == ".dict" for p in self.signature.parameters):
            return None
        method, enclosed = _kind_of(name)
        if enclosed:
            return None
        later = self.version >= _FIRST_WITH_RECEIVER_BEFORE_DICTIONARY if self.version else None
        if later is None and method:
            later = self.ask("whether its Go is older than version 1.20")
        return 1 if method and later else 0

    def _next(self, number: TypeId, state: Registers) -> Placed:
        """The place of the next argument or result: all of it in registers, or all on the stack."""
        types = self.signature.types
        size, align = _size(types, number), _align(types, number)
        found = _parts(types, number, self.ask) if size else ()
        integers = sum(not is_float for _, _, is_float in found or ())
        if (
            found is None
            or integers > state.integers_left
            or len(found) - integers > state.vectors_left
            or not size
        ):
            location = state.take_stack(size, align, 1)
            return Placed((Piece(0, size, location),) if size else ())
        return Placed(
            tuple(
                Piece(at, part, state.take_vector() if is_float else state.take_integer())
                for at, part, is_float in found
            )
        )


def _kind_of(name: str) -> tuple[bool, bool]:
    """Whether a function is a method, and whether it stands inside another one.

    Args:
        name: such as ``example.com/pkg.(*Box[go.shape.int]).Get.func1``.
    """
    while (plain := re.sub(r"\[[^][]*\]", "", name)) != name:
        name = plain
    parts = name.rpartition("/")[2].split(".")[1:]
    if parts and parts[0].startswith("("):
        return True, len(parts) > 2
    if len(parts) > 1 and _CLOSURE.fullmatch(parts[1]):
        return False, True
    return len(parts) > 1, len(parts) > 2


def _size(types: Types, number: TypeId) -> int:
    kind = types.resolved(number)
    return WORD if isinstance(kind, Function) else types.size(number) or size_of(kind)


def _align(types: Types, number: TypeId) -> int:
    kind = types.resolved(number)
    return WORD if isinstance(kind, Function) else min(WORD, alignment(types, number))


def _parts(types: Types, number: TypeId, ask: Ask, at: int = 0, depth: int = 0) -> tuple[Part, ...] | None:
    """What of a value takes a register each ("Register-assignment of a value"); None if it needs the stack."""
    if depth > _DEEPEST:
        return None
    match types.resolved(number):
        case Base(encoding=Encoding.FLOAT, size=size):
            return ((at, size, True),)
        case Base(encoding=Encoding.COMPLEX, size=size):
            return (at, size // 2, True), (at + size // 2, size // 2, True)
        case Base(size=size) | Enumeration(size=size) | Pointer(size=size):
            return ((at, size, False),)
        case Function():
            return ((at, WORD, False),)
        case Record(name=name, size=size) if _VECTOR.match(name):
            return ((at, size, True),) if ask(f"how Go passes {name}") else None
        case Record() as record:
            found: list[Part] = []
            for field in record.fields:
                inner = _parts(types, field.type, ask, at + field.bit_offset // 8, depth + 1)
                if inner is None:
                    return None
                found += inner
            return tuple(found)
        case Array(_, 0 | None):
            return ()
        case Array(element, 1):
            return _parts(types, element, ask, at, depth + 1)
        case _:
            return None
