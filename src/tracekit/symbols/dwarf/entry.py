"""An entry of debug information, with its attributes as Python's values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from elftools.dwarf.die import DIE

from tracekit.symbols.debugfile import DebugInfoError

if TYPE_CHECKING:
    from tracekit.symbols.dwarf.reader import Unit

_LONGEST_CHAIN: Final = 16


class Die:
    """An entry of debug information.

    Attributes:
        unit: where it is.
        raw: pyelftools' object.
    """

    __slots__ = ("raw", "unit")

    def __init__(self, unit: Unit, raw: DIE) -> None:
        self.unit = unit
        self.raw = raw

    @property
    def tag(self) -> str:
        """``DW_TAG_…``."""
        return str(self.raw.tag)

    @property
    def offset(self) -> int:
        """Where it is in its section."""
        return int(self.raw.offset)

    @property
    def key(self) -> tuple[int, int, int]:
        """What tells it apart from all other entries."""
        return id(self.unit.source), self.unit.start, self.offset

    def form(self, name: str) -> str:
        """An attribute's form; empty if it isn't there."""
        found = self.raw.attributes.get(name)
        return str(found.form) if found else ""

    def text(self, name: str) -> str:
        """An attribute that is a string; empty if it isn't there."""
        found = self.raw.attributes.get(name)
        value = found.value if found else b""
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""

    def number(self, name: str | int) -> int | None:
        """An attribute that is a number or an address; None if it isn't one."""
        # pyelftools keeps the numbers of attributes that it doesn't know.
        found = self.raw.attributes.get(name)  # type: ignore[arg-type]
        value = found.value if found else None
        return value if isinstance(value, int) else None

    def flag(self, name: str) -> bool:
        """Whether an attribute is there and true."""
        found = self.raw.attributes.get(name)
        return bool(found and found.value)

    def block(self, name: str) -> bytes | None:
        """An attribute that is bytes, such as an expression; None if it isn't."""
        found = self.raw.attributes.get(name)
        value = found.value if found else None
        return bytes(value) if isinstance(value, list) else None

    def has(self, name: str) -> bool:
        """Whether an attribute is there."""
        return name in self.raw.attributes

    def reference(self, name: str) -> Die | None:
        """The entry that an attribute refers to; None if it isn't there.

        Raises:
            DebugInfoError: if it leads nowhere.
        """
        found = self.raw.attributes.get(name)
        if found is None:
            return None
        form, value = str(found.form), int(found.raw_value)
        source = self.unit.source
        match form:
            case "DW_FORM_ref1" | "DW_FORM_ref2" | "DW_FORM_ref4" | "DW_FORM_ref8" | "DW_FORM_ref_udata":
                return self.unit.die(self.unit.start + value)
            case "DW_FORM_ref_addr":
                return source.unit_around(value).die(value)
            case "DW_FORM_ref_sig8":
                return source.type_of(value)
            case "DW_FORM_GNU_ref_alt" | "DW_FORM_ref_sup4" | "DW_FORM_ref_sup8" if source.supplementary:
                return source.supplementary.unit_around(value).die(value)
            case _:
                raise DebugInfoError(f"the debug information is corrupt: {form} refers to nothing")

    def children(self, *tags: str) -> Iterator[Die]:
        """The entries directly below it, all or those with one of some tags."""
        return self.unit.children(self, *tags)

    def origins(self) -> Iterator[Die]:
        """It, then what it says it is a concrete form or the definition of, the nearest first."""
        at: Die | None = self
        for _ in range(_LONGEST_CHAIN):
            if at is None:
                return
            yield at
            at = at.reference("DW_AT_abstract_origin") or at.reference("DW_AT_specification")
