"""What the debug information says of an argument, and what the calling convention says, made into one verdict.

The rules come from measurements of arguments whose true values were known (``tests/truth`` repeats them on
hundreds of thousands, by gcc, clang, rustc and Go):

- where both agree, both are right;
- where only one of them says anything, that one is right, with the exceptions below;
- clang and rustc describe arguments on the stack as of after the prologue (``calibrate.homes`` makes places at
  the entry of those), and so does Go, 8 bytes off; GCC says that a hidden pointer on the stack is in a
  register: there the convention is right;
- a copy that an optimiser made for some callers (``.isra``, ``.constprop``), and a function that its own
  compiler marks as called in another way, follow no convention: only the debug information counts. The
  same holds for all arguments of a function if one contradicts the convention; but where other files can
  call it by that convention, the argument that contradicts it is refused;
- what the code never reads of memory, its callers needn't have written: neither arguments on the stack (LLVM)
  nor what a hidden pointer points at (GCC 12 and later, and LLVM);
- LLVM changes how functions are called that no other file can name. Before LLVM 17 nothing marks them, so the
  convention alone is worth nothing there unless the code shows that nothing was changed
  (``calibrate.unchanged``). Nor is it for what a function doesn't use: callers in the same file then pass
  anything, whoever else may call it (``DeadArgumentElimination``), and the debug information has no place
  for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from tracekit.calibration.unchanged import aligned, unchanged
from tracekit.calibration.unpassed import REMEDY, Build, kept, unused, written
from tracekit.core.calibration import Argument, Known
from tracekit.core.location import Behind, InRegister, OnStack, Piece, part
from tracekit.core.signature import Language, Parameter, Signature
from tracekit.core.verdict import Verdict
from tracekit.symbols.abi import Convention, Placed

_SAYS_SO: Final = "the debug information says so"


def arguments(signature: Signature, convention: Convention, build: Build) -> tuple[Argument, ...]:
    """Each argument of a function, with where it is and how well that is known.

    Args:
        signature: what the debug information says.
        convention: what the calling convention says.
        build: how it was compiled.
    """
    pairs = list(zip(signature.parameters, convention.arguments, strict=True))
    name = convention.name
    if signature.language is Language.GO:
        return tuple(kept(_by_convention_first(p, rule, name), build) for p, rule in pairs)
    odd = next((p.name for p, rule in pairs if _contradicts(p, rule)), None)
    why, unmarked = _altered(signature, build, odd), _unmarked(signature, build)
    by_the_rules = not signature.local and not build.clone and not signature.nocall
    believed = [(p, rule, _believed(p, rule)) for p, rule in pairs]
    if why:
        strict = by_the_rules and signature.language in (Language.C, Language.CXX)
        believed = [
            (p, rule, _of_a_copy(said) if build.clone and not build.llvm else said)
            for p, rule, said in believed
        ]
        found = [_by_debug_information(p, _fair(said, rule, strict), why) for p, rule, said in believed]
    else:
        proven = unchanged(believed, signature.types, build)
        found = [
            _by_both(p, rule, name, said, "" if proof else unmarked, build)
            for (p, rule, said), proof in zip(believed, proven, strict=True)
        ]
    return tuple(written(argument, build) for argument in found)


def results(signature: Signature, convention: Convention, build: Build) -> tuple[Argument, ...]:
    """Each result of a function, at its return.

    Debug information doesn't say where results are, so only the convention counts.

    Args:
        signature: what the debug information says.
        convention: what the calling convention says.
        build: how it was compiled.
    """
    declared = signature.results or (() if signature.result is None else (Parameter("", signature.result),))
    why = _altered(signature, build, None) or _unmarked(signature, attrs.evolve(build, forgets=False))
    found = []
    for parameter, rule in zip(declared, convention.results, strict=True):
        if why:
            found.append(_refused(parameter, why))
        elif rule.pieces is None:
            found.append(_refused(parameter, rule.reason))
        else:
            evidence = f"the {convention.name} convention puts it there"
            found.append(_argument(parameter, [*_known(0, rule.pieces, Verdict.GOOD, evidence)]))
    return tuple(found)


def _altered(signature: Signature, build: Build, odd: str | None) -> str:
    """Why a function isn't called by its convention; empty if nothing says that it isn't."""
    if build.clone:
        return (
            f"{signature.symbol} is a copy that the compiler made for some callers, with parameters of its own"
        )
    if signature.nocall:
        return f"the compiler says that {signature.name} isn't called by the usual rules"
    if odd is not None:
        return f"the debug information has {odd or 'an argument'} elsewhere than the calling convention"
    return ""


def _unmarked(signature: Signature, build: Build) -> str:
    """Why the convention alone can't be believed; empty if it can."""
    if build.forgets:
        return "this clang may leave a parameter out of its debug information, and then others are elsewhere"
    if signature.local and build.llvm and build.optimised is not False and signature.nocall is None:
        return f"no other file can call {signature.name}, so LLVM may have changed how it is called"
    return ""


def _believed(parameter: Parameter, rule: Placed) -> tuple[Piece, ...] | None:
    """The debug information's pieces, without those that are known to be wrong where the convention differs."""
    if parameter.pieces is None:
        return None
    return tuple(p for p in parameter.pieces if not _is_early(p, rule)) or None


def _fair(said: Sequence[Piece] | None, rule: Placed, strict: bool) -> tuple[Piece, ...] | None:
    """The debug information's pieces in a function in which it contradicts the convention somewhere.

    Args:
        said: its pieces of one parameter.
        rule: the parameter's place by the convention.
        strict: whether the function has to be called by the convention, so that a contradiction is a mistake.
    """
    kept = []
    for piece in said or ():
        ruled = part(rule.pieces or (), piece.offset, piece.size)
        if ruled is None or ruled == _alone(piece) or not (strict or _is_shifted(piece, ruled)):
            kept.append(piece)
    return tuple(kept) or None


