"""Which files a run's processes have mapped to run them, also if they end before anybody asks.

What is mapped already is in ``/proc/PID/maps``; what comes later, the kernel writes into buffers that it shares
with us, one for each processor.

Source: ``PERF_RECORD_MMAP2`` and ``struct perf_event_mmap_page`` in ``include/uapi/linux/perf_event.h``.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.rights import Kernel
from tracekit.values import frozen

_PAGES: Final = 32
_HEAD, _TAIL = 1024, 1032  # data_head and data_tail
_MMAP2: Final = 10
_NAME: Final = 72  # where a record's file name begins
_DELETED: Final = " (deleted)"


@frozen
class Mapped:
    """A part of a file in a process's memory.

    Attributes:
        pid: the process.
        start: its first address.
        size: its bytes.
        offset: where in the file it begins.
        path: the file's.
    """

    pid: int
    start: int
    size: int
    offset: int
    path: str


class Mappings:
    """The mapped files of processes, from now on and before."""

    def __init__(self, pids: Sequence[int], by: Kernel) -> None:
        """Begin to listen, then look at what is there, as far as we may.

        Args:
            pids: the processes; empty for all, of which only later mappings are known.
            by: who may listen.
        """
        self._kernel = by
        self._pids = tuple(pids)
        self._found: dict[Mapped, None] = {}
        self._asked = {0, *pids}
        self._stack = ExitStack()
        self._buffers: list[mmap.mmap] = []
        for pid in self._pids or (-1,):
            for processor in kernel.online():
                self._listen(pid, processor)
        for pid in self._pids:
            self._found.update(dict.fromkeys(_present(pid)))

    def _listen(self, pid: int, processor: int) -> None:
        # Without, only names of what is mapped later are missing, and are told by build-id.
        with suppress(OSError):
            event = self._kernel.mappings(pid, processor)
            self._stack.callback(os.close, event)
            self._buffers.append(self._stack.enter_context(mmap.mmap(event, (1 + _PAGES) * mmap.PAGESIZE)))

    def refresh(self) -> None:
        """Take in what has been mapped since the last time."""
        for buffer in self._buffers:
            self._found.update(dict.fromkeys(_records(buffer)))

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of all files that were mapped."""
        return tuple(dict.fromkeys(m.path for m in self._found))

    def at(self, address: int, pid: int) -> tuple[str, int] | None:
        """The file at an address, and where in it; None if that isn't known for sure.

        Args:
            address: the address.
            pid: the process; 0 if that isn't known, and then it is if there is but one.
        """
        if pid not in self._asked:
            self._asked.add(pid)
            self._found.update(dict.fromkeys(_present(pid)))
        whose = pid if any(m.pid == pid for m in self._found) else self._only
        found = {
            (m.path, address - m.start + m.offset)
            for m in self._found
            if m.pid == whose and 0 <= address - m.start < m.size
        }
        return found.pop() if len(found) == 1 else None

    @property
    def _only(self) -> int:
        """The process that a run is about, of which others are forked; 0 if it is about several."""
        return self._pids[0] if len(self._pids) == 1 else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def _present(pid: int) -> Iterator[Mapped]:
    with suppress(OSError), open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            addresses, permissions, offset, _, _, *path = line.rstrip("\n").split(maxsplit=5)
            if "x" in permissions and path and path[0].startswith("/"):
                start, end = (int(number, 16) for number in addresses.split("-"))
                yield Mapped(pid, start, end - start, int(offset, 16), path[0].removesuffix(_DELETED))


def _records(buffer: mmap.mmap) -> Iterator[Mapped]:
    head, tail = struct.unpack_from("<QQ", buffer, _HEAD)
    size = _PAGES * mmap.PAGESIZE
    data = buffer[mmap.PAGESIZE : mmap.PAGESIZE + size]
    at = tail
    while at < head:
        begin = at % size
        kind, _, length = struct.unpack("<IHH", (data + data[:8])[begin : begin + 8])
        record = (data[begin:] + data[:begin])[:length]
        if kind == _MMAP2:
            pid, _, start, extent, offset = struct.unpack_from("<IIQQQ", record, 8)
            path = os.fsdecode(record[_NAME:].split(b"\0", 1)[0])
            if path.startswith("/") and not path.startswith("//"):  # "//anon" is no file
                yield Mapped(pid, start, extent, offset, path.removesuffix(_DELETED))
        at += max(8, length)
    struct.pack_into("<Q", buffer, _TAIL, head)
