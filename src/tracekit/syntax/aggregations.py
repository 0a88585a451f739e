"""Aggregations and the maps that keep them: the statements of a clause's body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tracekit.core.aggregation import Aggregation, Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import Expr
from tracekit.core.program import Aggregate
from tracekit.syntax.expressions import constant_at, expression
from tracekit.syntax.foreign import STATEMENTS
from tracekit.syntax.suggest import suggestion
from tracekit.syntax.tokens import Stream, Token, shown
from tracekit.values import frozen

_CHANGE: Final = "Use count() for events, or sum(x) for values: they lose no update between threads."
_ASSIGN: Final = (
    "A map keeps what a function makes of all events: count(), sum(x), hist(x). "
    "For the time that a function takes there is elapsed, at a uretprobe."
)
_CHANGES: Final = frozenset(("++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="))


@frozen
class _Function:
    """An aggregation's word, and what it takes.

    Attributes:
        signature: as the user writes it, with brackets round what may be left out.
        scheme: builds the buckets of a distribution from its parameters; None for a single figure.
        least: how many parameters it needs after the value.
        most: how many it may have.
    """

    signature: str
    scheme: Callable[..., Scheme] | None = None
    least: int = 0
    most: int = 0


def _stepped(lo: int, hi: int, step: int = 1) -> Linear:
    return Linear(lo, hi, step)


_FUNCTIONS: Final = {
    "count": _Function("count()"),
    **{moment.value: _Function(f"{moment.value}(x)") for moment in Moment},
    "hist": _Function("hist(x[, bits])", Log2, 0, 1),
    "lhist": _Function("lhist(x, lo, hi, step)", Linear, 3, 3),
    "quantize": _Function("quantize(x)", Log2),
    "lquantize": _Function("lquantize(x, lo, hi[, step])", _stepped, 2, 3),
    "llquantize": _Function("llquantize(x, factor, low, high, steps)", LogLinear, 4, 4),
}


def aggregation(s: Stream) -> Aggregation:
    """Read ``FUNCTION(…)``.

    Raises:
        ProgramSyntaxError: if it isn't an aggregation, or has other arguments than it takes.
    """
    token = s.token
    function = _FUNCTIONS.get(token.text)
    if function is None:
        raise _no_aggregation(s, token)
    s.advance()
    s.expect("(", f"Write {function.signature}.")
    arguments = _arguments(s)
    needed = 0 if token.text == "count" else 1
    if not needed + function.least <= len(arguments) <= needed + function.most:
        raise s.error(
            _count_message(token.text, needed + function.least, needed + function.most, len(arguments)),
            token.start,
            s.end,
            f"Write {function.signature}.",
        )
    if token.text == "count":
        return Count()
    value = arguments[0].node
    if function.scheme is None:
        return Scalar(Moment(token.text), value)
    parameters = [constant_at(s, a.node, a.start, a.end) for a in arguments[1:]]
    return Distribution(value, s.make(token.start, function.scheme, *parameters))


def aggregate(s: Stream) -> Aggregate:
    """Read ``@name[keys] = FUNCTION(…)``.

    Raises:
        ProgramSyntaxError: if it is another statement.
    """
    token = s.token
    if token.kind != "map":
        raise _no_map(s, token)
    s.advance()
    found: tuple[Expr, ...] = ()
    if s.accept("["):
        found = keys(s)
        s.expect("]")
    sign = s.token
    if sign.text in _CHANGES:
        raise s.error("a map isn't changed value by value", token.start, sign.end, _CHANGE)
    s.expect("=", "Write @name = count().")
    function = aggregation(s)
    return s.make(token.start, Aggregate, token.text[1:], function, found)


def keys(s: Stream) -> tuple[Expr, ...]:
    """Read expressions with commas between them, at least one.

    Raises:
        ProgramSyntaxError: if there is none.
    """
    found = [expression(s)]
    while s.accept(","):
        found.append(expression(s))
    return tuple(found)


@frozen
class _Argument:
    node: Expr
    start: int
    end: int


def _arguments(s: Stream) -> list[_Argument]:
    found: list[_Argument] = []
    while not s.accept(")"):
        if found and not s.accept(","):
            raise s.expected("',' or ')'")
        start = s.token.start
        found.append(_Argument(expression(s), start, s.end))
    return found


def _count_message(word: str, least: int, most: int, given: int) -> str:
    takes = "no" if most == 0 else str(least) if least == most else f"{least} or {most}"
    return f"{word} takes {takes} argument{'' if takes == '1' else 's'}, not {given}"


def _no_aggregation(s: Stream, token: Token) -> Exception:
    word = token.text
    if word in STATEMENTS:
        return _no_statement(s, token)
    if token.kind == "name" and s.peek().text == "(":
        known = f"The functions are {', '.join(f.signature for f in _FUNCTIONS.values())}."
        hint = suggestion(word, _FUNCTIONS) or known
        return s.error(f"there is no aggregation {shown(word)}", token.start, token.end, hint)
    return s.expected("an aggregation", _ASSIGN)


def _no_map(s: Stream, token: Token) -> Exception:
    word = token.text
    if word in STATEMENTS:
        return _no_statement(s, token)
    if word in ("++", "--"):
        return s.error("a map isn't changed value by value", token.start, token.end, _CHANGE)
    if word in _FUNCTIONS:
        hint = f"Write @ = {word}(…), or @name = {word}(…)."
        return s.error("an aggregation needs a map that keeps it", token.start, token.end, hint)
    return s.expected("a map", "Write @name = count().")


def _no_statement(s: Stream, token: Token) -> Exception:
    return s.error(f"{token.text} is not part of the language", token.start, token.end, STATEMENTS[token.text])
