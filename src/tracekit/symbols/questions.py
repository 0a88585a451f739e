"""What a probe asks of a binary where it is read. Who asks has the names only: what answers is loaded there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.core.probe import FunctionProbe
from tracekit.errors import BinaryError
from tracekit.symbols.function import Function, Seen

if TYPE_CHECKING:
    from tracekit.symbols.image import Image


def see(image: Image, function: Function, probe: FunctionProbe, alone: bool) -> Seen:
    """How a probe sees a function; see ``ends.see``."""
    from tracekit.symbols import ends

    return ends.see(image, function, probe, alone)


def has_exceptions(image: Image) -> bool:
    """Whether a binary may have code that runs when a C++ or Rust stack is unwound."""
    return image.has_exceptions


def file_offset(image: Image, address: int) -> int:
    """Where in the file a virtual address is; the kernel places its probes by this.

    Raises:
        BinaryError: if the file gives no byte to that address.
    """
    from tracekit.symbols import elf

    for segment in image.headers.segments:
        if segment.type == elf.PT_LOAD and 0 <= address - segment.address < segment.file_size:
            return address - segment.address + segment.offset
    raise BinaryError(f"{image.path} has nothing at address {address:#x}")
