"""Calibrations on disk, so that a binary is looked into once, and that one machine's can be used on another.

Each is a file of its own, named by a hash of what it is of: build-id, architecture and symbol. Files are
written whole or not at all, so any number of writers do no harm: the last one wins.

A build-id is what a binary says of itself, and another binary can say the same. So what a user has asked for
counts for every binary of that build-id, but what tracekit remembers unasked counts for that very file only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from tracekit import __version__
from tracekit.errors import OutputError, UsageError
from tracekit.files import write_atomically

if TYPE_CHECKING:
    from tracekit.calibration.stored import Stored

FORMAT: Final = "tracekit-calibration"
"""What the ``format`` of a stored calibration is."""

EXPORT_FORMAT: Final = "tracekit-calibrations"
"""What the ``format`` of exported calibrations is."""

VERSION: Final = 1
"""The version of both formats; a reader refuses others."""

_LARGEST: Final = 64 << 20


class Store:
    """A folder of calibrations.

    Attributes:
        folder: its path; made when something is first stored.
    """

    def __init__(self, folder: str) -> None:
        """Use a folder, which needn't exist."""
        self.folder = folder

    def get(self, build_id: str, architecture: str, symbol: str, of_file: str = "") -> Stored | None:
        """The calibration of a function; None if there is none.

        Args:
            build_id: what the binary is known by.
            architecture: its processor.
            symbol: the function's symbol.
            of_file: what was remembered of one file only, known by this; empty for what counts for all.

        Raises:
            UsageError: if there is a file for it that can't be read; it says which.
        """
        path = self._path(build_id, architecture, symbol, of_file)
        found = _read(path)
        if found is None:
            return None
        calibration = found.calibration
        if (calibration.build_id, calibration.architecture, calibration.symbol) != (
            build_id,
            architecture,
            symbol,
        ):
            raise UsageError(f"{path} is the calibration of another function", "Delete the file.")
        return found

    def warnings(
        self, build_id: str, architecture: str, symbol: str, of_file: str = ""
    ) -> tuple[str, ...] | None:
        """The warnings of what ``get`` gives, if they are plain text and it is current; else None.

        The rest of a calibration is left unread: to check all of it takes as long as a short run.

        Raises:
            UsageError: if there is a file for it that can't be read; it says which.
        """
        document = _read_document(self._path(build_id, architecture, symbol, of_file))
        match document:
            case {
                "origin": str(origin),
                "tracekit": str(version),
                "calibration": {
                    "build_id": str(of),
                    "architecture": str(machine),
                    "symbol": str(name),
                    "warnings": [*warnings],
                },
            } if (of, machine, name) == (build_id, architecture, symbol) and is_current(origin, version):
                texts = tuple(w for w in warnings if isinstance(w, str))
                return texts if len(texts) == len(warnings) else None
        return None

    def put(self, stored: Stored, of_file: str = "") -> str:
        """Store a calibration in place of any of the same function; give the file's path.

        Args:
            stored: the calibration.
            of_file: as in ``get``.

        Raises:
            OutputError: if it can't be written.
        """
        from tracekit.codec.model import to_json

        calibration = stored.calibration
        path = self._path(calibration.build_id, calibration.architecture, calibration.symbol, of_file)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder {self.folder} for calibrations can't be made: {error.strerror}",
                "Set TRACEKIT_CALIBRATIONS to a folder that can be written.",
            ) from error
        document = {"format": FORMAT, "version": VERSION, **to_json(stored)}
        write_atomically(path, (json.dumps(document) + "\n").encode())
        return path

    def all(self) -> Iterator[tuple[str, Stored | UsageError]]:
        """Every file's path, with its calibration or why it can't be read; sorted by binary and function.

        Raises:
            UsageError: if the folder can't be read.
        """
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise UsageError(
                f"the folder {self.folder} of calibrations can't be read: {error.strerror}",
                "Set TRACEKIT_CALIBRATIONS to a folder that can be read.",
            ) from error
        found: list[tuple[str, Stored | UsageError]] = []
        for name in names:
            if not name.endswith(".json") or name.startswith("."):
                continue
            path = os.path.join(self.folder, name)
            try:
                stored = _read(path)
            except UsageError as error:
                found.append((path, error))
            else:
                if stored is not None:
                    found.append((path, stored))
        return iter(sorted(found, key=_order))

    def forget(self, path: str) -> None:
        """Delete a calibration's file, as ``all`` gives it; one that is gone already is no error.

        Raises:
            OutputError: if it can't be deleted.
        """
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise OutputError(f"the calibration {path} can't be deleted: {error.strerror}") from error

    def counts_for_all(self, path: str, stored: Stored) -> bool:
        """Whether a calibration, as ``all`` gives it, counts for every binary of its build-id."""
        c = stored.calibration
        return path == self._path(c.build_id, c.architecture, c.symbol, "")

    def _path(self, build_id: str, architecture: str, symbol: str, of_file: str) -> str:
        parts = (build_id, architecture, symbol, *((of_file,) if of_file else ()))
        words = "\0".join(parts).encode("utf-8", "surrogateescape")
        return os.path.join(self.folder, f"{hashlib.sha256(words).hexdigest()[:40]}.json")


