"""The model as JSON values and back."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from tests.results_strategies import PROGRAMS

from tracekit.codec.model import program_from_dict, program_to_dict
from tracekit.core import expr as ex
from tracekit.core import probe as pr
from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import UINT64, IntType
from tracekit.errors import UsageError

MAIN = pr.FunctionName("main.(*T).M", exact=True)
PROGRAM = Program(
    [
        Clause(
            pr.Uprobe("./a", MAIN),
            where=ex.Load(UINT64, ex.Reg("rsp") + 8).eq("x"),
            aggregates=[
                Aggregate("bytes", Distribution(ex.Cast(IntType(8), ex.Arg(2)), Linear(0, 64, 8))),
                Aggregate("", Count(), [ex.Builtin(ex.BuiltinName.PID)]),
            ],
        )
    ]
)


def program_of(node: ex.Expr) -> Program:
    return Program([Clause(pr.Uprobe("./a", MAIN), node, Aggregate("", Count()))])


@given(PROGRAMS)
def test_a_program_comes_back_as_it_was(program: Program) -> None:
    """Through JSON text and back, a program is what it was; the values are JSON's own."""
    document = program_to_dict(program)
    assert json.loads(json.dumps(document)) == document
    assert program_from_dict(json.loads(json.dumps(document))) == program


def test_the_form_of_a_program() -> None:
    """Fields by their names, a type where several classes can stand, enumerations by value."""
    assert program_to_dict(PROGRAM) == {
        "clauses": [
            {
                "probes": [
                    {
                        "type": "uprobe",
                        "binary": "./a",
                        "function": {"text": "main.(*T).M", "exact": True},
                        "offset": 0,
                    }
                ],
                "where": {
                    "type": "binary",
                    "op": "==",
                    "left": {
                        "type": "load",
                        "as": "uint64",
                        "address": {
                            "type": "binary",
                            "op": "+",
                            "left": {"type": "reg", "name": "rsp"},
                            "right": {"type": "int", "value": 8},
                        },
                    },
                    "right": {"type": "string", "value": "x"},
                },
                "aggregates": [
                    {
                        "name": "bytes",
                        "function": {
                            "type": "distribution",
                            "value": {"type": "cast", "as": "int8", "operand": {"type": "arg", "index": 2}},
                            "scheme": {"type": "linear", "lo": 0, "hi": 64, "step": 8},
                        },
                        "keys": [],
                    },
                    {
                        "name": "",
                        "function": {"type": "count"},
                        "keys": [{"type": "builtin", "name": "pid"}],
                    },
                ],
            }
        ]
    }


VALUE = ex.Arg(0)
EVERY_EXPRESSION = {
    "int": ex.Int(1 << 63),
    "string": ex.String("caf\udce9"),
    "arg": VALUE,
    "reg": ex.Reg("rdx"),
    "builtin": ex.Builtin(ex.BuiltinName.ELAPSED),
    "name": ex.Name("value"),
    "member": ex.Member(VALUE, "len", arrow=True),
    "index": ex.Index(VALUE, ex.Int(3)),
    "deref": ex.Deref(VALUE),
    "len": ex.Len(VALUE),
    "cap": ex.Cap(VALUE),
    "load": ex.Load(UINT64, VALUE),
    "str": ex.Str(VALUE, None, ex.Arg(1)),
    "float": ex.Float(32, VALUE),
    "unary": -VALUE,
    "binary": VALUE + 1,
    "conditional": ex.Conditional(VALUE, VALUE, VALUE),
    "cast": VALUE.cast(UINT64),
}


@pytest.mark.parametrize("tag", EVERY_EXPRESSION)
def test_every_expression_has_its_tag(tag: str) -> None:
    """Each kind of expression has a type of its own and comes back."""
    document = program_to_dict(program_of(EVERY_EXPRESSION[tag]))
    assert document["clauses"][0]["where"]["type"] == tag
    assert program_from_dict(document) == program_of(EVERY_EXPRESSION[tag])


def test_no_expression_is_forgotten() -> None:
    """The list above has all kinds of expressions."""
    assert {type(node) for node in EVERY_EXPRESSION.values()} == set(get_args(ex.Expr))


@pytest.mark.parametrize(
    ("scheme", "tag"),
    [(Log2(3), "log2"), (Linear(0, 8, 2), "linear"), (LogLinear(10, 0, 3, 10), "log-linear")],
)
def test_every_scheme_has_its_tag(scheme: object, tag: str) -> None:
    """Each scheme has a type of its own."""
    aggregate = Aggregate("", Distribution(VALUE, scheme))  # type: ignore[arg-type]
    document = program_to_dict(Program([Clause(pr.Interval("s", 1), aggregates=aggregate)]))
    assert document["clauses"][0]["aggregates"][0]["function"]["scheme"]["type"] == tag


@pytest.mark.parametrize("moment", Moment)
def test_scalars_name_their_moment(moment: Moment) -> None:
    """A scalar aggregation says which figure it keeps, by its word in the language."""
    aggregate = Aggregate("", Scalar(moment, VALUE))
    document = program_to_dict(Program([Clause(pr.Interval("s", 1), aggregates=aggregate)]))
    assert document["clauses"][0]["aggregates"][0]["function"]["moment"] == moment.value


