"""The very file that a name in a probe means: as the traced processes have it, or else as we do."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from typing import Final

from tracekit import process
from tracekit.binaries import Binary, open_elf
from tracekit.errors import BinaryError, TargetError
from tracekit.symbols.opening import open_file, open_regular
from tracekit.symbols.root import Root
from tracekit.values import frozen
from tracekit.workflow.mapped import MappedFile, Running, running

_LDCONFIG: Final = "/sbin/ldconfig"


@frozen
class _Found:
    """A file that may be meant, open."""

    of: Running
    descriptor: int
    root: Root | None

    @property
    def identity(self) -> tuple[int, int]:
        found = os.fstat(self.descriptor)
        return found.st_dev, found.st_ino


def open_binary(name: str, pids: Sequence[int]) -> tuple[Binary, int]:
    """Open what a probe names.

    Of a process with another root folder, an absolute path and a bare name are those that it has itself; a path
    of ours means a file only if the process runs that very file. A file that was replaced or deleted since a
    process started is taken from the process.

    Args:
        name: a path, a program on the PATH, or a shared library.
        pids: the processes that will be traced, if they run already.

    Returns:
        The binary, and a descriptor of it, which is the caller's.

    Raises:
        BinaryError: if there is no such file, or it is no binary.
        TargetError: if it is a program, and none of the processes runs it; or if they run different ones.
        PrivilegeError: if what they run can't be seen.
    """
    there = [of for of in map(running, pids) if of is not None]
    with contextlib.ExitStack() as stack:
        try:
            found = list(_mapped(name, there, stack)) or list(_unmapped(name, there, stack))
        except OSError as error:
            raise BinaryError(f"{name} can't be opened: {error.strerror}") from error
        for other in found[1:]:
            if other.identity != found[0].identity:
                raise TargetError(
                    f"processes {found[0].of.pid} and {other.of.pid} have different files as {name}",
                    "Trace them one by one.",
                )
        descriptor = os.dup(found[0].descriptor) if found else open_file(_path(name), name)
    try:
        return open_elf(descriptor, name, found[0].root if found else None), descriptor
    except BaseException:
        os.close(descriptor)
        raise


def runs(name: str, of: Running) -> bool:
    """Whether a process runs what a name means to it."""
    return next(_meant(name, of), None) is not None


def _mapped(name: str, there: Sequence[Running], stack: contextlib.ExitStack) -> Iterator[_Found]:
    """What each process runs under a name, if it does."""
    for of in there:
        if (file := next(_meant(name, of), None)) is not None:
            descriptor = _open_mapped(file, name, of)
            stack.callback(os.close, descriptor)
            yield _Found(of, descriptor, of.root)


def _open_mapped(file: MappedFile, name: str, of: Running) -> int:
    """Open the very file that a process runs.

    Raises:
        OSError: if that can't be done.
    """
    if file.device is not None:
        # What has the name now may be another one than a moment ago.
        return open_regular(file.link)
    descriptor = open_regular(_path(name)) if of.root is None else of.root.open(file.name)
    if not file.is_file(os.fstat(descriptor)):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "it has been replaced, and only root can open what runs")
    return descriptor


def _meant(name: str, of: Running) -> Iterator[MappedFile]:
    """The files of a process that a name may mean, the first of which it means.

    Raises:
        TargetError: if several have a name without a folder.
    """
    if of.root is not None and "/" not in name:
        named = [file for file in of.files if _is_called(name, os.path.basename(file.name))]
        if len(named) > 1:
            raise TargetError(
                f"process {of.pid} has several files that {name} may mean",
                f"Give the path of one: {', '.join(file.name for file in named)}.",
            )
        yield from named
        return
    own = None if of.root is None or not name.startswith("/") else _status_in(of.root, name)
    path = _path(name)
    ours = _status(path)
    for status in (own[0] if own else None, ours):
        if status is not None:
            yield from (file for file in of.files if file.is_file(status))
    # The file of that name is another one by now, or is gone.
    if of.root is None:
        yield from (file for file in of.files if file.name == os.path.realpath(path))
    elif name.startswith("/"):
        wanted = own[1] if own else os.path.normpath(name)
        yield from (file for file in of.files if file.name == wanted)


def _unmapped(name: str, there: Sequence[Running], stack: contextlib.ExitStack) -> Iterator[_Found]:
    """What each process would load under a library's name; nothing where it would be a file of ours.

    Raises:
        TargetError: if it is no library.
        BinaryError: if a process with another root folder has none of that name.
    """
    path = _path(name)
    for of in there:
        try:
            if of.root is None:
                descriptor = open_regular(path)
            elif name.startswith("/"):
                descriptor = of.root.open(name)
            else:
                raise FileNotFoundError
        except (OSError, ValueError) as error:
            if of.root is None:
                return
            raise BinaryError(
                f"process {of.pid} has another root folder, and no {name} in it",
                f"It runs {of.program}. Paths are its own ones; or name any path to a file that it runs.",
            ) from error
        stack.callback(os.close, descriptor)
        if ".so" not in os.path.basename(path):
            raise TargetError(
                f"none of the processes {', '.join(str(of.pid) for of in there)} runs {name}",
                f"The first one runs {there[0].program}; probe that, or give another process.",
            )
        yield _Found(of, descriptor, of.root)


def _is_called(name: str, file: str) -> bool:
    """Whether a file may be meant by ``libNAME``, ``NAME`` or ``libNAME.so.6``."""
    return file == name or file.split(".so")[0] in (name, f"lib{name}")


def _status(path: str) -> os.stat_result | None:
    with contextlib.suppress(OSError, ValueError):
        return os.stat(path)
    return None


def _status_in(root: Root, path: str) -> tuple[os.stat_result, str] | None:
    """A file below a root folder, and its path there without symbolic links."""
    with contextlib.suppress(OSError):
        descriptor = root.open(path)
        try:
            return os.fstat(descriptor), root.name_of(descriptor)
        finally:
            os.close(descriptor)
    return None


def _path(binary: str) -> str:
    """The file of ours that a name means: a path, a program on the PATH, or a shared library."""
    if "/" in binary or os.path.exists(binary):
        return binary
    return process.find_program(binary) or _library(binary) or binary


def _library(name: str) -> str | None:
    """The shared library that the dynamic linker finds for ``libNAME``, ``NAME`` or ``libNAME.so.6``."""
    if not os.path.exists(_LDCONFIG):
        return None
    for line in process.output([_LDCONFIG, "-p"]).decode("utf-8", "surrogateescape").splitlines():
        known, _, path = line.strip().partition(" => ")
        if _is_called(name, known.split(" ")[0]):
            return path
    return None
