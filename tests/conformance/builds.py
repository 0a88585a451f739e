"""Builds the targets."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parent / "targets"

_C = "gcc -std=gnu11 -g -Wall -Wextra -Werror -pthread -fcf-protection"
# At an address that is known without symbols.
_FIXED = "-no-pie -Wl,-Ttext=0x402000"
_HOST = "-DLINKED host.c -Wl,-rpath,$ORIGIN"

BUILDS = {
    "calls": f"{_C} -O1 calls.c",
    "calls_O0": f"{_C} -O0 calls.c",
    "calls_O2": f"{_C} -O2 calls.c",
    "calls_clang": "clang -std=gnu11 -g -O2 -pthread calls.c",
    "calls_lld": "clang -std=gnu11 -g -O1 -pthread -fuse-ld=lld calls.c",
    "calls_exec": f"{_C} -O1 {_FIXED} calls.c",
    "calls_static": f"{_C} -O1 -static calls.c",
    "calls_stripped": f"{_C} -O1 {_FIXED} -s calls.c",
    "calls_dynamic": f"{_C} -O1 -rdynamic -s calls.c",
    "libwork.so": f'{_C} -O1 -shared -fPIC -DEARLY=1 -DLIBRARY="libwork.so" work.c',
    "liblate.so": f'{_C} -O1 -shared -fPIC -DEARLY=0 -DLIBRARY="liblate.so" work.c',
    "linked": f"{_C} -O1 {_HOST} -L{{folder}} -l:libwork.so",
    "loads": f"{_C} -O1 host.c -ldl",
    "many": f"{_C} -O1 many.c",
    "stacks": f"{_C} -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls stacks.c",
    "points": f"{_C} -O1 points.c",
    "points_lld": "clang -std=gnu11 -g -O1 -fuse-ld=lld points.c",
    "names": f"{_C} -O1 names.c",
    "names_O0": f"{_C} -O0 names.c",
    "names_cc": "g++ -std=c++17 -g -O1 names.cc",
    "names_rs": "rustc --edition 2021 -g -O --crate-name names names.rs",
    "names_go": "go build -buildvcs=false",
}
"""How each is built, in an order in which what others need comes first."""


def build(folder: Path, instead: Mapping[str, str] = {}) -> None:
    """Build all targets in a folder.

    Args:
        folder: the folder.
        instead: what stands for some words of the commands, for another processor; a target whose compiler
            is replaced by nothing isn't built.

    Raises:
        CalledProcessError: if one can't be built.
    """
    for name, command in BUILDS.items():
        compiler, *rest = command.format(folder=folder).split()
        words = " ".join(instead.get(word, word) for word in (compiler, *rest)).split()
        where = SOURCES / "go" if compiler == "go" else SOURCES
        if instead.get(compiler, compiler):
            subprocess.run([*words, "-o", folder / name], check=True, cwd=where)
