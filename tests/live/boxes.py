"""Containers that are made by hand: a root folder, namespaces, and a process in them that waits and then calls.

Run as a program it is the last step before the process: ``boxes.py MODE ROOT PRELOAD PROGRAM ARGS…``, in the
namespaces already, becomes the program in that root folder.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
struct value { const char *data; size_t len; };
long shop(long);
#define KEEP __attribute__((noinline)) __attribute__((used))
#if DECOY
KEEP int elsewhere(int x) { __asm__ volatile("" ::: "memory"); return x; }
#endif
KEEP size_t served(struct value v) { __asm__ volatile("" ::: "memory"); return v.len; }
int main(int argc, char **argv) {
    long n = atol(argv[1]);
    prctl(PR_SET_NAME, "waiting");
    while (access(argv[2], F_OK)) usleep(1000);
    for (long i = 0; i < n; i++) {
        struct value v = {"x", i};
        shop(served(v));
        setenv("LONGER", "x", 1);
    }
    return 7;
}
"""
LIBRARY = """
#if DECOY
int elsewhere(int x) { return x * 3; }
#endif
long shop(long x) { return x * 2; }
"""
CALLS = 500
SUM = CALLS * (CALLS - 1) // 2
_MS_BIND_REC, _MNT_DETACH = 0x5000, 2


def build(folder: Path, *flags: str, decoy: bool = False) -> Path:
    """The program, ``folder/app``, and its library beside it; a decoy has the same functions elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    library, program = folder / "libshop.so", folder / "app"
    macro = f"-DDECOY={int(decoy)}"
    parts = {"library.c": LIBRARY, "app.c": SOURCE}
    for name, text in parts.items():
        (folder / name).write_text(text)
    shared = ["gcc", "-O1", "-g", macro, "-shared", "-fPIC"]
    subprocess.run([*shared, "-o", library, folder / "library.c"], check=True)
    libraries = [folder / "library.c"] if "-static" in flags else [library, f"-Wl,-rpath,{folder}"]
    command = ["gcc", "-O1", "-g", macro, *flags, "-o", program, folder / "app.c", *libraries]
    subprocess.run(list(map(str, command)), check=True)
    for name in parts:
        (folder / name).unlink()
    return program


def populate(root: Path, program: Path, other: Path | None) -> None:
    """Make a root folder in which a program runs, with its files where they are out here.

    Args:
        root: the folder.
        program: made by ``build``.
        other: a root folder with another C library; None for ours.
    """
    for name in ("proc", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.copytree(program.parent, root / str(program.parent).lstrip("/"))
    listed = subprocess.run(["ldd", program], check=False, capture_output=True, text=True).stdout.split()
    for library in (Path(word) for word in listed if word.startswith("/") and "shop" not in word):
        there = root / str(library).lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        # An absolute link, that means a file in here.
        real = root / "real" / library.name
        real.parent.mkdir(exist_ok=True)
        found = None if other is None else other / "usr/lib" / library.parent.name / library.name
        if found is None or not found.exists():
            found = next((p for p in (other or Path("/")).glob(f"usr/lib*/*/{library.name}")), library)
        shutil.copy(found, real)
        there.symlink_to(f"/real/{library.name}")


@contextmanager
def box(
    root: Path, *argv: str, mode: str = "pivot", flags: tuple[str, ...] = (), preload: str = ""
) -> Iterator[int]:
    """A process in a container, as the first of its pid namespace; gives the process id that it has out here.

    Args:
        root: its root folder.
        argv: its program and arguments, as it is called in there.
        mode: ``pivot`` for a mount namespace with the folder as its top, as engines do it, or ``chroot``.
        flags: more of unshare's options, such as ``--user``.
        preload: a library that is loaded before others, by its path in there.
    """
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *flags]
    with subprocess.Popen([*namespaces, sys.executable, __file__, mode, str(root), preload, *argv]) as outer:
        try:
            yield _first(outer)
        finally:
            outer.kill()


def _first(outer: subprocess.Popen[bytes]) -> int:
    """The container's first process, once it has come to its ``main``."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and outer.poll() is None:
        with suppress(OSError, ValueError):
            pid = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() == "waiting":
                return pid
        time.sleep(0.01)
    raise AssertionError("the program did not start")


def _enter(mode: str, root: str, preload: str, argv: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(root.encode(), root.encode(), None, _MS_BIND_REC, None) == 0
    os.chdir(root)
    # Before the old one is gone: a user namespace may mount what it can see anyhow.
    assert libc.mount(b"proc", b"proc", b"proc", 0, None) == 0, ctypes.get_errno()
    if mode == "pivot":
        number = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
        assert libc.syscall(number, b".", b".") == 0, ctypes.get_errno()
        assert libc.umount2(b".", _MNT_DETACH) == 0
    else:
        os.chroot(".")
    os.chdir("/")
    os.execve(argv[0], argv, {"LD_PRELOAD": preload} if preload else {})


if __name__ == "__main__":
    _enter(*sys.argv[1:4], sys.argv[4:])
