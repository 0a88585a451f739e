r"""Containers by the names of their processes' cgroups, which need no container engine.

The name that an engine gives to the cgroup of a container, or to the systemd unit that is its cgroup; the first
of each pair with the cgroupfs driver, the second with systemd's:

- Docker: ``/docker/ID``, ``docker-ID.scope``; under Kubernetes ``/kubepods/…/podUID/ID``
- Podman: ``libpod-ID``, ``libpod-ID.scope``; with a monitor in ``libpod-conmon-ID.scope``
- containerd under Kubernetes: ``/kubepods/…/podUID/ID``, ``cri-containerd-ID.scope``; nerdctl:
  ``nerdctl-ID.scope``
- CRI-O: ``crio-ID``, ``crio-ID.scope``; with a monitor in ``crio-conmon-ID`` or ``crio-conmon-ID.scope``
  (cri-o, ``internal/config/cgmgr``)
- systemd-nspawn and machined: ``systemd-nspawn@NAME.service``, ``machine-NAME.scope`` (systemd-nspawn(1),
  systemd-machined(8)), where systemd writes ``-`` as ``\x2d`` (systemd.unit(5))
- LXC: ``lxc.payload.NAME``, ``/lxc/NAME``; its monitor is in ``lxc.monitor.NAME`` (lxc.container.conf(5))
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

_UNIT: Final = re.compile(r"\.(?:scope|service)$")
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")
_ID: Final = re.compile(r"(?:[a-z][a-z-]*-)?([0-9a-f]{64})")
_NAMED: Final = re.compile(r"(?:lxc\.payload\.|machine-|systemd-nspawn@)(.+)")
_MONITOR: Final = re.compile(r"conmon-|lxc\.monitor\.")
_ID_DIGITS: Final = 64
_PREFIX: Final = re.compile(r"[0-9a-f]{12,64}")


def container_names(path: str) -> Iterator[tuple[str, str]]:
    """The containers that a cgroup is in, and the units of systemd, outermost first. Pure.

    Args:
        path: the cgroup's, as ``/proc/PID/cgroup`` has it.

    Yields:
        The name or id of each, and its own cgroup.
    """
    above = cgroup = ""
    for part in path.split("/")[1:]:
        name = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), part)
        cgroup += f"/{part}"
        bare = _UNIT.sub("", name)
        if not _MONITOR.search(name):
            if found := _ID.fullmatch(bare) or _NAMED.fullmatch(bare):
                yield found[1], cgroup
            elif bare != name or above == "lxc":
                yield bare, cgroup
        above = name


def is_meant(name: str, wanted: str) -> bool:
    """Whether a container's or unit's name or id is meant by a name, an id or the beginning of an id. Pure."""
    shortened = len(name) == _ID_DIGITS and _PREFIX.fullmatch(wanted) is not None
    return name == _UNIT.sub("", wanted) or (shortened and name.startswith(wanted))


def home(pid: int, wanted: str) -> frozenset[str]:
    """The cgroups of the container that is meant, in which a process is; none if it isn't in it.

    Processes of one container have the same: whoever may make cgroups in a container of theirs could give one
    the name of another container.
    """
    found = []
    for path in cgroups(pid):
        found += [cgroup for name, cgroup in container_names(path) if is_meant(name, wanted)][:1]
    return frozenset(found)


def processes() -> Iterator[int]:
    """All processes that can be seen."""
    yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def cgroups(pid: int) -> tuple[str, ...]:
    """The cgroups of a process: one, or with version 1 one for each controller; none if it has ended."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            return tuple(dict.fromkeys(line.rstrip("\n").split(":", 2)[2] for line in file))
    except OSError:
        return ()
