"""What gdb says in its machine interface, as values.

pygdbmi's parser reads the records. Nothing else of it is used: its ``GdbController`` waits 0.2 s for each
answer, doesn't match tokens and ends gdb by SIGTERM, which can end the target too; its ``IoManager`` reads only
while somebody asks, and a gdb that nobody reads stops its target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tracekit.backends.gdb.understood import understood
from tracekit.errors import EngineError
from tracekit.values import frozen

_HEAD: Final = re.compile(r"\d*[\^*+=][\w-]*")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^",{}\[\]=]+=|[{}\[\],]')
_CLOSING: Final = {"{": "}", "[": "]"}


@frozen
class Result:
    """The answer to a command.

    Attributes:
        token: the number that the command had.
        error: gdb's words for why it failed; None if it didn't.
        state: gdb's word for the outcome: ``done``, ``running``, ``connected``, ``error``, ``exit``.
    """

    token: int
    state: str
    error: str | None = None


@frozen
class Stopped:
    """The target has stopped, or is no more.

    Attributes:
        reason: gdb's word for why; empty if it gives none.
        exit_code: the exit status of a target that has exited.
        signal: the name of the signal that has stopped or ended it.
    """

    reason: str
    exit_code: int | None = None
    signal: str | None = None


@frozen
class Text:
    """Words of gdb for a person."""

    text: str


@frozen
class Told:
    """A document of ours, from inside of gdb: nothing that gdb itself says begins with a brace."""

    document: dict[str, Any]


Record = Result | Stopped | Text | Told
"""What matters to us of what gdb says."""


class Reader:
    """Turns gdb's output into records, however the pipe cuts it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Record]:
        """The records of the lines that are complete with these bytes.

        Raises:
            EngineError: if one isn't understood.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with understood():
                record = parse(line.decode("utf-8", "replace").rstrip("\r"))
            if record is not None:
                yield record


def parse(line: str) -> Record | None:
    """The record of a line; None if it doesn't matter to us.

    Raises:
        EngineError: if it begins as a document of ours does, and is none.
    """
    if line.startswith("{"):
        return _told(line)
    if (head := _HEAD.match(line)) and not _is_whole(line, head.end()):
        raise ValueError("a record that was cut")
    from pygdbmi.gdbmiparser import parse_response

    found = parse_response(line)
    payload: Any = found["payload"]
    match found["type"], found["message"]:
        case "result", state if found["token"] is not None:
            error = str((payload or {}).get("msg", "no reason given")) if state == "error" else None
            return Result(found["token"], state, error)
        case "notify", "stopped":
            return _stopped(payload or {})
        case "console" | "log", _:
            return Text(payload)
        case _:
            return None


def _told(line: str) -> Told:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "kind" not in document:
        raise EngineError(message=f"gdb printed what is none of its records: {line[:200]!r}", engine="gdb")
    return Told(document)


def _is_whole(line: str, at: int) -> bool:
    """Whether what follows a record's head is in gdb's syntax: pygdbmi never ends in an array that doesn't."""
    closing: list[str] = []
    while at < len(line):
        token = _TOKEN.match(line, at)
        if token is None:
            return False
        at = token.end()
        if token[0] in _CLOSING:
            closing.append(_CLOSING[token[0]])
        elif token[0] in _CLOSING.values() and (not closing or closing.pop() != token[0]):
            return False
    return not closing


def _stopped(payload: dict[str, Any]) -> Stopped:
    reason = payload.get("reason", "")
    code = payload.get("exit-code")
    return Stopped(
        # Several reasons for one stop come as a list.
        reason=reason if isinstance(reason, str) else " ".join(reason),
        # gdb writes it in octal (its manual, GDB/MI Async Records).
        exit_code=0 if reason == "exited-normally" else int(code, 8) if isinstance(code, str) else None,
        signal=payload.get("signal-name"),
    )
