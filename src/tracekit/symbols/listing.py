"""All functions of a binary, for an index: from its symbols and from its debug information.

It is read step by step, since a large one takes long: ``advance`` until all is done, then ``lines`` and
``trouble``.
"""

from __future__ import annotations

import re
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from tracekit.core.listed import Kind, Listed
from tracekit.core.signature import Language
from tracekit.errors import BinaryError
from tracekit.symbols import elf, qualified
from tracekit.symbols.demangle import is_mangled
from tracekit.symbols.image import Image
from tracekit.symbols.scopes import scoped_name
from tracekit.symbols.sourcenames import source_path
from tracekit.symbols.spelling import decode, is_cold, is_renamed, split_clone

if TYPE_CHECKING:
    from tracekit.symbols.dwarf import DebugInfo
    from tracekit.symbols.dwarf.listing import Seen
    from tracekit.symbols.macho import MachO

T = TypeVar("T")

DONE: Final = 1000
"""What ``advance`` gives when all is read."""

PART: Final = 4 << 20
"""Characters of one part of what is read, about: an answer of a process without rights has a limit."""

_THUNKS: Final = ("_ZTh", "_ZTv", "_ZTc")
"""What adjusts ``this`` and jumps to its function (Itanium C++ ABI, 5.1.4.2)."""

_RUST_LEGACY: Final = re.compile(r"_ZN.*17h[0-9a-f]{16}E", re.DOTALL)
_KEPT: Final = 1 << 14
"""Characters of the longest name that is listed."""


