"""What a binary's calibrations are kept under."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tracekit.symbols.image import Image
    from tracekit.symbols.macho import MachO

Binary: TypeAlias = "Image | MachO"
"""A binary that can be looked into: Linux's, which can be traced here too, or macOS's."""


def identity(binary: Binary) -> str:
    """What a calibration of a binary is known by: its build-id or UUID, or else a hash of its code.

    Raises:
        BinaryError: if it was cut.
    """
    if binary.build_id:
        return binary.build_id
    import hashlib

    from tracekit.symbols.image import Image

    digest = hashlib.sha256()
    parts = (
        (binary.instructions(part.start, len(part)) for part in binary.code)
        if isinstance(binary, Image)
        else binary.code()
    )
    for part in parts:
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def file_identity(binary: Binary) -> str:
    """What tells a binary's file from all others, and from what it was before."""
    return descriptor_identity(binary.file.descriptor)


def descriptor_identity(descriptor: int) -> str:
    """The same of an open file."""
    found = os.fstat(descriptor)
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"
