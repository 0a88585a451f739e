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
    if user is not None:
        cache = "Library/Caches" if sys.platform == "darwin" else ".cache"
        return os.path.join(user.home, cache, "tracekit", name)
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("tracekit", appauthor=False), name)
