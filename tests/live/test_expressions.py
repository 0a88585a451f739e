"""Random expressions, as real engines evaluate them, against the independent evaluator.

The seed is printed with every failure; ``TRACEKIT_SEED`` repeats one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.evaluator import convert, evaluate
from tests.live.harness import Run, trace
from tools.engines import Engine

from tracekit.backends.base import Options
from tracekit.core.aggregation import Count, Moment, Scalar
from tracekit.core.expr import Arg, Binary, BinaryOp, Cast, Conditional, Expr, Int, Load, Unary
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT_TYPES, IntType
from tracekit.syntax import print_expression

pytestmark = pytest.mark.live

SEED = int(os.environ.get("TRACEKIT_SEED") or random.SystemRandom().getrandbits(32))
OPERATORS = [op for union in get_args(BinaryOp) for op in get_args(union)]
TYPES = list(INT_TYPES.values())
EDGES = [
    0,
    1,
    2,
    3,
    7,
    10,
    63,
    64,
    65,
    100,
    *(2**n + d for n in (7, 8, 15, 16, 31, 32, 62, 63) for d in (-1, 0, 1)),
]
PAIRS = 20
"""How many events each expression is evaluated for."""
TOGETHER = 15
"""How many expressions there are in a clause: more, and 0.17's compiler makes what the kernel refuses."""
CLAUSES = 16
"""How many such clauses there are in a script."""
OPTIONS = Options(max_keys=64)

INDEX = Arg(2)
PAIR = Uprobe("calls", FunctionName("pair"))


def number(rng: random.Random) -> int:
    """A number of 64 bits, mostly a small one or one near a power of two."""
    match rng.randrange(4):
        case 0:
            return rng.choice(EDGES)
        case 1:
            return -rng.choice(EDGES) % 2**64
        case 2:
            return rng.getrandbits(rng.randrange(1, 65))
        case _:
            return rng.randrange(-20, 20) % 2**64


def literal(rng: random.Random) -> Int:
    """A literal, as often signed as unsigned."""
    value = number(rng)
    return Int(value if rng.random() < 0.5 else convert(value, (64, True)))


def expression(rng: random.Random, depth: int) -> Expr:
    """An expression of at most so many levels."""
    if depth == 0 or rng.random() < 0.1:
        return literal(rng) if rng.random() < 0.35 else Arg(rng.randrange(2))
    match rng.randrange(10):
        case 0 | 1:
            return Cast(rng.choice(TYPES), expression(rng, depth - 1))
        case 2:
            return Unary(rng.choice("-~!"), expression(rng, depth - 1))
        case 3:
            return Conditional(*(expression(rng, depth - 1) for _ in range(3)))
        case _:
            return Binary(rng.choice(OPERATORS), expression(rng, depth - 1), expression(rng, depth - 1))


def clauses(expressions: dict[str, Expr]) -> Iterator[Clause]:
    """Each expression's value as a key and as a figure, and whether it lets events through as a filter."""
    names = list(expressions)
    for start in range(0, len(names), TOGETHER):
        aggregates = []
        for place, name in enumerate(names[start : start + TOGETHER]):
            found = expressions[name]
            if place % 3:
                aggregates.append(Aggregate(name, Count(), (INDEX, found)))
            else:
                aggregates.append(Aggregate(name, Scalar(Moment.STATS, found), (INDEX,)))
        passed = Aggregate(f"f{start}", Count(), (INDEX,))
        yield Clause(PAIR, aggregates=aggregates)
        yield Clause(PAIR, where=expressions[names[start]], aggregates=passed)


def values(run: Run, name: str, index: int) -> set[int]:
    """What a map says of the value at one event."""
    entries = run[name].entries
    if (index,) in entries:
        found = entries[index,]
        return {found.sum, found.min, found.max}
    return {key for at, key in entries if at == index}


def test_random_expressions(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """Keys, sums, extremes and filters of random expressions are what C's rules say, bit for bit."""
    print(f"TRACEKIT_SEED={SEED}")
    rng = random.Random(f"{SEED} {any_engine.name}")
    pairs = [(number(rng), number(rng)) for _ in range(PAIRS)]
    expressions = {f"m{n}": expression(rng, rng.randrange(1, 5)) for n in range(TOGETHER * CLAUSES)}
    program = Program(tuple(clauses(expressions)))
    numbers = [f"{number:x}" for pair in pairs for number in pair]
    run = trace(any_engine, program, binaries("calls"), ["pairs", *numbers], OPTIONS)
    wrong = []
    for n, (name, found) in enumerate(expressions.items()):
        for index, (a, b) in enumerate(pairs):
            value, _ = evaluate(found, {0: a, 1: b})
            told = values(run, name, index)
            if told != {value}:
                wrong.append(f"{print_expression(found)} of {a:#x}, {b:#x} is {value}, not {told}")
            if n % TOGETHER == 0 and ((index,) in run[f"f{n}"].entries) != (value != 0):
                wrong.append(f"/{print_expression(found)}/ of {a:#x}, {b:#x}: {value}")
    assert not wrong, "\n".join(wrong[:20])
    assert run.reading.losses == () and run.losses == ()


MEMORY: dict[str, int] = {
    "int8": 0, "uint8": 1, "int16": 2, "uint16": 4, "int32": 8, "uint32": 12, "int64": 16, "uint64": 24
}  # fmt: skip
"""The members of the structure that ``memory`` gets, and where they are in it."""


def test_loads_of_all_widths(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """Integers in the target's memory are read with their width and sign, also inside an expression."""
    numbers = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63]
    numbers += [2**64 - 1, 0x8182838485868788]
    aggregates = []
    for name, offset in MEMORY.items():
        load = Load(INT_TYPES[name], Binary("+", Arg(0), Int(offset)))
        aggregates += [
            Aggregate(name, Scalar(Moment.STATS, load), (Arg(1),)),
            Aggregate(f"half_{name}", Count(), (Arg(1), Binary("/", load, Int(2)))),
        ]
    program = Program(Clause(Uprobe("calls", FunctionName("memory")), aggregates=aggregates))
    run = trace(any_engine, program, binaries("calls"), ["memory", *map("{:x}".format, numbers)], OPTIONS)
    for name in MEMORY:
        type_: IntType = INT_TYPES[name]
        for index, value in enumerate(numbers):
            stored = convert(value, (type_.bits, type_.signed))
            assert values(run, name, index) == {stored}
            half = abs(stored) // 2 * (-1 if stored < 0 else 1)
            assert values(run, f"half_{name}", index) == {half}


def test_arguments_on_the_stack(any_engine: Engine, binaries: Callable[[str], Path]) -> None:
    """All arguments of a function with nine are read, those on the stack too, and what it returns."""
    program = (
        "uprobe:calls:nine { @a[arg0, arg1, arg2, arg3, arg4] = count(); @b[arg5, arg6, arg7, arg8] = count() }"
        "uretprobe:calls:nine { @returned = stats(retval); @took = min(elapsed) }"
    )
    run = trace(any_engine, program, binaries("calls"), ["many"], OPTIONS)
    assert list(run["a"].entries) == [(1, 2, 3, 4, 5)]
    assert list(run["b"].entries) == [(6, 7, 8, 9)]
    assert run["returned"].entries[()].min == -9
    assert 0 < (run["took"].entries[()].sum or 0) < 10**9
