"""Places in words."""

from __future__ import annotations

from tracekit.core.arch import Architecture
from tracekit.core.location import Behind, InRegister, InVector, InX87, OnStack, Piece


def place_in_words(piece: Piece, arch: Architecture, *, c_arguments: bool) -> str:
    """A place as a person names it, such as ``rdx (arg2)`` or ``the low 4 bytes of rdi (arg0)``."""

    def register(name: str) -> str:
        known = c_arguments and name in arch.arguments
        return f"{name} (arg{arch.arguments.index(name)})" if known else name

    match piece.location:
        case InRegister(name, shift) | InVector(name, shift):
            whole = register(name)
            if shift and piece.size == 1:
                return f"byte {shift} of {whole}"
            if shift:
                return f"bytes {shift} to {shift + piece.size - 1} of {whole}"
            few = "byte" if piece.size == 1 else f"{piece.size} bytes"
            return whole if piece.size == 8 else f"the low {few} of {whole}"
        case InX87(index):
            return f"st({index})"
        case OnStack(offset):
            return f"the stack at {arch.stack_pointer}+{offset}"
        case Behind(InRegister(name), offset):
            return f"memory at {register(name)}+{offset}"
        case Behind(pointer, offset):
            assert isinstance(pointer, OnStack)
            return f"memory at +{offset} from the pointer at {arch.stack_pointer}+{pointer.offset}"
