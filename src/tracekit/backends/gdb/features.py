"""What gdb can do of the model, and why not the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.backends.gdb.quoting import BACKEND
from tracekit.core.feature import Feature, features_of
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError

_ONLY_FUNCTIONS: Final = "tracekit has it stop at functions only"

REFUSED: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.NAME: (
        "names are not resolved yet",
        "Name the argument by its register or index: on x86-64 the third integer argument is arg2.",
    ),
    Feature.STACK: (
        "it prints addresses without names once the target has ended",
        "Use the backend bpf, on Linux; or func, or a probe for each caller.",
    ),
    Feature.USDT: (_ONLY_FUNCTIONS, "Use bpf or dtrace, or probe the function that has the probe."),
    Feature.SYSCALL_ENTRY: (_ONLY_FUNCTIONS, "Use bpf or dtrace, or probe the C library's function."),
    Feature.SYSCALL_RETURN: (_ONLY_FUNCTIONS, "Use bpf or dtrace, or probe the C library's function."),
    Feature.INTERVAL: ("it has no timer that stops a target", "Use bpf or dtrace."),
    Feature.PROFILE: ("it has no timer that stops a target", "Use bpf or dtrace."),
}
"""For each feature that is refused: the reason, and the way out."""


def check_features(program: Program) -> frozenset[Feature]:
    """What the program needs, if gdb has it all.

    Raises:
        UnsupportedError: for the first feature that it doesn't have.
    """
    needed = features_of(program)
    for feature, (reason, remedy) in REFUSED.items():
        if feature in needed:
            raise UnsupportedError(feature=feature.value, backend=BACKEND, reason=reason, remedy=remedy)
    return needed
