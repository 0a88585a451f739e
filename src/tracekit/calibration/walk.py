"""Paths: from an argument through members, pointers and elements to the value that a program names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tracekit.calibration import containers
from tracekit.calibration.containers import Path, has, member, member_names, pointer_in
from tracekit.calibration.names import Names
from tracekit.calibration.values import Computed, InMemory, Reader, Value, converted, inside
from tracekit.core.calibration import Calibration
from tracekit.core.constant import constant
from tracekit.core.expr import (
    Binary,
    Builtin,
    BuiltinName,
    Cap,
    Deref,
    Expr,
    Index,
    Int,
    Len,
    Member,
    Name,
)
from tracekit.core.near import near
from tracekit.core.source import (
    Array,
    Base,
    Encoding,
    Pointer,
    PointerKind,
    Record,
    TypeId,
    Types,
    Void,
)
from tracekit.core.types import INT64, UINT64
from tracekit.errors import UnresolvedError
from tracekit.syntax import print_expression

_DEEPEST: Final = 32
"""Records inside of one another that are gone through to the number in them; no type has as many."""

_FLOAT: Final[TypeId] = -4
_DOUBLE: Final[TypeId] = -8
_HALVES: Final = {8: _FLOAT, 16: _DOUBLE}
"""The types of the two parts of a complex number of some bytes, which debug information doesn't have."""


def with_floats(types: Types) -> Types:
    """Types, and those of a complex number's parts."""
    floats = (Base("float", 4, Encoding.FLOAT), Base("double", 8, Encoding.FLOAT))
    return Types({**types.table, _FLOAT: floats[0], _DOUBLE: floats[1]})


