"""The printer: from programs and their parts to text that the parser reads back as the same."""

from __future__ import annotations

from typing import assert_never

from tracekit.core.aggregation import Aggregation, Count, Distribution, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear, Scheme
from tracekit.core.expr import (
    Arg,
    Binary,
    Builtin,
    Cap,
    Cast,
    Conditional,
    Deref,
    Expr,
    Float,
    Index,
    Int,
    Len,
    Load,
    Member,
    Name,
    Reg,
    Str,
    String,
    Unary,
)
from tracekit.core.probe import Interval, Probe, Profile, Syscall, Uprobe, Uretprobe, Usdt
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.syntax.expressions import POWERS, is_reserved
from tracekit.syntax.literals import fraction_text, quote
from tracekit.syntax.tokens import is_name
from tracekit.syntax.words import print_field, print_function

_UNARY = max(POWERS.values()) + 1
_SUFFIX = _UNARY + 1


def print_program(program: Program) -> str:
    """A program as text, one clause a line, with no more parentheses and quotes than it needs.

    ``parse(print_program(p)) == p`` for every program that ``core.program.check`` accepts, whose
    expressions have at most ``MAX_DEPTH`` levels and whose texts stand for bytes.

    Raises:
        UsageError: if a text has a lone surrogate that stands for no byte.
    """
    return "\n".join(map(print_clause, program.clauses))


def print_clause(clause: Clause) -> str:
    """A clause as one line of text: ``PROBE, PROBE /FILTER/ { AGGREGATE; AGGREGATE }``."""
    probes = ", ".join(map(print_probe, clause.probes))
    where = "" if clause.where is None else f"/{_apart(print_expression(clause.where))}/ "
    return f"{probes} {where}{{ {'; '.join(map(print_aggregate, clause.aggregates))} }}"


def print_probe(probe: Probe) -> str:
    """A probe as text, its path and names in quotes where they need them."""
    match probe:
        case Uprobe(binary, function, offset):
            return f"uprobe:{print_field(binary)}:{print_function(function, offset)}"
        case Uretprobe(binary, function):
            return f"uretprobe:{print_field(binary)}:{print_function(function)}"
        case Usdt(binary, provider, name):
            return f"usdt:{print_field(binary)}:{print_field(provider)}:{print_field(name)}"
        case Syscall(name, side):
            return f"syscall:{print_field(name)}:{side.value}"
        case Interval(unit, count):
            return f"interval:{unit}:{count}"
        case Profile(unit, count):
            return f"profile:{unit}:{count}"
        case _:
            assert_never(probe)


def print_aggregate(aggregate: Aggregate) -> str:
    """``@name[keys] = function(…)``."""
    keys = f"[{', '.join(map(print_expression, aggregate.keys))}]" if aggregate.keys else ""
    return f"@{aggregate.name}{keys} = {print_aggregation(aggregate.function)}"


def print_aggregation(aggregation: Aggregation) -> str:
    """``function(value, parameters)``."""
    match aggregation:
        case Count():
            arguments = []
        case Scalar(_, value):
            arguments = [print_expression(value)]
        case Distribution(value, scheme):
            arguments = [print_expression(value), *map(str, _parameters(scheme))]
        case _:
            assert_never(aggregation)
    return f"{function_name(aggregation)}({', '.join(arguments)})"


def function_name(aggregation: Aggregation) -> str:
    """The word for an aggregation.

    Returns:
        ``count``, ``sum``, ``min``, ``max``, ``avg``, ``stats``, ``hist``, ``lhist`` or ``llquantize``.
    """
    match aggregation:
        case Count():
            return "count"
        case Scalar(moment):
            return moment.value
        case Distribution(scheme=Log2()):
            return "hist"
        case Distribution(scheme=Linear()):
            return "lhist"
        case Distribution():
            return "llquantize"
        case _:
            assert_never(aggregation)


def _parameters(scheme: Scheme) -> tuple[int, ...]:
    match scheme:
        case Log2(bits):
            return (bits,) if bits else ()
        case Linear(lo, hi, step):
            return lo, hi, step
        case LogLinear(factor, low, high, steps):
            return factor, low, high, steps
        case _:
            assert_never(scheme)


def print_expression(node: Expr) -> str:
    """An expression as text, with no more parentheses than C's precedence asks for."""
    return _text(node, 0)


def _text(node: Expr, power: int) -> str:
    """An expression as text, in parentheses if it binds less than its place does."""
    text, own = _form(node)
    return f"({text})" if own < power else text


def _form(node: Expr) -> tuple[str, int]:
    """An expression as text without parentheses round it, and how strongly it binds."""
    match node:
        case Int(value):
            return f"{value:d}", _UNARY if value < 0 else _SUFFIX
        case String(value):
            return quote(value), _SUFFIX
        case Arg(index):
            return f"arg{index:d}", _SUFFIX
        case Reg(name):
            return f"reg({quote(name)})", _SUFFIX
        case Builtin(name):
            return name.value, _SUFFIX
        case Name(name):
            return f"args.{_field(name)}" if is_reserved(name) or not is_name(name) else name, _SUFFIX
        case Member(base, field, arrow):
            return f"{_text(base, _SUFFIX)}{'->' if arrow else '.'}{_field(field)}", _SUFFIX
        case Index(base, index):
            return f"{_text(base, _SUFFIX)}[{_text(index, 0)}]", _SUFFIX
        case Len(base):
            return f"len({_text(base, 0)})", _SUFFIX
        case Cap(base):
            return f"cap({_text(base, 0)})", _SUFFIX
        case Float(64, Int(bits)) if bits >= 0 and (text := fraction_text(bits)) is not None:
            return text, _SUFFIX
        case Float(bits, operand):
            return f"float{bits}({_text(operand, 0)})", _SUFFIX
        case Str(pointer, None, None):
            return f"str({_text(pointer, 0)})", _SUFFIX
        case Str(pointer, length, size):
            end = f"{length:d}" if size is None else _text(size, 0)
            return f"str({_text(pointer, 0)}, {end})", _SUFFIX
        case Deref(pointer):
            return f"*{_text(pointer, _UNARY)}", _UNARY
        case Load(type_, address):
            return f"*({type_.name}*){_text(address, _UNARY)}", _UNARY
        case Cast(type_, operand):
            return f"({type_.name}){_text(operand, _UNARY)}", _UNARY
        case Unary(op, operand):
            return f"{op}{_negated(operand) if op == '-' else _text(operand, _UNARY)}", _UNARY
        case Binary(op, left, right):
            own = POWERS[op]
            return f"{_text(left, own)} {op} {_text(right, own + 1)}", own
        case Conditional(test, then, other):
            return f"{_text(test, 1)} ? {_text(then, 0)} : {_text(other, 0)}", 0
        case _:
            assert_never(node)


def _negated(operand: Expr) -> str:
    """What stands after a minus: ``-1`` is a number, ``-(1)`` its negation, and ``--`` no operator."""
    text = _text(operand, _UNARY)
    return f"({text})" if isinstance(operand, Int) or text.startswith("-") else text


def _field(name: str) -> str:
    return name if is_name(name) else quote(name)


def _apart(text: str) -> str:
    """A filter that doesn't make a comment of the slash before it."""
    return f" {text}" if text.startswith("*") else text
