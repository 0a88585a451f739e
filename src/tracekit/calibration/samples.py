"""What a debugger saw when a function was entered, and what it is asked to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

import attrs

from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack, Piece
from tracekit.core.result import Ending
from tracekit.core.target import Command, Pids
from tracekit.errors import UsageError
from tracekit.values import frozen


@frozen
class Remote:
    """A stub that speaks gdb's remote protocol, such as qemu-user's ``-g``.

    Attributes:
        at: the TCP port on this machine, or the path of a Unix socket.
        base: what the binary's own addresses are to be raised by, which is 0 for one that isn't position
            independent; None for what the stub says itself, or 0 if it doesn't, as on bare metal.
    """

    at: int | str
    base: int | None = None

    def __attrs_post_init__(self) -> None:
        if isinstance(self.at, int):
            if not 0 < self.at < 1 << 16:
                raise UsageError(f"{self.at} is no TCP port")
        elif not self.at.startswith("/") or not self.at.isprintable() or " " in self.at:
            raise UsageError(
                f"{self.at!r} can't be given to gdb as a socket", "Give an absolute path without blanks."
            )


def _one_process(_instance: object, _attribute: object, value: Command | Pids | Remote) -> None:
    if isinstance(value, Pids) and len(value.pids) != 1:
        raise UsageError("gdb samples one process at a time", "Give one process id.")


def _positive(_instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not value > 0:
        raise UsageError(f"{attribute.name} is {value}, which is not positive")


@frozen
class SampleRequest:
    """What to sample.

    Attributes:
        binary: a path to the file that has the function; one of our own descriptors is safest.
        address: the virtual address of its first instruction, in the binary's own numbering.
        architecture: the binary's, as ``uname -m`` has it.
        target: the command or the one process that runs it, or a remote stub.
        name: how messages call the binary; empty for its path.
        hits: how many entries to look at.
        timeout: for how many seconds to wait for them, from the moment when the target runs.
        stack_bytes: how many bytes of the stack to read, from the stack pointer on.
        memory_bytes: how many bytes to read behind everything that points at readable memory.
        after: a virtual address after the function's prologue, where gdb's own value of each parameter is read
            as well. Right only in code without optimisation; None for not to.
    """

    binary: str
    address: int
    architecture: str
    target: Command | Pids | Remote = attrs.field(validator=_one_process)
    name: str = ""
    hits: int = attrs.field(default=8, validator=_positive)
    timeout: float = attrs.field(default=30.0, validator=_positive)
    stack_bytes: int = attrs.field(default=512, validator=_positive)
    memory_bytes: int = attrs.field(default=256, validator=_positive)
    after: int | None = None

    @property
    def title(self) -> str:
        """How messages call the binary."""
        return self.name or self.binary


@frozen
class Hit:
    """The processor at one entry of the function, before its first instruction.

    Attributes:
        registers: the general registers, unsigned, by their names in the architecture's manual.
        vectors: the first 16 bytes of vector registers, by name.
        stack: the bytes from the stack pointer on, as far as they could be read.
        memory: the bytes behind what points at readable memory: behind a register by its name, behind a
            word on the stack by ``[OFFSET]``, with the bytes from the stack pointer to it.
        thread: the system's number of the thread.
        after: each parameter's bytes after the prologue of the same call, by name.
    """

    registers: Mapping[str, int]
    vectors: Mapping[str, bytes] = attrs.field(factory=dict)
    stack: bytes = b""
    memory: Mapping[str, bytes] = attrs.field(factory=dict)
    thread: int = 0
    after: Mapping[str, bytes] = attrs.field(factory=dict)


@frozen
class Region:
    """A part of the target's memory.

    Attributes:
        start: its first address.
        end: the address behind its last one.
        name: the file that is mapped there, or the kernel's word such as ``[heap]``; empty for neither.
    """

    start: int
    end: int
    name: str


@frozen
class Samples:
    """What a debugger saw.

    Attributes:
        hits: in the order in which they came.
        gdb_version: gdb's own word for its version.
        ended: how the target ended; None if it goes on, or nobody knows.
        regions: the target's memory when the last of them came; empty if not known.
        notes: what a reader should know.
    """

    hits: tuple[Hit, ...]
    gdb_version: str = ""
    ended: Ending | None = None
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()


def stack_key(offset: int) -> str:
    """The name under which ``Hit.memory`` has what a word on the stack points at.

    Args:
        offset: bytes from the stack pointer to the word.
    """
    return f"[{offset}]"


def value_at(hit: Hit, pieces: Iterable[Piece], size: int) -> bytes | None:
    """The bytes of a value at an entry.

    Args:
        hit: the entry.
        pieces: where the value is; they don't overlap.
        size: how many bytes of it are wanted, from its start on.

    Returns:
        The bytes; None if the pieces don't give them all, or some weren't read.
    """
    found = bytearray(size)
    missing = size
    for piece in pieces:
        data = _bytes_at(hit, piece.location, piece.size)
        if len(data) < piece.size or piece.end > size:
            return None
        found[piece.offset : piece.end] = data
        missing -= piece.size
    return None if missing else bytes(found)


def _bytes_at(hit: Hit, location: Location, size: int) -> bytes:
    """Bytes at a place, as far as they are known."""
    match location:
        case InRegister(name, start):
            data = hit.registers[name].to_bytes(8, "little") if name in hit.registers else b""
        case InVector(name, start):
            data = hit.vectors.get(name, b"")
        case OnStack(start):
            data = hit.stack
        case Behind(pointer, start):
            key = pointer.name if isinstance(pointer, InRegister) else stack_key(pointer.offset)
            data = hit.memory.get(key, b"")
        case InX87():
            return b""
        case _:
            assert_never(location)
    return data[start : start + size] if start >= 0 else b""
