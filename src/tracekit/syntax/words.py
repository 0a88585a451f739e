r"""Words: the paths and function names of probes, quoted or as they are.

A plain word ends at a space, comma, semicolon, brace, quote or colon; a backslash takes that meaning
from a character. In a function's name ``::`` doesn't end it, nor does the colon after a source file, and
brackets hold what the language puts there, so that ``main.(*T).M``, ``ns::f(int, char)``, ``<A as B>::f``
and ``net/a.c:parse`` need no quotes.

In such a name ``*`` is the wildcard, but a star in Go's receiver ``.(*T).`` and after a backslash.
Where it could be either, as in ``f(char*)`` and ``operator*``, the name has to be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from tracekit.core.probe import FunctionName
from tracekit.errors import ProgramSyntaxError
from tracekit.syntax.literals import as_bytes, canonical, escape, number, quote, unquote
from tracekit.syntax.tokens import Stream

_T = TypeVar("_T")

_FIELD_RUN: Final = re.compile(r'[^\s\x00-\x1f\x7f:,;{}"\\]++')
_NAME_RUN: Final = re.compile(r'[^\s\x00-\x1f\x7f:,;{}"\\()<>\[\]*]++')
_BRACKETED_RUN: Final = re.compile(r'[^\t\r\n\x00-\x1f\x7f;{}"\\()<>\[\]*]++')
_CPP: Final = re.compile(r"cpp:(?!:)")  # bpftrace's word before the name of a function in C++
_BRACKETS: Final = {"(": ")", "<": ">", "[": "]", "{": "}"}
_GO_RECEIVER: Final = re.compile(r'\(\*[^\s\x00-\x1f\x7f"\\()*]+\)(?=\.)')
_STAR_OPERATOR: Final = re.compile(r"\boperator[^\w\s()]*\*")
_OFFSET: Final = re.compile(r"\+(?:0[xX][0-9a-fA-F]+|[0-9]+)$")
_QUOTED_OFFSET: Final = re.compile(r"\+(?:0[xX][0-9a-fA-F]+|[0-9]+)(?!\w)")

_QUOTE_IT: Final = 'Put the whole name in quotes, as in uprobe:BINARY:"f(char*)"; no * in them is a wildcard.'


def field(s: Stream, what: str) -> str:
    """Read one part of a probe that is no function: a path, a provider, a unit.

    Args:
        s: the source, before the word.
        what: what the part is, for the error if it is missing.

    Raises:
        ProgramSyntaxError: if there is no word, or one with a wrong escape.
    """
    start = s.position
    if s.text.startswith('"', start):
        return _quoted(s)
    pieces = []
    while True:
        if run := _FIELD_RUN.match(s.text, s.position):
            pieces.append(run[0])
            s.position = run.end()
        elif s.text.startswith("\\", s.position):
            character, s.position = escape(s, s.position)
            pieces.append(character)
        else:
            break
    if s.position == start:
        raise s.error(
            f"the {what} is missing", start, start + 1, f"Write the {what}, in quotes if it has spaces."
        )
    s.end = s.position
    return canonical("".join(pieces))


def function(s: Stream) -> tuple[FunctionName, int]:
    """Read a function's name, and the offset after it.

    Raises:
        ProgramSyntaxError: if there is no name, or one that has to be quoted.
    """
    if _CPP.match(s.text, s.position):
        s.position += len("cpp:")
    start = s.position
    if s.text.startswith('"', start):
        exact = s.make(start, FunctionName, _quoted(s), exact=True)
        found = _QUOTED_OFFSET.match(s.text, s.position)
        if found:
            s.position = found.end()
        return exact, _offset(s, found)
    name, shape = _plain(s)
    s.end = s.position
    if not shape:
        raise s.error("the FUNCTION is missing", start, start + 1, "Use * for every function of the binary.")
    if shape.endswith("/"):
        hint = "Put a space before the filter; or put the name in quotes."
        raise s.error("the function's name ends with '/'", s.position - 1, s.position, hint)
    if s.text.startswith(":", s.position):
        raise s.error("a single ':' stands in the function's name", s.position, s.position + 1, _QUOTE_IT)
    if _STAR_OPERATOR.search(shape):
        raise s.error("this * can be the operator or the wildcard", start, s.position, _QUOTE_IT)
    found = _OFFSET.search(shape)
    length = found.start() if found else len(shape)
    if shape[:length].endswith(":") and not shape[:length].endswith("::"):
        hint = "Write the function after its file, as in a.c:parse."
        raise s.error("the FUNCTION is missing", start + length, start + length + 1, hint)
    return _function_name(s, start, name[:length], shape[:length]), _offset(s, found)


def _offset(s: Stream, found: re.Match[str] | None) -> int:
    if found is None:
        return 0
    s.end = s.position
    return s.make(s.end - len(found[0]), number, found[0][1:])


def _function_name(s: Stream, start: int, name: str, shape: str) -> FunctionName:
    wild = "*" in shape
    if wild and name.count("*") > shape.count("*"):
        raise s.error(
            "one * of the name is a star and another the wildcard",
            start,
            s.position,
            "Use a wildcard that stands for the star too, such as main.*T*.Get*.",
        )
    return s.make(start, FunctionName, canonical(name), exact=not wild and "*" in name)


def _quoted(s: Stream) -> str:
    s.read()  # a word that begins with a quote is a token, or an error
    s.end = s.position
    return unquote(s, s.token.start, s.token.end)


def _plain(s: Stream) -> tuple[str, str]:
    """Read a plain function name.

    Returns:
        The name, and its shape: of the same length, with ``_`` for all that has no meaning of its own.
    """
    text, start = s.text, s.position
    names: list[str] = []
    shapes: list[str] = []
    closers: list[tuple[str, int]] = []
    while True:
        at = s.position
        if run := (_BRACKETED_RUN if closers else _NAME_RUN).match(text, at):
            piece = shape = run[0]
        elif text.startswith("\\", at):
            piece, s.position = escape(s, at)
            names.append(piece)
            shapes.append("_")
            continue
        elif (run := _GO_RECEIVER.match(text, at)) and (at == start or text[at - 1] == "."):
            piece, shape = run[0], "_" * len(run[0])
        elif text.startswith(":", at) and not closers and _ends_file("".join(shapes), text, at):
            piece = shape = ":"
        else:
            piece = shape = _sign(s, start, closers)
            if not piece:
                break
        names.append(piece)
        shapes.append(shape)
        s.position += len(piece)
    if closers:
        at = closers[-1][1]
        raise s.error(f"the bracket '{text[at]}' of the name is not closed", at, at + 1, _QUOTE_IT)
    return "".join(names), "".join(shapes)


def _ends_file(shape: str, text: str, at: int) -> bool:
    """Whether the colon at an index stands between a source file and the function in it."""
    in_file = FunctionName(f"{shape}:f").in_file
    return in_file is not None and in_file[0] == shape and not text.startswith("::", at)


def _sign(s: Stream, start: int, closers: list[tuple[str, int]]) -> str:
    """The part of a name at a sign that isn't part of all names; empty if the name ends before it."""
    text, at = s.text, s.position
    sign = text[at : at + 1]
    if sign in _BRACKETS and (sign != "{" or closers or text.endswith("::", start, at)):
        if sign == "<" and text.endswith(("operator", "operator<"), start, at):
            raise s.error("this < can be the operator or a bracket", at, at + 1, _QUOTE_IT)
        closers.append((_BRACKETS[sign], at))
    elif sign == "*" and closers:
        raise s.error("this * can be a star or the wildcard", at, at + 1, _QUOTE_IT)
    elif sign == ">" and (not closers or closers[-1][0] != ">" or text[at - 1] == "-"):
        pass  # the end of an arrow, or an operator
    elif closers and sign == closers[-1][0]:
        closers.pop()
    elif text.startswith("::", at):
        return "::"
    elif sign != "*":
        return ""
    return sign


def print_field(text: str) -> str:
    """A part of a probe as text, in quotes where it needs them."""
    return text if _reads(text, lambda s: field(s, "")) == text else quote(text)


def print_function(name: FunctionName, offset: int = 0) -> str:
    """A function's name and offset as text, in quotes or with backslashes where it needs them."""
    tail = f"+{offset:#x}" if offset else ""
    if _reads(name.text, function) == (name, 0):
        return f"{name.text}{tail}"
    if name.exact:
        return f"{quote(name.text)}{tail}"
    return "".join(map(_escaped, name.text)).replace("operator", r"\x6fperator") + tail


def _reads(text: str, reader: Callable[[Stream], _T]) -> _T | None:
    """What a reader makes of a plain text; None if that isn't the whole of it."""
    if not text.isprintable():
        return None
    s = Stream(f"{text} ", "")
    try:
        value = reader(s)
    except ProgramSyntaxError:
        return None
    return value if s.position == len(text) else None


def _escaped(c: str) -> str:
    if not c.isprintable():
        return as_bytes(c)
    return c if c.isalnum() or c in "_.*" else f"\\{c}"
