"""What a unit says of its language and its compiler.

Sources: DWARF 5, 7.12, and the tables of language codes and names at dwarfstd.org; the words of GCC's
``gen_producer_string``, of clang and rustc, and of Go's linker (``cmd/link/internal/ld/dwarf.go``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tracekit.core.signature import Language
from tracekit.symbols.dwarf.entry import Die
from tracekit.symbols.dwarf.reader import Unit

_CODES: Final[Mapping[int, Language]] = {
    **dict.fromkeys((0x01, 0x02, 0x0C, 0x1D, 0x2C, 0x3E), Language.C),
    **dict.fromkeys((0x04, 0x19, 0x1A, 0x21, 0x2A, 0x2B, 0x3A), Language.CXX),
    0x16: Language.GO,
    0x1C: Language.RUST,
}
"""``DW_LANG_…``: C89, C, C99, C11, C17, C23; C++ and that of 2003, 11, 14, 17, 20, 23; Go; Rust."""

_NAMES: Final[Mapping[int, Language]] = {3: Language.C, 4: Language.CXX, 10: Language.GO, 25: Language.RUST}
"""``DW_LNAME_…``, which DWARF 6 has instead."""

_LANGUAGE_NAME: Final = 0x90
"""``DW_AT_language_name``, which pyelftools 0.33 doesn't know yet."""

_LEVEL: Final = re.compile(r" -O(?:g|fast|[0-9a-z]*)(?= |$)")
_CLANG: Final = re.compile(r"clang version (\d+)")
NOCALL: Final = 3
"""``DW_CC_nocall``."""

_ENOUGH: Final = 30
"""Variables of a unit of which an optimiser would have put at least one into a register."""

_RUSTC: Final = re.compile(r"rustc version 1\.(\d+)")
_TRIED: Final = 13
"""The oldest clang of which it is known that it marks optimised functions in DWARF 4."""

_GO_FLAGS: Final = re.compile(r";.* -N(?: |;|$)")
_LLVM: Final = ("clang", "LLVM", "rustc")


def language(units: Iterable[Unit]) -> Language:
    """The language of the first of some units that has one of those that are known.

    Args:
        units: that of a function's code, and those of what it was made from: link-time optimisation gives the
            former another language.
    """
    for unit in units:
        code = unit.top.number("DW_AT_language")
        found = _CODES.get(code or 0) or _NAMES.get(unit.top.number(_LANGUAGE_NAME) or 0)
        if found is not None:
            return found
    return Language.OTHER


def producer(unit: Unit) -> str:
    """The compiler's words for itself."""
    return unit.top.text("DW_AT_producer")


def is_gnu(unit: Unit) -> bool:
    """Whether GCC made a unit's code."""
    return producer(unit).startswith("GNU ")


def is_llvm(unit: Unit) -> bool:
    """Whether LLVM made a unit's code."""
    return any(word in producer(unit) for word in _LLVM)


def marks_changes(unit: Unit) -> bool:
    """Whether a compiler marks functions that its optimisers call in another way than the convention's.

    LLVM's passes do: ``DeadArgumentElimination`` from version 16 on, ``ArgumentPromotion`` from 17.
    """
    words = producer(unit)
    clang, rustc = _CLANG.search(words), _RUSTC.search(words)
    return (clang is not None and int(clang[1]) >= 17) or (rustc is not None and int(rustc[1]) >= 73)


def unoptimised(function: Die, *, framed: bool, in_frame: bool, early: bool) -> bool | None:
    """Whether a function was compiled without optimisation; None if nothing tells.

    GCC and Go write their options into the producer's words. clang says of optimised code that it describes all
    its calls (``DW_AT_call_all_calls``; ``CGDebugInfo::getCallSiteRelatedAttrs``). Without
    optimisation LLVM keeps a frame pointer, and nearly every parameter has one place in the frame. For macOS it
    marks all optimised functions (``DW_AT_APPLE_optimized``).

    Args:
        function: the entry of its code.
        framed: whether its frame base is a register other than the stack pointer.
        in_frame: whether it has parameters, and all of them have one place in the frame.
        early: whether one of the first three has.
    """
    unit = function.unit
    words = producer(unit)
    if is_gnu(unit):
        levels = [str(found) for found in _LEVEL.findall(words)]
        if levels:
            return levels[-1].strip() == "-O0"
        return True if " -" in words else None
    if words.startswith("Go cmd/compile"):
        return _GO_FLAGS.search(words) is not None
    if unit.top.flag("DW_AT_APPLE_optimized") or function.flag("DW_AT_APPLE_optimized"):
        return False
    if unit.source.apple and is_llvm(unit):
        return True
    if function.number("DW_AT_calling_convention") == NOCALL:
        return False
    if any(function.flag(f"DW_AT_{name}") for name in ("call_all_calls", "GNU_all_call_sites")):
        return False
    if not is_llvm(unit):
        return None
    clang = _CLANG.search(words)
    says_so = clang is not None and (unit.version >= 5 or (unit.version == 4 and int(clang[1]) >= _TRIED))
    if framed and says_so:
        return True
    # rustc's debug builds have no frame pointer, and what it passes by a hidden pointer has no place at first.
    by_rustc = "rustc version" in words
    in_frames = unit.variables_in_frames
    if in_frames is None:
        return None
    return True if (framed and in_frame) or (by_rustc and (early or in_frames >= _ENOUGH)) else None
