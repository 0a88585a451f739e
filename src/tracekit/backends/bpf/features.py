"""What our eBPF programs can do of the model, and why not the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.backends.bpf.assembler import BACKEND
from tracekit.core.feature import Feature, features_of
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError

REFUSED: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.NAME: (
        "names are not resolved yet",
        "Name the argument by its register or index: on x86-64 the third integer argument is arg2.",
    ),
    Feature.VECTOR: ("it reads general registers only", "Use gdb, or aggregate an integer."),
    Feature.FLOAT: ("it has no arithmetic of floating-point numbers", "Use gdb, or aggregate an integer."),
}
"""For each feature that is refused: the reason, and the way out."""


def check_features(program: Program) -> frozenset[Feature]:
    """What the program needs, if eBPF has it all.

    Raises:
        UnsupportedError: for the first feature that it doesn't have.
    """
    needed = features_of(program)
    for feature, (reason, remedy) in REFUSED.items():
        if feature in needed:
            raise UnsupportedError(feature=feature.value, backend=BACKEND, reason=reason, remedy=remedy)
    return needed
