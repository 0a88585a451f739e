"""The file that holds a binary's debug information: itself, or one that was split off.

Sources: GDB's manual, "Debugging Information in Separate Files" (debug links with their CRC, build-id folders);
dwz's ``.gnu_debugaltlink`` (a path and a build-id), which DWARF 5 calls a supplementary file (7.3.6);
elfutils' debuginfod_find_debuginfo(3), "CACHE" and "ENVIRONMENT VARIABLES".
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from typing import Final

import attrs

from tracekit.errors import BinaryError
from tracekit.symbols import elf
from tracekit.symbols.image import Image
from tracekit.symbols.opening import File, open_regular
from tracekit.symbols.root import Root
from tracekit.values import frozen

FOLDERS: Final = "TRACEKIT_DEBUG_FOLDERS"
"""The environment variable with further folders like ``/usr/lib/debug``, split by colons."""

_SYSTEM: Final = "/usr/lib/debug"
_INFO: Final = (b".debug_info", b".zdebug_info")
_CHUNK: Final = 1 << 20


class DebugInfoError(BinaryError):
    """A binary has no debug information, or none that can be read here, or it is corrupt."""


@frozen(eq=False)
class DebugFile:
    """An ELF file with debug information.

    Attributes:
        path: where it is.
        file: how its content is read.
        headers: its headers.
        supplementary: the file that it shares parts with, as dwz makes them; None if it needs none.
        root: the root folder that it lies below, if that isn't ours.
    """

    path: str
    file: File
    headers: elf.Headers
    supplementary: DebugFile | None = None
    root: Root | None = None


def find_debug_file(image: Image) -> DebugFile:
    """The file with a binary's debug information.

    It is looked for in the binary, then where its debug link says (beside it, in ``.debug``, below
    ``/usr/lib/debug``), then by build-id in ``/usr/lib/debug``, the folders of ``TRACEKIT_DEBUG_FOLDERS``, and
    what debuginfod has fetched. If the binary lies below another root folder, all this is done there first; a
    file of ours then counts only if it has the binary's build-id.

    Raises:
        DebugInfoError: if there is none; it says what was looked for.
        BinaryError: if the file is truncated or corrupt.
    """
    own = DebugFile(image.path, image.file, image.headers, root=image.root)
    if _has_info(own.headers):
        return _with_supplementary(own)
    rejected: list[str] = []
    build_id = _build_id(own)
    for path, checksum, root in _candidates(own, build_id):
        found = _open(path, root)
        if found is None:
            continue
        wrong = _mismatch(found, build_id, checksum, named=root is image.root)
        if not wrong:
            return _with_supplementary(found)
        rejected.append(f"{path} {wrong}")
    raise _missing(image, own, build_id, rejected)


def debug_path(image: Image) -> str:
    """Where a binary's debug information is; see ``find_debug_file``."""
    return find_debug_file(image).path


def _has_info(headers: elf.Headers) -> bool:
    return any(s.name in _INFO and s.type != elf.SHT_NOBITS and s.size for s in headers.sections)


def _candidates(own: DebugFile, build_id: bytes) -> Iterator[tuple[str, int | None, Root | None]]:
    """Where the file may be, best first, with the CRC that it must have; None where the build-id must do.

    The last is the root folder that the path begins at; None for ours.
    """
    folder, link = _folder(own), _debug_link(own)
    for root in dict.fromkeys((own.root, None)):
        if link:
            name, checksum = link
            yield os.path.join(folder, name), checksum, root
            yield os.path.join(folder, ".debug", name), checksum, root
            for base in _folders(root):
                yield os.path.join(base, folder.lstrip("/"), name), checksum, root
        for base in _folders(root):
            if path := _by_build_id(base, build_id):
                yield path, None, root
    if build_id:
        yield os.path.join(_fetched(), build_id.hex(), "debuginfo"), None, None


def _folder(file: DebugFile) -> str:
    """Where a file lies, without symbolic links, as those with its root folder see it."""
    if file.root is None:
        # By the open file where the system tells, since the program may have changed its folder since.
        opened = f"/proc/self/fd/{file.file.descriptor}"
        return os.path.dirname(os.path.realpath(opened if os.path.exists(opened) else file.path))
    return os.path.dirname(file.root.name_of(file.file.descriptor))


def _folders(root: Root | None) -> Iterator[str]:
    yield _SYSTEM
    if root is None:
        yield from filter(None, os.environ.get(FOLDERS, "").split(":"))


