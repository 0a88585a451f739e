"""Functions whose name is not one symbol's: source names, patterns, names in a source file, ambiguous ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError
from tracekit.symbols import sources
from tracekit.symbols.demangle import demangled, readable
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import by_address, clones, matching, named
from tracekit.symbols.missing import imported, not_found, not_in_file
from tracekit.symbols.sourcenames import Match, matching_in_source, named_in_source
from tracekit.symbols.sources import DeclaredIn
from tracekit.symbols.spelling import is_go_instance, is_renamed

_LISTED: Final = 20
"""The most candidates to list of an ambiguous name."""

_STRUCTORS: Final = " (C1 and D1 are for whole objects, C2 and D2 for base classes; D0 frees the memory too)"
"""What a reader needs to choose; source: Itanium C++ ABI, 5.1.4.4 (constructors and destructors)."""


def search(image: Image, name: FunctionName, declared_in: DeclaredIn | None) -> tuple[Function, ...]:
    """The functions that a name stands for, which is no address; ``find`` says how."""
    text, several = name.text, False
    found = _matches(image, text)
    if not found and name.in_file:
        text = name.in_file[1]
        found = _matches(image, text)
    if not found and attrs.evolve(name, text=text).is_pattern:
        found, several = tuple(map(Match, _matching(image, text))), True
    if found and text != name.text:
        found = _in_file(image, name, found, declared_in)
    best = _best(found)
    chosen = by_address(match.function for match in best)
    # Who names a function of libc doesn't mean a method of that name.
    if not chosen or (best[0].rank[0] and imported(image, name.text)):
        raise not_found(image, attrs.evolve(name, text=text))
    if len(chosen) > 1 and not several:
        raise _ambiguous(image, name, chosen, declared_in)
    return chosen


def _matches(image: Image, text: str) -> tuple[Match, ...]:
    """The functions that a name may mean if it is no pattern."""
    direct = tuple(map(Match, named(image, text)))
    if direct and not (image.is_go and is_go_instance(text)):
        return direct
    renamed = [Match(c) for c in clones(image, text) if is_renamed(c.name.removeprefix(text))]
    return tuple(renamed) or named_in_source(image, text) or direct


def _matching(image: Image, pattern: str) -> tuple[Function, ...]:
    return by_address((*matching(image, pattern), *matching_in_source(image, pattern)))


def _best(found: Sequence[Match]) -> list[Match]:
    best = min((match.rank for match in found), default=(0, 0))
    return [match for match in found if match.rank == best]


def _in_file(
    image: Image, name: FunctionName, found: Sequence[Match], declared_in: DeclaredIn | None
) -> tuple[Match, ...]:
    """Those functions that come from the source file which a name begins with."""
    assert name.in_file is not None
    functions = [match.function for match in found]
    chosen, known = sources.of_file(image, functions, name.in_file[0], declared_in)
    if not chosen:
        raise not_in_file(image, name, known)
    return tuple(match for match in found if match.function in chosen)


def _ambiguous(
    image: Image, name: FunctionName, found: Sequence[Function], declared_in: DeclaredIn | None
) -> AmbiguousFunctionError:
    listed = found[:_LISTED]
    places = sources.places(image, listed, declared_in)
    candidates = tuple(_candidate(name, f, places[f.address]) for f in listed)
    return AmbiguousFunctionError(
        function=name.text,
        binary=image.path,
        candidates=candidates,
        more=len(found) - len(listed),
        note=_how_else(name, listed, places),
    )


def _how_else(name: FunctionName, found: Sequence[Function], places: Mapping[int, str]) -> str:
    """How else than by its address one of several functions can be named."""
    if all(f.name == name.text for f in found):
        files = {place: f for f in found if FunctionName(f"{(place := places[f.address])}:{f.name}").in_file}
        return f', or by its file as in "{next(iter(files))}:{name.text}"' if len(files) == len(found) else ""
    structors = any(part.structor for f in found if (part := demangled(f.name)))
    return f", or by a name that stands here{_STRUCTORS if structors else ''}"


def _candidate(name: FunctionName, function: Function, place: str) -> str:
    if function.name == name.text:
        return f"{function.address:#x} ({place})"
    source = readable(function.name)
    symbol = "" if source == function.name else f' "{function.name}"'
    return f"{function.address:#x} {source}{symbol} ({place})"
