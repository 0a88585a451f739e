"""Indexes of binaries' functions on disk, so that a large binary is gone through once.

Each is a file of its own, named by a hash of the build-id and of the very file: a stripped copy has the same
build-id, and another binary can say that it had. Files are written whole or not at all. What an index says is
as little to be trusted as the binary it was made from: it is shown, and never acted upon.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from functools import cached_property
from typing import Final

from tracekit import __version__, process
from tracekit.binaries import Binary
from tracekit.calibration.identity import descriptor_identity
from tracekit.core.listed import TRACEABLE, Kind, Listed, listed
from tracekit.errors import BinaryError, OutputError
from tracekit.files import write_atomically
from tracekit.symbols import listing
from tracekit.symbols.debugfile import find_debug_file
from tracekit.symbols.image import Image
from tracekit.symbols.opening import open_regular
from tracekit.values import frozen
from tracekit.workflow.caches import cache_folder
from tracekit.workflow.debug_info import debug

VARIABLE: Final = "TRACEKIT_INDEXES"
"""The environment variable that names the folder of indexes."""

_FORMAT: Final = f"tracekit-functions 1 {__version__}"
_SUFFIX: Final = ".functions"
_LARGEST: Final = 1 << 30
_QUICK: Final = 8 << 20
"""Bytes of a binary that is gone through while somebody waits for a completion."""

_TABS: Final = 6
"""Between the parts of a line."""

_KEPT: Final = 64
"""Indexes that are kept, the newest ones."""

_STEP_SECONDS: Final = 0.5

Progress = Callable[[float], object]
"""Told now and then how much is read, from 0 to 1."""


@frozen(eq=False)
class Index:
    """The functions of a binary.

    Attributes:
        trouble: why its debug information isn't in it, or some of it; empty if it is.
        left_out: how many functions aren't in it, since their names are too long or can't be shown.
        debug: the file with the debug information, and what tells it from all others; empty if there is none.
        lines: a line for each function.
    """

    trouble: str
    left_out: int
    debug: tuple[str, str]
    lines: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The functions' names, in the order of the lines."""
        return tuple(line.partition("\t")[0] for line in self.lines)

    def function(self, number: int) -> Listed:
        """The function of a line.

        Raises:
            ValueError: if the line is damaged.
        """
        return listed(self.lines[number])

    def is_kind(self, number: int, *kinds: Kind) -> bool:
        """Whether the function of a line is of some kinds, without taking the line apart."""
        return self.lines[number].split("\t", 3)[2][:3] in {kind.name[:3] for kind in kinds}

    def is_traceable(self, number: int) -> bool:
        """Whether a probe on the function of a line sees calls."""
        return self.is_kind(number, *TRACEABLE)

    def has_source(self, number: int) -> bool:
        """Whether debug information tells of the function of a line."""
        return not self.lines[number].endswith("\t0")


def index_of(binary: Binary, progress: Progress = lambda _: None) -> Index:
    """The functions of a binary: from its index, which is made if there is none that is still right.

    Args:
        binary: the binary.
        progress: told how far the work is.

    Raises:
        BinaryError: if the binary can't be read.
    """
    path = _path(binary.facts.build_id, binary.file_identity)
    found = _read(path)
    if found is not None and _is_fresh(found, binary):
        return found
    index = _made(binary, progress)
    _write(path, index)
    return index


def quick_index(binary: Binary) -> Index | None:
    """The same where it is there already, or is made in a moment; else None."""
    found = _read(_path(binary.facts.build_id, binary.file_identity))
    if found is not None:
        return found
    small = binary.facts.elf and os.fstat(binary.descriptor).st_size <= _QUICK
    return index_of(binary) if small else None


def _made(binary: Binary, progress: Progress) -> Index:
    while (done := binary.ask(listing.advance, debug, _STEP_SECONDS)) < listing.DONE:
        progress(done / listing.DONE)
    text = ""
    for number in range(_LARGEST):
        if not (part := binary.ask(listing.lines, number)):
            break
        text += part
    left_out, _, body = text.partition("\n")
    where, _, identity = binary.ask(_debug_file).partition("\0")
    lines = _lines(body)
    if lines is None or not left_out.isdecimal():
        raise BinaryError(f"{binary.path} can't be read: what was told of its functions is nonsense")
    return Index(binary.ask(listing.trouble), int(left_out), (where, identity), lines)


def _lines(body: str) -> tuple[str, ...] | None:
    """The lines of an index; None if there is one that is none."""
    found = tuple(body.split("\n")[:-1])
    return found if all(line.count("\t") == _TABS for line in found) else None


def _is_fresh(index: Index, binary: Binary) -> bool:
    """Whether the debug information is still what it was: symbols may have been installed, or taken away."""
    where, identity = index.debug
    if where and binary.root is None:
        with contextlib.suppress(OSError, ValueError):
            descriptor = open_regular(where)
            try:
                return descriptor_identity(descriptor) == identity
            finally:
                os.close(descriptor)
        return False
    return binary.ask(_debug_file) == (f"{where}\0{identity}" if where else "")


def _debug_file(image: Image) -> str:
    """The file with a binary's debug information, if that isn't the binary, and what tells it from others."""
    if not isinstance(image, Image):
        return ""
    try:
        found = find_debug_file(image)
    except BinaryError:
        return ""
    if found.path == image.path:
        return ""
    return f"{found.path}\0{descriptor_identity(found.file.descriptor)}"


def _path(build_id: str, file_identity: str) -> str:
    words = f"{build_id}\0{file_identity}".encode("utf-8", "surrogateescape")
    return os.path.join(
        cache_folder(VARIABLE, "functions"), f"{hashlib.sha256(words).hexdigest()[:40]}{_SUFFIX}"
    )


def _read(path: str) -> Index | None:
    """The index in a file; None if there is none, or it is damaged or of another version."""
    try:
        with process.as_invoking_user():
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                text = file.read(_LARGEST).decode("utf-8", "surrogateescape")
        head, _, body = text.partition("\n")
        form, digest, left_out, trouble, where, identity = json.loads(head)
        lines = _lines(body)
        if form != _FORMAT or digest != _digest(body) or lines is None or type(left_out) is not int:
            return None
        if not all(type(s) is str for s in (trouble, where, identity)):
            return None
        return Index(trouble, left_out, (where, identity), lines)
    except (OSError, ValueError, TypeError, IndexError, RecursionError):
        return None


def _write(path: str, index: Index) -> None:
    """Keep an index; if it can't be, the next question takes as long once more."""
    body = "".join(f"{line}\n" for line in index.lines)
    text = json.dumps([_FORMAT, _digest(body), index.left_out, index.trouble, *index.debug]) + "\n" + body
    folder = os.path.dirname(path)
    with contextlib.suppress(OSError, OutputError), process.as_invoking_user():
        os.makedirs(folder, mode=0o700, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "surrogateescape"))
        _forget_old(folder)


def _digest(body: str) -> str:
    """What shows that a disk or an editor has damaged an index; who forges one computes it, too."""
    return hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()


def _forget_old(folder: str) -> None:
    with os.scandir(folder) as entries:
        ours = [e for e in entries if e.name.endswith(_SUFFIX)]
        files = [(e.stat(follow_symlinks=False).st_mtime, e.path) for e in ours]
    for _, path in sorted(files)[:-_KEPT]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
