"""Binaries that are only looked into, of this system or of macOS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tracekit.binaries import Binary, open_elf, open_macho
from tracekit.core.probe import FunctionName
from tracekit.errors import AmbiguousFunctionError, FunctionNotFoundError
from tracekit.symbols.function import Function
from tracekit.symbols.opening import open_regular
from tracekit.workflow.debug_info import functions_named
from tracekit.workflow.knowledge import Knowledge

if TYPE_CHECKING:
    from tracekit.symbols.macho import MachO

_MACHO: Final = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")


def functions_of(
    path: str, name: FunctionName, knowledge: Knowledge, machine: str = ""
) -> tuple[Binary, Sequence[Function]]:
    """A binary and its functions of a name.

    Args:
        path: the binary's.
        name: as a probe has it.
        knowledge: what is known of functions that the binary itself doesn't name.
        machine: which of a macOS binary's architectures is meant, as ``open_macho`` takes it.

    Raises:
        BinaryError: if the binary can't be read.
        FunctionNotFoundError: if it doesn't have the function.
        AmbiguousFunctionError: if it has several.
    """
    binary = open_macho(path, machine) if is_macho(path) else open_elf(path)
    return binary, functions_in(binary, name, knowledge)


def functions_in(binary: Binary, name: FunctionName, knowledge: Knowledge) -> tuple[Function, ...]:
    """The same of a binary that is open."""
    return found_or_known(binary, name, knowledge) if binary.facts.elf else binary.ask(_find_in, name)


def found_or_known(binary: Binary, name: FunctionName, knowledge: Knowledge) -> tuple[Function, ...]:
    """The functions that a name stands for, or else those that a stored calibration knows in a stripped binary.

    Raises:
        FunctionNotFoundError: if neither has any.
        AmbiguousFunctionError: if the name fits several equally well.
    """
    try:
        return binary.ask(functions_named, name)
    except FunctionNotFoundError:
        if known := knowledge.addresses(binary, name.text):
            return tuple(Function(symbol, address, size=0) for symbol, address in known)
        raise


def is_macho(path: str) -> bool:
    """Whether a file is a binary of macOS, or its bundle of debug information."""
    if path.rstrip("/").endswith(".dSYM"):
        return True
    with contextlib.suppress(OSError, ValueError), os.fdopen(open_regular(path), "rb") as file:
        return file.read(4) in _MACHO
    return False


def _find_in(binary: MachO, name: FunctionName) -> tuple[Function, ...]:
    """A function of a macOS binary by its symbol, without the underscore before it, or by its address."""
    if (address := name.address) is not None:
        return (
            next((f for f in binary.functions if f.address == address), Function(name.text, address, size=0)),
        )
    found = binary.function(name.text)
    if len(found) > 1:
        raise AmbiguousFunctionError(
            function=name.text, binary=binary.path, candidates=tuple(f"{f.address:#x}" for f in found)
        )
    if not found:
        from tracekit.core.near import near

        names = {f.name for f in binary.functions}
        raise FunctionNotFoundError(
            function=name.text, binary=binary.path, near=near(name.text, (n for n in names if n.isprintable()))
        )
    return found
