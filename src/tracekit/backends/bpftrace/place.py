"""The number by which bpftrace is told where a probe goes.

bpftrace looks a number up among the addresses of the binary's symbols. If one covers it, the probe is placed
by that symbol's *name* and the distance from its start: of two functions of a name the first is probed, and
0.17 refuses any distance. If none does, the number is a file offset, and the probe is placed exactly there
(measured on 0.17, 0.23 and 0.27, with ``--unsafe``). In programs that aren't position-independent no symbol
covers an offset, so there every place can be reached.
"""

from __future__ import annotations

import os
from typing import Final

from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.errors import UnsupportedError
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import at, covered, named
from tracekit.symbols.questions import file_offset

_DEBUG: Final = "/usr/lib/debug/.build-id"


def number(image: Image, function: Function, address: int) -> int:
    """What to tell bpftrace of a place.

    Args:
        image: the binary.
        function: the function that the place is in.
        address: the place's virtual address.

    Raises:
        UnsupportedError: if bpftrace would probe another place.
    """
    ambiguous = len(named(image, function.name)) > 1
    if address == function.address - function.offset and function.size and not ambiguous:
        return address
    offset = file_offset(image, address)
    if not covered(image, offset) and not _has_other_symbols(image):
        return offset
    if ambiguous:
        raise UnsupportedError(
            feature=f"one of several functions named {function.name}",
            backend=BACKEND,
            reason="it turns addresses into names, and attaches to the first function of a name",
            remedy="Give the function another name, make it not static, or link without -pie.",
        )
    if not covered(image, address):
        raise UnsupportedError(
            feature=f"the address {address:#x} of {image.path}",
            backend=BACKEND,
            reason="no symbol covers it, and its place in the file has the number of another symbol's address",
            remedy="Use a binary with symbols.",
        )
    return address


def inner_number(image: Image, function: Function, address: int) -> int:
    """The same for an instruction of a function that may be in its cold part, which has a name of its own."""
    return number(image, at(image, address) or function, address)


def _has_other_symbols(image: Image) -> bool:
    """Whether bpftrace may find symbols of the binary in a file beside it, which were not looked at here."""
    build_id = image.build_id
    return image.section(b".gnu_debuglink") is not None or os.path.exists(
        f"{_DEBUG}/{build_id[:2]}/{build_id[2:]}.debug"
    )
