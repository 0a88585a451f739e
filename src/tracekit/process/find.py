"""Where a program is."""

from __future__ import annotations

import os


def find_program(name: str) -> str | None:
    """The path of a program, searched for in PATH if its name has no slash; None if there is none.

    As ``shutil.which``, whose import takes longer than all that is looked for here.
    """
    folders = [""] if "/" in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None
