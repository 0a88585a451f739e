"""A process that runs before tracekit does and after it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def endless(*words: str | Path) -> Iterator[int]:
    """The id of a process that calls for ever, of somebody else as far as tracekit knows.

    At the end it must still run, and stand still no more than it would alone.
    """
    process = subprocess.Popen(words)
    try:
        yield process.pid
        alive = process.poll() is None
        state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    finally:
        process.kill()
        process.wait()
    assert alive, "tracing ended the process"
    assert state in "SR", f"tracing left the process in state {state}"
