"""Tools that tests need, and the Debian packages that have them."""

from __future__ import annotations

import os
import platform
import shutil
from typing import Final

import pytest
from tools.engines import kit_folder

PACKAGES = {
    "clang++": "clang",
    "dsymutil": "llvm",
    "llvm-mc": "llvm",
    "ld.lld": "lld",
    "go": "golang-go",
    "readelf": "binutils",
    "objcopy": "binutils",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "qemu-aarch64": "qemu-user",
    "qemu-aarch64-static": "qemu-user-static",
}
"""The packages that aren't named as their tool is."""


SYSTEM: Final = "system"
OWN_SUITE: Final = (
    platform.freedesktop_os_release().get("VERSION_CODENAME", "") if os.path.exists("/etc/os-release") else ""
)
GDBS: Final = (SYSTEM, *(suite for suite in ("bookworm", "trixie", "sid") if suite != OWN_SUITE))
"""Whose gdb tests use in turn: the system's, and those that the kit of engines has besides."""


def gdb_of(suite: str, package: str = "gdb") -> str:
    """The path of a gdb, or of the one for all processors; skips a test for which it is missing.

    Args:
        suite: one of ``GDBS``.
        package: ``gdb`` or ``gdb-multiarch``.
    """
    if suite == SYSTEM:
        needed(package)
        return shutil.which(package) or ""
    if not (kit_folder() / f"gdb-{suite}").is_dir():
        pytest.skip(f"there is no gdb of {suite} here: 'make engines' sets it up")
    if os.geteuid() != 0:
        pytest.skip("the gdbs of the kit need root")
    return str(kit_folder() / "bin" / f"{package}-{suite}")


def needed(*tools: str) -> None:
    """Skips a test for which a tool is missing, with what to do about it."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here: apt-get install {PACKAGES.get(tool, tool)}")
