"""Binaries that someone damaged: their structure, their debug information, and those of macOS."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from random import Random

from tests.fuzz.binaries import Program, damaged, elf_programs, macho_programs
from tests.fuzz.target import Target

from tracekit.calibration.identity import identity
from tracekit.calibration.static import calibrate_function
from tracekit.core.listed import listed
from tracekit.core.probe import FunctionName
from tracekit.errors import TracekitError
from tracekit.render.calibration import render_calibration
from tracekit.symbols import declarations, listing
from tracekit.symbols.dwarf import DebugInfo, open_debug_info
from tracekit.symbols.functions import find
from tracekit.symbols.golang import after_stack_check, is_go_function
from tracekit.symbols.image import Image, open_image
from tracekit.symbols.instructions import check_instruction
from tracekit.symbols.macho import open_macho
from tracekit.symbols.notes import notes
from tracekit.symbols.questions import file_offset
from tracekit.symbols.returns import returns
from tracekit.symbols.usdt import find_usdt

_NAMES = ("take", "hidden", "by_value", "a::box<long>::get", "main.take")
_MOST = 4
"""Functions of which all is asked."""


def _choose(chance: Random, programs: list[Program]) -> Program:
    """Mostly small ones: Go's have a megabyte."""
    small = [p for p in programs if len(p.content) < 1 << 18]
    return chance.choice(small if small and chance.random() < 0.97 else programs)


def _make_elf(chance: Random) -> bytes:
    program = _choose(chance, elf_programs())
    if chance.random() < 0.02:
        return b"\x7fELF\2\1\1" + chance.randbytes(chance.randrange(600))
    return damaged(chance, program, [*program.headers, *program.tables])


def _make_dwarf(chance: Random) -> bytes:
    program = _choose(chance, elf_programs())
    return damaged(chance, program, program.debug)


def _make_macho(chance: Random) -> bytes:
    program = _choose(chance, macho_programs())
    return damaged(chance, program, [*program.headers, *program.tables, *program.debug])


def _asked(question: Callable[[], object]) -> None:
    """Ask; that it is refused is an answer, if it is said as it should be."""
    try:
        question()
    except TracekitError as error:
        if not error.message.isprintable() or not error.hint.replace("\n", "").isprintable():
            raise


@contextlib.contextmanager
def _file(data: bytes):  # type: ignore[no-untyped-def]
    """The path of a file in memory that has these bytes."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _read_elf(data: bytes) -> None:
    """Everything that is asked of a binary without its debug information."""
    with _file(data) as path:
        image = open_image(path)
        identity(image)
        functions = []
        for name in ("take", "a::*", "isnert", "file.c:take", "t*", "main.take", hex(image.headers.entry)):
            with contextlib.suppress(TracekitError):
                found = find(image, FunctionName(name))
                assert all(image.is_code(f.address) for f in found)
                functions += found[:_MOST]
        for function in functions[:_MOST]:
            assert file_offset(image, function.address) in range(len(data))
            for question in (
                lambda f=function: notes(image, f),
                lambda f=function: after_stack_check(image, f),
                lambda f=function: is_go_function(image, f),
                lambda f=function: returns(image, f),
                lambda f=function: check_instruction(image, f, 3),
            ):
                _asked(question)
        _asked(lambda: find_usdt(image, "a", "b"))
        _asked(lambda: find(image, FunctionName("no such\x1bfunction")))


def _read_dwarf(data: bytes) -> None:
    """What debug information says of functions, as a calibration uses it."""
    with _file(data) as path:
        image = open_image(path)
        debug = open_debug_info(image)
        # One of them, whichever the bytes say: each input takes less time, and there are more of them.
        start = zlib.crc32(data) % len(_NAMES)
        for name in (*_NAMES[start:], *_NAMES[:start]):
            try:
                function = find(image, FunctionName(name), debug.declared_in)[0]
            except TracekitError:
                continue
            debug.prologue_end(function.address)
            render_calibration(calibrate_function(image, function, debug))
            break
        if not start:  # an index takes longer than all else
            _list(image, debug)


def _list(image: Image, debug: DebugInfo) -> None:
    """All functions, and what is told of some."""
    while listing.advance(image, lambda _: debug, 10.0) < listing.DONE:
        pass
    lines = listing.lines(image, 0).splitlines()[1:]
    some = tuple(map(listed, lines[:: 1 + len(lines) // 20]))
    assert all(f.name.isprintable() for f in some)
    declarations.details(image, lambda _: debug, some)


def _read_macho(data: bytes) -> None:
    """The same of a binary of macOS."""
    with _file(data) as path:
        binary = open_macho(path, "aarch64" if data[4:5] == b"\x0c" else "")
        identity(binary)
        wanted = [f for f in binary.functions if f.name in ("take", "hidden", "main", "main.take")]
        debug = binary.debug_info()
        if wanted:
            function = wanted[zlib.crc32(data) % len(wanted)]
            render_calibration(calibrate_function(binary, function, debug))


ELF = Target("elf", _make_elf, _read_elf, elf_programs)
DWARF = Target("dwarf", _make_dwarf, _read_dwarf, elf_programs)
MACHO = Target("macho", _make_macho, _read_macho, macho_programs)
