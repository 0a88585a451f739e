"""Parameters of C++ that the debug information leaves out, though the mangled name has them.

clang 14 at ``-O0`` gives a class that is passed as a pointer to a copy, such as a ``std::string``, the number
of the parameter before it, if that is a small class, and then forgets one of the two. Which it was can often
be told from the types in the name.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from tracekit.core.signature import Parameter, Signature
from tracekit.core.source import Base, Enumeration, Pointer, PointerKind, Record, Types
from tracekit.symbols.abi.convention import Fits, Placed, agreed_on
from tracekit.symbols.demangle import demangled

_MOST: Final = 64
"""Ways to put parameters back that are tried."""

_ARITHMETIC: Final = re.compile(
    r"(?:(?:unsigned|signed|long|short|int|char|bool|float|double|__int128|__float128|wchar_t|char\d+_t"
    r"|decltype\(nullptr\)) ?)+"
)

Rules = Callable[[Signature, Fits], tuple[tuple[Placed, ...], tuple[Placed, ...]]]
"""Places the arguments and results of a complete signature."""


def expected(signature: Signature) -> tuple[str, ...]:
    """The types of a function's parameters by its mangled name; empty if it has none.

    A pack of parameters counts as one in the name, so that only too few in the debug information are noticed,
    never too many.
    """
    name = demangled(signature.symbol) if signature.symbol.startswith("_Z") else None
    return tuple(kind for kind in (name.parameters if name else None) or () if kind != "...")


def completed(
    signature: Signature, rules: Rules, fits: Fits
) -> tuple[tuple[Placed, ...], tuple[Placed, ...]] | None:
    """Where arguments and results are, if parameters are missing; None if none is.

    Args:
        signature: the function, as its debug information has it.
        rules: its convention.
        fits: as for ``convention.agreed``.
    """
    kinds = expected(signature)
    listed = [p for p in signature.parameters if not p.artificial]
    missing = len(kinds) - len(listed)
    if missing <= 0:
        return None
    reason = f"The debug information has {len(listed)} of its {len(kinds)} parameters, and doesn't tell which."
    ways = _ways(kinds, listed, signature.types) if math.comb(len(kinds), missing) <= _MOST else []
    outcomes = [_placed(signature, way, rules, fits) for way in ways]
    lost = Placed(None, reason)
    if not outcomes:
        results = int(signature.result is not None)
        return (lost,) * len(signature.parameters), (lost,) * results
    outcomes = [outcome for outcome in outcomes if fits(outcome[0])] or outcomes
    arguments, results_found = zip(*outcomes, strict=True)
    return agreed_on(arguments, lost), agreed_on(results_found, lost)


def _ways(kinds: Sequence[str], listed: Sequence[Parameter], types: Types) -> list[tuple[int, ...]]:
    """All ways to choose the missing ones among the parameters of the name: their positions."""
    found = []
    for absent in itertools.combinations(range(len(kinds)), len(kinds) - len(listed)):
        present = [kind for at, kind in enumerate(kinds) if at not in absent]
        if all(map(_may_be_class, (kinds[at] for at in absent))) and all(
            _may_be(kind, one, types) for kind, one in zip(present, listed, strict=True)
        ):
            found.append(absent)
    return found


def _placed(
    signature: Signature, absent: Sequence[int], rules: Rules, fits: Fits
) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    """Where arguments and results are, with a pointer for each missing one."""
    types = signature.types
    void, pointer = max(types.table, default=0) + 1, max(types.table, default=0) + 2
    types = attrs.evolve(types, table={**types.table, pointer: Pointer(void)})
    hidden = Parameter("", pointer)
    first = [p for p in signature.parameters if p.artificial]
    rest = [p for p in signature.parameters if not p.artificial]
    for at in absent:
        rest.insert(at, hidden)
    whole = attrs.evolve(signature, types=types, parameters=(*first, *rest))

    def without(placed: Sequence[Placed]) -> tuple[Placed, ...]:
        return tuple(p for p, one in zip(placed, whole.parameters, strict=True) if one is not hidden)

    arguments, results = rules(whole, lambda placed: fits(without(placed)))
    return without(arguments), results


def _may_be_class(kind: str) -> bool:
    return not kind.endswith(("*", "&", ")", "]")) and not _ARITHMETIC.fullmatch(kind)


def _may_be(kind: str, parameter: Parameter, types: Types) -> bool:
    """Whether a parameter may have a type of the mangled name."""
    match types.resolved(parameter.type):
        case Pointer(kind=PointerKind.POINTER):
            return kind.endswith(("*", ")"))
        case Pointer(kind=PointerKind.REFERENCE | PointerKind.RVALUE_REFERENCE):
            return kind.endswith("&")
        case Base(name):
            return kind == name or not _ARITHMETIC.fullmatch(kind) or not _ARITHMETIC.fullmatch(name)
        case Record(name) | Enumeration(name):
            return not name or (_may_be_class(kind) and _last(kind) == _last(name))
    return True


def _last(name: str) -> str:
    """A class's name without scopes and arguments."""
    return re.sub(r"<.*", "", name).rpartition("::")[2].strip()
