"""Statically defined tracepoints (USDT), as SystemTap's ``sys/sdt.h`` leaves them in a binary."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from tracekit.core.near import near
from tracekit.errors import BinaryError
from tracekit.symbols import elf
from tracekit.symbols.image import Image
from tracekit.symbols.spelling import decode
from tracekit.values import frozen

_NOTE_TYPE: Final = 3


@frozen
class UsdtSite:
    """One place where a tracepoint fires; inlining can give a tracepoint several.

    Attributes:
        provider: the tracepoint's provider.
        name: its name.
        address: the virtual address of its instruction.
        semaphore: the virtual address of the 16-bit counter that switches it on; 0 if it is always on.
        arguments: where its arguments are, in the assembler's words: ``-4@%edi 8@-16(%rbp)``.
    """

    provider: str
    name: str
    address: int
    semaphore: int
    arguments: str


def find_usdt(image: Image, provider: str, name: str) -> tuple[UsdtSite, ...]:
    """The places of a tracepoint, sorted by address.

    Raises:
        BinaryError: if the binary has no such tracepoint; it suggests near ones.
    """
    sites = list(usdt_sites(image))
    found = [s for s in sites if (s.provider, s.name) == (provider, name)]
    if not found:
        missing = f"{image.path} has no USDT probe {provider}:{name}"
        if not sites:
            raise BinaryError(missing, "It has none at all; was it built with them?")
        names = {f"{s.provider}:{s.name}" for s in sites}
        guesses = near(f"{provider}:{name}", (n for n in names if n.isprintable()))
        raise BinaryError(missing, f"Did you mean {' or '.join(guesses)}?" if guesses else "")
    return tuple(sorted(found, key=lambda s: s.address))


def usdt_sites(image: Image) -> Iterator[UsdtSite]:
    """All tracepoints of a binary.

    Source: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation. Addresses in a note are as
    of linking; a tool that moved the code later (prelink) moved the section ``.stapsdt.base`` along.
    """
    section = image.section(b".note.stapsdt")
    if section is None:
        return
    base = image.section(b".stapsdt.base")
    data = image.file.read(section.offset, section.size, ".note.stapsdt")
    for note in elf.notes(image.headers.order, data, section.align):
        texts = note.content[24:].split(b"\0")
        if note.owner != b"stapsdt" or note.type != _NOTE_TYPE or len(texts) < 3:
            continue
        address, linked_base, semaphore = struct.unpack_from(image.headers.order + "QQQ", note.content)
        moved = base.address - linked_base if base and linked_base else 0
        provider, name, arguments = map(decode, texts[:3])
        yield UsdtSite(provider, name, address + moved, semaphore + moved if semaphore else 0, arguments)
