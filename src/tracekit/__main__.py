"""``python -m tracekit``, and the command ``tracekit``."""

import gc
import os
import sys


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
    command()


if __name__ == "__main__":
    main()
