"""Compares what a calibration says of a function's leaves with what was true in each call.

Only the model's classes are shared with the code under test: types are walked and locations read anew.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence

import attrs
from tests.truth.dump import Hit
from tests.truth.model import Expected, Path, Truth

from tracekit.core.calibration import Argument, Calibration, Known
from tracekit.core.location import Behind, InRegister, InVector, InX87, Location, OnStack
from tracekit.core.source import Array, Enumeration, Field, Record, TypeId, Types, Variant
from tracekit.core.verdict import Verdict, worst


class Outcome(enum.Enum):
    """What became of a leaf."""

    RIGHT = "right"
    WRONG = "wrong"
    REFUSED = "refused"
    MISSING = "missing"  # the types have no such member
    CRASHED = "crashed"  # what is under test failed with an error that isn't one of its own


@attrs.frozen
class Finding:
    """What became of a leaf, over all calls.

    Attributes:
        number: the function's number in its program.
        symbol: its name in the symbol table.
        path: the leaf.
        outcome: what became of it.
        verdict: what the calibration says of it.
        reason: why it was refused, or how it is wrong.
        evidence: what the calibration relies on.
        read: whether the function reads it; if not, an optimiser needn't pass it.
        changed: whether an optimiser may have changed how the function is called.
    """

    number: int
    symbol: str
    path: Path
    outcome: Outcome
    verdict: Verdict = Verdict.REFUSED
    reason: str = ""
    evidence: tuple[str, ...] = ()
    read: bool = True
    changed: bool = False


@attrs.frozen
class Leaf:
    """Where a leaf is in its argument.

    Attributes:
        offset: bits from the argument's start.
        size: bits.
        variants: if a variant is asked for, those of the type.
    """

    offset: int
    size: int
    variants: tuple[Variant, ...] = ()


class NoSuchPathError(Exception):
    """The types have no such member."""


@attrs.frozen
class Run:
    """What is the same for all calls of a run.

    Attributes:
        data: where ``tk_data`` is in memory.
    """

    data: int


def judge(
    number: int,
    symbol: str,
    calibration: Calibration | str,
    hits: Sequence[Hit],
    truth: Mapping[tuple[int, int], Sequence[Expected]],
    run: Run,
) -> list[Finding]:
    """What became of every leaf of a function.

    Args:
        number: the function's number.
        symbol: its name in the symbol table.
        calibration: what is said of it, or why nothing is.
        hits: its calls.
        truth: what was true, by number and row.
        run: the run.
    """
    calls: dict[Path, list[tuple[Hit, Expected]]] = {}
    for hit in hits:
        if hit.now // 16 != number:
            continue  # a call of another function, whose code was found to be the same
        for expected in truth[number, hit.now % 16]:
            key = (*expected.path, "=variant") if expected.truth is Truth.VARIANT else expected.path
            calls.setdefault(key, []).append((hit, expected))
    return [_judge(number, symbol, path, calibration, seen, run) for path, seen in calls.items()]


def _judge(
    number: int,
    symbol: str,
    path: Path,
    calibration: Calibration | str,
    calls: Sequence[tuple[Hit, Expected]],
    run: Run,
) -> Finding:
    def finding(outcome: Outcome, reason: str, verdict: Verdict = Verdict.REFUSED, *evidence: str) -> Finding:
        return Finding(number, symbol, path, outcome, verdict, reason, evidence, calls[0][1].read)

    if isinstance(calibration, str):
        return finding(Outcome.REFUSED, calibration)
    argument = calibration.argument(str(path[0]))
    if argument is None:
        return finding(Outcome.REFUSED, "there is no argument of that name")
    if not argument.known:
        return finding(Outcome.REFUSED, argument.reason or "no reason given")
    try:
        leaf = find_leaf(calibration.types, argument.type, path[1:])
    except NoSuchPathError as error:
        return finding(Outcome.MISSING, str(error))
    known = _covering(argument, leaf)
    if known is None:
        return finding(Outcome.REFUSED, argument.reason or "some of its bytes are nowhere")
    verdict = worst(k.verdict for k in known)
    if not verdict.at_least(Verdict.GOOD):
        return finding(Outcome.REFUSED, argument.reason or "no reason given")
    where = [f"{k.piece.offset}+{k.piece.size}: {k.piece.location} [{k.verdict.value}]" for k in known]
    evidence = (*where, *(e for k in known for e in k.evidence))
    for hit, expected in calls:
        problem = contradiction(hit, expected, known, leaf, run)
        if problem:
            return finding(Outcome.WRONG, f"row {hit.now % 16}: {problem}", verdict, *evidence)
    return finding(Outcome.RIGHT, "", verdict, *evidence)


def _covering(argument: Argument, leaf: Leaf) -> list[Known] | None:
    """The parts that have a leaf's bytes; None if they don't have all."""
    found = []
    for byte in range(leaf.offset // 8, -(-(leaf.offset + leaf.size) // 8)):
        known = next((k for k in argument.known if k.piece.offset <= byte < k.piece.end), None)
        if known is None:
            return None
        if known not in found:
            found.append(known)
    return found


def contradiction(hit: Hit, expected: Expected, known: Iterable[Known], leaf: Leaf, run: Run) -> str:
    """How a leaf's bytes contradict the truth in a call; empty if they don't."""
    data = bytearray()
    start, end = leaf.offset // 8, -(-(leaf.offset + leaf.size) // 8)
    pieces = [k.piece for k in known]
    for byte in range(start, end):
        piece = next(p for p in pieces if p.offset <= byte < p.end)
        one = fetch(hit, piece.location, byte - piece.offset)
        if one is None:
            return f"there is no memory, or no register, at {piece.location}"
        data.append(one)
    got = int.from_bytes(data, "little") >> leaf.offset % 8 & (1 << leaf.size) - 1
    if expected.truth is Truth.VARIANT:
        names = [v.field.name for v in leaf.variants if got in v.values]
        names = names or [v.field.name for v in leaf.variants if not v.values]
        return "" if names == [expected.name] else f"variant {names} by {got:#x} for {expected.name}"
    mask = expected.mask if expected.mask != -1 else (1 << 64) - 1
    if leaf.size < mask.bit_length():
        return f"the leaf has {leaf.size} bits for {mask.bit_length()}"
    match expected.truth:
        case Truth.BITS:
            want = expected.value
        case Truth.DATA:
            want = run.data + expected.value
        case Truth.DYNAMIC:
            want = int.from_bytes(hit.dyn[8 * expected.value : 8 * expected.value + 8], "little")
    return "" if (got ^ want) & mask == 0 else f"got {got & mask:#x} for {want:#x}"


def fetch(hit: Hit, location: Location, index: int) -> int | None:
    """A byte at a location; None if there is none."""
    match location:
        case InRegister(name, shift):
            if name not in hit.registers or not 0 <= shift + index < 8:
                return None
            return hit.registers[name] >> 8 * (shift + index) & 0xFF
        case InVector(name, shift):
            value = hit.vectors.get(name, b"")
            return value[shift + index] if 0 <= shift + index < len(value) else None
        case OnStack(offset):
            return _memory(hit, hit.stack_pointer + offset + index)
        case Behind(pointer, offset):
            parts = [fetch(hit, pointer, i) for i in range(8)]
            if None in parts:
                return None
            return _memory(hit, int.from_bytes(bytes(p or 0 for p in parts), "little") + offset + index)
        case InX87():
            return None


def _memory(hit: Hit, address: int) -> int | None:
    found = hit.read(address, 1)
    return found[0] if found else None


def find_leaf(types: Types, root: TypeId, path: Path) -> Leaf:
    """Where a leaf is in a value.

    Raises:
        NoSuchPathError: if the types don't have it.
    """
    at, of = 0, root
    bits: int | None = None
    for step in path:
        if bits is not None:
            raise NoSuchPathError(f"{step} of a bit-field")
        resolved = types.resolved(of)
        if step == "=variant":
            return _discriminant(types, of, at)
        match resolved, step:
            case Array(element, _, stride), int(index):
                at, of = at + 8 * stride * index, element
            case Record(), str(name):
                steps = _fields(types, of, name)
                if steps is None:
                    names = [f.name for f in resolved.fields] + [v.field.name for v in resolved.variants]
                    raise NoSuchPathError(f"no {name} in {types.spelled(of)} of {names}")
                for field in steps:
                    at, of, bits = at + field.bit_offset, field.type, field.bit_size
            case _:
                raise NoSuchPathError(f"no {step} in {resolved}")
    while bits is None and isinstance(record := types.resolved(of), Record):  # a wrapper of one scalar
        full = [f for f in record.fields if types.size(f.type)]
        if len(full) != 1 or record.variants:
            raise NoSuchPathError(f"{types.spelled(of)} isn't one scalar: {[f.name for f in full]}")
        at, of, bits = at + full[0].bit_offset, full[0].type, full[0].bit_size
    size = 8 * types.size(of) if bits is None else bits
    if not size:
        raise NoSuchPathError(f"{types.spelled(of)} has no size")
    return Leaf(at, size)


def _discriminant(types: Types, of: TypeId, at: int) -> Leaf:
    record = types.resolved(of)
    if isinstance(record, Enumeration):  # no variant holds anything
        names = record.names.items()
        return Leaf(at, 8 * record.size, tuple(Variant(Field(name, 0, 0), (value,)) for value, name in names))
    if not isinstance(record, Record) or not record.variants:
        raise NoSuchPathError(f"{types.spelled(of)} has no variants")
    field = record.discriminant
    if field is None:
        return Leaf(at, 0, record.variants)
    return Leaf(at + field.bit_offset, 8 * types.size(field.type), record.variants)


def _fields(types: Types, of: TypeId, name: str) -> list[Field] | None:
    """The fields that lead to the one of a name, through those without a name, and bases."""
    record = types.resolved(of)
    if not isinstance(record, Record):
        return None
    if name.startswith("<"):
        return next(([v.field] for v in record.variants if v.field.name == name[1:-1]), None)
    deep = name.startswith("~")
    plain = name.removeprefix("~")
    for field in record.fields:
        if field.name == plain and not field.base:
            return [field]
    for field in record.fields:
        if deep or not field.name or field.base:
            deeper = _fields(types, field.type, name)
            if deeper is not None:
                return [field, *deeper]
    return None