class Listing:
    """The functions of a binary, as far as they are read."""

    def __init__(self, image: Image | MachO, debug: DebugInfo | None) -> None:
        self._image = image
        self._debug = debug
        self._unit = 0
        self._seen: list[Seen] = []
        self._far: Counter[int] = Counter()
        self.trouble = ""

    def advance(self, seconds: float) -> int:
        """Read on for some time; gives how much is read, of ``DONE``.

        A unit that can't be read is left out: what the others and the symbols say counts all the same.
        """
        until = monotonic() + seconds
        units = self._tried(lambda debug: debug.units) or 0
        while self._unit < units:
            found = self._tried(lambda debug: debug.listed(self._unit))
            if found:
                self._seen += found.seen
                self._far += found.far
            self._unit += 1
            if monotonic() > until:
                return min(DONE - 1, DONE * self._unit // units)
        while self._far:
            self._add_far(*self._far.popitem())
        return DONE

    def _add_far(self, entry: int, count: int) -> None:
        found = self._tried(lambda debug: debug.inlined_far(entry, count))
        self._seen += [found] if found else []

    def _tried(self, question: Callable[[DebugInfo], T]) -> T | None:
        try:
            return question(self._debug) if self._debug else None
        except BinaryError as error:
            self.trouble = self.trouble or error.message
            return None

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """A line for each function, some in each part; the first line of all says what is missing, as a number.

        That is how many functions are left out, since their names are too long or can't be shown.
        """
        found = tuple(self._functions())
        shown = {f.line() for f in found if _showable(f.name) and _showable(f.symbol)}
        parts = [[str(sum(not (_showable(f.name) and _showable(f.symbol)) for f in found))]]
        size = 0
        for line in sorted(shown):
            if size > PART:
                parts.append([])
                size = 0
            parts[-1].append(line)
            size += len(line)
        return tuple("".join(f"{line}\n" for line in part) for part in parts)

    def _functions(self) -> Iterator[Listed]:
        at: defaultdict[int, list[Seen]] = defaultdict(list)
        copies: Counter[object] = Counter()
        for seen in self._seen:
            copies[_key(seen)] += seen.inlined
            if seen.address is not None and _is_code(self._image, seen.address):
                at[seen.address].append(seen)
        symbols = tuple(_symbols(self._image))
        named = {symbol for symbol, *_ in symbols}
        meant: set[int] = set()
        for symbol, address, size, kind in symbols:
            # What debug information has there of an indirect function is the code that chooses.
            of = None if kind is Kind.INDIRECT else _of(symbol, at.get(address, ()))
            meant |= {of.entry} if of else set()
            yield Listed(
                _source_name(symbol),
                symbol,
                address,
                size or (of.size if of else 0),
                kind,
                _language(symbol, of, is_go=self._is_go),
                copies[_key(of) if of else symbol],
                of.entry if of else 0,
            )
        with_code = {_key(seen) for found in at.values() for seen in found}
        choosers = {address for _, address, _, kind in symbols if kind is Kind.INDIRECT}
        for address, found in at.items():
            if address not in choosers:
                yield from (_listed(s, Kind.UNNAMED, copies[_key(s)]) for s in found if s.entry not in meant)
        only_copies = {_key(s): s for s in self._seen if copies[_key(s)] and s.address is None}
        for key, seen in only_copies.items():
            if key not in with_code and key not in named:
                yield _listed(seen, Kind.INLINED, copies[key])

    @property
    def _is_go(self) -> bool:
        return isinstance(self._image, Image) and self._image.is_go


_listings: Final[weakref.WeakKeyDictionary[Image | MachO, Listing]] = weakref.WeakKeyDictionary()


def advance(image: Image | MachO, debug: Callable[[Image | MachO], DebugInfo], seconds: float) -> int:
    """Read a binary's functions for some time; gives how much of them is read, of ``DONE``."""
    if image not in _listings:
        try:
            _listings[image] = Listing(image, debug(image))
        except BinaryError as error:
            _listings[image] = Listing(image, None)
            _listings[image].trouble = error.message
    return _listings[image].advance(seconds)


def trouble(image: Image | MachO) -> str:
    """Why debug information is missing from what was read, or some of it; empty if none is."""
    return _listings[image].trouble


def lines(image: Image | MachO, part: int) -> str:
    """What was read, a line for each function, by the part's number; empty after the last.

    Before the first one is a line with the number of functions that are left out.
    """
    found = _listings[image].parts
    return found[part] if part < len(found) else ""


def _symbols(image: Image | MachO) -> Iterator[tuple[str, int, int, Kind]]:
    """The functions of the symbol tables, each once: name, address, size and kind."""
    if not isinstance(image, Image):
        yield from ((f.name, f.address, f.size, Kind.FUNCTION) for f in image.functions)
        return
    seen: set[tuple[str, int]] = set()
    imported: set[str] = set()
    for table in image.symbols:
        for row in table:
            if row[1] & 15 not in (elf.STT_FUNC, elf.STT_GNU_IFUNC):
                continue
            symbol, address = decode(table.name(row)), row[4]
            if not row[3]:
                imported.add(symbol.partition("@")[0])  # with its version in the full table
            elif (symbol, address) not in seen and image.is_code(address):
                seen.add((symbol, address))
                yield symbol, address, row[5], _kind(symbol, row[1] & 15, is_go=image.is_go)
    for symbol in imported.difference(name for name, _ in seen):
        yield symbol, 0, 0, Kind.IMPORTED


def _is_code(image: Image | MachO, address: int) -> bool:
    """Whether there is code; the linker leaves an address of 0 or such to functions that it has thrown away."""
    return image.is_code(address) if isinstance(image, Image) else address > 0


def _kind(symbol: str, type_: int, *, is_go: bool) -> Kind:
    if type_ == elf.STT_GNU_IFUNC:
        return Kind.INDIRECT
    if symbol.startswith(_THUNKS):
        return Kind.THUNK
    if is_go and not is_mangled(symbol):
        return Kind.FUNCTION
    if is_cold(symbol):
        return Kind.PART
    suffix = split_clone(symbol)[1]
    return Kind.CLONE if suffix and not is_renamed(suffix) else Kind.FUNCTION


def _of(symbol: str, found: Sequence[Seen]) -> Seen | None:
    """The function that a symbol at its address stands for."""
    base = split_clone(symbol)[0]
    for seen in found:
        if symbol in (seen.linked, seen.name) or base in (seen.linked, seen.name):
            return seen
    return found[0] if found else None


def _key(seen: Seen) -> object:
    """What a function is known by in all units: of those that only one file can name, also the line."""
    if seen.linked or seen.external or seen.language is Language.GO:
        return seen.linked or seen.name
    return seen.name, seen.line


def _listed(seen: Seen, kind: Kind, inlined: int) -> Listed:
    of_symbol = is_mangled(seen.linked) and not (seen.language is Language.RUST and kind is Kind.INLINED)
    name = _source_name(seen.linked) if of_symbol else seen.name or seen.linked
    return Listed(name, "", seen.address or 0, seen.size, kind, seen.language, inlined, seen.entry)


def _language(symbol: str, seen: Seen | None, *, is_go: bool) -> Language:
    if symbol.startswith("_R") or _RUST_LEGACY.match(symbol):
        return Language.RUST
    if symbol.startswith("_Z"):
        return Language.CXX
    if seen is not None:
        return seen.language
    return Language.GO if is_go and "." in symbol else Language.OTHER


def _source_name(symbol: str) -> str:
    """The name that a symbol's source has; itself if that is it, or isn't known."""
    if not is_mangled(symbol):
        return symbol
    if (quick := scoped_name(split_clone(symbol)[0])) is not None:
        return quick
    path = source_path(symbol)
    return qualified.spelled(path, arguments=False) if path else symbol


def _showable(name: str) -> bool:
    return len(name) <= _KEPT and name.isprintable()
