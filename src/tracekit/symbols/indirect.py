"""Which implementation an indirect function (IFUNC) of a shared library has on this machine.

The symbol of an indirect function names code that looks at the processor and chooses, once, where calls go
to. Only that code itself can tell what it chooses; so a short-lived Python loads the library and asks the
dynamic linker. Loading a library runs its constructors: whoever starts that process gives it no privileges.

Source: GNU gABI extensions, STT_GNU_IFUNC; glibc's ``dlsym`` calls the resolver, and ``dladdr1`` (``dlfcn.h``)
tells where a library is.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import Final

from tracekit.errors import BinaryError
from tracekit.symbols import elf
from tracekit.symbols.function import Function
from tracekit.symbols.image import Image
from tracekit.symbols.lookup import at, by_address, defined, function, named
from tracekit.symbols.sources import OLD_VERSION, places
from tracekit.symbols.spelling import decode, is_cold

_DT_FLAGS_1: Final = 0x6FFFFFFB
_DF_1_PIE: Final = 0x08000000
_ET_DYN: Final = 3
_LISTED: Final = 8

# Prints the implementation's virtual address in the library; or nothing, and why not on standard error.
_CHILD: Final = """
import ctypes, os, sys
path, name = map(os.fsencode, sys.argv[1:])
class Info(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p),
                ("symbol", ctypes.c_char_p), ("address", ctypes.c_void_p)]
class Map(ctypes.Structure):
    _fields_ = [("moved", ctypes.c_size_t), ("file", ctypes.c_char_p)]
own = ctypes.CDLL(None)
own.dlsym.restype = ctypes.c_void_p
own.dlsym.argtypes = ctypes.c_void_p, ctypes.c_char_p
own.dladdr1.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int
library = ctypes.CDLL(os.fsdecode(path))
address = own.dlsym(library._handle, name)
info, found = Info(), ctypes.POINTER(Map)()
if not address:
    print("missing")
elif not own.dladdr1(address, ctypes.byref(info), ctypes.byref(found), 2):
    print("elsewhere")
elif not os.path.exists(info.file) or not os.path.samefile(info.file, path):
    print("elsewhere")
else:
    print(hex(address - found.contents.moved))
"""


def resolver_command(path: str, name: str) -> list[str]:
    """The command that finds out which implementation calls of an indirect function go to.

    It has to run on the machine, and with the environment, of the process that is traced: the choice depends
    on the processor and on ``GLIBC_TUNABLES``. It executes code of the library.

    Args:
        path: the shared library; a path with a ``/``.
        name: the function's symbol.

    Returns:
        A program and its arguments. ``read_implementation`` reads what it prints on standard output.
    """
    return [sys.executable, "-I", "-S", "-c", _CHILD, path, name]


def read_implementation(output: bytes, image: Image, name: str) -> Function:
    """The implementation that ``resolver_command`` found.

    Args:
        output: what the command printed.
        image: the library.
        name: the indirect function's symbol.

    Returns:
        The implementation; named by its address if the library has no symbol for it, as stripped ones.

    Raises:
        BinaryError: if the command found none; it says why, and how to trace it all the same.
    """
    text = output.decode("ascii", "replace").strip()
    if text == "elsewhere":
        raise BinaryError(
            f"{name} of {image.path} goes to code outside of it, such as the kernel's vDSO, on this machine",
            "Probe the functions that call it, or the system call that it stands for.",
        )
    if text == "missing":
        raise BinaryError(f"{name} of {image.path} is not exported: nothing can ask for it", _ways(image, name))
    try:
        address = int(text, 16)
    except ValueError:
        address = -1
    if not image.is_code(address):
        raise BinaryError(
            f"which implementation {name} of {image.path} has could not be found out", _ways(image, name)
        )
    return at(image, address) or Function(hex(address), address, size=0)


def refuse_foreign(image: Image, name: str) -> None:
    """Refuse to ask a library of a container for an implementation: that executes its code, out here.

    Raises:
        BinaryError: always.
    """
    raise BinaryError(
        f"which implementation {name} of {image.path} has can't be found out from outside of the container",
        _ways(image, name),
    )


def check_library(image: Image, indirect: Function) -> None:
    """Refuse an indirect function whose choice no other process can ask for.

    Raises:
        BinaryError: if the binary is a program, or the function is an old version of a library's, which
            only old programs get; it lists the functions that may be implementations.
    """
    same = named(image, indirect.name)
    if len(same) > 1 and places(image, same, None)[indirect.address] == OLD_VERSION:
        raise BinaryError(
            f"{indirect.name} at {indirect.address:#x} of {image.path} is indirect and an old version: which "
            "implementation its code chooses, only a program that uses it knows",
            _ways(image, indirect.name),
        )
    if _is_program(image):
        raise BinaryError(
            f"{indirect.name} of {image.path} is indirect: its code only chooses an implementation, and only "
            "the running program knows which one",
            _ways(image, indirect.name),
        )


def implementations(image: Image, name: str) -> tuple[Function, ...]:
    """The functions whose names say that they implement an indirect one, sorted by address.

    glibc has ``__memcpy_avx_unaligned`` for ``memcpy``; GCC's and LLVM's ``target_clones`` make ``f.avx2`` and
    ``f.avx2.0`` of ``f``.
    """
    symbols = [(decode(table.name(row)), elf.Symbol(*row)) for table, row in defined(image)]
    wanted = name.lstrip("_")
    others = tuple(
        other
        for symbol, row in symbols
        if row.type == elf.STT_GNU_IFUNC and len(other := symbol.lstrip("_")) > len(wanted)
    )
    return by_address(
        function(symbol, row)
        for symbol, row in symbols
        if row.type == elf.STT_FUNC
        and symbol.lstrip("_").startswith((f"{wanted}_", f"{wanted}."))
        and not symbol.lstrip("_").startswith(others)
        and not symbol.endswith(".resolver")
        and not is_cold(symbol)
    )


def _ways(image: Image, name: str) -> str:
    found = [f.name for f in implementations(image, name)]
    if not found:
        return "Probe the implementation by its own name or address."
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"Probe the implementation; by their names it is one of {', '.join(found[:_LISTED])}{more}."


def _is_program(image: Image) -> bool:
    """Whether a binary is a program; source: gABI, chapter 5 (e_type), and glibc's ``elf.h`` (``DF_1_PIE``)."""
    return image.headers.type != _ET_DYN or any(
        tag == _DT_FLAGS_1 and value & _DF_1_PIE for tag, value in _dynamic(image)
    )


def _dynamic(image: Image) -> Iterator[tuple[int, int]]:
    for section in image.headers.sections:
        if section.type == elf.SHT_DYNAMIC:
            rows = image.file.read(section.offset, section.size // 16 * 16, "dynamic section")
            yield from struct.iter_unpack(image.headers.order + "QQ", rows)