def _of_a_copy(said: Sequence[Piece] | None) -> tuple[Piece, ...] | None:
    """The debug information's pieces in a copy that GCC made.

    It goes on to say that a value is behind the pointer that the copy no longer gets (12.2, arm64).
    """
    kept = [piece for piece in said or () if not isinstance(piece.location, Behind)]
    return tuple(kept) or None


def _is_shifted(piece: Piece, ruled: Sequence[Piece]) -> bool:
    """Whether a part of a register is said to be elsewhere in it, where clang 14 to 21 have it later."""
    match piece.location, [p.location for p in ruled]:
        case InRegister(name, shift), [InRegister(ruled_name, ruled_shift)]:
            return name == ruled_name and shift != ruled_shift
    return False


def _contradicts(parameter: Parameter, rule: Placed) -> bool:
    both = aligned(_believed(parameter, rule), rule.pieces)
    return any(a is not None and b is not None and a != b for _, a, b in both)


def _is_early(piece: Piece, rule: Placed) -> bool:
    """Whether a pointer to a value is said to be in a register that it is loaded into only later.

    GCC says so of hidden pointers that are passed on the stack.
    """
    ruled = part(rule.pieces or (), piece.offset, piece.size)
    return (
        isinstance(piece.location, Behind)
        and isinstance(piece.location.pointer, InRegister)
        and ruled is not None
        and all(isinstance(p.location, Behind) and isinstance(p.location.pointer, OnStack) for p in ruled)
    )


def _alone(piece: Piece) -> tuple[Piece, ...]:
    return (Piece(0, piece.size, piece.location),)


def _by_both(
    parameter: Parameter,
    rule: Placed,
    name: str,
    said: Sequence[Piece] | None,
    unmarked: str,
    build: Build,
) -> Argument:
    if said is None and (rule.pieces is None or unmarked):
        return _refused(parameter, rule.reason or unmarked or parameter.unusable)
    silent = f"; the debug information doesn't say ({parameter.unusable})" if parameter.unusable else ""
    agree = f"the debug information and the {name} convention agree"
    alone = f"the {name} convention puts it there{silent}"
    known: list[Known] = []
    missing = ""
    for start, where, rule_where in aligned(said, rule.pieces):
        if where is not None:
            same = where == rule_where
            known += _known(start, where, Verdict.HIGH if same else Verdict.GOOD, agree if same else _SAYS_SO)
        elif rule_where is not None and (why := unmarked or unused(parameter, rule_where, start, build)):
            missing = why
        elif rule_where is not None:
            known += _known(start, rule_where, Verdict.GOOD, alone)
    return _argument(parameter, known, missing)


def _by_convention_first(parameter: Parameter, rule: Placed, name: str) -> Argument:
    """Go, whose debug information is sometimes wrong where the convention is right."""
    if rule.pieces is None:
        # Its places on the stack are 8 bytes off.
        said = tuple(p for p in parameter.pieces or () if not isinstance(p.location, OnStack))
        return _by_debug_information(parameter, said or None, rule.reason)
    agree = f"the debug information and the {name} convention agree"
    alone = f"the {name} convention puts it there"
    known: list[Known] = []
    for start, where, rule_where in aligned(parameter.pieces, rule.pieces):
        if rule_where is not None:
            same = where == rule_where
            known += _known(start, rule_where, Verdict.HIGH if same else Verdict.GOOD, agree if same else alone)
    return _argument(parameter, known)


def _by_debug_information(parameter: Parameter, said: Sequence[Piece] | None, why: str) -> Argument:
    if said is None:
        silent = f"the debug information doesn't say where it is ({parameter.unusable or 'nothing that holds'})"
        return _refused(parameter, f"{why.rstrip('.')}, and {silent}" if why else silent)
    evidence = f"{_SAYS_SO}; the convention doesn't count: {why}" if why else _SAYS_SO
    return _argument(parameter, [k for p in said for k in _known(0, (p,), Verdict.GOOD, evidence)])


def _known(start: int, pieces: Sequence[Piece], verdict: Verdict, evidence: str) -> Iterator[Known]:
    for piece in pieces:
        yield Known(attrs.evolve(piece, offset=piece.offset + start), verdict, (evidence,))


def _argument(parameter: Parameter, known: Sequence[Known], missing: str = "") -> Argument:
    """An argument of which some parts are known; ``missing`` says why others aren't."""
    return Argument(
        parameter.name,
        parameter.type,
        _joined(known),
        reason=missing,
        remedy=REMEDY if missing else "",
        artificial=parameter.artificial,
    )


def _joined(known: Sequence[Known]) -> tuple[Known, ...]:
    """Neighbours that are one place and are known equally well, as one."""
    found: list[Known] = []
    for one in known:
        if found and (joined := _join(found[-1], one)):
            found[-1] = joined
        else:
            found.append(one)
    return tuple(found)


def _join(first: Known, second: Known) -> Known | None:
    a, b = first.piece, second.piece
    if (first.verdict, first.evidence) != (second.verdict, second.evidence) or a.end != b.offset:
        return None
    whole = Piece(a.offset, a.size + b.size, a.location)
    return attrs.evolve(first, piece=whole) if part((whole,), b.offset, b.size) == _alone(b) else None


def _refused(parameter: Parameter, reason: str) -> Argument:
    return Argument(
        parameter.name,
        parameter.type,
        reason=reason,
        remedy=REMEDY,
        artificial=parameter.artificial,
    )
