"""What tells a function's calls apart from their entry to their return."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Call(enum.Enum):
    """What is the same at a call's entry and at its return, and at no other call's."""

    UNWOUND = "thread, and the stack pointer, which the return has moved already"
    THREAD = "thread and stack pointer"
    GOROUTINE = "goroutine, and how deep its stack is"


GOROUTINE: Final[Mapping[str, str]] = {"x86_64": "r14", "aarch64": "x28"}
"""The register that points at the goroutine, by Go's ``src/cmd/compile/abi-internal.md``."""
