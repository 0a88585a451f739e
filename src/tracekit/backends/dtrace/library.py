"""Where dtrace is, which one it is, and the part of its library that our scripts need.

On Linux dtrace reads all of its library at each start. That takes it seconds, since most of the files speak
of the kernel's types; and where the kernel doesn't list its variables (CONFIG_KALLSYMS_ALL) it stops at one of
them, ``io.d``. So it gets a folder with what our scripts use and nothing else: the names of registers, and the
one file that speaks of types if the script needs some.

The files are those that the engine itself sees: its program may be a script that gives it another ``/usr``.
Source: ``dt_dlibs.c`` in oracle/dtrace-utils, which reads the ``.d`` and ``.o`` files of the folder, and before
them those of its subfolder for the kernel's version; ``Build``, where the folder is beside ``libdtrace.so``.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from time import monotonic
from typing import Final

import attrs

from tracekit import process
from tracekit.core.feature import Feature
from tracekit.errors import EngineMissingError, PrivilegeError
from tracekit.values import frozen

_DIALECTS: Final = {"linux": "linux", "darwin": "macos", "sunos5": "illumos"}

_CODE: Final = "bpf_dlib.o"
_REGISTERS: Final = "regs.d"
_PROCESSORS: Final = "sched.d"
_DEVICES: Final = "io.d"

# What dtrace has from the kernel's structures, whose types it reads only if a file speaks of them.
_NEED_TYPES: Final = frozenset({Feature.COMM, Feature.CPU})
_TASK_PT_REGS: Final = (5, 15)

_VERSION: Final = re.compile(rb"\bD (\d+(?:\.\d+)*)")
_SYMBOL: Final = re.compile(rb"\bvmlinux`(\w+)")

_HEAD: Final = 4096
_START_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.002
_CAP_SYS_ADMIN: Final = 21


@frozen
class Installed:
    """The dtrace of this machine.

    Attributes:
        path: its program.
        version: its own word for its version: on Linux dtrace's, elsewhere the D language's.
        dialect: ``linux``, ``macos``, ``illumos`` or ``freebsd``.
        library: of its library on Linux the files that concern us, by their paths in its folder; empty if it
            was not found, and elsewhere.
    """

    path: str
    version: str
    dialect: str
    library: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)


def find_engine() -> str:
    """The path of dtrace: ``TRACEKIT_DTRACE`` if that is set, else the one on the PATH.

    Raises:
        EngineMissingError: if there is none.
        PrivilegeError: under sudo, if others than root can replace it.
    """
    named = os.environ.get("TRACEKIT_DTRACE")
    # It is where an ordinary user's PATH often doesn't lead.
    candidates = [named] if named else ["dtrace", "/usr/sbin/dtrace"]
    found = [path for path in map(process.find_program, candidates) if path is not None]
    real = [path for path in found if not _is_of_systemtap(path)]
    if not real:
        missing = f"TRACEKIT_DTRACE={named!r} is no program" if named else "dtrace is not installed"
        other = "is SystemTap's, which makes headers for static probes and traces nothing"
        raise EngineMissingError(
            f"{found[0]} {other}" if found else missing,
            "macOS has it; 'apt-get install dtrace' installs it on Debian unstable, 'dnf install dtrace' on "
            "Oracle Linux. Or set TRACEKIT_DTRACE to its path.",
        )
    return real[0] if named else process.trusted(real[0])


def _is_of_systemtap(path: str) -> bool:
    """Whether a program is the other one of that name (systemtap-sdt-dev), a script in Python."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head.startswith(b"#!") and b"python" in head.split(b"\n")[0] and b"ystem" in head


def check_privilege() -> None:
    """Refuse early what dtrace would refuse late, or not at all.

    On Linux without CAP_SYS_ADMIN it ends well, with nothing in its aggregations (2.0.7).

    Raises:
        PrivilegeError: if this process may not trace.
    """
    if os.geteuid() != 0:
        raise PrivilegeError(
            "dtrace needs root to trace",
            "Run the same command with sudo in front of it; --sudo is for bpftrace alone.",
        )
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="utf-8", errors="replace") as status:
            held = next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)
        if not held & 1 << _CAP_SYS_ADMIN:
            raise PrivilegeError(
                "dtrace needs CAP_SYS_ADMIN: without it, it counts nothing and says nothing",
                "Run it outside of the container, or give the container that capability.",
            )


