"""Programs: how they are built, and which of them have no meaning on any engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.strategies import programs

from tracekit.core.aggregation import Count, Distribution, Moment, Scalar, value_of
from tracekit.core.buckets import Linear, Log2
from tracekit.core.expr import Arg, Binary, Builtin, BuiltinName, Float, Int, Load, Name, Reg, Str, String
from tracekit.core.probe import FunctionName, Interval, Probe, Side, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Aggregate, Clause, Program, check
from tracekit.core.types import INT_TYPES
from tracekit.errors import UsageError

ENTRY = Uprobe("a", FunctionName("f"))
RETURN = Uretprobe("a", FunctionName("f"))
READ, READ_RETURN = Syscall("read", Side.ENTRY), Syscall("read", Side.RETURN)
TIMER = Interval("s", 1)
RETVAL, ELAPSED, FUNC = map(Builtin, (BuiltinName.RETVAL, BuiltinName.ELAPSED, BuiltinName.FUNC))
COMM, PID, USTACK = map(Builtin, (BuiltinName.COMM, BuiltinName.PID, BuiltinName.USTACK))
COUNT = Aggregate("", Count())


def total(value) -> Aggregate:
    return Aggregate("", Scalar(Moment.SUM, value))


def test_single_parts_and_lists_are_the_same() -> None:
    """One probe, one aggregate or one clause may be given as it is, and any sequence becomes a tuple."""
    assert Program(Clause(ENTRY, None, COUNT)) == Program([Clause([ENTRY], None, [COUNT])])
    assert Clause(iter([ENTRY, RETURN]), None, COUNT).probes == (ENTRY, RETURN)
    assert Aggregate("", Count(), [PID]).keys == (PID,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Program([]), "no clause"),
        (lambda: Clause([], None, COUNT), "no probe"),
        (lambda: Clause(ENTRY, None, []), "no aggregation"),
        (lambda: Aggregate("9", Count()), "no name of a map"),
        (lambda: Aggregate("a b", Count()), "no name of a map"),
        (lambda: Aggregate("x\n", Count()), "no name of a map"),
        (lambda: Aggregate("größe", Count()), "no name of a map"),
    ],
)
def test_incomplete_parts_are_refused(make, message: str) -> None:
    """A program has clauses, a clause has probes and aggregates, and a map's name is a plain word."""
    with pytest.raises(UsageError, match=message):
        make()


def test_maps_stand_in_the_order_of_the_text() -> None:
    """A program's maps are listed once each, by the first aggregate that fills them."""
    first = Aggregate("b", Count(), [PID])
    program = Program(
        [
            Clause(ENTRY, None, [first, Aggregate("a", Count())]),
            Clause(RETURN, None, [Aggregate("b", Count(), [PID]), Aggregate("", Count())]),
        ]
    )
    assert list(program.maps) == ["b", "a", ""]
    assert program.maps["b"] is first


def test_expressions_of_a_clause() -> None:
    """A clause's expressions are the filter's, the keys' and the value's, with all that is inside."""
    clause = Clause(ENTRY, Arg(0) > 1, Aggregate("", Scalar(Moment.SUM, Arg(2)), [Str(Arg(1))]))
    assert list(clause.expressions) == [Arg(0) > 1, Arg(0), Int(1), Str(Arg(1)), Arg(1), Arg(2)]


def test_value_of_aggregations() -> None:
    """All aggregations but ``count()`` have a value."""
    assert value_of(Count()) is None
    assert value_of(Scalar(Moment.MAX, Arg(1))) == Arg(1)
    assert value_of(Distribution(Arg(1), Log2())) == Arg(1)


@given(programs())
def test_generated_programs_have_a_meaning(program: Program) -> None:
    """The programs that other tests are fed with are such that ``check`` accepts them."""
    check(program)


