"""Functions of which a binary has only the copies that stand in others."""

from __future__ import annotations

import contextlib
from typing import Final

from tracekit.errors import BinaryError
from tracekit.symbols.dwarf import open_debug_info
from tracekit.symbols.image import Image

_LARGEST: Final = 64 << 20
"""Of larger debug information an error is not worth the time that it takes to look through it."""


def inlined_note(image: Image, name: str) -> str:
    """What the debug information says of a function that has no code of its own; empty if that is nothing."""
    found = 0
    with contextlib.suppress(BinaryError):
        found = open_debug_info(image).inlined(name, _LARGEST)
    if not found:
        return ""
    places = "one place" if found == 1 else f"{found} places"
    return f"It is inlined in {places}, where no probe sees its calls: probe the functions that have them."