def at(document: Any, *path: str | int) -> Any:
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize(
    ("path", "value", "place", "reason"),
    [
        (("clauses",), [], "$", "no clause"),
        (("clauses",), {}, "$.clauses", "an array"),
        (("clauses", 0), None, "$.clauses[0]", "an object"),
        (("clauses", 0, "probes", 0, "type"), "kprobe", "$.clauses[0].probes[0]", "uprobe uretprobe"),
        (("clauses", 0, "probes", 0, "type"), ["uprobe"], "$.clauses[0].probes[0]", "uprobe uretprobe"),
        (("clauses", 0, "probes", 0, "type"), "int", "$.clauses[0].probes[0]", "uprobe uretprobe"),
        (("clauses", 0, "probes", 0, "offset"), True, "$.clauses[0].probes[0].offset", "an integer, not True"),
        (("clauses", 0, "probes", 0, "offset"), 1.0, "$.clauses[0].probes[0].offset", "an integer, not 1.0"),
        (("clauses", 0, "probes", 0, "offset"), "1", "$.clauses[0].probes[0].offset", "an integer, not '1'"),
        (("clauses", 0, "probes", 0, "offset"), -1, "$.clauses[0].probes[0]", "offset -1 is negative"),
        (("clauses", 0, "probes", 0, "binary"), 3, "$.clauses[0].probes[0].binary", "a string, not 3"),
        (("clauses", 0, "probes", 0, "binary"), "a\nb", "$.clauses[0].probes[0]", "control character"),
        (("clauses", 0, "probes", 0, "binary"), "\udcff", "$.clauses[0].probes[0].binary", "or bytes"),
        (("clauses", 0, "probes", 0, "binary"), {"bytes": "61"}, "$.clauses[0].probes[0].binary", "or bytes"),
        (("clauses", 0, "probes", 0, "binary"), {"bytes": "FF"}, "$.clauses[0].probes[0].binary", "or bytes"),
        (("clauses", 0, "probes", 0, "binary"), {"bytes": "xx"}, "$.clauses[0].probes[0].binary", "hex"),
        (("clauses", 0, "probes", 0, "function", "exact"), 1, "$.clauses[0].probes[0].function.exact", "true"),
        (("clauses", 0, "where", "op"), "**", "$.clauses[0].where.op", "expected one of"),
        (("clauses", 0, "where", "left", "as"), "int7", "$.clauses[0].where.left.type", "int8 uint8"),
        (("clauses", 0, "where", "left", "type"), "cast", "$.clauses[0].where.left", "operand is missing"),
        (("clauses", 0, "where", "more"), 1, "$.clauses[0].where", "no place for 'more'"),
        (("clauses", 0, "aggregates", 0, "name"), "a b", "$.clauses[0].aggregates[0]", "no name of a map"),
        (
            ("clauses", 0, "aggregates", 1, "keys", 0, "name"),
            "PID",
            "$.clauses[0].aggregates[1].keys[0]",
            "pid",
        ),
        (
            ("clauses", 0, "aggregates", 0, "function", "scheme", "step"),
            0,
            "$.clauses[0].aggregates[0].function.scheme",
            "step of 0",
        ),
    ],
)
def test_a_wrong_program_is_refused_with_its_place(
    path: tuple[str | int, ...], value: object, place: str, reason: str
) -> None:
    """One wrong value gives one sentence with the path to it and what should stand there."""
    document = program_to_dict(PROGRAM)
    at(document, *path[:-1])[path[-1]] = value
    with pytest.raises(UsageError) as caught:
        program_from_dict(document)
    assert caught.value.message.startswith(f"the program is not valid at {place}")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("document", [None, 3, "x", [], {}, {"clauses": None}])
def test_what_is_no_program_at_all_is_refused(document: object) -> None:
    """Any JSON value may be handed in; what isn't a program gives a UsageError."""
    with pytest.raises(UsageError, match="the program is not valid at \\$"):
        program_from_dict(document)


def test_several_errors_are_counted() -> None:
    """The first error is told, and how many there are besides."""
    document = program_to_dict(PROGRAM)
    del document["clauses"][0]["probes"][0]["offset"]
    del document["clauses"][0]["aggregates"][1]["keys"]
    with pytest.raises(UsageError, match=r"probes\[0\]: offset is missing \(and 1 more\)"):
        program_from_dict(document)


def test_a_deep_program_is_refused() -> None:
    """An expression that is nested beyond reason gives an error in both directions, no traceback."""
    node: ex.Expr = VALUE
    document: dict[str, Any] = {"type": "arg", "index": 0}
    for _ in range(5000):
        node = ex.Unary("-", node)
        document = {"type": "unary", "op": "-", "operand": document}
    with pytest.raises(UsageError, match="nested too deeply"):
        program_to_dict(program_of(node))
    whole = program_to_dict(PROGRAM)
    whole["clauses"][0]["where"] = document
    with pytest.raises(UsageError, match="nested too deeply"):
        program_from_dict(whole)


def test_what_is_neither_text_nor_bytes_is_refused() -> None:
    """A lone surrogate that stands for no byte can't be written as text or bytes."""
    with pytest.raises(UsageError, match="neither Unicode nor bytes"):
        program_to_dict(program_of(ex.Name("\ud800")))


def test_equal_bytes_are_written_equally() -> None:
    """Bytes that were put together from pieces, and make UTF-8 as a whole, are written as the text they are."""
    document = program_to_dict(program_of(ex.String("\udcc3\udca9")))
    assert document == program_to_dict(program_of(ex.String("é")))
    assert program_from_dict(document) == program_of(ex.String("é"))
