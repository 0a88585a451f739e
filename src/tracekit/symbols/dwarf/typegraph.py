"""All types that a function's signature can reach, numbered.

Source: DWARF 5, chapter 5; what compilers make of it: GCC's ``gcc/dwarf2out.cc``, LLVM's ``DwarfUnit.cpp``,
rustc's ``compiler/rustc_codegen_llvm/src/debuginfo/metadata``, Go's ``src/cmd/link/internal/ld/dwarf.go``.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from tracekit.core.containment import check_containment
from tracekit.core.signature import Language
from tracekit.core.source import (
    VOID,
    Alias,
    Array,
    Base,
    Encoding,
    Enumeration,
    Function,
    Pointer,
    PointerKind,
    Record,
    RecordKind,
    SourceType,
    TypeId,
    Types,
    Void,
)
from tracekit.symbols.debugfile import DebugInfoError
from tracekit.symbols.dwarf import records
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.names import qualified
from tracekit.symbols.dwarf.passing import passing

MOST: Final = 4000
"""Types of one signature; those that are reached only through pointers are left out first."""

_DEEPEST: Final = 64
_LONGEST_NAME: Final = 4096

_ENCODINGS: Final = {
    0x01: Encoding.UNSIGNED,
    0x02: Encoding.BOOL,
    0x03: Encoding.COMPLEX,
    0x04: Encoding.FLOAT,
    0x05: Encoding.SIGNED,
    0x06: Encoding.SIGNED,
    0x07: Encoding.UNSIGNED,
    0x08: Encoding.UNSIGNED,
    0x10: Encoding.UNSIGNED,
}
"""``DW_ATE_…`` (DWARF 5, 7.8): address, boolean, complex, float, signed, its char, unsigned, its char, UTF."""

_QUALIFIERS: Final = {
    "DW_TAG_const_type": "const",
    "DW_TAG_volatile_type": "volatile",
    "DW_TAG_restrict_type": "restrict",
    "DW_TAG_atomic_type": "_Atomic",
}
_POINTERS: Final = {
    "DW_TAG_pointer_type": PointerKind.POINTER,
    "DW_TAG_reference_type": PointerKind.REFERENCE,
    "DW_TAG_rvalue_reference_type": PointerKind.RVALUE_REFERENCE,
}
_ALIASES: Final = ("DW_TAG_typedef", "DW_TAG_template_alias", "DW_TAG_subrange_type", "DW_TAG_immutable_type")


_DOUBLE: Final = Base("double", 8, Encoding.FLOAT)


def is_float(die: Die) -> bool:
    """Whether a type is ``float``, whatever it is called."""
    base = records.plain(die)
    encoding = _ENCODINGS.get(base.number("DW_AT_encoding") or 0)
    return encoding is Encoding.FLOAT and base.number("DW_AT_byte_size") == 4


class TypeGraph:
    """Types that are added one by one, each with all that it reaches.

    Numbers are given in the order in which types are met, from 1 on, so that equal signatures have equal ones.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers: dict[object, TypeId] = {}
        self._table: dict[TypeId, SourceType] = {}
        self._near: list[tuple[TypeId, Die]] = []
        self._far: deque[tuple[TypeId, Die]] = deque()
        self._last = 0
        self._by_value = True

    def add(self, die: Die | None) -> TypeId:
        """The number of a type; of what is behind ``DW_AT_type``, where None means void.

        Its own parts are read at once, and what it points at only by ``finish``.

        Raises:
            DebugInfoError: if it is corrupt.
        """
        number = self.near(die)
        while self._near:
            self._read(*self._near.pop())
        return number

    def double(self) -> TypeId:
        """The number of what a function gets for a ``float`` if it is declared in the old way of C.

        Its caller doesn't know that it takes a ``float``, and passes a ``double`` (C17, 6.5.2.2 p6).
        """
        if _DOUBLE not in self._numbers:
            self._numbers[_DOUBLE] = self._next()
            self._table[self._numbers[_DOUBLE]] = _DOUBLE
        return self._numbers[_DOUBLE]

    def size(self, number: TypeId) -> int:
        """Bytes that a value of a type that was added takes; 0 if that is not known."""
        return Types(self._table).size(number)

    def finish(self) -> Types:
        """All types that were added, and those that they reach, the nearest ones first.

        Raises:
            DebugInfoError: if one is corrupt.
        """
        self._by_value = False
        while self._far and len(self._table) < MOST:
            self._near.append(self._far.popleft())
            while self._near:
                self._read(*self._near.pop())
        types = Types(dict(sorted(self._table.items())))
        check_containment(types)
        return types

    def near(self, die: Die | None) -> TypeId:
        """The number of a type that is a part of another one."""
        return self._number(die, far=False)

    def far(self, die: Die | None) -> TypeId:
        """The number of a type that another one points at."""
        return self._number(die, far=True)

    def _number(self, die: Die | None, *, far: bool) -> TypeId:
        if die is None:
            return VOID
        key = die.key
        known = key in self._numbers
        if not known:
            self._numbers[key] = self._next()
        number = self._numbers[key]
        # What was only pointed at until now may turn out to be a part, too.
        if not known or (not far and number not in self._table):
            (self._far if far else self._near).append((number, die))
        return number

    def _next(self) -> TypeId:
        self._last += 1
        return self._last

    def _read(self, number: TypeId, die: Die) -> None:
        if number in self._table:
            return
        if len(self._table) >= 2 * MOST:
            raise DebugInfoError(f"the types of a signature have more than {2 * MOST} parts")
        self._table[number] = self._type(die)

    def _type(self, die: Die) -> SourceType:
        tag = die.tag
        if tag in _POINTERS:
            return self._pointer(die, _POINTERS[tag])
        if tag in _QUALIFIERS:
            return Alias(_QUALIFIERS[tag], self.near(die.reference("DW_AT_type")), qualifier=True)
        if tag in records.RECORDS:
            return self._record(die, records.RECORDS[tag])
        if tag in _ALIASES:
            return Alias(self.name(die), self.near(die.reference("DW_AT_type")))
        if tag in records.FUNCTIONS:
            # A variable of Go has no function but points at a closure.
            return Pointer(VOID, name=_cut(die.text("DW_AT_name"))) if self._is_go else Function()
        match tag:
            case "DW_TAG_base_type":
                return _base(die)
            case "DW_TAG_array_type":
                return self._array(die)
            case "DW_TAG_enumeration_type":
                return self._enumeration(die)
            case "DW_TAG_ptr_to_member_type":
                return self._member_pointer(die)
            case "DW_TAG_unspecified_type":
                name = _cut(die.text("DW_AT_name"))
                return Pointer(VOID, name=name) if name == "decltype(nullptr)" else Void(name or "void")
            case _:
                return Void(self.name(die) or tag.removeprefix("DW_TAG_"))

    @property
    def _is_go(self) -> bool:
        return self._language is Language.GO

    def name(self, die: Die) -> str:
        """A type's name as its language writes it."""
        scoped = self._language in (Language.CXX, Language.RUST)
        return _cut(qualified(die) if scoped else die.text("DW_AT_name"))

    def _pointer(self, die: Die, kind: PointerKind) -> Pointer:
        target = die.reference("DW_AT_type")
        return Pointer(
            self.far(target),
            kind,
            _cut(die.text("DW_AT_name")),
            die.number("DW_AT_byte_size") or records.ADDRESS,
        )

    def _member_pointer(self, die: Die) -> Pointer:
        owner = die.reference("DW_AT_containing_type")
        name = f"pointer to a member of {self.name(owner)}" if owner else "pointer to a member"
        return Pointer(VOID, name=_cut(name), size=records.size(die))

    def _record(self, die: Die, kind: RecordKind) -> SourceType:
        name = self.name(die)
        if die.flag("DW_AT_declaration"):
            found = records.definition(die)
            if found is None:
                return Void(name or "incomplete")
            die = found
        body = records.body(die, self.near)
        return Record(
            name=name,
            size=die.number("DW_AT_byte_size") or 0,
            kind=kind,
            fields=body.fields,
            align=die.number("DW_AT_alignment"),
            passing=passing(die, by_value=self._by_value) if self._language is Language.CXX else None,
            discriminant=body.discriminant,
            variants=body.variants,
            arguments=tuple(
                self.near(one.reference("DW_AT_type")) for one in die.children("DW_TAG_template_type_param")
            ),
        )

    def _array(self, die: Die) -> Array:
        element = die.reference("DW_AT_type")
        sizes = [_count(child) for child in die.children() if child.tag == "DW_TAG_subrange_type"] or [None]
        stride = die.number("DW_AT_byte_stride") or (records.size(element) if element else 0)
        of, vector = self.near(element), die.flag("DW_AT_GNU_vector")
        for count in reversed(sizes[1:]):
            inner, of = Array(of, count, stride), self._next()
            self._table[of] = inner
            stride *= count or 0
        return Array(of, sizes[0], stride, vector)

    def _enumeration(self, die: Die) -> SourceType:
        under = die.reference("DW_AT_type")
        if die.flag("DW_AT_declaration") and not die.number("DW_AT_byte_size"):
            return Void(self.name(die) or "incomplete")
        values = [
            (child.number("DW_AT_const_value"), child.text("DW_AT_name"))
            for child in die.children()
            if child.tag == "DW_TAG_enumerator"
        ]
        names: dict[int, str] = {}
        for value, name in values:
            if value is not None:
                names.setdefault(value, _cut(name))
        if under is not None and (base := records.plain(under)).tag == "DW_TAG_base_type":
            signed = _ENCODINGS.get(base.number("DW_AT_encoding") or 0) is Encoding.SIGNED
        else:
            signed = any(value < 0 for value in names)
        size = die.number("DW_AT_byte_size") or (records.size(under) if under else 0)
        return Enumeration(self.name(die), size, signed, names)


_CONSTANTS: Final = tuple(
    f"DW_FORM_{form}" for form in ("data1", "data2", "data4", "data8", "udata", "sdata", "implicit_const")
)


def _base(die: Die) -> SourceType:
    name = _cut(die.text("DW_AT_name"))
    encoding = _ENCODINGS.get(die.number("DW_AT_encoding") or 0)
    size = die.number("DW_AT_byte_size")
    # Decimal and fixed-point numbers are passed and read by rules of their own.
    return Void(name) if encoding is None or size is None else Base(name, size, encoding)


def _count(subrange: Die) -> int | None:
    """How many elements a dimension of an array has; None if that is known only when the program runs."""
    count, upper = subrange.number("DW_AT_count"), subrange.number("DW_AT_upper_bound")
    if count is None and upper is not None and subrange.form("DW_AT_upper_bound") in _CONSTANTS:
        # Of an array without elements, it is -1 in a form without a sign.
        upper = -1 if upper in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else upper
        count = upper - (subrange.number("DW_AT_lower_bound") or 0) + 1
    elif subrange.form("DW_AT_count") not in _CONSTANTS:
        return None
    return count if count is not None and 0 <= count < 1 << 48 else None


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
