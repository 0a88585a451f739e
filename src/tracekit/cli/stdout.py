"""Standard output, after it has failed."""

from __future__ import annotations

import os
import sys


def discard_stdout() -> None:
    """What is still buffered must not fail once more at Python's exit."""
    number = sys.stdout.fileno()
    try:
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError:  # we have as many files open as we may: then this one's number is what can be had
        os.close(number)
        null = os.open(os.devnull, os.O_WRONLY)
    if null != number:
        os.dup2(null, number)
        os.close(null)