def dump(calibrations: list[Stored]) -> str:
    """Calibrations as one document, to be taken to another machine; ``load`` reads it."""
    from tracekit.codec.model import to_json

    document = {
        "format": EXPORT_FORMAT,
        "version": VERSION,
        "calibrations": [to_json(stored) for stored in calibrations],
    }
    return json.dumps(document) + "\n"


def load(text: bytes) -> list[Stored]:
    """The calibrations in a document that ``dump`` made, as imported ones.

    Raises:
        UsageError: if it is none.
    """
    from tracekit.calibration.stored import Stored
    from tracekit.codec.model import from_json

    document = _document(text, EXPORT_FORMAT, "file of calibrations")
    listed = document.get("calibrations")
    if not isinstance(listed, list):
        raise UsageError("the file of calibrations has no list of them")
    now = datetime.now(UTC)
    found = (from_json(one, Stored, "calibration") for one in listed)
    return [attrs.evolve(stored, origin="imported", stored=now) for stored in found]


def prepare() -> None:
    """Load what reads and writes whole calibrations, for who has fewer rights then than to read our Python."""
    import tracekit.calibration.stored
    import tracekit.codec.model

    tracekit.codec.model.prepare()


def is_current(origin: str, version: str) -> bool:
    """Whether a calibration counts: what another version made of the binary alone, this one may know better."""
    return origin != "static" or version == __version__


def _read(path: str) -> Stored | None:
    document = _read_document(path)
    if document is None:
        return None
    from tracekit.calibration.stored import Stored
    from tracekit.codec.model import from_json

    known = {k: v for k, v in document.items() if k not in ("format", "version")}
    try:
        return from_json(known, Stored, "calibration")
    except UsageError as error:
        raise _unusable(path, error) from error


def _read_document(path: str) -> dict[str, Any] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"the calibration {path} can't be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        try:
            text = file.read(_LARGEST)
        except OSError as error:
            raise UsageError(f"the calibration {path} can't be read: {error.strerror}") from error
    try:
        return _document(text, FORMAT, "calibration")
    except UsageError as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: UsageError) -> UsageError:
    return UsageError(f"the calibration {path} can't be used: {error.message}", "Delete the file.")


def _document(text: bytes, form: str, what: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except RecursionError:
        raise UsageError(f"the {what} is nested too deeply to be read") from None
    except ValueError as error:
        raise UsageError(f"the {what} is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != form:
        raise UsageError(f"this is no {what} of tracekit", f'Its "format" would be "{form}".')
    if type(document.get("version")) is not int or document["version"] != VERSION:
        raise UsageError(
            f"the {what} is of version {document.get('version')!r}; this tracekit reads version {VERSION}"
        )
    return document


def _order(found: tuple[str, Stored | UsageError]) -> tuple[str, str]:
    path, stored = found
    return (path, "") if isinstance(stored, UsageError) else (stored.binary, stored.calibration.name)
