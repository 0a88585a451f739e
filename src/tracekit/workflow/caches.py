"""Where tracekit keeps what it finds out."""

from __future__ import annotations

import os
import sys

from tracekit import process


def cache_folder(variable: str, name: str) -> str:
    """A folder in the cache of the user who works here, also if that one called sudo.

    Args:
        variable: the environment variable that may name another folder.
        name: the folder's own name.
    """
    if named := os.environ.get(variable):
        return named
    user = process.invoking_user()
    home = os.path.expanduser("~") if user is None else user.home
    own = os.environ.get("XDG_CACHE_HOME", "") if user is None and sys.platform != "darwin" else ""
    # A relative one doesn't count, by the XDG Base Directory Specification.
    usual = os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")
    return os.path.join(own if os.path.isabs(own) else usual, "tracekit", name)
