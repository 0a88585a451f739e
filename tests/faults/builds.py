"""Builds the targets of the faults, once; each run has a copy of its own, since a uprobe is in a file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "targets"

BUILDS = {
    "steady": "gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread steady.c",
    "crowd": "gcc -std=gnu11 -O1 -g -Wall -Wextra -Werror -pthread crowd.c",
    "throws": "g++ -std=c++17 -O1 -g -Wall -Wextra -Werror throws.cc",
    "go": "go build -buildvcs=false",
}
FUNCTION = {"steady": "work", "throws": "work", "go": "main.work"}
"""The function that each calls, and that is probed."""


def build(folder: Path) -> None:
    """Build all targets in a folder.

    Raises:
        CalledProcessError: if one can't be built.
    """
    for name, command in BUILDS.items():
        where = SOURCES / "go" if name == "go" else SOURCES
        environment = {**os.environ, "GOFLAGS": ""}
        subprocess.run([*command.split(), "-o", folder / name], check=True, cwd=where, env=environment)


def values(target: str, mode: str, calls: int) -> list[int]:
    """The arguments of all calls that a target makes, children's left out."""
    if target == "go":
        return [(n - n % 10) * 7919 % 1024 for n in range(calls)]
    once = [n * 7919 % 1024 for n in range(calls)]
    return once * 4 if mode == "threads" else once


def returned(target: str, found: list[int]) -> list[int]:
    """Those of the values that are returned."""
    return [v for v in found if v % 7] if target == "throws" else found
