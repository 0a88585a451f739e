"""What dtrace for Linux can't reach in a program's file, refused before it is asked."""

from __future__ import annotations

import re
from typing import Final

from tracekit.backends.base import Place
from tracekit.backends.dtrace.quoting import BACKEND
from tracekit.errors import UnsupportedError
from tracekit.symbols import elf
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import at
from tracekit.symbols.questions import file_offset

_MOST_PROBES: Final = 500
"""With thousands, dtrace 2.0.7 doesn't get ready, and the kernel has taken an hour to take its probes away."""
_MISREAD: Final = re.compile(r"[\s\\`]")
"""What 2.0.7 doesn't read in the path of a process's file; nothing else of ASCII is so."""


def check_number(probes: int) -> None:
    """Refuse more probes than dtrace comes to an end with.

    Raises:
        UnsupportedError: if there are so many.
    """
    if probes > _MOST_PROBES:
        raise UnsupportedError(
            feature=f"{probes} probes",
            backend=BACKEND,
            reason=f"with more than {_MOST_PROBES} the kernel may be busy for minutes or more taking them away",
            remedy="Use bpf, or a narrower pattern.",
        )


def check_path(place: Place, path: str) -> None:
    """Refuse a file whose path dtrace doesn't read as it is.

    Args:
        place: a place in the file.
        path: where the process has it from.

    Raises:
        UnsupportedError: if it is such a path.
    """
    if _MISREAD.search(path.removesuffix(" (deleted)")):  # which dtrace's own error is about
        raise UnsupportedError(
            feature=f"the functions of {place.image.path}",
            backend=BACKEND,
            reason="it finds no file by its path if that has a blank, a backslash or a backtick",
            remedy="Use bpf, or run it by another path.",
        )


def check_reach(image: Image, virtual: int, program: bool) -> None:
    """Refuse code that dtrace wouldn't find, or that it would take other code for.

    Args:
        image: the binary.
        virtual: the virtual address of the probe.
        program: whether the file is a process's program, not a library of it.

    Raises:
        UnsupportedError: if it is such code.
    """
    if program and all(segment.type != elf.PT_INTERP for segment in image.headers.segments):
        raise UnsupportedError(
            feature=f"the functions of {image.path}",
            backend=BACKEND,
            reason="it traces dynamically linked programs only",
            remedy="Use bpf; or build it so, as Go does with -linkmode=external.",
        )
    if program and at(image, virtual) is None:
        raise UnsupportedError(
            feature=f"the address {virtual:#x} of {image.path}",
            backend=BACKEND,
            reason="it probes only addresses that a symbol covers",
            remedy="Use bpf, or a binary with symbols.",
        )
    first = next(segment for segment in image.headers.segments if segment.type == elf.PT_LOAD)
    if file_offset(image, virtual) != virtual - first.address + first.offset:
        # 2.0.7 then overwrites whatever is at the wrong place, which ends the target or counts nothing.
        raise UnsupportedError(
            feature=f"the functions of {image.path}",
            backend=BACKEND,
            reason="it takes an address's distance from the file's first one for its place in the file, and "
            "here they differ, as lld makes them",
            remedy="Use bpf, or link it with GNU ld (-fuse-ld=bfd).",
        )
