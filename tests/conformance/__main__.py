"""Writes the page of the matrix: ``python -m tests.conformance --write docs/support.md``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.conformance.support import page

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description="The support matrix as a page."
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="where to; standard output if not given")
    file = parser.parse_args().write
    if file is None:
        print(page(), end="")
    else:
        file.write_text(page())
