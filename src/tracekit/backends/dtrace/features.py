"""What DTrace can do of the model, and why not the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit.backends.dtrace.dialect import KEYS
from tracekit.backends.dtrace.quoting import BACKEND
from tracekit.backends.plan import KeyKind, MapPlan
from tracekit.core.feature import Feature, features_of
from tracekit.core.program import Program
from tracekit.errors import UnsupportedError

REFUSED: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.NAME: (
        "names are not resolved yet",
        "Name the argument by its register or index: on x86-64 the third integer argument is arg2.",
    ),
    Feature.STACK: (
        "it prints addresses without names once the target has ended",
        "Use the backend bpf, on Linux; or func, or a probe for each caller.",
    ),
    Feature.VECTOR: ("it reads general registers only", "Use gdb, or aggregate an integer."),
    Feature.FLOAT: ("D has no floating-point arithmetic", "Use gdb, or aggregate an integer."),
}
"""For each feature that is refused: the reason, and the way out."""


def check_features(program: Program) -> frozenset[Feature]:
    """What the program needs, if DTrace has it all.

    Raises:
        UnsupportedError: for the first feature that it doesn't have.
    """
    needed = features_of(program)
    for feature, (reason, remedy) in REFUSED.items():
        if feature in needed:
            raise UnsupportedError(feature=feature.value, backend=BACKEND, reason=reason, remedy=remedy)
    return needed


def check_keys(plan: MapPlan) -> None:
    """Refuse a map whose keys DTrace has no room for.

    Raises:
        UnsupportedError: if there are too many, the bucket among them.
    """
    needed = len(plan.keys) + sum(key.kind is KeyKind.COUNTED for key in plan.keys) + ("b" in plan.parts)
    if needed > KEYS:
        raise too_many_keys(plan.name, needed)


def too_many_keys(name: str, needed: int) -> UnsupportedError:
    """The refusal of a map that has too many keys.

    Args:
        name: the map's name.
        needed: how many keys it has, with the bucket and the sizes of strings.
    """
    return UnsupportedError(
        feature=f"the keys of @{name}",
        backend=BACKEND,
        reason=f"it has {KEYS} keys at most, and {needed} are needed, for the bucket and sizes as well",
        remedy="Use fewer keys, or put several numbers into one.",
    )
