"""Tools that tests need, and the Debian packages that have them."""

from __future__ import annotations

import shutil

import pytest

PACKAGES = {
    "clang++": "clang",
    "dsymutil": "llvm",
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


def needed(*tools: str) -> None:
    """Skips a test for which a tool is missing, with what to do about it."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} here: apt-get install {PACKAGES.get(tool, tool)}")
