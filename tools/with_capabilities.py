"""Runs a command as a user with exactly some capabilities, and no way to others, as setpriv does.

    python3 tools/with_capabilities.py UID CAPABILITY,... COMMAND ARGUMENTS...

An empty list is none. The bounding set has no others either, and no program gives any (no_new_privs).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

CAPABILITIES = {
    "dac_override": 1,
    "dac_read_search": 2,
    "fowner": 3,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_admin": 12,
    "ipc_lock": 14,
    "sys_chroot": 18,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "sys_resource": 24,
    "syslog": 34,
    "perfmon": 38,
    "bpf": 39,
    "checkpoint_restore": 40,
}
"""The numbers of those that may concern an engine (``linux/capability.h``)."""

_VERSION = 0x20080522
_KEEPCAPS, _CAPBSET_DROP, _NO_NEW_PRIVS, _AMBIENT, _RAISE = 8, 24, 38, 47, 2
_libc = ctypes.CDLL(None, use_errno=True)


def here() -> list[str]:
    """Those that this process can pass on."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        bounding = next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd"))
    return [name for name, number in CAPABILITIES.items() if bounding >> number & 1]


# Where only root may read our Python, a mount namespace of its own has it where everybody may.
_OPEN = """
python=$1 read_only=$2
shift 2
case $python in
/root/*) mount --bind "$python" /mnt; mount -t tmpfs -o mode=755 none /root; mkdir -p "$python"
    mount --move /mnt "$python";;
esac
[ -z "$read_only" ] || mount -o remount,bind,ro /
exec "$@"
"""


def command(
    uid: int, names: Sequence[str], argv: Sequence[str], within: Sequence[str] = (), *, read_only: bool = False
) -> list[str]:
    """The command that runs another so, in a mount namespace of its own.

    Args:
        uid: the user.
        names: the capabilities.
        argv: the command.
        within: what is executed before, with all capabilities.
        read_only: whether the root's file system is.
    """
    python = str(Path(sys.base_prefix).parents[1])
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _OPEN, "sh", python]
    this = [sys.executable, str(Path(__file__).resolve()), str(uid), ",".join(names)]
    return [*unshare, "ro" if read_only else "", *within, *this, *argv]


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _prctl(option: int, one: int, two: int = 0) -> None:
    _call(_libc.prctl(option, *(ctypes.c_ulong(word) for word in (one, two, 0, 0))))


def main(uid: int, names: str, *command: str) -> None:
    """Becomes the command."""
    numbers = [CAPABILITIES[name] for name in names.split(",") if name]
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for number in range(last + 1):
        if number not in numbers:
            _prctl(_CAPBSET_DROP, number)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    _prctl(_KEEPCAPS, 1)
    os.setresuid(uid, uid, uid)
    mask = sum(1 << number for number in numbers)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _VERSION, 0)
    _call(_libc.capset(header, struct.pack("=6I", low, low, low, high, high, high)))
    for number in numbers:
        _prctl(_AMBIENT, _RAISE, number)
    _prctl(_NO_NEW_PRIVS, 1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
