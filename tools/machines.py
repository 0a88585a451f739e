"""What virtual machines are made of: Debian's kernels, its files and Python's, and the targets, in archives.

All is fetched and built once, into a folder beside the kit of engines; nothing of the packages is run here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.conformance.builds import build as build_targets
from tools.engines import (
    BOUND,
    OWN_LISTS,
    OWN_SOURCE,
    EnginesError,
    apt_get,
    find_keyring,
    merge_usr,
    mirror,
    unpack,
)  # fmt: skip

ROOT = Path(__file__).parent.parent

SDT = "-idirafter /usr/include/x86_64-linux-gnu"  # where Debian has sys/sdt.h, which is the same for all


class Processor(NamedTuple):
    """A processor: its name here and in Debian, what emulates it, and how its targets are built."""

    name: str
    debian: str
    machine: Sequence[str]
    console: str
    compilers: Mapping[str, str]


PROCESSORS = {
    p.debian: p
    for p in (
        Processor(
            "x86_64",
            "amd64",
            ("qemu-system-x86_64", "-cpu", "max"),
            "ttyS0",
            {},
        ),
        Processor(
            "aarch64",
            "arm64",
            ("qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"),
            "ttyAMA0",
            {
                "gcc": f"aarch64-linux-gnu-gcc {SDT}",
                "g++": "aarch64-linux-gnu-g++",
                "clang": f"clang --target=aarch64-linux-gnu -I/usr/aarch64-linux-gnu/include {SDT}",
                "go": "env GOARCH=arm64 CGO_ENABLED=0 go",
                "rustc": "",
                "-fcf-protection": "",
            },
        ),
    )
}

KERNELS = {  # Debian's suite and architecture
    "amd64-bullseye": ("bullseye", "amd64"),
    "amd64-bookworm": ("bookworm", "amd64"),
    "arm64-bookworm": ("bookworm", "arm64"),
    "arm64-trixie": ("trixie", "arm64"),
}

SYSTEM = "bookworm"  # has the Python that is needed, and the C library of targets that Debian 12 builds
PACKAGES = ["python3.11", "busybox-static", "libstdc++6"]

INIT = """\
#!/bin/busybox sh
export PATH=/usr/bin:/bin HOME=/root PYTHONPATH=/tracekit/src:/tracekit:/site PYTHONDONTWRITEBYTECODE=1
/bin/busybox mkdir -p /proc /sys /dev /tmp /root /run
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox mount -t tracefs tracefs /sys/kernel/tracing
/bin/busybox ln -sf /proc/self/fd /dev/fd
/bin/busybox ip link set lo up
cd /tracekit
/usr/bin/python3.11 -m tests.conformance.guest $(/bin/busybox cat /arguments) 2>&1
/bin/busybox dmesg | /bin/busybox grep -E 'BUG|WARNING|Oops|stall|lockup' | /bin/busybox sed 's/^/@dmesg /'
/bin/busybox reboot -f
"""


def sources(suite: str, work: Path, keyring: Path) -> None:
    """Sets up apt-get's lists of a suite in a folder."""
    for source in (mirror(), "http://archive.debian.org/debian"):  # where old suites go
        (work / "sources.list").write_text(f"deb [signed-by={keyring}] {source} {suite} main\n")
        try:
            apt_get(work, own(work), "update")
        except EnginesError as error:
            failed = error
        else:
            return
    raise failed


def own(work: Path) -> str:
    """Returns a configuration of apt-get for another system than this one."""
    return OWN_LISTS + OWN_SOURCE + (work / "architecture").read_text()


def lists(suite: str, processor: Processor, folder: Path) -> Path:
    """Makes a folder with apt-get's lists of a suite for a processor, in a folder."""
    work = Path(tempfile.mkdtemp(dir=folder))
    name = processor.debian
    architecture = f'APT::Architecture "{name}"; APT::Architectures {{{{ "{name}"; }}}};\n'
    (work / "architecture").write_text(architecture)
    sources(suite, work, find_keyring(Path(tempfile.mkdtemp(dir=folder))))
    return work


