"""``python -m tracekit``, and the command ``tracekit``."""

import atexit
import gc
import os
import sys
import threading
from typing import NoReturn


def main() -> None:
    """Run the command; Ctrl-C ends it without a traceback also while its modules are being read."""
    # Under sudo, Python's compiled modules would be root's, in a folder that may be the user's.
    sys.dont_write_bytecode |= os.geteuid() == 0 and "SUDO_UID" in os.environ
    # What modules define is no garbage, and Python would look for some thirty times while it reads them.
    gc.set_threshold(50_000)
    try:
        from tracekit.cli.main import main as command
    except KeyboardInterrupt:
        sys.stderr.write("tracekit: interrupted before there was a result\n")
        sys.exit(130)
    try:
        command()
    except SystemExit as end:
        if isinstance(end.code, int):
            _leave(end.code)
        raise


def _leave(status: int) -> NoReturn:
    """End without taking all of Python's objects apart, which takes longer than to print a result."""
    if sys.getprofile() or sys.gettrace() or threading.active_count() > 1:
        sys.exit(status)
    atexit._run_exitfuncs()  # noqa: SLF001, there is no other way to
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(status)  # Python has its own way to say what couldn't be written
    os._exit(status)


if __name__ == "__main__":
    main()
