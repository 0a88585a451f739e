"""Expressions: a Pratt parser of C's operators with C's precedence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast

from tracekit.core.constant import constant
from tracekit.core.expr import (
    Arg,
    Binary,
    BinaryOp,
    Builtin,
    BuiltinName,
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
    UnaryOp,
    children,
    expr,
)
from tracekit.syntax.casts import CastType, cast_at
from tracekit.syntax.literals import fraction, number, unquote
from tracekit.syntax.suggest import suggestion
from tracekit.syntax.tokens import MAX_DEPTH, Stream, Token, shown

POWERS: Final = {
    "||": 1,
    "&&": 2,
    "|": 3,
    "^": 4,
    "&": 5,
    **dict.fromkeys(("==", "!="), 6),
    **dict.fromkeys(("<", "<=", ">", ">="), 7),
    **dict.fromkeys(("<<", ">>"), 8),
    **dict.fromkeys(("+", "-"), 9),
    **dict.fromkeys(("*", "/", "%"), 10),
}
"""How strongly the binary operators bind; ``?:`` binds less than all of them."""

_OF_ONE: Final[dict[str, Callable[[Expr], Expr]]] = {
    "len": Len,
    "cap": Cap,
    "float32": lambda operand: Float(32, operand),
    "float64": lambda operand: Float(64, operand),
}
_METHODS: Final[dict[str, Callable[[Expr], Expr]]] = {
    **dict.fromkeys(("len", "size", "length"), Len),
    **dict.fromkeys(("cap", "capacity"), Cap),
}
"""What C++ and Rust write after a dot for ``len()`` and ``cap()``."""

_FUNCTIONS: Final = ("str", "reg", *_OF_ONE)
_BUILTINS: Final = {name.value: name for name in BuiltinName}
_ARG: Final = re.compile(r"arg(0|[1-9][0-9]{0,8})")


def is_reserved(word: str) -> bool:
    """Whether a word alone has a meaning of its own, so that an argument of that name is ``args.WORD``."""
    return word in _BUILTINS or word == "args" or _ARG.fullmatch(word) is not None


def expression(s: Stream) -> Expr:
    """Read an expression.

    Raises:
        ProgramSyntaxError: if there is none, or one of more than ``MAX_DEPTH`` levels.
    """
    start = s.token.start
    root = _expression(s)
    level, depth = [root], 0
    while level:
        depth += 1
        level = [child for node in level for child in children(node)]
    if depth > MAX_DEPTH:
        raise s.too_deep(start, s.end)
    return root


def constant_at(s: Stream, node: Expr, start: int, end: int) -> int:
    """The value of an expression that stands at ``text[start:end]``, where a constant has to.

    Raises:
        ProgramSyntaxError: if it isn't known before anything is traced.
    """
    value = constant(node)
    if value is None:
        raise s.error("expected a constant number", start, end, "Write a number such as 16384 or 16K.")
    return value


def _expression(s: Stream, power: int = 0) -> Expr:
    s.descend()
    left = _operand(s)
    while (binding := POWERS.get(s.token.text, 0)) > power and not _ends_filter(s):
        op = cast("BinaryOp", s.advance().text)
        left = Binary(op, left, _expression(s, binding))
    if power == 0 and s.accept("?"):
        then = _expression(s)
        s.expect(":")
        left = Conditional(left, then, _expression(s))
    s.ascend()
    return left


def _ends_filter(s: Stream) -> bool:
    # An operand can't begin with the brace, or whatever else stands after a filter.
    return s.in_filter and s.token.text == "/" and not s.peek().starts_operand


def _operand(s: Stream) -> Expr:
    first = s.token
    match first.text:
        case "-" | "!" | "~":
            return _unary(s)
        case "*":
            return _pointed(s)
        case "(" if to := cast_at(s, first.start):
            return _cast(s, to)
        case _:
            return _suffixes(s, _primary(s))


def _unary(s: Stream) -> Expr:
    sign = s.advance()
    literal = s.token.kind == "number"
    operand = _nested(s)
    if sign.text == "-" and literal and isinstance(operand, Int):
        return s.make(sign.start, Int, -operand.value)
    return Unary(cast("UnaryOp", sign.text), operand)


def _pointed(s: Stream) -> Expr:
    s.advance()
    to = cast_at(s, s.token.start) if s.token.text == "(" else None
    if to is None or not to.stars:
        return Deref(_nested(s))
    if to.stars > 1:
        hint = f"Load the pointer first: *({to.type.name}*)*(uint64*)…"
        raise s.error("a load reads an integer, not a pointer", s.token.start, to.end, hint)
    _use_cast(s, to)
    return Load(to.type, _nested(s))


def _cast(s: Stream, to: CastType) -> Expr:
    if to.stars:
        raise s.error(
            "a cast to a pointer stands without the * that loads from it",
            s.token.start,
            to.end,
            f"Write *({to.type.name}*)(arg0 + 8) to load the number 8 bytes after arg0.",
        )
    _use_cast(s, to)
    return Cast(to.type, _nested(s))


def _use_cast(s: Stream, to: CastType) -> None:
    s.end = s.position = to.end
    s.read()


def _nested(s: Stream) -> Expr:
    s.descend()
    operand = _operand(s)
    s.ascend()
    return operand


def _primary(s: Stream) -> Expr:
    token = s.token
    match token.kind:
        case "number":
            s.advance()
            if (value := fraction(token.text)) is not None:
                return expr(value)
            return s.make(token.start, Int, s.make(token.start, number, token.text))
        case "string":
            s.advance()
            return s.make(token.start, String, unquote(s, token.start, token.end))
        case "name":
            return _named(s)
        case "map":
            hint = "The maps are the program's result."
            raise s.error("a map can't be read at a probe", token.start, token.end, hint)
    if token.text in ("++", "--"):
        hint = "Nothing is changed at a probe."
        raise s.error(f"'{token.text}' changes a value", token.start, token.end, hint)
    if not s.accept("("):
        raise s.expected("an expression")
    inner = _expression(s)
    s.expect(")")
    return inner


def _named(s: Stream) -> Expr:
    token = s.advance()
    word, called = token.text, s.token.text == "("
    if called and word == "str":
        return _str(s, token)
    if called and word == "reg":
        return _reg(s, token)
    if called and word in _OF_ONE:
        s.advance()
        operand = _expression(s)
        s.expect(")", f"{word} takes one argument.")
        return s.make(token.start, _OF_ONE[word], operand)
    if called:
        raise _no_function(s, token)
    if word in _BUILTINS:
        return Builtin(_BUILTINS[word])
    if found := _ARG.fullmatch(word):
        return Arg(int(found[1]))
    if word == "args" and s.token.text in (".", "->"):
        s.advance()
        return Name(_field(s))
    return Name(word)


def _no_function(s: Stream, token: Token) -> Exception:
    word = token.text
    if word in _BUILTINS:
        return s.error(f"{word} takes no arguments", token.start, token.end, f"Write {word} alone.")
    return s.error(
        f"there is no function {shown(word)} in expressions",
        token.start,
        token.end,
        suggestion(word, _FUNCTIONS)
        or 'The functions are str(pointer[, length]), reg("name"), len(x), cap(x), float32(x) and float64(x).',
    )


def _str(s: Stream, token: Token) -> Expr:
    s.descend()
    s.expect("(")
    pointer = _expression(s)
    length = size = None
    if s.accept(","):
        limit = expression(s)
        length = constant(limit)
        size = limit if length is None else None
    s.expect(")", "str takes a pointer and, if you like, a length: str(arg1, 64).")
    s.ascend()
    return s.make(token.start, Str, pointer, length, size)


def _reg(s: Stream, token: Token) -> Expr:
    s.expect("(")
    if s.token.kind != "string":
        raise s.expected("a register's name in quotes", 'Write it like reg("rdx").')
    name = s.advance()
    s.expect(")")
    return s.make(token.start, Reg, unquote(s, name.start, name.end))


def _suffixes(s: Stream, base: Expr) -> Expr:
    while True:
        match s.token.text:
            case "." | "->" as sign:
                s.advance()
                if s.token.kind == "name" and s.peek().text == "(":
                    base = _method(s, Deref(base) if sign == "->" else base)
                else:
                    base = Member(base, _field(s), sign == "->")
            case "[":
                s.advance()
                base = Index(base, _expression(s))
                s.expect("]")
            case _:
                return base


def _method(s: Stream, base: Expr) -> Expr:
    token = s.advance()
    word = token.text
    if word not in _METHODS:
        hint = suggestion(word, _METHODS) or "Nothing of the target's is called; fields can be read."
        raise s.error(f"{shown(word)} can't be called", token.start, token.end, hint)
    s.advance()
    s.expect(")", f"{word}() takes no arguments.")
    return _METHODS[word](base)


def _field(s: Stream) -> str:
    token = s.token
    if token.kind == "name":
        return s.advance().text
    if token.kind != "string":
        raise s.expected("a field's name")
    s.advance()
    name = unquote(s, token.start, token.end)
    if not name or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise s.error("a field's name is empty or has a control character", token.start, token.end)
    return name
