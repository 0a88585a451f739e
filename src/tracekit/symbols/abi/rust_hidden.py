"""Rust functions whose parameters in the debug information aren't those that they are called with.

Measured with rustc 1.63 and 1.95. A closure that captures something has its environment as first parameter, by
value or as a pointer, and only the captured variables are listed. ``Fn::call`` and the like list their
arguments as one tuple, and are called with each by itself (``extern "rust-call"``).
"""

from __future__ import annotations

import re
from typing import Final

from tracekit.core.signature import Signature

_ENCLOSED: Final = re.compile(r"\{+(closure|async|coroutine|generator)[^{}]*\}+$")
_ENVIRONMENT: Final = re.compile(r"_env(#\d+)?\}")
_CALL: Final = re.compile(r"(core|alloc|std)::.*::call(_once|_mut)?(<.*)?$")

NO_ENVIRONMENT: Final = "The debug information leaves out the closure's environment, which comes first."
AS_TUPLE: Final = "The debug information lists its arguments as a tuple, and it takes each by itself."


def hidden(signature: Signature) -> str:
    """Why a function's parameters aren't what it is called with, in a sentence; empty if they are."""
    first = signature.types.spelled(signature.parameters[0].type) if signature.parameters else ""
    if _ENCLOSED.search(signature.name) and not _ENVIRONMENT.search(first):
        return NO_ENVIRONMENT
    if _CALL.match(signature.name) and signature.types.spelled(signature.parameters[-1].type).startswith("("):
        return AS_TUPLE
    return ""


def may_have_function_items(signature: Signature) -> bool:
    """Whether what is listed as a function pointer may be a function itself, which takes no space.

    That is so if a type argument is one: ``apply<fn(u32) -> u32>`` is ``apply`` of either.
    """
    return "fn(" in signature.name
