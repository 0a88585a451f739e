"""Tokens: the names, numbers, strings and signs of filters and bodies; and the place of every error.

Probes are not made of tokens, since paths and function names have rules of their own (``words``). A
stream therefore reads its next token only when it is asked to, from wherever its position is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import attrs

from tracekit.errors import ProgramSyntaxError, UsageError
from tracekit.values import define, frozen

MAX_DEPTH: Final = 100
"""The most levels of an expression, so that nothing that walks one overflows the stack."""

_MAX_CALLS: Final = 2 * MAX_DEPTH
"""The most levels of the parser itself, of three stack frames each; an operand in parentheses takes two."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

# The last * isn't possessive: before 3.11.5 Python then took comments without an end (python/cpython#106052).
_SPACE: Final = re.compile(r"(?:[ \t\r\n\f\v]++|//[^\n]*+|/\*(?s:.*?)\*/)*")

_TOKEN: Final = re.compile(
    r"(?P<name>[^\W\d]\w*+)"
    r"|(?P<number>[0-9]\w*+(?:\.[0-9]\w*+)?)"
    r'|(?P<string>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")'
    r"|(?P<map>@\w*+)"
    r"|(?P<sign><<|>>|\+\+|--|->|&&|\|\||[-+*/%&|^<>=!]=|[-+*/%&|^<>=!~?:.,;(){}\[\]])"
)

_VARIABLE: Final = re.compile(r"\$\w*+")

_STARTS_OPERAND: Final = frozenset("(-!~*")


@frozen
class Token:
    """One token.

    Attributes:
        kind: ``name``, ``number``, ``string``, ``map``, ``sign`` or ``end``.
        text: as it stands in the source: a string's with its quotes, a map's with its ``@``.
        start: index of its first character in the source.
        end: index after its last character.
    """

    kind: str
    text: str
    start: int
    end: int

    @property
    def starts_operand(self) -> bool:
        """Whether an expression can begin with it."""
        return self.kind in ("name", "number", "string") or self.text in _STARTS_OPERAND


def is_name(text: str) -> bool:
    """Whether a text is one token of kind ``name``."""
    found = _TOKEN.match(text)
    return found is not None and found.lastgroup == "name" and found.end() == len(text)


def shown(text: str) -> str:
    """A piece of the source in quotes, as error messages show it: printable and short."""
    short = text if len(text) <= 32 else f"{text[:30]}…"
    return f"'{short}'" if short.isprintable() else repr(short)


@define
class Stream:
    """A source text, and how far it has been read.

    Attributes:
        text: the whole source.
        origin: a file's name, or ``<program>``.
        position: where the next token or word is read.
        token: the token before ``position``, read but not yet used.
        end: where the last used token or word ends.
        in_filter: whether a ``/`` may be the end of a filter.
    """

    text: str
    origin: str
    position: int = 0
    token: Token = attrs.field(init=False, default=Token("end", "", 0, 0))
    end: int = 0
    in_filter: bool = False
    _calls: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        try:
            self.text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as problem:
            raise self.error("a lone surrogate is no character", problem.start, problem.end) from None

    def error(self, message: str, start: int, end: int, hint: str = "") -> ProgramSyntaxError:
        """An error that points at ``text[start:end]``; the caller raises it."""
        if start >= len(self.text):  # the end is seen best where something stands before it
            start = end = len(self.text.rstrip())
        return ProgramSyntaxError(
            message=message,
            hint=hint,
            source=self.text,
            offset=start,
            length=max(1, end - start),
            origin=self.origin,
        )

    def expected(self, what: str, hint: str = "") -> ProgramSyntaxError:
        """An error at the token that stands where something else is needed; the caller raises it."""
        token = self.token
        found = "the end of the text" if token.kind == "end" else shown(token.text)
        return self.error(f"expected {what}, found {found}", token.start, token.end, hint)

    def make(self, start: int, factory: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Build a part of the model; what the model refuses is wrong from ``start`` to ``end``.

        Raises:
            ProgramSyntaxError: if ``factory`` raises a ``UsageError``.
        """
        try:
            return factory(*args, **kwargs)
        except UsageError as refused:
            raise self.error(refused.message, start, self.end, refused.hint) from None

    def skip(self) -> None:
        """Go on to the next character that is neither space nor comment.

        Raises:
            ProgramSyntaxError: if a comment has no end.
        """
        found = _SPACE.match(self.text, self.position)
        assert found is not None  # it matches the empty text
        at = self.position = found.end()
        if self.text.startswith("/*", at):
            raise self.error(
                "the comment has no end",
                at,
                at + 2,
                "Close it with */; if no comment is meant, put a space between / and *.",
            )

    def advance(self) -> Token:
        """Use the token, and read the one after it."""
        used = self.token
        self.end = used.end
        self.read()
        return used

    def read(self) -> None:
        """Read the token at ``position``, in place of the one that was there.

        Raises:
            ProgramSyntaxError: if no token begins there.
        """
        self.token = self._next()
        self.position = self.token.end

    def peek(self) -> Token:
        """The token after ``token``."""
        position = self.position
        following = self._next()
        self.position = position
        return following

    def accept(self, sign: str) -> bool:
        """Use the token if it is that sign, and say whether it was."""
        if self.token.text != sign:
            return False
        self.advance()
        return True

    def expect(self, sign: str, hint: str = "") -> None:
        """Use the token, which has to be that sign.

        Raises:
            ProgramSyntaxError: if it is another.
        """
        if not self.accept(sign):
            raise self.expected(f"'{sign}'", hint)

    def descend(self) -> None:
        """Enter one more level of an expression; ``ascend`` leaves it.

        Raises:
            ProgramSyntaxError: if there are too many.
        """
        self._calls += 1
        if self._calls > _MAX_CALLS:
            raise self.too_deep(self.token.start, self.token.end)

    def ascend(self) -> None:
        """Leave a level that ``descend`` entered."""
        self._calls -= 1

    def too_deep(self, start: int, end: int) -> ProgramSyntaxError:
        """The error for an expression of too many levels; the caller raises it."""
        return self.error(
            "the expression has too many levels",
            start,
            end,
            f"An expression has at most {MAX_DEPTH} levels of operators and parentheses.",
        )

    def _next(self) -> Token:
        self.skip()
        start = self.position
        if found := _TOKEN.match(self.text, start):
            assert found.lastgroup is not None  # every alternative is a group
            return Token(found.lastgroup, found[0], start, found.end())
        if start == len(self.text):
            return Token("end", "", start, start)
        raise self._no_token(start)

    def _no_token(self, start: int) -> ProgramSyntaxError:
        match self.text[start]:
            case '"':
                line_end = self.text.find("\n", start)
                end = len(self.text) if line_end < 0 else line_end
                return self.error("the string has no end", start, end, 'Close it with " on the same line.')
            case "$":
                found = _VARIABLE.match(self.text, start)
                end = found.end() if found else start + 1
                hint = "Write the expression where its value is needed."
                return self.error("there are no variables", start, end, hint)
            case other:
                hint = 'Strings stand in double quotes: "text".' if other == "'" else ""
                return self.error(f"{shown(other)} has no meaning here", start, start + 1, hint)
