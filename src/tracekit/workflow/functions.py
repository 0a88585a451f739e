"""Finds functions in a binary by a few letters of their names."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from tracekit.binaries import Binary
from tracekit.core.found import FoundFunction, FoundFunctions
from tracekit.core.listed import Kind, Listed
from tracekit.core.near import near
from tracekit.core.ranking import common, endings, ranked, tails
from tracekit.core.target import Container, Pids
from tracekit.errors import BinaryError, FunctionNotFoundError, TracekitError, UsageError
from tracekit.symbols import declarations
from tracekit.workflow.caches import cache_folder
from tracekit.workflow.debug_info import debug
from tracekit.workflow.indexes import VARIABLE, Index, Progress, index_of, quick_index
from tracekit.workflow.subjects import subject

_AT_ONCE = 200
"""Functions of which details are asked for in one question."""

_JUDGED = 2000
_NEAR = 3
_COMPLETED = 200


def functions(
    binary: str, pattern: str = "", *, target: Pids | Container | None = None, limit: int | None = 40
) -> FoundFunctions:
    """Find functions of a binary by a part of their names.

    Args:
        binary: a path, a program on the PATH, a shared library, or a process by its number; with a target, what
            its process has under that name.
        pattern: letters of the name: ``core.ranking`` says how they are compared. Empty for all.
        target: a process, or a container, whose binary is meant.
        limit: the most functions to give; None for all.

    Raises:
        TracekitError: if the binary can't be read.
        FunctionNotFoundError: if it has no such function; it names those that come nearest.
    """
    return find_functions((binary, pattern) if pattern else (binary,), target, limit=limit)


def find_functions(
    words: Sequence[str],
    target: Pids | Container | None = None,
    *,
    limit: int | None = 40,
    progress: Progress = lambda _: None,
) -> FoundFunctions:
    """The same with a command's words: see ``workflow.subjects``."""
    of = subject(words, target)
    if len(of.words) > 1:
        raise UsageError(
            f"{' '.join(of.words)!r} are several patterns", "Give one; '*' stands for whatever is between."
        )
    pattern = of.words[0] if of.words else ""
    index = index_of(of.binary, progress)
    numbers = _matches(index, pattern)
    if not numbers:
        raise _none(of.name, index, pattern)
    try:
        shown = [index.function(number) for number in numbers[:limit]]
    except ValueError as error:
        raise UsageError(
            f"the index of {of.name} is damaged", f"Delete the folder {cache_folder(VARIABLE, 'functions')}."
        ) from error
    notes = []
    if index.trouble:
        lacking = "declarations are as symbols have them, and inlined functions aren't known"
        notes.append(f"{lacking}: {index.trouble}")
    if index.left_out:
        few = "one function is" if index.left_out == 1 else f"{index.left_out} functions are"
        notes.append(f"{few} left out, with names that are too long or can't be shown")
    return FoundFunctions(
        of.name,
        of.binary.facts.build_id,
        of.binary.machine,
        tuple(_with_details(of.binary, shown)),
        len(numbers),
        tuple(notes),
    )


def names_from(words: Sequence[str], target: Pids | Container | None = None, begun: str = "") -> list[str]:
    """The names of functions that can be traced and begin in some way, for completion.

    Scopes may be left out, as in a probe. Of more names than anybody reads, it is what they have in common up
    to their next scope. A large binary is read only if it has an index already.

    Args:
        words: the binary, as ``workflow.subjects`` has it.
        target: one process, or a container.
        begun: the beginning.

    Raises:
        TracekitError: if there is no such binary.
    """
    index = quick_index(subject(words, target).binary)
    if index is None:
        return []
    called = (name for n, name in enumerate(index.names) if begun in name and index.is_traceable(n))
    found = {tail for name in called for tail in tails(name) if tail.startswith(begun)}
    if len(found) > _COMPLETED:
        found = {common(name, len(begun)) for name in found}
    return sorted(found)[:_COMPLETED]


def _matches(index: Index, pattern: str) -> list[int]:
    """What a pattern fits, best first; what is only imported is left out where all is wanted."""
    by_symbol = [n for n, line in enumerate(index.lines) if pattern and line.split("\t", 2)[1] == pattern]
    found = ranked(pattern, index.names, index.is_traceable)
    if not pattern:
        # What the compiler added, of which there is no source, comes after what has one.
        found = [n for n in found if not index.is_kind(n, Kind.IMPORTED)]
        found.sort(key=lambda n: (not index.is_traceable(n), not index.has_source(n)))
    return list(dict.fromkeys((*by_symbol, *found)))


def _none(name: str, index: Index, pattern: str) -> TracekitError:
    if not any(index.is_traceable(n) for n in range(len(index.lines))):
        why = index.trouble or "its debug information has none"
        return BinaryError(
            f"{name} names no functions of its own: it is stripped, and {why}",
            "Name a build with symbols, or the file that they were taken from; a probe may be on an address.",
        )
    wanted = tails(pattern)[-1].lower()
    pairs = {wanted[i : i + 2] for i in range(len(wanted) - 1)}
    ends = {ending: name for name in index.names for ending in reversed(endings(name))}
    # near judges what has most letters in common; whoever has no two of them in a row isn't meant.
    likely = heapq.nlargest(_JUDGED, ends, key=lambda e: (sum(map(e.lower().__contains__, pairs)), -len(e), e))
    guesses = dict.fromkeys(ends[guess] for guess in near(wanted, likely, 6))
    return FunctionNotFoundError(function=pattern, binary=name, near=tuple(guesses)[:_NEAR])


def _with_details(binary: Binary, shown: Sequence[Listed]) -> Iterator[FoundFunction]:
    for start in range(0, len(shown), _AT_ONCE):
        some = tuple(shown[start : start + _AT_ONCE])
        for one, details in zip(some, binary.ask(declarations.details, debug, some), strict=True):
            yield FoundFunction(
                one.name,
                one.symbol,
                one.address if one.kind not in (Kind.INLINED, Kind.IMPORTED) else None,
                one.size,
                one.kind.value,
                one.kind.traceable,
                _why(one),
                one.inlined,
                details.signature,
                "" if details.language == "another language" else details.language,
                details.file,
                details.line,
            )


def _why(one: Listed) -> str:
    places = "one place" if one.inlined == 1 else f"{one.inlined} places"
    match one.kind:
        case Kind.INLINED:
            return f"inlined in {places}: probe the functions that have its calls"
        case Kind.UNNAMED:
            return _also(f"it has no symbol: name it by its address, {one.address:#x}", one, places)
        case Kind.CLONE:
            return _also(
                f'a copy that the compiler made, with parameters of its own: name it "{one.symbol}"',
                one,
                places,
            )
        case Kind.INDIRECT:
            return "IFUNC: its code only chooses an implementation; a probe goes to the one that is chosen here"
        case Kind.PART:
            return "a part of a function that is jumped to and never called: probe the function"
        case Kind.THUNK:
            return "it only adjusts 'this' and jumps to its function: probe that"
        case Kind.IMPORTED:
            return "it is another file's: probe the library that defines it"
        case _:
            return _also("", one, places)


def _also(text: str, one: Listed, places: str) -> str:
    if not one.inlined:
        return text
    also = f"also inlined in {places}, where no probe sees its calls"
    return f"{text}; {also}" if text else also
