"""Programs in D, compiled and run by a real dtrace, against the model's own evaluation."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from tests.backends.dtrace.test_golden import GOLDEN
from tests.evaluator import convert, evaluate
from tests.live.dtrace import Dtrace, Run, trace
from tests.live.test_buckets_live import SCHEMES, VALUES
from tests.live.test_expressions import INDEX, MEMORY, PAIR, SEED, expression, number, values

from tracekit.backends.base import Options
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.expr import Arg, Binary, Cast, Expr, Int, Load
from tracekit.core.histogram import Histogram
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.result import LossKind
from tracekit.core.types import INT64, INT_TYPES, UINT64, IntType
from tracekit.syntax import print_expression

pytestmark = pytest.mark.live

_IN_A_PROCESS = re.compile(r"^(?:pid\S+?:[^:\n]*:[^:\n]*:|provider\S+?:[^:\n]*::)\w+(?=,?$)", re.MULTILINE)


def apart(text: str, number: int) -> str:
    """A script whose probes are all at one function, and whose variables are no other script's."""
    text = _IN_A_PROCESS.sub("pid$target:calls:pair:entry", text)
    text = re.sub(r"@(\w*)(?=[ \[);])", rf"@p{number}_\1", text)
    text = re.sub(r"\b(this|self)->", rf"\1->q{number}_", text)
    return re.sub(r"(?<![\w>])(started\d+(?=\[)|seen\b)", rf"q{number}_\1", text)


@pytest.mark.parametrize("folder", ["linux", "macos", "."])
def test_every_golden_file_is_a_program_to_dtrace(
    dtrace: Dtrace, binaries: Callable[[str], Path], tmp_path: Path, folder: str
) -> None:
    """The compiler of a real dtrace takes all of them, for whichever system they are."""
    # All in one, since each start takes it seconds.
    files = sorted((GOLDEN / folder).glob("*.d"))
    scripts = [apart(file.read_text(), n) for n, file in enumerate(files)]
    pragmas = sorted({line for s in scripts for line in s.splitlines() if line.startswith("#")})
    text = "\n".join([*pragmas, *(re.sub(r"^#.*\n", "", s, flags=re.MULTILINE) for s in scripts)])
    # Registers of another processor have no names here.
    text = re.sub(r"R_X?(?:28|0|SP)\b", "R_RSP", text)
    whole = tmp_path / "all.d"
    whole.write_text(text)
    # With nothing to do: it may run before it is ended.
    done = dtrace.run("-e", "-s", str(whole), "-c", f"{binaries('calls')} pairs")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + text


TOGETHER, CLAUSES, PAIRS = 6, 16, 16


def clauses(expressions: dict[str, Expr]) -> Iterator[Clause]:
    """Each expression's value as a key or as a figure, and whether it lets events through as a filter."""
    names = list(expressions)
    for start in range(0, len(names), TOGETHER):
        aggregates = []
        for place, name in enumerate(names[start : start + TOGETHER]):
            found = expressions[name]
            if place % 3:
                aggregates.append(Aggregate(name, Count(), (INDEX, found)))
            else:
                aggregates.append(Aggregate(name, Scalar(Moment.STATS, found), (INDEX,)))
        yield Clause(PAIR, aggregates=aggregates)
        yield Clause(PAIR, expressions[names[start]], Aggregate(f"f{start}", Count(), (INDEX,)))


