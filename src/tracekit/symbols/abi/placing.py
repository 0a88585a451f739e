"""Which convention a function is called by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tracekit.core.arch import Architecture
from tracekit.core.arch import architecture as architecture_of
from tracekit.core.location import Behind
from tracekit.core.signature import Language, Signature
from tracekit.symbols.abi import aapcs64, golang, rust, sysv
from tracekit.symbols.abi.convention import Ask, Convention, Placed, agreed
from tracekit.symbols.abi.rust_hidden import hidden, may_have_function_items
from tracekit.symbols.abi.rust_shapes import Shapes
from tracekit.symbols.demangle import demangled
from tracekit.symbols.dwarf.reasons import BY_REGISTER, POINTED

_VARIADIC: Final = (
    "It takes further arguments, or its declaration doesn't say which it takes; where those without a name are "
    "can't be known."
)


def place(
    signature: Signature, architecture: str, *, platform: str = "linux", go_version: str = ""
) -> Convention:
    """Where a function's arguments are when it is entered, and its results when it returns, by the rules.

    A compiler that knows all callers of a function may call it in another way; nothing of that is known here.

    Args:
        signature: the function, as its source declares it.
        architecture: ``x86_64`` or ``aarch64``.
        platform: ``linux`` or ``macos``.
        go_version: such as ``go1.19.8``; if empty, the compiler's own words count.

    Raises:
        UsageError: if the architecture is unknown.
    """
    arch = architecture_of(architecture)
    apple = platform == "macos"
    match signature.language:
        case Language.CXX if reason := _left_out(signature):
            lost = Placed(None, reason)
            count = int(signature.result is not None)
            return Convention("unknown", (lost,) * len(signature.parameters), (lost,) * count)
        case Language.C | Language.CXX:
            name = sysv.NAME if arch.name == "x86_64" else aapcs64.APPLE_NAME if apple else aapcs64.NAME
            arguments, results = agreed(lambda ask: _c(signature, arch, apple, ask))
            return Convention(name, arguments, results, (_VARIADIC,) if signature.variadic else ())
        case Language.GO:
            return _go(signature, arch, go_version)
        case Language.RUST:
            return _rust(signature, arch, apple)
        case Language.OTHER:
            unknown = Placed(None, "How functions of its language are called is not known here.")
            results_count = len(signature.results) or int(signature.result is not None)
            return Convention("unknown", (unknown,) * len(signature.parameters), (unknown,) * results_count)


def _left_out(signature: Signature) -> str:
    """Whether debug information lacks parameters that the mangled name has, in a sentence; empty if it doesn't.

    clang 14 at ``-O0`` leaves out some that are passed as pointers to copies, such as a ``std::string``. A pack
    of parameters counts as one in the name, so that only too few are noticed, never too many.
    """
    if not signature.symbol.startswith("_Z"):
        return ""
    name = demangled(signature.symbol)
    if name is None or name.parameters is None:
        return ""
    expected = sum(kind != "..." for kind in name.parameters)
    listed = sum(not p.artificial for p in signature.parameters)
    if listed >= expected:
        return ""
    return f"The debug information has {listed} of its {expected} parameters, and doesn't tell which."


def _c(signature: Signature, arch: Architecture, apple: bool, ask: Ask) -> tuple[list[Placed], list[Placed]]:
    if arch.name == "x86_64":
        return sysv.Rules(signature, ask).place()
    return aapcs64.Rules(signature, ask, apple).place()


def _go(signature: Signature, arch: Architecture, go_version: str) -> Convention:
    version = golang.version(signature, go_version)
    registers = golang.takes_registers(signature, arch.name, go_version)

    def rules(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        known = registers if registers is not None else ask("whether its Go passes arguments in registers")
        return golang.Rules(signature, arch, version, ask, known).place()

    arguments, results = agreed(rules)
    name = golang.STACK_NAME if registers is False else golang.NAME
    return Convention(f"{name} ({'amd64' if arch.name == 'x86_64' else 'arm64'})", arguments, results)


def _rust(signature: Signature, arch: Architecture, apple: bool) -> Convention:
    """Rust's own convention; C's too if the function may be ``extern "C"``, which nothing tells."""
    may_be_c = not rust.is_mangled(signature.symbol) or _has_c_types_only(signature)

    def by_rust(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        items = may_have_function_items(signature)
        shapes = Shapes(signature.types, rust.version(signature), ask, items)
        return rust.Rules(signature, arch, ask, apple, shapes).place()

    by_rust_fits, by_c_fits = (
        _has_pointers_as_told(signature, placed[0])
        for placed in (by_rust(lambda _: False), _c(signature, arch, apple, lambda _: False))
    )

    def rules(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        is_rust = by_rust_fits and not by_c_fits
        is_c = may_be_c and not is_rust and ask('whether it is extern "C"')
        return _c(signature, arch, apple, ask) if is_c else by_rust(ask)

    arguments, results = agreed(rules)
    if reason := hidden(signature):
        arguments = (Placed(None, reason),) * len(arguments)
    return Convention(rust.NAME, arguments, results)


def _has_pointers_as_told(signature: Signature, arguments: Sequence[Placed]) -> bool:
    """Whether what is passed by a hidden pointer is what the debug information says of it.

    In code without optimisation its places are of no use at the entry, but their form tells.
    """
    for parameter, placed in zip(signature.parameters, arguments, strict=True):
        behind = any(isinstance(p.location, Behind) for p in placed.pieces or ())
        if placed.pieces and parameter.unusable == (BY_REGISTER if behind else POINTED):
            return False
    return True


def _has_c_types_only(signature: Signature) -> bool:
    """Whether C has all its types, as it must for what is ``extern "C"``, or rustc warns."""
    numbers = [p.type for p in signature.parameters]
    if signature.result is not None:
        numbers.append(signature.result)
    return all(rust.may_be_c(signature.types, number) for number in numbers)