@functools.cache
def installed(path: str) -> Installed:
    """What is known of a dtrace; found out once for each process of ours.

    Args:
        path: its program.

    Raises:
        EngineMissingError: if it can't be executed.
        EngineError: if it can't be started for another reason.
    """
    dialect = _DIALECTS.get(sys.platform, "freebsd")
    argv = [path, "-V"]
    if dialect != "linux":
        return Installed(path, _version(process.output(argv)), dialect)
    with process.held(argv, {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}) as command:
        folder, deadline = None, monotonic() + _START_SECONDS
        while not folder and not command.ended(_LOOK_SECONDS) and monotonic() < deadline:
            folder = _folder(command.pid)
        files = _read(f"/proc/{command.pid}/root{folder}") if folder else {}
        return Installed(path, _version(command.let_go(_START_SECONDS)), dialect, files)


@contextlib.contextmanager
def library(engine: Installed, features: Collection[Feature]) -> Iterator[tuple[str, ...]]:
    """The arguments that have dtrace read no more of its library than it needs, as long as the block lasts.

    Args:
        engine: which dtrace.
        features: what the script's program needs.
    """
    wanted = {_CODE, _REGISTERS}
    if not _NEED_TYPES.isdisjoint(features) or _finds_registers_by_types():
        wanted.add(_PROCESSORS)
    files = {name: data for name, data in engine.library.items() if os.path.basename(name) in wanted}
    if _CODE not in files:
        yield ()
        return
    # Where only we can have written: root is about to compile what is in it.
    with process.scratch_folder() as folder:
        for name, data in files.items():
            copy = os.path.join(folder, name)
            os.makedirs(os.path.dirname(copy), mode=0o700, exist_ok=True)
            with open(copy, "xb") as file:
                file.write(data)
        yield (f"-xsyslibdir={folder}",)


def missing_symbols(engine: Installed) -> tuple[str, ...]:
    """The kernel's symbols that dtrace's own library needs and this kernel doesn't list.

    For want of one, dtrace by itself stops at every script.
    """
    needed = {
        symbol
        for name, data in engine.library.items()
        if os.path.basename(name) == _DEVICES
        for symbol in _SYMBOL.findall(data)
    }
    if not needed:
        return ()
    with open("/proc/kallsyms", "rb") as lines:
        listed = lines.read()
    return tuple(sorted(symbol.decode() for symbol in needed if b" %s\n" % symbol not in listed))


def remark(engine: Installed) -> str:
    """What to tell of a library that stops dtrace by itself; the empty string if it doesn't."""
    missing = missing_symbols(engine)
    if not missing:
        return ""
    return (
        f"dtrace's own library ({_DEVICES}) needs the kernel's symbol {', '.join(missing)}, which this kernel "
        "doesn't list, so it works only with the library that tracekit gives it; the remedy is a kernel with "
        "CONFIG_KALLSYMS_ALL=y, or a dtrace whose library does without"
    )


def _finds_registers_by_types() -> bool:
    """Whether this kernel is one whose eBPF gives no registers, so that dtrace looks for them itself.

    Source: ``dt_cg_uregs`` in ``dt_cg.c``; Linux has had ``bpf_task_pt_regs`` since 5.15.
    """
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is None or (int(found[1]), int(found[2])) < _TASK_PT_REGS


def _version(said: bytes) -> str:
    found = _VERSION.search(said)
    return found[1].decode() if found else ""


def _folder(pid: int) -> str | None:
    """The folder of the library that a process has loaded, as that process sees it."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as maps:
            for line in maps:
                path = line.rstrip("\n").split(None, 5)[-1]
                if os.path.basename(path).startswith("libdtrace.so"):
                    return os.path.join(os.path.dirname(path), "dtrace")
    except OSError:
        pass
    return None


def _read(folder: str) -> dict[str, bytes]:
    """What concerns us of the folder of a library; nothing if it isn't there."""
    if not os.path.isdir(folder):
        return {}
    wanted = {_CODE, _REGISTERS, _PROCESSORS, _DEVICES}
    files = {}
    for place in ("", *sorted(name for name in os.listdir(folder) if name[0].isdigit())):
        for name in wanted.intersection(os.listdir(os.path.join(folder, place))):
            with open(os.path.join(folder, place, name), "rb") as file:
                files[os.path.join(place, name)] = file.read()
    return files