def test_random_expressions(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """Keys, sums, extremes and filters of random expressions are what C's rules say, bit for bit."""
    print(f"TRACEKIT_SEED={SEED}")
    rng = random.Random(f"{SEED} dtrace")
    pairs = [(number(rng), number(rng)) for _ in range(PAIRS)]
    expressions = {f"m{n}": expression(rng, rng.randrange(1, 5)) for n in range(TOGETHER * CLAUSES)}
    numbers = [f"{number:x}" for pair in pairs for number in pair]
    run = trace(dtrace, Program(tuple(clauses(expressions))), binaries("calls"), ["pairs", *numbers])
    wrong = []
    for n, (name, found) in enumerate(expressions.items()):
        for index, (a, b) in enumerate(pairs):
            value, _ = evaluate(found, {0: a, 1: b})
            told = values(run, name, index)  # type: ignore[arg-type]
            if told != {value}:
                wrong.append(f"{print_expression(found)} of {a:#x}, {b:#x} is {value}, not {told}")
            if n % TOGETHER == 0 and ((index,) in run[f"f{n}"].entries) != (value != 0):
                wrong.append(f"/{print_expression(found)}/ of {a:#x}, {b:#x}: {value}")
    assert not wrong, "\n".join(wrong[:20])
    assert run.reading.losses == () and run.said == ""


@pytest.mark.parametrize("type_", [INT64, UINT64], ids=lambda t: t.name)
def test_every_scheme_on_values_at_every_edge(
    dtrace: Dtrace, binaries: Callable[[str], Path], type_: IntType
) -> None:
    """Buckets, counts, sums and extremes are exact for 64-bit values of either sign, whatever the scheme."""
    value: Expr = Cast(UINT64, Arg(0)) if type_ == UINT64 else Arg(0)
    named = {f"h{n}": Distribution(value, scheme) for n, scheme in enumerate(SCHEMES)}
    probe = Uprobe("calls", FunctionName("value"))
    program = Program([Clause(probe, aggregates=Aggregate(name, of)) for name, of in named.items()])
    numbers = [f"{value % 2**64:x}" for value in VALUES]
    run = trace(dtrace, program, binaries("calls"), ["values", *numbers])
    expected = [convert(value, (64, type_.signed)) for value in VALUES]
    for name, distribution in named.items():
        whole = Histogram.of(expected, distribution.scheme)
        # So many such values have many sums that agree in their low 64 bits: then none is told.
        assert run[name].entries == {(): attrs.evolve(whole, sum=None)}, distribution.scheme
    assert {loss.kind for loss in run.reading.losses} == {LossKind.OVERFLOW}
    assert run.said == ""


def test_narrow_types_and_loads(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """Integers of all widths are read with their sign; what can't be read is 0, and the event still counts."""
    numbers = [0, 1, 0x7F, 0x80, 0xFF, 0x8000, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 0x8182838485868788]
    aggregates = []
    for name, offset in MEMORY.items():
        load = Load(INT_TYPES[name], Binary("+", Arg(0), Int(offset)))
        aggregates.append(Aggregate(name, Scalar(Moment.STATS, load), (Arg(1),)))
        aggregates.append(Aggregate(f"half_{name}", Count(), (Arg(1), Binary("/", load, Int(2)))))
    lost = Load(INT_TYPES["uint32"], Binary("*", Arg(1), Int(8)))
    aggregates.append(Aggregate("lost", Scalar(Moment.STATS, lost)))
    program = Program(Clause(Uprobe("calls", FunctionName("memory")), aggregates=aggregates))
    run = trace(dtrace, program, binaries("calls"), ["memory", *map("{:x}".format, numbers)])
    for name in MEMORY:
        type_ = INT_TYPES[name]
        for index, value in enumerate(numbers):
            stored = convert(value, (type_.bits, type_.signed))
            assert values(run, name, index) == {stored}  # type: ignore[arg-type]
            half = abs(stored) // 2 * (-1 if stored < 0 else 1)
            assert values(run, f"half_{name}", index) == {half}  # type: ignore[arg-type]
    assert run["lost"].entries[()] == Histogram.of([0] * len(numbers))
    # NULL is expected, and no error; each of the others is one.
    assert len(re.findall("invalid address", run.said)) == len(numbers) - 1


def test_strings_are_keys_as_they_were(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """Whatever bytes a string has, it is the key; cut ones, ones with a size, comparisons and func as well."""
    run = trace(
        dtrace,
        "uprobe:calls:text { @s[arg1, str(arg0), str(arg0, 5), str(arg0, 3 & arg1)] = count();"
        " @c[comm, func] = count() }"
        'uprobe:calls:text /str(arg0) == "plain" || str(arg0, 4 + 0 * arg1) == "%d%s"/ { @is[arg1] = count() }'
        "uprobe:calls:text { @null[str(arg1 * 0), str(8)] = count() }",
        binaries("calls"),
        ["texts"],
        Options(max_string=128),
    )
    found = {index: rest for index, *rest in run["s"].entries}
    assert len(found) == 25
    assert found[15] == ["\n@t0: 7\n", "\n@t0", "\n@t"]
    assert found[10] == ["bad\udcff\udcfe", "bad\udcff", "ba"]
    assert found[8] == ["\x01\x1f\x7f", "\x01\x1f\x7f", ""] and found[4] == ['quote"d', "quot", ""]
    assert found[5] == ["back\\slash", "back", "b"] and found[11] == ["", "", ""]
    assert set(run["is"].entries) == {(0,), (16,)}
    assert run["c"].entries[("calls", "text")].count == run["null"].entries[("", "")].count == 25


def test_returns_and_recursion(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """Every call of a function that calls itself has its own time, and the outer ones take longer."""
    run = trace(
        dtrace,
        "uretprobe:calls:deep { @took[retval] = stats(elapsed) }"
        "uretprobe:calls:deep /retval > 3/ { @n = count() }",
        binaries("calls"),
        ["deep", "a"],
    )
    took = [run["took"].entries[(depth,)] for depth in range(1, 12)]
    assert all(h.count == 1 for h in took)
    assert [h.sum for h in took] == sorted(h.sum or 0 for h in took)
    assert run["n"].total == 8 and run.reading.losses == ()


def test_limits_and_snapshots(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """Events stop to count at the limit, by whichever key they are."""
    numbers = [f"{n:x}" for n in range(50)]
    options = Options(max_events=20, interval=0.2)
    run = trace(
        dtrace, "uprobe:calls:value { @[arg0] = hist(arg0) }", binaries("calls"), ["values", *numbers], options
    )
    assert list(run[""].entries) == [(n,) for n in range(20)]


def test_arguments_on_the_stack_and_registers(dtrace: Dtrace, binaries: Callable[[str], Path]) -> None:
    """All arguments of a function with nine are read, and those in registers by the registers' names."""
    run: Run = trace(
        dtrace,
        "uprobe:calls:nine { @a[arg0, arg1, arg2, arg3, arg4] = count(); @b[arg5, arg6, arg7, arg8] = count();"
        ' @c[reg("rdi"), reg("si"), (uint8)reg("r9")] = count();'
        ' @d[*(int32*)(reg("rsp") + 8), *(int64*)(reg("rsp") + 24)] = count() }'
        "uretprobe:calls:nine { @returned = stats(retval) }",
        binaries("calls"),
        ["many"],
    )
    assert list(run["a"].entries) == [(1, 2, 3, 4, 5)] and list(run["b"].entries) == [(6, 7, 8, 9)]
    assert list(run["c"].entries) == [(1, 2, 6)] and list(run["d"].entries) == [(7, 9)]
    assert run["returned"].entries[()].min == -9
