"""What the mangled symbols of C++ and Rust say, read by the package ``demangle``.

That package is pure Python and bounds depth, output and back-references, so that no symbol can end the
process or fill its memory. The libraries in C++ can't promise that: LLVM's demangler (pycxxfilt 1.2) overflows
its stack on ``_Z1fPPP…``, and 360 bytes of nested substitutions make it or libstdc++'s give 7 MB.
"""

from __future__ import annotations

import functools
from typing import Final

from tracekit.symbols.spelling import split_clone
from tracekit.values import frozen

_LANGUAGES: Final = ("itanium", "rust")
_STYLE: Final = "gnu"  # as nm -C, c++filt and gdb spell, which is where people copy names from
_CACHED: Final = 1 << 14

MANGLED: Final = (b"_Z", b"_R")
"""What symbols of C++ (Itanium C++ ABI, 5.1.2) and Rust (RFC 2603, and legacy) begin with."""


@frozen
class Demangled:
    """A function's name as its source has it.

    Attributes:
        text: all that the symbol says, as gdb and ``c++filt`` show it: ``Cache::insert(int)``.
        qualified: the name with its scopes, and without return type and parameters.
        parameters: the types of its parameters; None for Rust, whose symbols don't have them.
        qualifiers: what follows the parameters of a method: ``("const", "&")``.
        structor: whether it is a constructor or destructor, of which one source function makes several.
    """

    text: str
    qualified: str
    parameters: tuple[str, ...] | None
    qualifiers: tuple[str, ...] = ()
    structor: bool = False


def is_mangled(symbol: str) -> bool:
    """Whether a symbol looks like one of C++ or Rust."""
    return symbol[:2] in ("_Z", "_R")


@functools.lru_cache(_CACHED)
def demangled(symbol: str) -> Demangled | None:
    """What a symbol says, without what an optimiser appended to it and without Rust's hash.

    Args:
        symbol: a name of a symbol table.

    Returns:
        None for a symbol that isn't mangled, or of something else than a function of the source: a table, a
        guard, a thunk, which only jumps to its function.
    """
    if not is_mangled(symbol):
        return None
    import demangle  # 40 ms, and only where a symbol's own name isn't what was asked for

    try:
        found = demangle.signature(split_clone(symbol)[0], language=_LANGUAGES, style=_STYLE)
    except demangle.DemanglingError:
        return None
    if found.is_special or found.is_data:
        return None
    return Demangled(
        found.demangled, found.qualified_name, found.parameters, found.qualifiers, found.is_ctor_or_dtor
    )


def readable(symbol: str) -> str:
    """A symbol as its source would have it; itself if it isn't mangled, or can't be printed so."""
    found = demangled(symbol)
    return found.text if found and found.text.isprintable() else symbol
