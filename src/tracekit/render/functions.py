"""Functions that were found, as text and as JSON."""

from __future__ import annotations

import json
import os
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tracekit.codec.model import to_json
from tracekit.core.escape import printable
from tracekit.core.found import FoundFunction, FoundFunctions

FORMAT: Final = "tracekit-functions"
"""What the ``format`` of found functions in JSON is."""

VERSION: Final = 1
"""The format's version."""

_INDENT: Final = "    "


def render_functions(found: FoundFunctions, width: int = 80) -> str:
    """Each function's declaration, and below it where it is and what is to be known before a probe is on it.

    Args:
        found: the functions.
        width: columns that there are.

    Returns:
        Lines, each ended.
    """
    names = Counter(f.signature for f in found.functions)
    lines = [line for f in found.functions for line in _function(f, width, alone=names[f.signature] == 1)]
    some = len(found.functions)
    what = "function" if found.matched == 1 else "functions"
    shown = (
        f"{found.matched} {what}" if some == found.matched else f"the best {some} of {found.matched} functions"
    )
    lines += ["", printable(f"{shown} of {found.binary}")]
    return "".join(f"{line}\n" for line in lines)


def dump_functions(found: FoundFunctions) -> str:
    """The same as one line of JSON, ended."""
    document = {"format": FORMAT, "version": VERSION, **to_json(found)}
    return json.dumps(document, allow_nan=False) + "\n"


def _function(function: FoundFunction, width: int, *, alone: bool) -> Iterator[str]:
    yield _cut(printable(function.signature), width)
    place = os.path.basename(function.file) + (f":{function.line}" if function.line else "")
    facts = [place if function.file else "", function.language]
    if not alone and function.address is not None:
        facts.append(f"at {function.address:#x}")
    if function.why:
        facts.append(function.why if function.traceable else f"not traceable: {function.why}")
    text = printable(", ".join(filter(None, facts)))
    if text:
        yield from textwrap.wrap(
            text,
            max(width, 40),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_on_hyphens=False,
        )


def _cut(text: str, width: int) -> str:
    """A text that fits into a line; what is left out of a longer one is near its end, since names begin it."""
    if len(text) <= width:
        return text
    end = width // 4
    return f"{text[: width - end - 3]} … {text[-end:]}"
