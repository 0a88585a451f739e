"""Functions by the names that their source has: C++, Rust and Go."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterator
from typing import Final

import attrs

from tracekit.errors import UsageError
from tracekit.symbols import elf, gonames, qualified
from tracekit.symbols.demangle import MANGLED, demangled, is_mangled
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import by_address, containing, function
from tracekit.symbols.qualified import Path
from tracekit.symbols.spelling import encode, is_renamed, split_clone
from tracekit.symbols.typenames import items, types
from tracekit.values import frozen

_MOST: Final = 20_000
"""The most symbols to demangle for one name, which takes about 3 s."""

Rank = tuple[int, int]
"""How well a function fits a name; the least is the best."""


@frozen
class Match:
    """A function that a name may mean.

    Attributes:
        function: the function.
        rank: how well its own name fits.
    """

    function: Function
    rank: Rank = (0, 0)


def named_in_source(image: Image, text: str) -> tuple[Match, ...]:
    """The functions that a name of C++, Rust or Go may mean, whatever their rank.

    Left out are copies that an optimiser made, unless they only got a new name.

    Raises:
        UsageError: if the name says so little that too many symbols would have to be demangled.
    """
    found = [*_mangled_matches(image, text), *_go_matches(image, text)]
    best: dict[int, Match] = {}
    for match in sorted(found, key=lambda m: (m.rank, m.function.local)):
        best.setdefault(match.function.address, match)
    return tuple(best.values())


def clones_in_source(image: Image, text: str) -> tuple[Function, ...]:
    """The copies that an optimiser made of the functions that a name of C++ or Rust may mean."""
    wanted = qualified.path(text)
    if wanted is None:
        return ()
    return by_address(
        function(name, symbol)
        for name, symbol in _mangled(image, text, *qualified.needles(wanted))
        if _is_copy(name) and (found := source_path(name)) and qualified.rank(wanted, found)
    )


def imported_in_source(image: Image, text: str) -> bool:
    """Whether a name of C++ or Rust may mean a function that the binary uses and another one defines."""
    wanted = qualified.path(text)
    return wanted is not None and any(
        qualified.rank(wanted, found) is not None
        for name, _ in containing(image, *qualified.needles(wanted), starts=MANGLED, imported=True)
        if (found := source_path(name))
    )


def matching_in_source(image: Image, pattern: str) -> tuple[Function, ...]:
    """The functions of C++ and Rust whose source names a pattern with ``*`` matches, sorted by address.

    A pattern is compared with the qualified name, with and without the arguments of templates; one with a
    parenthesis with the parameters, too. Go's source names are its symbols.

    Raises:
        UsageError: if the pattern says so little that too many symbols would have to be demangled.
    """
    if not pattern.strip("*"):  # all, which the symbols' own names match
        return ()
    words = qualified.words(pattern)
    match = re.compile(fnmatch.translate(re.sub(r"[\[?]", r"[\g<0>]", pattern))).match
    return by_address(
        function(name, symbol)
        for name, symbol in _mangled(image, pattern, *words)
        if not _is_copy(name) and any(map(match, _texts(name, parameters="(" in pattern)))
    )


def is_whole(image: Image, text: str, found: Function) -> bool:
    """Whether a name gives all scopes and type arguments of the function that it means, or is a pattern."""
    if is_mangled(found.name):
        wanted, whole = qualified.path(text), source_path(found.name)
        return not wanted or not whole or qualified.is_whole(wanted, whole)
    parts = gonames.path(text) if image.is_go else None
    return not parts or parts == gonames.path(found.name)


@functools.lru_cache(1 << 14)
def source_path(symbol: str) -> Path | None:
    """What a mangled symbol says, taken apart; None if it isn't a function's, or isn't understood."""
    name = demangled(symbol)
    found = qualified.path(name.qualified) if name else None
    if name is None or found is None:
        return None
    given = None if name.parameters is None else items(", ".join(name.parameters))
    parameters = None if given is None else types(given, parameters=True)
    last = attrs.evolve(found[-1], parameters=parameters, qualifiers=tuple(sorted(name.qualifiers)))
    return (*found[:-1], last)


def _texts(symbol: str, *, parameters: bool) -> Iterator[str]:
    name, found = demangled(symbol), source_path(symbol)
    if name is None:
        return
    yield name.qualified
    if parameters and name.parameters is not None:
        yield " ".join((f"{name.qualified}({', '.join(name.parameters)})", *name.qualifiers))
    for path in (found, qualified.without_anonymous(found)) if found else ():
        yield qualified.spelled(path, arguments=True)
        yield qualified.spelled(path, arguments=False)


def _mangled_matches(image: Image, text: str) -> Iterator[Match]:
    wanted = qualified.path(text)
    if wanted is None:
        return
    for name, symbol in _mangled(image, text, *qualified.needles(wanted)):
        if _is_copy(name) or not (found := source_path(name)):
            continue
        if (rank := qualified.rank(wanted, found)) is not None:
            yield Match(function(name, symbol), rank)


def _mangled(image: Image, text: str, *needles: bytes) -> Iterator[tuple[str, elf.Symbol]]:
    found = list(containing(image, *needles, starts=MANGLED))
    if len(found) > _MOST:
        raise UsageError(
            f"{text!r} would have to be compared with {len(found)} functions of {image.path}",
            "Write more of the name, such as the class that the function is in, or the mangled name.",
        )
    yield from found


def _is_copy(symbol: str) -> bool:
    suffix = split_clone(symbol)[1]
    return bool(suffix) and not is_renamed(suffix)


def _go_matches(image: Image, text: str) -> list[Match]:
    wanted = gonames.path(text) if image.is_go else None
    if wanted is None or not wanted[-1].name:
        return []
    found: list[tuple[tuple[gonames.Part, ...], Match]] = []
    for name, symbol in containing(image, b".", encode(wanted[-1].name)):
        parts = None if is_mangled(name) else gonames.path(name)
        rank = gonames.rank(wanted, parts) if parts else None
        if parts and rank:
            found.append((parts, Match(function(name, symbol), rank)))
    # Of what Go makes from one function, the one that has its code: not what only calls that.
    shapes = {parts for parts, match in found if gonames.is_shape(match.function.name)}
    values = {parts for parts, _ in found}
    return [
        match
        for parts, match in found
        if (parts not in shapes or gonames.is_shape(match.function.name))
        and gonames.of_value(parts) not in values - {parts}
    ]
