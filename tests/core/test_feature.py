"""What a program needs of an engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.results_strategies import PROGRAMS

from tracekit.core import expr as ex
from tracekit.core import probe as pr
from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.feature import Feature, features_of
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT64, UINT64

MAIN = pr.FunctionName("main")
ENTRY = pr.Uprobe("./a", MAIN)


def needs(
    probe: pr.Probe = ENTRY,
    function: Aggregation | None = None,
    where: ex.Expr | None = None,
    keys: tuple[ex.Expr, ...] = (),
) -> set[Feature]:
    """What a clause needs beyond counting at a function's entry."""
    clause = Clause(probe, where, Aggregate("", function or Count(), keys))
    return set(features_of(Program([clause]))) - {Feature.COUNT, Feature.FUNCTION_ENTRY}


@pytest.mark.parametrize(
    ("probe", "feature"),
    [
        (pr.Uprobe("./a", MAIN, 4), Feature.FUNCTION_OFFSET),
        (pr.Uretprobe("./a", MAIN), Feature.FUNCTION_RETURN),
        (pr.Usdt("./a", "p", "n"), Feature.USDT),
        (pr.Syscall("read", pr.Side.ENTRY), Feature.SYSCALL_ENTRY),
        (pr.Syscall("read", pr.Side.RETURN), Feature.SYSCALL_RETURN),
        (pr.Interval("s", 1), Feature.INTERVAL),
        (pr.Profile("hz", 99), Feature.PROFILE),
    ],
)
def test_each_probe_needs_its_feature(probe: pr.Probe, feature: Feature) -> None:
    """Every kind of probe is a feature, and the two ends of a call are two."""
    assert needs(probe) == {feature}


def test_an_entry_is_the_plain_feature() -> None:
    """A count at a function's entry needs just these two."""
    program = Program([Clause(ENTRY, aggregates=Aggregate("", Count()))])
    assert features_of(program) == {Feature.FUNCTION_ENTRY, Feature.COUNT}


@pytest.mark.parametrize(
    ("node", "features"),
    [
        (ex.Int(1), set()),
        (ex.Arg(2), {Feature.ARGUMENT}),
        (ex.Reg("rdx"), {Feature.REGISTER}),
        (ex.Reg("xmm0"), {Feature.VECTOR}),
        (ex.Reg("v31"), {Feature.VECTOR}),
        (ex.Name("value"), {Feature.NAME}),
        (ex.Member(ex.Name("value"), "len"), {Feature.NAME}),
        (ex.Index(ex.Name("value"), ex.Arg(1)), {Feature.NAME, Feature.ARGUMENT}),
        (ex.Deref(ex.Name("value")), {Feature.NAME}),
        (ex.Load(INT64, ex.Arg(0)), {Feature.MEMORY, Feature.ARGUMENT}),
        (ex.Str(ex.Reg("rdi")), {Feature.STRING, Feature.REGISTER}),
        (ex.Cast(UINT64, -ex.Arg(0)), {Feature.ARGUMENT}),
        (ex.Conditional(ex.Arg(0), ex.Reg("rdi"), ex.Int(0)), {Feature.ARGUMENT, Feature.REGISTER}),
    ],
)
def test_each_expression_needs_its_features(node: ex.Expr, features: set[Feature]) -> None:
    """Expressions need what is inside them, wherever in the clause they stand."""
    assert needs(where=node) == features
    assert needs(keys=(node,)) == features
    assert needs(function=Scalar(Moment.SUM, node)) - {Feature.MOMENTS} == features


@pytest.mark.parametrize("name", ex.BuiltinName)
def test_each_builtin_needs_one_feature(name: ex.BuiltinName) -> None:
    """No builtin is forgotten; pid and tid are one feature."""
    (feature,) = needs(where=ex.Builtin(name))
    words = {ex.BuiltinName.PID: "pid and tid", ex.BuiltinName.TID: "pid and tid"}
    assert feature.value == words.get(name, name.value)


@pytest.mark.parametrize(
    ("function", "feature"),
    [
        *((Scalar(moment, ex.Int(1)), Feature.MOMENTS) for moment in Moment),
        (Distribution(ex.Int(1), Log2()), Feature.LOG2),
        (Distribution(ex.Int(1), Log2(3)), Feature.LOG2_PARTS),
        (Distribution(ex.Int(1), Linear(0, 10, 1)), Feature.LINEAR),
        (Distribution(ex.Int(1), LogLinear(10, 0, 3, 10)), Feature.LOG_LINEAR),
    ],
)
def test_each_aggregation_needs_its_feature(function: Aggregation, feature: Feature) -> None:
    """Every aggregation is a feature; without ``count()``, counting isn't needed."""
    found = features_of(Program([Clause(ENTRY, aggregates=Aggregate("", function))]))
    assert found == {Feature.FUNCTION_ENTRY, feature}


@given(PROGRAMS)
def test_a_program_needs_what_its_clauses_need(program: Program) -> None:
    """The features of a program are those of its clauses together."""
    apart = [features_of(Program([clause])) for clause in program.clauses]
    assert features_of(program) == frozenset().union(*apart)
