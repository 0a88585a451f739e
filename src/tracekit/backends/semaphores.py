"""Static tracepoints that the kernel would switch on at the wrong place of the target's memory."""

from __future__ import annotations

from typing import Final

from tracekit.binaries import open_elf
from tracekit.core.probe import Usdt
from tracekit.errors import UnsupportedError
from tracekit.symbols import elf
from tracekit.symbols.image import Image
from tracekit.symbols.questions import file_offset
from tracekit.symbols.usdt import find_usdt

_PAGE: Final = 4096


def check_semaphores(probe: Usdt, file: str, backend: str) -> None:
    """Refuse a tracepoint whose semaphore the kernel would not find.

    It adds 1 in the first writable mapping that has the semaphore's page of the file (``find_ref_ctr_vma`` in
    ``kernel/events/uprobes.c``). lld lays segments so that a page of the file is in two of them: then another
    word of the target's memory is changed, and the tracepoint stays off without a word.

    Args:
        probe: the tracepoint.
        file: a path to its binary.
        backend: who is to place it.

    Raises:
        UnsupportedError: if it has such a semaphore.
    """
    open_elf(file, probe.binary).ask(_check, probe, backend)


def _check(image: Image, probe: Usdt, backend: str) -> None:
    for site in find_usdt(image, probe.provider, probe.name):
        if site.semaphore and _writable_copies(image, file_offset(image, site.semaphore)) > 1:
            raise UnsupportedError(
                feature=f"the tracepoint {probe.provider}:{probe.name}",
                backend=backend,
                reason="the kernel would switch it on at a wrong address, since the page of the file with its "
                "semaphore is twice in memory, as lld makes it",
                remedy="Use dtrace, or link it with GNU ld (-fuse-ld=bfd).",
            )


def _writable_copies(image: Image, offset: int) -> int:
    """How many writable mappings the page of the file has at first, before parts of some become read-only."""
    return sum(
        segment.offset // _PAGE <= offset // _PAGE <= (segment.offset + segment.file_size - 1) // _PAGE
        for segment in image.headers.segments
        if segment.type == elf.PT_LOAD and segment.flags & elf.PF_W and segment.file_size
    )
