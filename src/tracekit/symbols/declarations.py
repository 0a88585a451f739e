"""Functions as their source declares them, in one line each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from tracekit.core.listed import Listed
from tracekit.core.signature import Language
from tracekit.errors import BinaryError
from tracekit.symbols.demangle import demangled, is_mangled, readable
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.symbols.dwarf import DebugInfo
    from tracekit.symbols.dwarf.describe import Described
    from tracekit.symbols.macho import MachO


@frozen
class Details:
    """What a reader wants to know of a function that is shown.

    Attributes:
        signature: its declaration, as its language writes it.
        language: what it is written in.
        file: its source file's path as the compiler was given it; empty if not known.
        line: the line there; 0 if not known.
    """

    signature: str
    language: str
    file: str = ""
    line: int = 0


def details(
    image: Image | MachO, debug: Callable[[Image | MachO], DebugInfo], wanted: tuple[Listed, ...]
) -> tuple[Details, ...]:
    """What the debug information, or else a mangled symbol, says of functions."""
    return tuple(_details(image, debug, one) for one in wanted)


def declaration(image: Image | MachO, debug: Callable[[Image | MachO], DebugInfo], function: Function) -> str:
    """A function's declaration, as its language writes it; its name if nothing says more."""
    try:
        found = debug(image).described_at(function.address - function.offset, function.name)
    except BinaryError:
        return readable(function.name)
    return _declaration(function.name, function.name, found)


def _details(image: Image | MachO, debug: Callable[[Image | MachO], DebugInfo], one: Listed) -> Details:
    if one.entry:
        # An index may be of another time, and is of a file that anybody can have written.
        with contextlib.suppress(BinaryError):
            found = debug(image).described(one.entry)
            declared = _declaration(one.symbol, one.name, found)
            return Details(declared, found.language.value, found.file, found.line)
    return Details(readable(one.symbol) if is_mangled(one.symbol) else one.name, one.language.value)


def _declaration(symbol: str, name: str, found: Described) -> str:
    told = demangled(symbol)
    if told and told.qualified.isprintable():
        name = told.qualified
    parameters, result = found.parameters, found.result
    if told and told.structor:
        return f"{name}({parameters})"
    match found.language:
        case Language.GO:
            return f"func {name}({parameters}){result and ' ' + result}"
        case Language.RUST:
            shown = f" -> {result}" if result not in ("", "()") else ""
            return f"fn {name}({parameters}){shown}"
        case Language.C | Language.CXX:
            returned = result or "void"
            between = "" if returned.endswith(("*", "&")) else " "
            empty = "void" if found.language is Language.C else ""
            return f"{returned}{between}{name}({parameters or empty})"
        case _:
            return f"{name}({parameters})"
