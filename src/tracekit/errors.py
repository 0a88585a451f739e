"""One tree of exceptions; every one names its cause and the way out.

The command line prints ``message`` and ``hint`` and ends with ``exit_code``:
1 for a failure, 2 for a request that can't be meant (see ``docs/cli.md``).

Whatever a message is about may come from a hostile file or program, so every message is one line of visible
characters, and not endless, however it was made; so is each line of a hint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from tracekit.escape import printable
from tracekit.values import define

_LONGEST: Final = 1000
"""Characters of a message; what is left out of a longer one is in its middle, since causes stand at the end."""

_LINES: Final = 50
"""Lines of a hint."""


def _line(text: str) -> str:
    return _cut(printable(_cut(text)))  # escapes have up to ten characters for one


def _lines(text: str) -> str:
    return "\n".join(map(_line, text.split("\n")[:_LINES]))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 300]} … {text[-300:]}"


@define(eq=False, auto_exc=True)
class TracekitError(Exception):
    """The root of all errors that tracekit raises on purpose.

    Attributes:
        message: one sentence that says what is wrong and where.
        hint: one sentence that says what to do about it, or the empty string.
        exit_code: the status with which the command line ends.
    """

    message: str = attrs.field(converter=_line)
    hint: str = attrs.field(default="", converter=_lines)
    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(TracekitError):
    """The request itself is contradictory or out of range."""

    exit_code: ClassVar[int] = 2


@define(eq=False, auto_exc=True, kw_only=True)
class ProgramSyntaxError(UsageError):
    """A program's text does not parse.

    Attributes:
        message: the sentence without the place.
        hint: a suggestion such as a near name, or the empty string.
        source: the whole program text.
        offset: index into ``source`` of the first character that is wrong.
        length: how many characters are wrong, at least 1.
        origin: a file's name, or ``<program>``.
    """

    message: str = attrs.field(converter=_line)
    hint: str = attrs.field(default="", converter=_lines)
    source: str
    offset: int
    length: int = 1
    origin: str = "<program>"

    @property
    def line(self) -> int:
        """Line number of the place, from 1."""
        return self.source.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int:
        """Column of the place in its line, in characters, from 1."""
        return self.offset - (self.source.rfind("\n", 0, self.offset) + 1) + 1

    def __str__(self) -> str:
        start = self.source.rfind("\n", 0, self.offset) + 1
        end = self.source.find("\n", self.offset)
        line = self.source[start : end if end >= 0 else len(self.source)]
        width = max(1, min(self.length, len(line) - (self.column - 1)))
        # One character for each, so that the caret stands right.
        line = "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        # Tabs stay tabs under the line, so that the caret stands where the eye expects it.
        pad = "".join(c if c == "\t" else " " for c in line[: self.column - 1])
        place = f"{printable(self.origin)}:{self.line}:{self.column}: {self.message}"
        picture = f"{place}\n  {line}\n  {pad}{'^' * width}"
        return f"{picture}\n{self.hint}" if self.hint else picture


@define(eq=False, auto_exc=True, kw_only=True)
class UnsupportedError(TracekitError):
    """A backend can't do what a program needs; refused before anything runs.

    Attributes:
        feature: what is needed, in words.
        backend: the backend that was asked.
        reason: why it can't.
        alternatives: names of the backends that can.
    """

    message: str = attrs.field(init=False, converter=_line)
    hint: str = attrs.field(init=False, converter=_lines)
    feature: str
    backend: str
    reason: str
    remedy: str = ""
    alternatives: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        self.message = f"{self.backend} can't do {self.feature}: {self.reason}"
        others = f"Backends that can: {', '.join(self.alternatives)}." if self.alternatives else ""
        self.hint = " ".join(part for part in (self.remedy, others) if part)


def check_encodable(text: str, what: str) -> None:
    """Refuse text that stands for no bytes: a surrogate that isn't one of ``surrogateescape``'s.

    Raises:
        UsageError: if there is one.
    """
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} has a lone surrogate, which stands for no bytes") from error


class BinaryError(TracekitError):
    """A binary is missing, unreadable, or not one that tracekit can read."""


@define(eq=False, auto_exc=True, kw_only=True)
class FunctionNotFoundError(TracekitError):
    """A probe names a function that its binary doesn't have.

    Attributes:
        function: the name that was asked for.
        binary: the path of the binary.
        near: the names that come nearest, best first.
    """

    message: str = attrs.field(init=False, converter=_line)
    hint: str = attrs.field(init=False, converter=_lines)
    function: str
    binary: str
    near: tuple[str, ...] = ()
    note: str = ""

    def __attrs_post_init__(self) -> None:
        self.message = f"{self.binary} has no function {self.function!r}"
        guess = f"Did you mean {' or '.join(self.near)}?" if self.near else ""
        self.hint = " ".join(part for part in (guess, self.note) if part)


@define(eq=False, auto_exc=True, kw_only=True)
class AmbiguousFunctionError(TracekitError):
    """Several functions of a binary have the name that a probe asks for.

    Attributes:
        function: the name that was asked for.
        binary: the path of the binary.
        candidates: one line for each function, with its address; at most the first 20 or so.
        more: how many functions aren't listed.
        note: how else to name one, as the rest of a sentence; or the empty string.
    """

    message: str = attrs.field(init=False, converter=_line)
    hint: str = attrs.field(init=False, converter=_lines)
    function: str
    binary: str
    candidates: tuple[str, ...]
    more: int = 0
    note: str = ""

    def __attrs_post_init__(self) -> None:
        self.message = f"{self.binary} has {len(self.candidates) + self.more} functions {self.function!r}"
        more = (f"and {self.more} more",) if self.more else ()
        lines = "".join(f"\n  {line}" for line in (*self.candidates, *more))
        self.hint = f"Name one by its address{self.note}:{lines}"


class UnresolvedError(TracekitError):
    """A name of a program means nothing that is known, or that is known well enough."""


class PrivilegeError(TracekitError):
    """The engine needs a privilege that this process doesn't have."""


class EngineMissingError(TracekitError):
    """The engine's program is not installed or can't be executed."""


class ExtraMissingError(TracekitError):
    """What is asked needs an optional package that isn't installed."""


@define(eq=False, auto_exc=True, kw_only=True)
class NoBackendError(TracekitError):
    """No backend can run a program on this machine.

    Attributes:
        reasons: why each can't, and the way out, by its name.
    """

    message: str = attrs.field(init=False, converter=_line)
    hint: str = attrs.field(init=False, converter=_lines)
    reasons: Mapping[str, TracekitError]

    def __attrs_post_init__(self) -> None:
        self.message = "no backend can run this here"
        self.hint = "\n".join(
            " ".join(filter(None, (f"{named_reason(name, error.message)}.", error.hint.replace("\n", " "))))
            for name, error in self.reasons.items()
        )
        self.hint += "\n'tracekit doctor' tries what works on this machine."


def named_reason(backend: str, reason: str) -> str:
    """A reason that says whose it is."""
    return reason if reason.startswith(f"{backend} ") else f"{backend}: {reason}"


@define(eq=False, auto_exc=True, kw_only=True)
class EngineError(TracekitError):
    """The engine failed: it didn't start, didn't attach, or printed what can't be understood.

    Attributes:
        engine: the engine's name.
        output: the last of what it said on standard error, as text.
    """

    message: str = attrs.field(converter=_line)
    hint: str = attrs.field(default="", converter=_lines)
    engine: str
    output: str = ""


class TargetError(TracekitError):
    """The target can't be started, doesn't exist, or doesn't run the probed binary."""


class OutputError(TracekitError):
    """A result can't be written to where it should go."""