def kernel(name: str, folder: Path, work: Path) -> Path:
    """Returns a kernel's image in a folder; where it isn't there yet, it is fetched through another one."""
    suite, debian = KERNELS[name]
    for found in folder.glob(f"{name}/boot/vmlinuz-*"):
        return found
    work = lists(suite, PROCESSORS[debian], work)
    apt_get(work, own(work), "install", "--download-only", f"linux-image-{debian}")
    (image,) = work.glob("cache/archives/linux-image-[0-9]*.deb")
    root = work / "root"
    unpack(iter([image]), root)
    shutil.rmtree(root / "lib", ignore_errors=True)  # its modules: all that is needed is built in
    shutil.rmtree(root / "usr", ignore_errors=True)
    root.rename(folder / name)
    return kernel(name, folder, work)


def system(processor: Processor, folder: Path, work: Path) -> Path:
    """Returns the archive of a system's files in a folder; see ``kernel``."""
    archive = folder / f"{processor.debian}.cpio"
    if archive.exists():
        return archive
    work = lists(SYSTEM, processor, work)
    apt_get(work, own(work), "install", "--download-only", *PACKAGES)
    root = work / "root"
    unpack(iter(sorted(work.glob("cache/archives/*.deb"))), root)
    merge_usr(root)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for path in ("usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/i18n", "usr/lib/locale"):
        shutil.rmtree(root / path, ignore_errors=True)
    (root / "usr/bin/sh").unlink(missing_ok=True)
    (root / "usr/bin/sh").symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    install_python(processor, root / "site")
    pack(root, archive)
    return archive


def install_python(processor: Processor, folder: Path) -> None:
    """Installs what tracekit needs of PyPI into a folder, built for a processor."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    platforms = [f"--platform=manylinux{v}_{processor.name}" for v in ("_2_17", "2014", "1")]
    command = [sys.executable, "-m", "pip", "-qq", "install", "--target", folder, "--no-compile"]
    subprocess.run(
        [*BOUND, *command, *platforms, "--only-binary=:all:", "--python-version=3.11", *needed], check=True
    )


def pack(root: Path, archive: Path) -> None:
    """Packs a folder's files as the kernel unpacks them at its start."""
    names = sorted(f"{path.relative_to(root)}\n" for path in root.rglob("*"))
    fresh = archive.with_suffix(".partial")
    with fresh.open("wb") as file:
        command = [*BOUND, "cpio", "--quiet", "--create", "--format=newc", "--owner=0:0", "--directory", root]
        subprocess.run(command, input="".join(names).encode(), stdout=file, check=True)
    fresh.rename(archive)


def build_all(processor: Processor, folder: Path) -> None:
    """Builds the targets in a folder."""
    folder.mkdir()
    build_targets(folder, processor.compilers)
    compiler, sample = processor.compilers.get("gcc", "gcc").split(), ROOT / "examples/cache/c/itest.c"
    subprocess.run([*compiler, "-O2", "-g", sample, "-o", folder / "itest.test"], check=True)


def own_files(processor: Processor, arguments: Sequence[str], folder: Path) -> Path:
    """Makes the archive of what belongs to this run: our code, the targets, and what is to be done."""
    root, archive = folder / "own", folder / "own.cpio"
    for name in ("src", "tests/conformance"):
        ignored = shutil.ignore_patterns("__pycache__", "targets")
        shutil.copytree(ROOT / name, root / "tracekit" / name, ignore=ignored)
    for file in (ROOT / "tests").glob("*.py"):
        shutil.copy(file, root / "tracekit/tests")
    build_all(processor, root / "cells")
    (root / "arguments").write_text(" ".join(arguments))
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    pack(root, archive)
    return archive
