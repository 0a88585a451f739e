"""The functions of a unit: those with code, and those of which only copies in others are left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from tracekit.core.signature import Language
from tracekit.symbols.dwarf import producers
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.lists import address as indexed
from tracekit.symbols.dwarf.lists import code_ranges
from tracekit.symbols.dwarf.names import own
from tracekit.symbols.dwarf.quick import LINKED, Facts, Quick
from tracekit.symbols.dwarf.reader import Unit

_GENERIC: Final = re.compile(r"<.*", re.DOTALL)


class Seen(NamedTuple):
    """A function of a unit.

    Attributes:
        address: where its code begins; None if it has none here.
        size: bytes of it, if it is in one part; else 0.
        name: as the source has it, without scopes but for Go and Rust.
        linked: the name that linkers see, if it is said.
        line: where it is declared; 0 if that isn't said.
        external: whether other files can name it.
        language: what it is written in.
        entry: where its entry is in its section.
        inlined: how many copies stand inside the unit's other functions.
    """

    address: int | None
    size: int
    name: str
    linked: str
    line: int
    external: bool
    language: Language
    entry: int
    inlined: int


class Listed(NamedTuple):
    """What a unit says of functions.

    Attributes:
        seen: its functions.
        far: how often functions of other units are inlined here, by their entries' places in the section.
    """

    seen: tuple[Seen, ...]
    far: Counter[int]


def functions(unit: Unit, strings: dict[tuple[str, int], str]) -> Listed:
    """What a unit says of functions.

    Args:
        unit: the unit.
        strings: where those strings are kept that units share.

    Raises:
        Whatever corrupt data brings about.
    """
    return Listed(tuple(_functions(unit, strings)), unit.outline.inlined_far)


def far(unit: Unit, entry: int, count: int) -> Seen:
    """A function that is inlined in other units; of its own unit is only known that it is described there."""
    facts = Quick(unit, {}).facts(entry - unit.start)
    return _seen(unit, producers.language([unit]), facts, entry - unit.start, None, count)


def _functions(unit: Unit, strings: dict[tuple[str, int], str]) -> Iterator[Seen]:
    outline = unit.outline
    language = producers.language([unit])
    quick = Quick(unit, strings)
    counted = set()
    for address, entry in _with_code(unit):
        facts = quick.facts(entry)
        counted.add(facts.origin)
        yield _seen(unit, language, facts, entry, address, outline.inlined.get(facts.origin, 0))
    for origin, count in outline.inlined.items():
        if origin not in counted:
            yield _seen(unit, language, _scoped(quick, quick.facts(origin), language), origin, None, count)


def _with_code(unit: Unit) -> Iterator[tuple[int, int]]:
    """The addresses of a unit's functions, with their entries."""
    for address, entries in unit.outline.functions.items():
        yield from ((address, entry) for entry in entries)
    for index, entries in unit.outline.indexed.items():
        yield from ((indexed(unit, index), entry) for entry in entries)
    for entry in unit.outline.ranged:
        # The part that is entered comes first.
        if (low := next((low for low, _ in code_ranges(unit.die(unit.start + entry))), 0)) != 0:
            yield low, entry


def _seen(unit: Unit, language: Language, facts: Facts, entry: int, address: int | None, inlined: int) -> Seen:
    if not (facts.name or facts.linked):
        facts = _from_afar(unit.die(unit.start + entry), facts)
    size = facts.size - address if address and facts.size >= address else facts.size
    return Seen(
        address,
        size if address is not None else 0,
        facts.name,
        facts.linked,
        facts.line,
        facts.external,
        language,
        unit.start + entry,
        inlined,
    )


def _scoped(quick: Quick, facts: Facts, language: Language) -> Facts:
    """The facts of a function that is only inlined, in Rust with its scopes.

    Rust's symbols say more, but take a millisecond each, and what a small program inlines has thousands.
    """
    if language is not Language.RUST or not facts.name:
        return facts
    names = [name for name in quick.scopes(facts.declared) if name and not name.startswith("{impl#")]
    return facts._replace(name="::".join((*names, _GENERIC.sub("", facts.name))))


def _from_afar(die: Die, facts: Facts) -> Facts:
    """The facts of a function that is made from what is in another unit, or in a file that several share."""
    chain = list(die.origins())
    linked = (one.text(name) for one in chain for name in LINKED)
    return facts._replace(
        name=own(die),
        linked=next(filter(None, linked), ""),
        line=next((n for one in chain if (n := one.number("DW_AT_decl_line"))), 0),
        external=any(one.flag("DW_AT_external") for one in chain),
    )
