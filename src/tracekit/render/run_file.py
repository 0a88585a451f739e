"""Results as run files: one JSON document for each run, described in ``docs/run-file.md``."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from tracekit.codec import model as codec
from tracekit.core.result import Result, Snapshot
from tracekit.errors import UsageError

FORMAT: Final = "tracekit-run"
"""What the ``format`` of every run file is."""

SNAPSHOT_FORMAT: Final = "tracekit-snapshot"
"""What the ``format`` of every snapshot is."""

VERSION: Final = 1
"""The format's version. A reader refuses a later one, since it can't know what it would overlook."""


def to_document(result: Result) -> dict[str, Any]:
    """A result as JSON values, by ``docs/run-file.schema.json``.

    Raises:
        UsageError: if it has text that is neither Unicode nor bytes, a moment without a time zone, or an
            expression that is nested too deeply.
    """
    return {"format": FORMAT, "version": VERSION, **codec.to_json(result)}


def from_document(document: object) -> Result:
    """The result that ``to_document`` gave these JSON values for.

    Raises:
        UsageError: if they are no run file of this version; the message has the path to the first place
            that is wrong.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError("this is no run file of tracekit", f'Its "format" would be "{FORMAT}".')
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        raise UsageError(
            f"the run file is of version {version!r}; this tracekit reads version {VERSION}",
            "Read it with the tracekit that wrote it, or a later one.",
        )
    rest = {key: value for key, value in document.items() if key not in ("format", "version")}
    return codec.from_json(rest, Result, "run file")


def dump(result: Result) -> str:
    """A result as the text of a run file: one line of ASCII, ended.

    Raises:
        UsageError: as ``to_document``.
    """
    return _line(to_document(result))


def load(text: str | bytes) -> Result:
    """The result in a run file's text; ``load(dump(result)) == result``.

    Raises:
        UsageError: if the text is no JSON, or no run file of this version.
    """
    try:
        document = json.loads(text, parse_constant=_no_number, object_pairs_hook=_unique)
    except RecursionError:
        raise UsageError("the run file is nested too deeply to be read") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, and integers of absurd length
        raise UsageError(f"the run file is no JSON: {error}") from error
    return from_document(document)


def dump_snapshot(snapshot: Snapshot) -> str:
    """A snapshot of a run that goes on: one line of ASCII, ended, so that many make JSON Lines.

    Raises:
        UsageError: as ``to_document``.
    """
    return _line({"format": SNAPSHOT_FORMAT, "version": VERSION, **codec.to_json(snapshot)})


def _line(document: dict[str, Any]) -> str:
    # ASCII only: no character of a traced program reaches a terminal, whatever its encoding.
    return json.dumps(document, allow_nan=False) + "\n"


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a name is there twice among {', '.join(name for name, _ in pairs)}")
    return found
