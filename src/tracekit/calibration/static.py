"""Where a function's arguments are, by what its binary says: no process is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from tracekit import __version__
from tracekit.calibration.combine import arguments, results
from tracekit.calibration.homes import fits, from_entry
from tracekit.calibration.identity import Binary, identity
from tracekit.calibration.unpassed import Build
from tracekit.core.arch import architecture
from tracekit.core.calibration import Calibration
from tracekit.core.location import Behind, InRegister, OnStack
from tracekit.core.signature import Language, Signature
from tracekit.symbols.abi import Convention, place
from tracekit.symbols.function import Function
from tracekit.symbols.golang import after_stack_check
from tracekit.symbols.image import Image
from tracekit.symbols.spelling import is_clone
from tracekit.symbols.usage import EVERYTHING, NOTHING, Usage, usage

if TYPE_CHECKING:
    from tracekit.symbols.dwarf import DebugInfo

_HIDDEN: Final = ("x8",)
"""Where arm64 has the address of a large result."""

_CLANG: Final = re.compile(r"(?<!Apple )clang version (\d+)")
_COMPLETE: Final = 19
"""The first clang of which it is known that it lists all parameters."""

_LLVM: Final = ("clang", "LLVM", "rustc")
# Of optimisers' copies, these have parameters of their own; ``.lto_priv`` and ``.llvm`` only rename.
_OWN_PARAMETERS: Final = re.compile(r"\.(?:isra|constprop|part|specialized)\b")


def calibrate_function(binary: Binary, function: Function, debug: DebugInfo) -> Calibration:
    """Where a function's arguments and results are, as far as its debug information and convention tell.

    Args:
        binary: the binary.
        function: one of its functions, as ``symbols.find`` or ``MachO.function`` gives it.
        debug: the binary's debug information.

    Raises:
        DebugInfoError: if the debug information doesn't have the function, or is corrupt.
    """
    entry = function.address - function.offset
    symbol = function.name
    is_go = isinstance(binary, Image) and binary.is_go
    copy = not is_go and is_clone(symbol, symbol.partition(".")[0])
    # ThinLTO makes names of local functions global, and what calls them is still known to it.
    local = function.local or (copy and ".llvm." in symbol)
    signature = debug.signature(entry, symbol, local=local)
    build = Build(
        llvm=any(word in signature.producer for word in _LLVM),
        optimised=None if (plain := debug.is_unoptimised(entry)) is None else not plain,
        forgets=_forgets(signature, binary.machine),
        clone=copy and _OWN_PARAMETERS.search(symbol) is not None,
        reads=_reads(binary, function, signature.language),
    )
    arch = architecture(binary.machine)
    may_be_optimised = build.optimised is not False
    signature = from_entry(signature, build.reads.bases, arch.stack_arguments, optimised=may_be_optimised)
    convention = place(
        signature,
        binary.machine,
        platform="linux" if isinstance(binary, Image) else "macos",
        go_version=binary.go_version if isinstance(binary, Image) else "",
        fits=fits(signature, optimised=may_be_optimised),
    )
    by_gcc = not build.llvm and signature.language is not Language.GO
    if by_gcc and may_be_optimised:
        build = attrs.evolve(build, behind=_behind(binary, function, convention))
    return Calibration(
        build_id=identity(binary),
        architecture=binary.machine,
        symbol=symbol,
        address=entry,
        name=signature.name,
        language=signature.language,
        types=signature.types,
        arguments=arguments(signature, convention, build),
        results=results(signature, convention, build),
        file=signature.file,
        line=signature.line,
        warnings=(*convention.warnings, *_inlined(signature.name, signature.inlined)),
        tools=(f"tracekit {__version__}", *([signature.producer] if signature.producer else [])),
    )


def _reads(binary: Binary, function: Function, language: Language) -> Usage:
    """What a function's code reads of what it is called with."""
    arch = architecture(binary.machine)
    if not isinstance(binary, Image):
        return EVERYTHING if language is Language.GO else NOTHING
    if language is not Language.GO:
        return usage(binary, function, (*arch.arguments, *arch.vectors, *_HIDDEN))
    check = after_stack_check(binary, function)
    if check is None:
        return EVERYTHING
    return usage(binary, function, (*arch.go_integers, *arch.go_vectors), check.offset)


def _behind(
    binary: Binary, function: Function, convention: Convention
) -> Mapping[InRegister | OnStack, tuple[range, ...]]:
    """What a function's code reads behind the hidden pointers that it is called with."""
    pieces = [p for placed in convention.arguments for p in placed.pieces or ()]
    pointers = {p.location.pointer for p in pieces if isinstance(p.location, Behind)}
    if not pointers or not isinstance(binary, Image):
        return {}
    from tracekit.symbols.pointed import read_through  # which needs capstone: 40 ms

    return read_through(binary, function, pointers)


def _forgets(signature: Signature, machine: str) -> bool:
    """Whether a compiler may leave out a parameter that is passed as a pointer, and nothing shows that.

    clang 14 does at ``-O0``, 19 doesn't (``abi.left_out``). In C++ the mangled name shows it, and on x86-64 C
    has no such parameters.
    """
    found = _CLANG.search(signature.producer)
    by_name = signature.symbol.startswith("_Z")
    return machine == "aarch64" and not by_name and found is not None and int(found[1]) < _COMPLETE


def _inlined(name: str, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    places = "one other place" if count == 1 else f"{count} other places"
    return (f"{name} is inlined in {places}, whose calls no probe on it sees",)
