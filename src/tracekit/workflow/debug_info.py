"""What is asked of debug information where the binary is read."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

from tracekit.core.probe import FunctionName
from tracekit.symbols.function import Function

if TYPE_CHECKING:
    from tracekit.symbols.dwarf import DebugInfo
    from tracekit.symbols.image import Image
    from tracekit.symbols.macho import MachO


def functions_named(image: Image, name: FunctionName) -> tuple[Function, ...]:
    """The functions of a binary that a name stands for, see ``symbols.find``; asked of a ``Binary``."""
    from tracekit.symbols.functions import find

    return find(image, name, lambda address: debug(image).declared_in(address))


def is_unoptimised(image: Image | MachO, function: Function) -> bool:
    """Whether a function is known to be compiled without optimisation; asked of a ``Binary``."""
    return bool(debug(image).is_unoptimised(function.address - function.offset))


def debug(image: Image | MachO) -> DebugInfo:
    """The debug information of a binary, opened once.

    Raises:
        DebugInfoError: if there is none that can be read.
    """
    from tracekit.symbols.dwarf import open_debug_info
    from tracekit.symbols.image import Image

    if image not in _debug:
        _debug[image] = open_debug_info(image) if isinstance(image, Image) else image.debug_info()
    return _debug[image]


_debug: Final[weakref.WeakKeyDictionary[Image | MachO, DebugInfo]] = weakref.WeakKeyDictionary()
