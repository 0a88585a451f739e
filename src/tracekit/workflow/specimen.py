"""A program of our own to trace, made without a compiler: it calls one function with 7, 6, … 1, and ends."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from collections.abc import Iterator
from typing import Final

from tracekit.values import frozen

FUNCTION: Final = "tracekit_specimen"
CALLS: Final = 7
SUM: Final = 28
"""Of what the function is passed."""


@frozen
class _Code:
    """Instructions.

    Attributes:
        machine: ELF's number of the processor.
        start: those from the program's first on.
        function: those of the function, which follows.
    """

    machine: int
    start: bytes
    function: bytes


_CODE: Final = {
    "x86_64": _Code(
        62,
        # mov ebx, 7; L: mov edi, ebx; call FUNCTION; dec ebx; jnz L; xor edi, edi; mov eax, 60; syscall
        bytes.fromhex("bb07000000 89df e80d000000 ffcb 75f5 31ff b83c000000 0f05"),
        bytes.fromhex("31c0 c3"),  # xor eax, eax; ret
    ),
    "aarch64": _Code(
        183,
        # mov w19, 7; L: mov w0, w19; bl FUNCTION; subs w19, w19, 1; b.ne L; mov w0, 0; mov w8, 93; svc 0
        struct.pack(
            "<8I",
            0x528000F3,
            0x2A1303E0,
            0x94000006,
            0x71000673,
            0x54FFFFA1,
            0x52800000,
            0x52800BA8,
            0xD4000001,
        ),
        bytes.fromhex("00008052 c0035fd6"),  # mov w0, 0; ret
    ),
}
_BASE: Final = 0x400000


def specimen_image(machine: str) -> bytes | None:
    """The program as a static ELF executable with symbols; None for a processor that it isn't made for."""
    code = _CODE.get(machine)
    if code is None:
        return None
    names = b"\0" + FUNCTION.encode() + b"\0"
    titles = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    image = bytearray(64 + 56)

    def put(part: bytes) -> int:
        image.extend(bytes(-len(image) % 16))
        image.extend(part)
        return len(image) - len(part)

    start, size = put(code.start + code.function), len(code.start + code.function)
    end = len(image)
    function = _BASE + start + len(code.start)
    symbols = put(bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, function, len(code.function)))
    strings, headings = put(names), put(titles)
    sections = (
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, 1, 6, _BASE + start, start, size, 0, 0, 16, 0),
        (7, 2, 0, 0, symbols, 48, 3, 1, 8, 24),
        (15, 3, 0, 0, strings, len(names), 0, 0, 1, 0),
        (23, 3, 0, 0, headings, len(titles), 0, 0, 1, 0),
    )
    table = put(b"".join(struct.pack("<IIQQQQIIQQ", *section) for section in sections))
    image[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, code.machine, 1, _BASE + start, 64, table, 0, 64, 56, 1, 64,
        len(sections), 4,
    )  # fmt: skip
    image[64:120] = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, end, end, 0x10000)
    return bytes(image)


@contextlib.contextmanager
def program_file(image: bytes) -> Iterator[str]:
    """Within the block, a program is a file of its own, which everybody may run.

    Yields:
        Its path.
    """
    # Not in a folder that only we can reach: under sudo the user who called it runs the program.
    with tempfile.TemporaryDirectory(prefix="tracekit-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o711)  # noqa: S103
        path = os.path.join(folder, "specimen")
        with open(path, "xb") as file:
            file.write(image)
            os.fchmod(file.fileno(), 0o755)
        yield path
