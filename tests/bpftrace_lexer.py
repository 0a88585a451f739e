"""What bpftrace makes of a script's text, written after its own sources.

Until 0.26 a lexer made by flex reads it (``src/lexer.l``), later one made by hand (``src/parser.cpp``); both
give attach points to ``AttachPointParser::lex_attachpoint``. Here are those of their rules that decide where
strings, comments and the fields of attach points end; a text that they refuse is an error here too.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}

_FLEX = re.compile(
    r"(?P<space>[ \t\n\r]+)"
    r"|(?P<comment>//[^\n]*(?=\n))"
    r"|(?P<block>/\*)"
    r'|(?P<quote>")'
    r"|(?P<path>:(?:\\.|[-_./a-zA-Z0-9#+*])+)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|[0-9](?:[0-9_]*[0-9])?)"
    r"|(?P<word>[@$]?[_a-zA-Z][_a-zA-Z0-9]*|@)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|<<|>>|->|\+\+|[-+*/%&|^<>=!~?:.,;(){}\[\]])"
)
_STRING_PART = re.compile(
    r'[^\\\n"]+|\\(?P<short>[ntr"\\])|\\(?P<octal>[0-7]{1,3})|\\[xX](?P<hex>[0-9a-fA-F]{1,2})'
)


class Token(NamedTuple):
    """A token: its kind, and what it stands for."""

    kind: str
    value: str


def tokens(script: str, *, by_hand: bool = False) -> list[Token]:
    """The tokens of a script.

    Args:
        script: its text.
        by_hand: whether as bpftrace reads it from 0.27 on.

    Returns:
        Comments, strings and fields of attach points with what they stand for; words, numbers and signs.

    Raises:
        ValueError: if bpftrace would refuse the text.
    """
    found = []
    at = depth = 0
    at_probe = True
    while at < len(script):
        if by_hand and at_probe and not (script[at].isspace() or script.startswith(("//", "/*"), at)):
            fields, at = _attach_point(script, at)
            found += fields
            at_probe = False
            continue
        match = _FLEX.match(script, at)
        if match is None:
            raise ValueError(f"no token begins with {script[at : at + 20]!r}")
        kind, text = str(match.lastgroup), match[0]
        at = match.end()
        match kind:
            case "comment":
                found.append(Token(kind, text))
            case "block":
                at = script.index("*/", at) + 2
                found.append(Token("comment", ""))
            case "quote":
                value, at = _string(script, at)
                found.append(Token("string", value))
            case "path":
                found += (Token("sign", ":"), Token("path", text[1:]))
            case "space":
                pass
            case _:
                found.append(Token(kind, text))
                depth += {"{": 1, "}": -1}.get(text, 0)
                at_probe = depth == 0 and text in ("}", ",") and not (text == "," and _in_filter(found))
    if depth:
        raise ValueError("a block has no end")
    return found if by_hand else _with_fields(found)


def _in_filter(found: list[Token]) -> bool:
    """Whether a comma at the end of the tokens stands in a filter, so that no attach point follows it."""
    for token in reversed(found):
        if token.kind == "fields":
            return False
        if token == Token("sign", "/"):
            return True
    return False


def _string(script: str, at: int) -> tuple[str, int]:
    """What a string stands for whose text begins at ``at``, and where it ends."""
    value = ""
    while not script.startswith('"', at):
        part = _STRING_PART.match(script, at)
        if part is None:
            raise ValueError(f"the string has no end, or an unknown escape: {script[at : at + 20]!r}")
        if part["short"]:
            value += _ESCAPES[part["short"]]
        elif part["octal"] or part["hex"]:
            value += chr(int(part["octal"], 8) if part["octal"] else int(part["hex"], 16))
        else:
            value += part[0]
        at = part.end()
    return value, at + 1


def _attach_point(script: str, at: int) -> tuple[list[Token], int]:
    """The fields of an attach point as 0.27 reads it, and where it ends."""
    start = at
    while at < len(script) and not (script[at] in "{," or script[at].isspace()):
        if script[at] == "/" and ":" not in script[start:at]:
            break
        if script[at] == '"':
            at += 1
            while script[at] != '"':
                at += 2 if script[at] == "\\" else 1
        at += 1
    return [Token("fields", "\0".join(fields(script[start:at])))], at


def _with_fields(found: list[Token]) -> list[Token]:
    """The tokens of an attach point put together, as flex's grammar does (``attach_point_def``)."""
    result: list[Token] = []
    depth, raw, in_filter = 0, "", False
    for token in found:
        if depth or in_filter or token.kind == "comment":
            result.append(token)
        elif token in (Token("sign", "/"), Token("sign", "{"), Token("sign", ",")):
            if raw:
                result.append(Token("fields", "\0".join(fields(raw))))
            raw = ""
            result.append(token)
        elif token.kind == "string":
            raw += '"' + token.value.replace('"', '\\"') + '"'
        elif token.kind == "number":
            raw += str(int(token.value, 0))
        else:
            raw += token.value
        if token == Token("sign", "/") and not depth:
            in_filter = not in_filter
        depth += {"{": 1, "}": -1}.get(token.value, 0) if token.kind == "sign" else 0
    return result


def fields(raw: str) -> list[str]:
    """The parts of an attach point: ``AttachPointParser::lex_attachpoint``."""
    found, in_quotes, at = [""], False, 0
    while at < len(raw):
        c = raw[at]
        if c == ":" and not in_quotes:
            found.append("")
        elif c == '"':
            in_quotes = not in_quotes
        elif in_quotes and c == "\\" and at + 1 < len(raw):
            at += 1
            found[-1] += raw[at]
        elif not in_quotes and c in "$@":
            raise ValueError(f"the attach point has a parameter: {raw!r}")
        else:
            found[-1] += c
        at += 1
    return found
