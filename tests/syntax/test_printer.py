"""The printer's text is canonical, and the parser reads it back as the same program."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import (
    aggregations,
    expressions,
    function_names,
    keys,
    names,
    probes,
    programs,
    strings,
)

from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.expr import Arg, Builtin, BuiltinName, Name, String
from tracekit.core.probe import FunctionName, Uprobe
from tracekit.core.program import Aggregate, Program, check
from tracekit.errors import UsageError
from tracekit.syntax import (
    function_name,
    parse,
    parse_aggregates,
    parse_expression,
    parse_filter,
    parse_keys,
    print_aggregate,
    print_aggregation,
    print_clause,
    print_expression,
    print_probe,
    print_program,
)

IDENTITY = (Path(__file__).parent / "identity.tk").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", IDENTITY)
def test_canonical_text_is_printed_as_it_is(line: str) -> None:
    """A program in canonical form comes back letter by letter."""
    assert print_program(parse(line)) == line


def test_clauses_are_lines() -> None:
    """A program of several clauses is one line for each."""
    text = "\n".join(line for line in IDENTITY if "@ = count()" in line)
    program = parse(text)
    assert print_program(program) == text
    assert [print_clause(clause) for clause in program.clauses] == text.split("\n")


@given(programs())
def test_programs_survive_printing(program: Program) -> None:
    """Every program of the model is read back as it was, and printed again as the same text."""
    check(program)
    text = print_program(program)
    assert parse(text) == program
    assert print_program(parse(text)) == text
    assert text.count("\n") == len(program.clauses) - 1


@given(expressions())
def test_expressions_survive_printing(node) -> None:
    """Every expression is read back as it was, alone and as a filter without slashes."""
    text = print_expression(node)
    assert parse_expression(text) == node
    assert parse_filter(text) == node


@given(expressions(max_leaves=4))
def test_parentheses_are_needed(node) -> None:
    """Leaving out any pair of the printed parentheses changes or breaks the expression.

    Those of calls, casts and loads are part of the syntax, and a string can hold any number of others.
    """
    text = print_expression(node)
    if '"' in text or "str" in text:
        return
    opened: list[int] = []
    for at, c in enumerate(text):
        if c == "(":
            opened.append(at)
        elif c == ")":
            start = opened.pop()
            without = text[:start] + text[start + 1 : at] + text[at + 1 :]
            with contextlib.suppress(UsageError):
                assert parse_expression(without) != node


@given(st.lists(keys(), min_size=1, max_size=4))
def test_keys_survive_printing(nodes) -> None:
    """Keys of every type are read back as they were."""
    assert parse_keys(", ".join(map(print_expression, nodes))) == tuple(nodes)


@given(
    st.lists(
        st.builds(Aggregate, st.sampled_from(("", "x", "Y_1")), aggregations(), st.lists(keys())), min_size=1
    )
)
def test_aggregates_survive_printing(aggregates) -> None:
    """Aggregates of every kind are read back as they were."""
    assert parse_aggregates("; ".join(map(print_aggregate, aggregates))) == tuple(aggregates)


@given(probes)
def test_probes_survive_printing(probe) -> None:
    """A probe of any name is printed as one printable line, after which a clause goes on as it should."""
    text = print_probe(probe)
    assert text.isprintable()
    for after in (" { @ = count() }", ", i:s:1 { @ = count() }", " /1/ { @ = count() }"):
        assert parse(text + after).clauses[0].probes[0] == probe


@given(names, function_names)
def test_no_name_closes_its_quotes(binary: str, function: FunctionName) -> None:
    """Whatever a path or a function is called, the program has one clause with one probe and one map."""
    program = parse(f"{print_probe(Uprobe(binary, function))} {{ @ = count() }}")
    assert [len(c.probes) for c in program.clauses] == [1]
    assert [a.function for a in program.clauses[0].aggregates] == [Count()]


@given(strings)
def test_strings_are_printed_on_one_line(text: str) -> None:
    """A string of any characters is printable, and read back as it was."""
    printed = print_expression(String(text))
    assert printed.isprintable()
    assert parse_expression(printed) == String(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (FunctionName("f"), "f"),
        (FunctionName("f", exact=True), '"f"'),
        (FunctionName("f*"), "f*"),
        (FunctionName("f*", exact=True), '"f*"'),
        (FunctionName("main.(*T).M", exact=True), "main.(*T).M"),
        (FunctionName("main.(*T).M"), r"main.\(*T\).M"),
        (FunctionName("a b*"), r"a\ b*"),
        (FunctionName("f+5"), r"f\+5"),
        (FunctionName("f+5", exact=True), '"f+5"'),
        (FunctionName("operator*"), r"\x6fperator*"),
        (FunctionName("a\u202eb*"), r"a\xe2\x80\xaeb*"),
    ],
)
def test_quotes_only_where_they_are_needed(name: FunctionName, text: str) -> None:
    """A name is quoted, or has backslashes, only if it would be read as something else without."""
    assert print_probe(Uprobe("a", name)) == f"uprobe:a:{text}"
    assert print_probe(Uprobe("a", name, 16)) == f"uprobe:a:{text}+0x10"


def test_reserved_words_as_arguments() -> None:
    """An argument that is called as a word of the language is told from that word."""
    assert print_expression(Name("pid")) == "args.pid"
    assert print_expression(Name("arg0")) == "args.arg0"
    assert print_expression(Builtin(BuiltinName.PID)) == "pid"
    assert print_expression(Name("str")) == "str"


@pytest.mark.parametrize(
    ("aggregation", "word", "text"),
    [
        (Count(), "count", "count()"),
        *((Scalar(m, Arg(0)), m.value, f"{m.value}(arg0)") for m in Moment),
        (Distribution(Arg(0), Log2()), "hist", "hist(arg0)"),
        (Distribution(Arg(0), Log2(2)), "hist", "hist(arg0, 2)"),
        (Distribution(Arg(0), Linear(-8, 8, 2)), "lhist", "lhist(arg0, -8, 8, 2)"),
        (Distribution(Arg(0), LogLinear(10, 0, 6, 10)), "llquantize", "llquantize(arg0, 10, 0, 6, 10)"),
    ],
)
def test_words_of_aggregations(aggregation, word: str, text: str) -> None:
    """Each aggregation has one word, whichever word it was read from."""
    assert function_name(aggregation) == word
    assert print_aggregation(aggregation) == text
    assert print_aggregate(Aggregate("m", aggregation, (Arg(1),))) == f"@m[arg1] = {text}"


@pytest.mark.parametrize(
    "printing",
    [
        lambda: print_expression(String("\ud800")),
        lambda: print_probe(Uprobe("\ud800", FunctionName("f"))),
        lambda: print_probe(Uprobe("a", FunctionName("\ud800*"))),
    ],
)
def test_lone_surrogates_are_refused(printing) -> None:
    """Text that stands for no bytes at all can't be printed, and the error says so."""
    with pytest.raises(UsageError, match="lone surrogate"):
        printing()