@pytest.mark.parametrize(
    ("probe", "where", "aggregate", "message"),
    [
        (ENTRY, COMM, COUNT, "the filter is no number"),
        (ENTRY, USTACK, COUNT, "the filter is no number"),
        (ENTRY, COMM + 1, COUNT, "a string stands where a number is needed"),
        (ENTRY, None, total(COMM), "aggregates what is no number"),
        (ENTRY, None, total(Str(Arg(0))), "aggregates what is no number"),
        (ENTRY, None, Aggregate("m", Distribution(USTACK, Log2())), "@m aggregates what is no number"),
        (ENTRY, None, Aggregate("", Count(), [COMM.eq(1)]), "compares a string with a number"),
        (ENTRY, None, total(RETVAL), "retval is known only at a return"),
        (ENTRY, None, Aggregate("", Count(), [RETVAL]), "retval is known only at a return"),
        (ENTRY, RETVAL > 0, COUNT, "retval is known only at a return"),
        (READ, None, total(RETVAL), "retval is known only at a return"),
        ((RETURN, ENTRY), None, total(RETVAL), "retval is known only at a return"),
        (TIMER, None, total(RETVAL), "retval is known only at a return"),
        (ENTRY, None, total(ELAPSED), "elapsed is known only when a function returns"),
        (READ_RETURN, None, total(ELAPSED), "elapsed is known only when a function returns"),
        ((RETURN, ENTRY), None, total(ELAPSED), "elapsed is known only when a function returns"),
        (READ, None, Aggregate("", Count(), [FUNC]), "func is known only at a function's probe"),
        (TIMER, None, Aggregate("", Count(), [FUNC]), "func is known only at a function's probe"),
        (Usdt("a", "p", "n"), FUNC.eq("f"), COUNT, "func is known only at a function's probe"),
    ],
)
def test_clauses_without_a_meaning(probe: Probe, where, aggregate: Aggregate, message: str) -> None:
    """Values that are no numbers, and values that a probe doesn't have, are refused wherever they stand."""
    with pytest.raises(UsageError, match=message):
        check(Program(Clause(probe, where, aggregate)))


@pytest.mark.parametrize(
    ("probe", "where", "aggregate"),
    [
        (ENTRY, COMM.eq("sh"), COUNT),
        (ENTRY, None, Aggregate("", Count(), [COMM, USTACK, FUNC, String("x"), Str(Arg(0))])),
        (RETURN, None, total(RETVAL + ELAPSED)),
        (READ_RETURN, RETVAL > 0, total(RETVAL)),
        ((RETURN, READ_RETURN), None, total(RETVAL)),
        ((ENTRY, RETURN), None, Aggregate("", Count(), [FUNC])),
        (TIMER, None, Aggregate("", Count(), [USTACK])),
        (ENTRY, Name("value"), total(Name("value") + 1)),
    ],
)
def test_clauses_with_a_meaning(probe: Probe, where, aggregate: Aggregate) -> None:
    """Strings and stacks as keys, returned values at returns, and names that are not resolved yet, pass."""
    check(Program(Clause(probe, where, aggregate)))


@pytest.mark.parametrize(
    "other",
    [
        Scalar(Moment.SUM, Arg(0)),
        Scalar(Moment.MAX, Reg("rdx")),
        Scalar(Moment.MAX, Load(INT_TYPES["uint8"], Arg(0))),
        Distribution(Arg(0), Log2()),
        Count(),
    ],
)
def test_map_with_two_kinds_of_content(other) -> None:
    """One map can't hold two functions, or values of two types, be it in one clause or in two."""
    both = Aggregate("m", Scalar(Moment.MAX, Arg(0))), Aggregate("m", other)
    for program in (
        Program(Clause(ENTRY, None, both)),
        Program([Clause(ENTRY, None, one) for one in both]),
        Program([Clause(ENTRY, None, one) for one in reversed(both)]),
    ):
        with pytest.raises(UsageError, match="@m is used in two ways"):
            check(program)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([], [PID]),
        ([PID], [COMM]),
        ([PID, COMM], [COMM, PID]),
        ([PID], [PID, PID]),
        ([Arg(0)], [Reg("rdx")]),
    ],
)
def test_map_with_two_kinds_of_keys(one, two) -> None:
    """One map can't have keys of two numbers or types."""
    with pytest.raises(UsageError, match="@m is used in two ways"):
        check(Program(Clause(ENTRY, None, [Aggregate("m", Count(), one), Aggregate("m", Count(), two)])))


def test_floats_and_integers_share_a_map() -> None:
    """A float is kept as an int64, so what returns either may be in one map."""
    both = (Aggregate("m", Scalar(Moment.MAX, value), [value]) for value in (Arg(0), Float(64, Reg("xmm0"))))
    check(Program([Clause(ENTRY, None, one) for one in both]))


def test_schemes_of_one_map_agree() -> None:
    """Two histograms with other bounds can't be one map; with the same ones they can."""

    def linear(top: int) -> Aggregate:
        return Aggregate("m", Distribution(Arg(top % 3), Linear(0, top, 1)))

    check(Program(Clause(ENTRY, None, [linear(9), linear(9)])))
    with pytest.raises(UsageError, match="@m is used in two ways"):
        check(Program(Clause(ENTRY, None, [linear(9), linear(10)])))


def test_filter_is_typed_with_care_for_names() -> None:
    """What depends on a name is left for later, and the rest is still refused."""
    check(Program(Clause(ENTRY, Binary("==", Name("value"), String("x")), COUNT)))
    with pytest.raises(UsageError, match="aggregates what is no number"):
        check(Program(Clause(ENTRY, Name("value"), total(COMM))))
