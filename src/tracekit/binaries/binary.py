"""A binary as those see it who must not read it themselves: a few facts, and questions."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

import attrs

from tracekit.errors import BinaryError
from tracekit.process.namespaces import in_first_users
from tracekit.symbols.opening import File, open_file
from tracekit.symbols.root import Root
from tracekit.values import frozen

if TYPE_CHECKING:
    from tracekit.symbols.image import Image

P = ParamSpec("P")
T = TypeVar("T")

_SYNONYMS: Final = {"amd64": "x86_64", "AMD64": "x86_64", "arm64": "aarch64"}


class Reader(Protocol):
    """Where a binary is read."""

    def ask(self, subject: Any, question: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """What a function says of a binary that was opened there.

        Raises:
            TracekitError: what the function raises.
            BinaryError: if it gives no answer.
        """


@frozen
class Facts:
    """What is told of a binary when it is opened.

    Attributes:
        machine: what it runs on, in the words of ``uname``.
        build_id: see ``Image`` and ``MachO``; perhaps empty.
        is_go: whether Go's compiler made it.
        entry: the virtual address at which a program begins; 0 if it isn't ELF.
        elf: whether it is Linux's format, the one that can be traced here.
    """

    machine: str
    build_id: str
    is_go: bool
    entry: int
    elf: bool


@frozen(eq=False)
class Binary:
    """A binary that is open.

    Attributes:
        path: as the user names it.
        facts: what it says of itself.
        root: the root folder that it lies below, if that isn't ours.
    """

    path: str
    facts: Facts
    _file: File | None = attrs.field(repr=False)
    _reader: Reader = attrs.field(repr=False)
    _subject: Any = attrs.field(repr=False)
    root: Root | None = attrs.field(default=None, repr=False)

    @property
    def machine(self) -> str:
        """What it runs on, in the words of ``uname``."""
        return self.facts.machine

    @property
    def is_go(self) -> bool:
        """Whether Go's compiler made it."""
        return self.facts.is_go

    @property
    def descriptor(self) -> int:
        """The open file of an ELF binary."""
        assert self._file is not None
        return self._file.descriptor

    @cached_property
    def identity(self) -> str:
        """What its calibrations are kept under.

        Raises:
            BinaryError: if it was cut.
        """
        from tracekit.calibration.identity import identity

        return self.facts.build_id or self.ask(identity)

    @property
    def file_identity(self) -> str:
        """What tells its file from all others; of an ELF binary by our own descriptor, whatever it says."""
        from tracekit.calibration.identity import descriptor_identity, file_identity

        return (
            f"macho:{self.ask(file_identity)}"
            if self._file is None
            else descriptor_identity(self._file.descriptor)
        )

    def check_traceable(self, machine: str) -> None:
        """Refuse a binary that can't run on a machine.

        Args:
            machine: what ``platform.machine()`` says there.

        Raises:
            BinaryError: if the binary is for another architecture.
        """
        machine = _SYNONYMS.get(machine, machine)
        if self.machine != machine:
            raise BinaryError(
                f"{self.path} is for {self.machine}, and this machine is {machine}",
                "Trace it where it runs natively: emulated code has no probes.",
            )

    def ask(self, question: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a function of a module says of the binary: of its ``Image`` or ``MachO``, and further arguments.

        Its answer has only what ``wire`` carries.

        Raises:
            TracekitError: what the function raises.
            BinaryError: if it gives no answer.
        """
        assert not kwargs
        return self._reader.ask(self._subject, question, args)

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Bytes of an ELF file, as they are; nothing is read from them here.

        Raises:
            BinaryError: if it doesn't have them.
        """
        assert self._file is not None
        return self._file.read(offset, size, "code")


class _Here:
    """Reading in our own process."""

    def ask(self, subject: Any, question: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        return question(subject, *arguments)


HERE: Final = _Here()


def open_elf(file: str | int, path: str | None = None, root: Root | None = None) -> Binary:
    """Open a Linux program or library.

    Args:
        file: its path, or an open descriptor, which is neither moved nor closed and needn't stay open.
        path: the name that messages give it; if not given, ``file``.
        root: see ``open_image``.

    Raises:
        BinaryError: if it is missing, unreadable, corrupt, or no 64-bit ELF program or library.
    """
    path = str(file) if path is None else path
    opened = File(os.dup(file) if isinstance(file, int) else open_file(file, path), path)
    if _as_root():
        from tracekit.binaries.apart import reader

        apart = reader()
        if root is None:
            facts, subject = apart.open(path, [opened.descriptor], _image, path)
        else:
            files = [opened.descriptor, root.descriptor]
            facts, subject = apart.open(path, files, _below, path, root.owner)
        return Binary(path, facts, opened, apart, subject, root)
    image = _image(opened.descriptor, path, root)
    return Binary(path, facts_of(image), opened, HERE, image, root)


def prepare() -> object:
    """Have the process get ready that will read binaries, if that isn't our own.

    Returns:
        What keeps it until a binary is opened.
    """
    if not _as_root():
        return None
    from tracekit.binaries.apart import reader

    return reader()


def _as_root() -> bool:
    """Whether we have rights to lose: those of root in a user namespace are an ordinary user's."""
    return os.geteuid() == 0 and in_first_users()


def _image(file: int, path: str, root: Root | None = None) -> Image:
    from tracekit.symbols.image import open_image

    return open_image(file, path, root)


def _below(file: int, folder: int, path: str, owner: str) -> Image:
    return _image(file, path, Root(f"/proc/self/fd/{folder}", owner))


def open_macho(path: str, machine: str = "") -> Binary:
    """Open a macOS program or library, or its bundle of debug information.

    Args:
        path: its path.
        machine: which of its architectures is meant, as ``symbols.macho.open_macho`` takes it.

    Raises:
        BinaryError: as that does.
    """
    from tracekit.symbols import macho

    if _as_root():
        from tracekit.binaries.apart import reader

        apart = reader()
        facts, subject = apart.open(path, (), _macho, os.getcwd(), path, machine)
        return Binary(path, facts, None, apart, subject)
    binary = macho.open_macho(path, machine)
    return Binary(path, facts_of(binary), None, HERE, binary)


def _macho(folder: str, path: str, machine: str) -> Any:
    from tracekit.symbols import macho

    os.chdir(folder)
    return macho.open_macho(path, machine)


def facts_of(image: Any) -> Facts:
    """What is told of an ``Image`` or ``MachO`` when it is opened."""
    from tracekit.symbols.image import Image

    if isinstance(image, Image):
        return Facts(image.machine, image.build_id, image.is_go, image.headers.entry, elf=True)
    return Facts(image.machine, image.build_id, is_go=False, entry=0, elf=False)
