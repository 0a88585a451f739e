"""What a user names in a command line: read and written with that user's rights, also under sudo."""

from __future__ import annotations

from tracekit import process
from tracekit.files import check_writable, write_atomically


def save(path: str, data: bytes) -> None:
    """Write a file as ``files.write_atomically`` does; under sudo as the user who called it, whose file it is.

    Root's rights would let a user who may run nothing but tracekit overwrite any file.

    Raises:
        OutputError: if it can't be written, or that user may not.
    """
    with process.as_invoking_user():
        write_atomically(path, data)


def check_savable(path: str) -> None:
    """Refuse, before the work is done, a file that ``save`` could not write now.

    Raises:
        OutputError: if it can't be written, or that user may not.
    """
    with process.as_invoking_user():
        check_writable(path)