def _fetched() -> str:
    """Where debuginfod's client keeps what it has fetched."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("DEBUGINFOD_CACHE_PATH") or os.path.join(caches, "debuginfod_client")


def _by_build_id(base: str, build_id: bytes) -> str:
    digits = build_id.hex()
    return os.path.join(base, ".build-id", digits[:2], f"{digits[2:]}.debug") if len(digits) > 2 else ""


def _debug_link(own: DebugFile) -> tuple[str, int] | None:
    """A debug link's file name and CRC: a string, zeros up to a multiple of four, 32 bits."""
    data = _content(own, b".gnu_debuglink")
    name = os.fsdecode(data.partition(b"\0")[0])
    # A name with a slash would lead out of the folders that are searched.
    if len(data) < 8 or not name or "/" in name:
        return None
    return name, int.from_bytes(data[-4:], "little" if own.headers.order == "<" else "big")


def _with_supplementary(found: DebugFile) -> DebugFile:
    """The same with its supplementary file, if it names one.

    Raises:
        DebugInfoError: if that isn't there.
    """
    name, _, build_id = _content(found, b".gnu_debugaltlink").partition(b"\0")
    if not name:
        return found
    path, root = os.path.join(_folder(found), os.fsdecode(name)), found.root
    for candidate in (path, *(_by_build_id(base, build_id) for base in _folders(root))):
        other = _open(candidate, root) if candidate else None
        if other is not None and build_id in (b"", _build_id(other)):
            return attrs.evolve(found, supplementary=other)
    raise DebugInfoError(
        f"{found.path} shares debug information with {path}, which is missing or of another build",
        "Install the debug symbols that it came with; they are in the same package.",
    )


def _open(path: str, root: Root | None) -> DebugFile | None:
    """A 64-bit ELF file with debug information; None if that isn't one."""
    try:
        descriptor = open_regular(path) if root is None else root.open(path)
    except (OSError, ValueError):
        return None
    file = File(descriptor, path)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or file.size < 64:
        return None
    if file.read(0, 5, "ELF header") != b"\x7fELF\2":
        return None
    headers = elf.read_headers(file)
    return DebugFile(path, file, headers, root=root) if _has_info(headers) else None


def _mismatch(found: DebugFile, build_id: bytes, checksum: int | None, *, named: bool) -> str:
    """What speaks against a file belonging to the binary; empty if nothing does.

    Args:
        found: the file.
        build_id: the binary's.
        checksum: the CRC that it must have; None where the build-id must do.
        named: whether it lies in the root folder in which the binary's names mean something.
    """
    if build_id and _build_id(found) not in (b"", build_id):
        return "has another build-id"
    if not named and not (build_id and _build_id(found) == build_id):
        return "lies outside of the container, without a build-id to know it by"
    if checksum is None:
        return "" if _build_id(found) else "has no build-id"
    return "" if _crc(found.file) == checksum else "has another checksum than its link says"


def _crc(file: File) -> int:
    crc = 0
    for offset in range(0, file.size, _CHUNK):
        crc = zlib.crc32(file.read(offset, min(_CHUNK, file.size - offset), "content"), crc)
    return crc


def _content(file: DebugFile, name: bytes) -> bytes:
    for s in file.headers.sections:
        if s.name == name and s.type != elf.SHT_NOBITS:
            return file.file.read(s.offset, s.size, name.decode())
    return b""


def _build_id(file: DebugFile) -> bytes:
    for s in file.headers.sections:
        if s.type == elf.SHT_NOTE:
            data = file.file.read(s.offset, s.size, "notes")
            for note in elf.notes(file.headers.order, data, s.align):
                if (note.owner, note.type) == (b"GNU", 3):
                    return note.content
    return b""


def _missing(image: Image, own: DebugFile, build_id: bytes, rejected: list[str]) -> DebugInfoError:
    message = f"{image.path} has no debug information"
    if rejected:
        return DebugInfoError(
            f"{message} that belongs to it: {'; '.join(rejected)}", "Install that of its version."
        )
    if image.is_go:
        return DebugInfoError(message, "Build it without -ldflags=-w and -s.")
    if link := _debug_link(own):
        message += f" of its own, and the file {link[0]} that it names is not there"
    hint = "Compile it with -g, or install its debug symbols (a package like …-dbgsym or …-debuginfo)."
    if build_id:
        hint += f" Its build-id is {build_id.hex()}."
    return DebugInfoError(message, hint)
