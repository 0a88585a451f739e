"""The parser: from text to programs and to their parts.

The language is the part of bpftrace's that aggregates::

    PROBE[, PROBE…] [/FILTER/] { @NAME[KEYS] = FUNCTION(…); … }

What has no meaning is refused at its place, and nothing else is ever raised for any text.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.core.aggregation import Count
from tracekit.core.expr import Expr
from tracekit.core.probe import FunctionName, Probe
from tracekit.core.program import Aggregate, Clause, Program, check
from tracekit.errors import UsageError
from tracekit.syntax.aggregations import aggregate, aggregation, keys
from tracekit.syntax.expressions import expression
from tracekit.syntax.probes import probe
from tracekit.syntax.tokens import Stream
from tracekit.syntax.words import function
from tracekit.values import frozen

_Span = tuple[int, int]
"""Where something stands in the text: ``text[start:end]``."""


@frozen
class _Places:
    """Where a clause and its parts stand."""

    whole: _Span
    where: _Span
    aggregates: tuple[_Span, ...]


def parse(text: str, origin: str = "<program>") -> Program:
    """Read a whole program, and check that it has a meaning.

    Args:
        text: the clauses, with ``//`` and ``/* */`` comments; a first line ``#!…`` is left out.
        origin: a file's name, for errors.

    Raises:
        ProgramSyntaxError: if the text isn't a program, or one that ``core.program.check`` refuses.
    """
    s = Stream(text, origin)
    if text.startswith("#!"):
        line_end = text.find("\n")
        s.position = len(text) if line_end < 0 else line_end
    clauses: list[Clause] = []
    places: list[_Places] = []
    s.skip()
    while s.position < len(text) or not clauses:
        clause, place = _clause(s)
        clauses.append(clause)
        places.append(place)
        s.skip()
    program = Program(clauses)
    _check(s, program, places)
    return program


def parse_aggregates(text: str, origin: str = "<aggregates>") -> tuple[Aggregate, ...]:
    """Read a clause's body without its braces: ``@bytes[pid] = hist(arg0); @n = count()``.

    A function alone, such as ``hist(arg0)``, is kept in the map with the empty name.

    Raises:
        ProgramSyntaxError: if the text isn't that.
    """
    s = _tokens(text, origin)
    found = [_bare(s)]
    while s.accept(";") and s.token.kind != "end":
        found.append(_bare(s))
    _finish(s)
    return tuple(found)


def parse_filter(text: str, origin: str = "<filter>") -> Expr:
    """Read a filter without its slashes: ``pid == 12 && arg0 > 4K``.

    Raises:
        ProgramSyntaxError: if the text isn't one expression.
    """
    s = _tokens(text, origin)
    if s.token.text == "/":
        raise s.error("the filter begins with '/'", s.token.start, s.token.end, "Leave the slashes out.")
    return _only_expression(s)


def parse_keys(text: str, origin: str = "<keys>") -> tuple[Expr, ...]:
    """Read a map's keys without their brackets: ``comm, str(arg1, 64)``.

    Raises:
        ProgramSyntaxError: if the text isn't one or more expressions.
    """
    s = _tokens(text, origin)
    found = keys(s)
    _finish(s)
    return found


def parse_expression(text: str, origin: str = "<expression>") -> Expr:
    """Read one expression.

    Raises:
        ProgramSyntaxError: if the text isn't one.
    """
    return _only_expression(_tokens(text, origin))


def parse_function(text: str, origin: str = "<function>") -> tuple[FunctionName, int]:
    """Read a function's name as a probe has it, quoted or not, and the offset after it.

    Raises:
        ProgramSyntaxError: if the text isn't one name, or one that has to be quoted.
    """
    s = Stream(text, origin)
    found = function(s)
    s.read()
    _finish(s)
    return found


def _tokens(text: str, origin: str) -> Stream:
    s = Stream(text, origin)
    s.read()
    return s


def _only_expression(s: Stream) -> Expr:
    found = expression(s)
    _finish(s)
    return found


def _finish(s: Stream) -> None:
    if s.token.kind != "end":
        hint = "Compare with ==." if s.token.text == "=" else ""
        raise s.expected("the end of the text", hint)


def _bare(s: Stream) -> Aggregate:
    return aggregate(s) if s.token.kind == "map" else Aggregate("", aggregation(s))


def _clause(s: Stream) -> tuple[Clause, _Places]:
    start = s.position
    probes = _probes(s)
    where, where_span = _filter(s)
    aggregates, spans = _body(s)
    places = _Places((start, s.end), where_span, tuple(spans))
    return Clause(probes, where, aggregates), places


def _probes(s: Stream) -> list[Probe]:
    found = [probe(s)]
    s.skip()
    while s.text.startswith(",", s.position):
        s.position += 1
        s.skip()
        found.append(probe(s))
        s.skip()
    return found


def _filter(s: Stream) -> tuple[Expr | None, _Span]:
    start = s.position
    if not s.text.startswith("/", start):
        return None, (start, start)
    s.position += 1
    s.read()
    s.in_filter = True
    where = expression(s)
    s.in_filter = False
    if s.token.text != "/":
        hint = "Compare with ==." if s.token.text == "=" else "End the filter with / before the brace."
        raise s.expected("the filter's end '/'", hint)
    s.end = s.position = s.token.end
    return where, (start, s.end)


def _body(s: Stream) -> tuple[list[Aggregate], list[_Span]]:
    s.skip()
    if not s.text.startswith("{", s.position):
        s.read()
        hint = "Write PROBE /FILTER/ { @ = count(); } with spaces between, and names with spaces in quotes."
        if s.text.startswith(":", s.token.end):
            hint = "Put a comma between two probes."
        raise s.expected("'{'", hint)
    start = s.position
    s.position += 1
    s.read()
    found: list[Aggregate] = []
    spans: list[_Span] = []
    while s.token.text != "}":
        if s.accept(";"):
            continue
        begin = s.token.start
        found.append(aggregate(s))
        spans.append((begin, s.end))
        if s.token.text not in (";", "}"):
            raise s.expected("';' or '}'", "Put a semicolon between two aggregations.")
    s.end = s.position = s.token.end
    if not found:
        raise s.error("the clause has no aggregation", start, s.end, "Add one, such as { @ = count(); }.")
    return found, spans


def _check(s: Stream, program: Program, places: list[_Places]) -> None:
    try:
        check(program)
    except UsageError:
        pass
    else:
        return
    for part, span in _parts(program, places):
        try:
            check(part)
        except UsageError as refused:
            raise s.error(refused.message, *span, refused.hint) from None


def _parts(program: Program, places: list[_Places]) -> Iterator[tuple[Program, _Span]]:
    """Ever larger programs made of parts of one, each with the place that is new in it."""
    first: dict[str, Clause] = {}
    for clause, place in zip(program.clauses, places, strict=True):
        if clause.where is not None:
            yield Program([Clause(clause.probes, clause.where, Aggregate("", Count()))]), place.where
        for one, span in zip(clause.aggregates, place.aggregates, strict=True):
            alone = Clause(clause.probes, None, one)
            yield Program([first.setdefault(one.name, alone), alone]), span
        yield Program([clause]), place.whole
    yield program, (places[0].whole[0], places[-1].whole[1])
