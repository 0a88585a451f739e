"""What ``--sudo`` does, in a line."""

from __future__ import annotations

import os
import pwd

from tracekit import process


def rights() -> str:
    """What is run with which rights, and why.

    Raises:
        PrivilegeError: if the engine can't have them.
    """
    found = process.elevation()
    if found is None:
        return "--sudo changes nothing: tracekit has the rights that the engine needs already"
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = f"user {os.geteuid()}"
    return f"the engine runs as root ({found.name}), as only root may place probes; all else runs as {name}"
