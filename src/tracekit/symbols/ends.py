"""Decides how a function's calls and returns can be seen without harm and without counting any twice."""

from __future__ import annotations

from typing import Final

from tracekit.core.probe import FunctionProbe, Uprobe, Uretprobe
from tracekit.errors import BinaryError, UnsupportedError
from tracekit.symbols.function import Function, Seen, StackCheck
from tracekit.symbols.golang import after_stack_check, check_abi_internal, is_go_function
from tracekit.symbols.image import Image
from tracekit.symbols.instructions import check_instruction, is_function_start
from tracekit.symbols.notes import meaning_note, notes
from tracekit.symbols.returns import begins_with_loop, returns

_MOST_RETURNS: Final = 8
"""How many return instructions are probed where one return probe does: each takes 0.1 s to take away."""


def see(image: Image, function: Function, probe: FunctionProbe, alone: bool) -> Seen:
    """How a probe sees a function; asked of a ``Binary``.

    Args:
        image: the binary.
        function: one of its functions.
        probe: the probe that names it.
        alone: whether the probe names no other.

    Raises:
        UnsupportedError: if it can't without harm.
        BinaryError: if no instruction begins where the probe is to go.
    """
    offset = probe.offset if isinstance(probe, Uprobe) else 0
    if offset or function.offset or not function.size:
        check_instruction(image, function, offset)
    check = after_stack_check(image, function) if image.is_go and not offset else None
    if not offset and check is None:
        check_entry(image, function)
    found = return_instructions(image, function, check) if isinstance(probe, Uretprobe) else ()
    told = list(notes(image, function))
    if alone and (meaning := meaning_note(image, probe.function, function)):
        told.append(meaning)
    return Seen(check, found, image.is_go and is_go_function(image, function), tuple(told))


def check_entry(image: Image, function: Function) -> None:
    """Refuse a function whose first instruction runs more than once in a call.

    Args:
        image: the binary.
        function: one of its functions, probed at its first instruction.

    Raises:
        UnsupportedError: if it does.
    """
    if not function.offset and begins_with_loop(image, function):
        raise UnsupportedError(
            feature=f"the calls of {function.name}",
            backend="tracekit",
            reason="a loop in it goes back to its first instruction, so each round would count as a call",
            remedy="Probe its caller, or compile it with -fcf-protection, which puts an instruction before it.",
        )


def return_instructions(image: Image, function: Function, check: StackCheck | None) -> tuple[int, ...]:
    """The return instructions to probe; none to leave it to the kernel's return probe.

    That one changes the return address on the stack, which Go's runtime and the unwinding of exceptions
    don't survive; it follows 64 levels of recursion, but needs one probe only.

    Args:
        image: the binary.
        function: one of its functions.
        check: a Go function's check of the stack.

    Raises:
        UnsupportedError: if neither is right.
    """
    only = _no_return_probe(image)
    try:
        if image.is_go and is_go_function(image, function):
            check_abi_internal(image, function, check)
        found = returns(image, function)
    except BinaryError as error:
        if not only and is_function_start(image, function):
            return ()
        raise _no_return(function, error.message, error.hint) from error
    if found.tail_jumps and only:
        places = ", ".join(f"+{jump - function.address:#x}" for jump in found.tail_jumps[:3])
        raise _no_return(
            function,
            f"{only}, and it has other ways out than return instructions: jumps at {places}",
            "Probe the function's entry, or the return of the function that it jumps into.",
        )
    first = function.address + (check.offset if check else 0)
    if first in found.addresses and only:
        raise _no_return(function, "it does nothing but return", "Count its entries.")
    if not found.addresses and only:
        raise _no_return(function, "it has no return instruction", "Probe the function's entry.")
    few = len(found.addresses) <= _MOST_RETURNS and first not in found.addresses and not found.tail_jumps
    return found.addresses if only or few else ()


def _no_return_probe(image: Image) -> str:
    """Why the kernel's return probes would end a program, or nothing."""
    if image.is_go:
        return "return probes crash Go programs, whose runtime walks and moves its stacks"
    if image.has_exceptions:
        return "an exception thrown through a return probe ends the program"
    return ""


def _no_return(function: Function, reason: str, remedy: str) -> UnsupportedError:
    return UnsupportedError(
        feature=f"the return of {function.name}", backend="tracekit", reason=reason, remedy=remedy
    )
