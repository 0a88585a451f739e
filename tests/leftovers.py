"""What this process has open, and what it started."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def descriptors() -> list[str]:
    """The numbers of all open descriptors, sorted; those of dropped objects are closed before."""
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))


def children() -> set[str]:
    """The processes that any thread of this one started, and zombies among them.

    The reader of a binary that another test left open is one: only what comes on top of it is a test's own.
    """
    gc.collect()
    return {pid for of in Path("/proc/self/task").glob("*/children") for pid in of.read_text().split()}
