"""Debug information: from a binary and an address to what the source says of the function there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.symbols.debugfile import DebugInfoError, find_debug_file
from tracekit.symbols.image import Image

if TYPE_CHECKING:
    from tracekit.symbols.dwarf.info import DebugInfo

__all__ = ["DebugInfo", "DebugInfoError", "open_debug_info"]


def open_debug_info(image: Image) -> DebugInfo:
    """The debug information of a binary, wherever it is.

    Nothing of it is read before a question needs it.

    Raises:
        DebugInfoError: if there is none, or it can't be read here; it says what would help.
    """
    # pyelftools takes 40 ms to import, and not all that need this package need it.
    from tracekit.symbols.dwarf.info import DebugInfo, known_machine
    from tracekit.symbols.dwarf.reader import Source
    from tracekit.symbols.dwarf.sections import elf_sections

    found = find_debug_file(image)
    other = found.supplementary
    order = found.headers.order
    shared = Source(other.path, elf_sections(other.file, other.headers), order) if other else None
    source = Source(found.path, elf_sections(found.file, found.headers), order, shared)
    return DebugInfo(source, known_machine(image.machine, image.path))


def __getattr__(name: str) -> object:
    if name == "DebugInfo":
        from tracekit.symbols.dwarf.info import DebugInfo

        return DebugInfo
    raise AttributeError(name)
