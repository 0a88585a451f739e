#!/usr/bin/env python3
"""Sets up the compilers of newer Debian suites beside the system's, for the tests in tests/truth.

`up` unpacks them, with the packages they depend on, into one folder ($TRACEKIT_COMPILERS, or
/var/cache/tracekit-compilers), in the way of tools/engines.py: nothing is installed on the host, and each
program in bin/ runs one compiler with its suite's /usr laid over the host's, in a mount namespace of its own.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

try:
    from tools import engines
except ImportError:  # started as a script
    import engines

SUITES = {  # the packages that each suite is asked for, and the programs that run
    "trixie": {
        "gcc-14": "/usr/bin/gcc-14",
        "g++-14": "/usr/bin/g++-14",
        "clang-19": "/usr/bin/clang-19",
        "golang-go": "/usr/lib/go-1.24/bin/go",
        "rustc": "/usr/bin/rustc",
    },
    "sid": {
        "gcc-15": "/usr/bin/gcc-15",
        "g++-15": "/usr/bin/g++-15",
        "clang-21": "/usr/bin/clang-21",
        "golang-go": "/usr/bin/go",
        "rustc": "/usr/bin/rustc",
    },
}
NEEDED = ["gcc", "libc6-dev", "coreutils", "dash"]


def kit_folder() -> Path:
    """Returns the folder with all that is set up here."""
    return Path(os.environ.get("TRACEKIT_COMPILERS") or "/var/cache/tracekit-compilers").resolve()


def name_of(program: str, suite: str) -> str:
    """Returns the name in bin/ of a suite's program, such as gcc-14-trixie."""
    return f"{Path(program).name}-{suite}"


def build(kit: Path, suite: str, source: str, keyring: Path) -> None:
    """Builds a suite, which gets its name only when its compilers have run."""
    work, root = (Path(tempfile.mkdtemp(".partial", f"{suite}.", kit)) for _ in range(2))
    (work / "sources.list").write_text(f"deb [signed-by={keyring}] {source} {suite} main\n")
    own = engines.OWN_LISTS + engines.OWN_SOURCE
    engines.apt_get(work, own, "update")
    engines.apt_get(work, own, "install", "--download-only", *SUITES[suite], *NEEDED)
    engines.unpack(work.glob("cache/archives/*.deb"), root)
    (root / "usr/local").mkdir(exist_ok=True)
    for program in SUITES[suite].values():
        option = "version" if program.endswith("/go") else "--version"
        command = [*engines.UNSHARE, f"{kit}/bin/enter", str(root), program, option]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise engines.EnginesError(f"The {program} of {suite} does not run: {done.stderr.strip()}")
    root.rename(kit / suite)


def write_programs(kit: Path) -> None:
    """Writes what belongs into KIT/bin."""
    (kit / "bin").mkdir(exist_ok=True)
    texts = {"enter": engines.ENTER}
    for suite, programs in SUITES.items():
        for program in programs.values():
            start = " ".join([*engines.UNSHARE, f"{kit}/bin/enter", f"{kit}/{suite}", program])
            texts[name_of(program, suite)] = f'#!/bin/sh\nexec {start} "$@"\n'
    for name, text in texts.items():
        (kit / "bin" / name).write_text(text)
        (kit / "bin" / name).chmod(0o755)


def up(kit: Path) -> None:
    """Sets up what is missing."""
    if os.geteuid() != 0:
        raise engines.EnginesError("Setting up the compilers needs root.")
    kit.mkdir(parents=True, exist_ok=True)
    with (kit / ".tracekit-compilers").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        engines.remove(kit.glob("*.partial"))
        write_programs(kit)
        for suite in SUITES:
            if not (kit / suite).is_dir():
                print(f"Setting up the compilers of {suite} in {kit}", flush=True)
                keyring = engines.find_keyring(Path(tempfile.mkdtemp(".partial", "keys.", kit)))
                try:
                    build(kit, suite, engines.mirror(), keyring)
                finally:
                    engines.remove(kit.glob("*.partial"))


def down(kit: Path) -> None:
    """Removes all that `up` made."""
    engines.refuse_if_mounted(kit)
    if (kit / ".tracekit-compilers").exists():
        engines.remove(iter([kit]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns the exit status."""
    parser = argparse.ArgumentParser(description="Newer compilers beside the system's.")
    subcommands = parser.add_subparsers(required=True)
    for run in (up, down):
        subcommands.add_parser(run.__name__, help=run.__doc__).set_defaults(run=run)
    try:
        parser.parse_args(arguments).run(kit_folder())
    except (engines.EnginesError, OSError, subprocess.SubprocessError) as error:
        print(f"compilers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
