"""Which convention a function is called by."""

from __future__ import annotations

from typing import Final

from tracekit.core.arch import Architecture
from tracekit.core.arch import architecture as architecture_of
from tracekit.core.signature import Language, Signature
from tracekit.symbols.abi import aapcs64, golang, rust, sysv
from tracekit.symbols.abi.convention import Ask, Convention, Fits, Placed, agreed, anything
from tracekit.symbols.abi.left_out import completed
from tracekit.symbols.abi.rust_hidden import hidden, may_have_function_items
from tracekit.symbols.abi.rust_shapes import Shapes

_VARIADIC: Final = (
    "It takes further arguments, or its declaration doesn't say which it takes; where those without a name are "
    "can't be known."
)


def place(
    signature: Signature,
    architecture: str,
    *,
    platform: str = "linux",
    go_version: str = "",
    fits: Fits = anything,
) -> Convention:
    """Where a function's arguments are when it is entered, and its results when it returns, by the rules.

    A compiler that knows all callers of a function may call it in another way; nothing of that is known here.

    Args:
        signature: the function, as its source declares it.
        architecture: ``x86_64`` or ``aarch64``.
        platform: ``linux`` or ``macos``.
        go_version: such as ``go1.19.8``; if empty, the compiler's own words count.
        fits: tells, of what the rules leave open, what other evidence speaks against. Not for Go.

    Raises:
        UsageError: if the architecture is unknown.
    """
    arch = architecture_of(architecture)
    apple = platform == "macos"
    match signature.language:
        case Language.C | Language.CXX:
            name = sysv.NAME if arch.name == "x86_64" else aapcs64.APPLE_NAME if apple else aapcs64.NAME

            def rules(whole: Signature, fits: Fits) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
                return agreed(lambda ask: _c(whole, arch, apple, ask), fits)

            arguments, results = completed(signature, rules, fits) or rules(signature, fits)
            return Convention(name, arguments, results, (_VARIADIC,) if signature.variadic else ())
        case Language.GO:
            return _go(signature, arch, go_version)
        case Language.RUST:
            return _rust(signature, arch, apple, fits)
        case Language.OTHER:
            unknown = Placed(None, "How functions of its language are called is not known here.")
            results_count = len(signature.results) or int(signature.result is not None)
            return Convention("unknown", (unknown,) * len(signature.parameters), (unknown,) * results_count)


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


def _rust(signature: Signature, arch: Architecture, apple: bool, fits: Fits) -> Convention:
    """Rust's own convention; C's too if the function may be ``extern "C"``, which nothing tells."""
    may_be_c = not rust.is_mangled(signature.symbol) or _has_c_types_only(signature)

    def by_rust(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        items = may_have_function_items(signature)
        shapes = Shapes(signature.types, rust.version(signature), ask, items)
        return rust.Rules(signature, arch, ask, apple, shapes).place()

    def rules(ask: Ask) -> tuple[list[Placed], list[Placed]]:
        is_c = may_be_c and ask('whether it is extern "C"')
        return _c(signature, arch, apple, ask) if is_c else by_rust(ask)

    arguments, results = agreed(rules, fits)
    if reason := hidden(signature):
        arguments = (Placed(None, reason),) * len(arguments)
    return Convention(rust.NAME, arguments, results)


def _has_c_types_only(signature: Signature) -> bool:
    """Whether C has all its types, as it must for what is ``extern "C"``, or rustc warns."""
    numbers = [p.type for p in signature.parameters]
    if signature.result is not None:
        numbers.append(signature.result)
    return all(rust.may_be_c(signature.types, number) for number in numbers)
