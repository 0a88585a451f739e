"""What a reader should know of the calls that a probe on a function sees, and of those that it doesn't."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tracekit.core.probe import FunctionName
from tracekit.symbols.demangle import demangled, readable
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import at_address, clones, named
from tracekit.symbols.spelling import is_cold, is_renamed, split_clone

_LISTED: Final = 5


def notes(image: Image, function: Function) -> tuple[str, ...]:
    """Sentences on what the calls of a function are that a probe on it sees.

    They say which other functions share its code, which copies of it get calls that aren't seen, and
    whether it is such a copy itself. Copies that stand inlined in other functions leave no symbol.

    Args:
        image: the binary.
        function: one of its functions, as ``find`` gives it.

    Raises:
        BinaryError: if the symbol table is corrupt.
    """
    found = (
        _indirect_note(function),
        _copy_note(function),
        clone_note(image, function),
        _shared_note(image, function),
        _go_note(image, function),
    )
    return tuple(filter(None, found))


def meaning_note(image: Image, name: FunctionName, function: Function) -> str:
    """A sentence on what a name was taken to mean, if its scopes or type arguments were left out; or nothing.

    The function that a person has in mind may be none of the binary's, since all its calls were inlined.

    Args:
        image: the binary.
        name: the name as a probe has it.
        function: the only function that ``find`` gave for it.
    """
    text = name.in_file[1] if name.in_file else name.text
    if name.address is not None or split_clone(function.name)[0] == text:
        return ""
    from tracekit.symbols.sourcenames import is_whole  # only after a search that has loaded it

    return "" if is_whole(image, text, function) else f"{text} is taken to mean {readable(function.name)}."


def clone_note(image: Image, function: Function) -> str:
    """A sentence on the calls that a probe on a function misses because its clones get them, or nothing."""
    found = [f.name for f in clones(image, function.name) if f.address != function.address]
    copies = [name for name in found if not is_renamed(name.removeprefix(function.name))]
    others = [name for name in found if name not in copies]
    sentences = []
    if copies:
        sentences.append(
            f"The compiler made other copies of {readable(function.name)}, whose calls are not among these: "
            f"{_quoted(copies)}. Probe them too, minding that their arguments may differ."
        )
    if others:
        sentences.append(
            f"Other functions of the source have the name {readable(function.name)}, too; their calls are not "
            f"among these: {_quoted(others)}."
        )
    return " ".join(sentences)


def _indirect_note(function: Function) -> str:
    if not function.indirect:
        return ""
    return f"{function.name} is indirect: its code only chooses an implementation, once."


def _copy_note(function: Function) -> str:
    base, suffix = split_clone(function.name)
    if not suffix or is_renamed(suffix):
        return ""
    if is_cold(function.name):
        return f"{function.name} is the seldom used rest of {readable(base)}: it is jumped to, never called."
    if ".part" in suffix:
        return (
            f"{function.name} is a part of {readable(base)}: only the calls that get as far as it are among "
            "these, and its arguments may differ."
        )
    return (
        f"{function.name} is a copy that the compiler made of {readable(base)} for some of its calls; only "
        "those are among these, and its arguments may differ."
    )


def _shared_note(image: Image, function: Function) -> str:
    """On functions that have become one, as linkers do with functions of the same code (``--icf``)."""
    own = _identity(function.name)
    others = {_identity(f.name): f.name for f in at_address(image, function.address - function.offset)}
    others.pop(own, None)
    if not others:
        return ""
    names = sorted(readable(name) for name in others.values())
    return (
        f"{readable(function.name)} has its code in common with {_quoted(names)}: "
        "calls of either name are among these."
    )


def _identity(symbol: str) -> str:
    """A name that symbols have in common which only are other names of one source function.

    Leading underscores don't count, since libraries have names of their own with them for what the standard
    names (``__write`` and ``write``); nor do versions, nor which constructor of several it is.
    """
    base = split_clone(symbol)[0].partition("@")[0]
    found = demangled(base)
    return found.text if found else base.lstrip("_")


def _go_note(image: Image, function: Function) -> str:
    if not image.is_go:
        return ""
    name = function.name
    if "go.shape." in name:
        return f"{name} is the code of all types of that shape: calls with any of them are among these."
    direct = re.sub(r"\(\*([^()]*)\)(?=\.)", r"\1", name)
    # A type has no two methods of one name, so that the one with the star is not in the source.
    if direct != name and named(image, direct):
        return (
            f"{name} was made by Go for calls through interfaces and pointers; other calls go to {direct} "
            "and are not among these."
        )
    return ""


def _quoted(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(f'"{name}"' for name in found[:_LISTED]) + more