class Walker:
    """Follows paths of one function.

    Attributes:
        reader: reads what lies on the way, such as pointers.
    """

    def __init__(
        self, calibration: Calibration, reader: Reader, *, at_return: bool, number: Callable[[Expr], Expr]
    ) -> None:
        """Prepare to follow paths.

        Args:
            calibration: what is known of the function.
            reader: see the class.
            at_return: whether results are known, and not arguments.
            number: resolves an expression inside a path, such as an index.
        """
        self.reader = reader
        self._names, self._number = Names(calibration, at_return=at_return), number
        self._results, self._types = len(calibration.results), reader.types

    def value(self, node: Expr) -> Value:
        """The value that a path names.

        Raises:
            UnresolvedError: if it names none.
        """
        match node:
            case Name(name):
                return self._member_of_this(name) or self._names.value(name)
            case Builtin(BuiltinName.RETVAL):
                return self._names.result(0)
            case Index(Builtin(BuiltinName.RETVAL), Int(n)) if self._results > 1:
                return self._names.result(n)
            case Member(base, field, arrow):
                return self._member(self.value(base), field, arrow, print_expression(base))
            case Deref(pointer):
                return self.pointed(self.value(pointer), print_expression(pointer))
            case Index(base, index):
                return self._element(self.value(base), index, print_expression(base))
            case Len(base):
                return self.length(self.value(base), print_expression(base))
            case Cap(base):
                paths, bounds = containers.CAPACITIES, containers.ROOM
                return self._measured(self.value(base), paths, bounds, "capacity", print_expression(base))
            case _:
                raise UnresolvedError(
                    f"{print_expression(node)} is a number without a type of the source",
                    "Members and elements are of arguments, such as value.len and buf[3].",
                )

    def _member_of_this(self, name: str) -> Value | None:
        """In a method of C++, a member of the object by its name alone."""
        if self._names.has(name) or not self._names.has("this"):
            return None
        this = self._names.value("this")
        match None if isinstance(this, Computed) else self._types.resolved(this.type):
            case Pointer(target):
                record = self._types.resolved(target)
                if isinstance(record, Record) and member(self._types, record, name) is not None:
                    return self._member(this, name, True, "this")
        return None

    def plain(self, value: Value) -> Value:
        """A value itself, where C++ has a reference to it."""
        if isinstance(value, Computed):
            return value
        match self._types.resolved(value.type):
            case Pointer(target, kind) if kind is not PointerKind.POINTER:
                return InMemory(self.reader.read(value, "the reference"), target)
            case _:
                return value

    def pointed(self, value: Value, what: str) -> Value:
        """What a pointer, or something that wraps one, points at.

        Raises:
            UnresolvedError: if it is no pointer, or one to what isn't known.
        """
        value = self.plain(value)
        if isinstance(value, Computed):
            raise UnresolvedError(f"{what} is a number, not a pointer")
        match self._types.resolved(value.type):
            case Pointer(target):
                if isinstance(self._types.resolved(target), Void):
                    raise UnresolvedError(
                        f"{what} is a {self._types.spelled(value.type)}, and what it points at is not known",
                        f"Say what is there: *(uint32 *)({what} + 8).",
                    )
                return InMemory(self.reader.read(value, what), target)
            case Record(name) if name.startswith(containers.SMART_POINTERS):
                if (found := pointer_in(self._types, value.type)) is not None:
                    return self.pointed(inside(value, found[1], found[0]), what)
        raise UnresolvedError(
            f"{what} is {self._types.spelled(value.type)}, not a pointer", "A member of it stands after a dot."
        )

    def _member(self, value: Value, name: str, arrow: bool, what: str) -> Value:
        value = self.plain(value)
        if isinstance(value, Computed):
            raise UnresolvedError(f"{what} is a number, without members")
        resolved = self._types.resolved(value.type)
        if isinstance(resolved, Pointer) or (arrow and isinstance(resolved, Record)):
            value = self.pointed(value, what)
            assert not isinstance(value, Computed)
            resolved = self._types.resolved(value.type)
        match resolved:
            case Base(_, size, Encoding.COMPLEX) if name in ("real", "imag") and size in _HALVES:
                return inside(value, _HALVES[size], 0 if name == "real" else 4 * size)
            case Record():
                found = member(self._types, resolved, name)
                if found is None:
                    raise self._no_member(resolved, name, what)
                return inside(value, found[0].type, found[1], found[0].bit_size)
            case _:
                raise UnresolvedError(f"{what} is {self._types.spelled(value.type)}, which has no members")

    def _no_member(self, record: Record, name: str, what: str) -> UnresolvedError:
        names = list(member_names(self._types, record))
        guesses = near(name, names)
        hint = f"Did you mean {' or '.join(guesses)}?" if guesses else f"It has {', '.join(names)}."
        return UnresolvedError(f"{what} ({record.name or 'a structure'}) has no member {name!r}", hint)

    def _along(self, value: Value, path: Path, what: str) -> Value:
        for name in path:
            value = self._member(value, name, False, what)
        return value

    def _element(self, value: Value, index: Expr, what: str) -> Value:
        value = self.plain(value)
        if isinstance(value, Computed):
            raise UnresolvedError(f"{what} is a number, without elements")
        n = constant(index)
        match self._types.resolved(value.type):
            case Array(element, count, stride):
                if n is not None and count and not 0 <= n < count:
                    raise UnresolvedError(f"{what} has {count} elements, from {what}[0] to {what}[{count - 1}]")
                if n is not None:
                    return inside(value, element, 8 * stride * n)
                address = self.reader.address(value)
                if address is None:
                    raise UnresolvedError(
                        f"{what} is in registers, where an element's place has to be known before",
                        f"Use a constant, such as {what}[0].",
                    )
                return InMemory(self._moved(address, index, stride), element)
            case Pointer(target):
                return self._indexed(self.reader.read(value, what), target, index, what)
            case Record():
                first, element = self.data(value, what)
                return self._indexed(first, element, index, what)
            case _:
                raise UnresolvedError(f"{what} is {self._types.spelled(value.type)}, which has no elements")

    def _indexed(self, first: Expr, element: TypeId, index: Expr, what: str) -> Value:
        size = self._types.size(element)
        if not size:
            raise UnresolvedError(f"the size of the elements of {what} is not known")
        return InMemory(self._moved(first, index, size), element)

    def _moved(self, address: Expr, index: Expr, size: int) -> Expr:
        n = constant(index)
        offset = (
            Int(n * size) if n is not None else Binary("*", converted(INT64, self._number(index)), Int(size))
        )
        if n == 0:
            return address
        return Binary("+", address, offset)

    def data(self, value: Value, what: str) -> tuple[Expr, TypeId]:
        """The address of a container's first element, and the elements' type.

        Raises:
            UnresolvedError: if it is no container.
        """
        assert not isinstance(value, Computed)
        record = self._types.resolved(value.type)
        if isinstance(record, Record):
            for path in containers.DATA:
                if not has(self._types, record, path):
                    continue
                found = self._along(value, path, what)
                assert not isinstance(found, Computed)
                inner = pointer_in(self._types, found.type)
                if inner is None:
                    continue
                pointer = self._types.resolved(inner[1])
                assert isinstance(pointer, Pointer)
                first = self.reader.read(inside(found, inner[1], inner[0]), what)
                return first, self._element_type(value, path, what) or pointer.target
        raise UnresolvedError(f"{what} is {self._types.spelled(value.type)}, whose elements are not known")

    def _element_type(self, value: Value, path: Path, what: str) -> TypeId | None:
        """What a vector of Rust's has: its buffer has a pointer to bytes, whatever they are."""
        if path[-1] != "buf":
            return None
        owner = self._along(value, path[:-1], what)
        record = None if isinstance(owner, Computed) else self._types.resolved(owner.type)
        return record.arguments[0] if isinstance(record, Record) and record.arguments else None

    def length(self, value: Value, what: str) -> Value:
        """How many elements a container has.

        Raises:
            UnresolvedError: if it is none.
        """
        return self._measured(value, containers.LENGTHS, containers.BOUNDS, "length", what)

    def _measured(
        self,
        value: Value,
        paths: tuple[Path, ...],
        bounds: tuple[tuple[Path, Path], ...],
        word: str,
        what: str,
    ) -> Value:
        value = self.container(value, what)
        if isinstance(value, Computed):
            raise UnresolvedError(f"{what} is a number, without a {word}")
        match self._types.resolved(value.type):
            case Array(count=int(count)):
                return Computed(Int(count))
            case Record() as record:
                for path in paths:
                    if has(self._types, record, path):
                        return self._innermost(self._along(value, path, what), what)
                for first, last in bounds:
                    if has(self._types, record, first) and has(self._types, record, last):
                        start, end = (self._along(value, path, what) for path in (first, last))
                        return self._distance(start, end, what)
        raise UnresolvedError(f"{what} is {self._types.spelled(value.type)}, which has no {word} that is known")

    def container(self, value: Value, what: str) -> Value:
        """A value itself, or the record that it points at: Go's maps and channels are pointers."""
        value = self.plain(value)
        if isinstance(value, Computed):
            return value
        match self._types.resolved(value.type):
            case Pointer(target) if isinstance(self._types.resolved(target), Record):
                return self.pointed(value, what)
            case _:
                return value

    def _innermost(self, value: Value, what: str) -> Value:
        """A number, out of the records that have nothing but it inside."""
        for _ in range(_DEEPEST):
            record = None if isinstance(value, Computed) else self._types.resolved(value.type)
            if not isinstance(record, Record) or len(record.fields) != 1:
                return value
            value = self._member(value, record.fields[0].name, False, what)
        raise UnresolvedError(f"{what} has a record that is inside of itself, as none can be")

    def _distance(self, first: Value, last: Value, what: str) -> Value:
        assert not isinstance(first, Computed)
        pointer = self._types.resolved(first.type)
        size = self._types.size(pointer.target) if isinstance(pointer, Pointer) else 0
        if not size:
            raise UnresolvedError(f"the size of the elements of {what} is not known")
        low, high = (converted(UINT64, self.reader.read(v, what)) for v in (first, last))
        distance = Binary("-", high, low)
        return Computed(distance if size == 1 else Binary("/", distance, Int(size)))
