"""The processes of a container, by the word of the engine that runs it, or by their cgroups."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import attrs

from tracekit.core.near import near
from tracekit.errors import EngineError, EngineMissingError, PrivilegeError, TargetError, UsageError
from tracekit.process.attached import status
from tracekit.process.capture import output
from tracekit.process.cgroups import cgroups, container_names, home, processes
from tracekit.process.find import find_program, trusted
from tracekit.process.user import User, invoking_user
from tracekit.values import frozen

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]{0,254}")
"""What engines allow as names, and no option or path; systemd's units have ``@`` and ``:`` too."""
_SECONDS: Final = 10.0
_SETTINGS: Final = (
    "DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF",
    "XDG_RUNTIME_DIR", "CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "CONTAINER_RUNTIME_ENDPOINT", "LXD_DIR",
    "INCUS_DIR",
)  # fmt: skip
"""What engines take from the environment to find their containers."""
_SHORT: Final = 12
_ID_DIGITS: Final = 64
_LISTED: Final = 20


@frozen
class ContainerProcesses:
    """The processes of a container that run now.

    Attributes:
        engine: what says so, such as ``docker``; ``cgroups`` if no engine does.
        init: its first process.
        pids: all of them, the first one first.
    """

    engine: str
    init: int
    pids: tuple[int, ...]


@frozen
class _Told:
    """What an engine says of a container: its first process, 0 if it doesn't run, and its id."""

    engine: str
    pid: int
    id: str = ""


def find_container(name: str) -> ContainerProcesses:
    """The processes of a container.

    Args:
        name: its name; its id, or the id's first 12 digits or more; or the name of a unit of systemd.

    Raises:
        UsageError: if that can't be a name; or if it is that of several containers.
        TargetError: if there is no such container, or it doesn't run.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} can't be a container's name", "Names have letters, digits and _ . - only.")
    told = list(_asked(name))
    inits = {found.pid: found for found in told if found.pid}
    if len(inits) > 1:
        raise _ambiguous(
            name, (f"{t.engine}: process {t.pid} {t.id[:_SHORT]}".rstrip() for t in inits.values())
        )
    if inits:
        (init,) = inits.values()
        return _checked(name, init)
    if told:
        raise TargetError(f"the container {name} doesn't run ({told[0].engine})", "Start it first.")
    return _by_cgroup(name)


def _checked(name: str, told: _Told) -> ContainerProcesses:
    """The processes of a container whose first one an engine has told, unless it means another machine's.

    Raises:
        TargetError: if that process isn't a container's here.
    """
    known = next((n for n in (told.id, name) if n and home(told.pid, n)), None)
    own = _pid_namespace(told.pid)
    if known is not None:
        of_init = home(told.pid, known)
        pids = [pid for pid in processes() if home(pid, known) == of_init]
    elif own not in (None, _pid_namespace(os.getpid())):
        pids = [pid for pid in processes() if _pid_namespace(pid) == own]
    else:
        raise TargetError(
            f"{told.engine} says that {name} is process {told.pid}, which is in no container here",
            f"{told.engine} may speak of another machine or from within a container; -p PID names a process.",
        )
    return ContainerProcesses(told.engine, told.pid, (told.pid, *(pid for pid in pids if pid != told.pid)))


def _by_cgroup(name: str) -> ContainerProcesses:
    found: dict[frozenset[str], list[int]] = {}
    for pid in processes():
        if cgroup := home(pid, name):
            found.setdefault(cgroup, []).append(pid)
    if len(found) > 1:
        raise _ambiguous(name, (f"{min(cgroup)}: process {pids[0]}" for cgroup, pids in found.items()))
    if not found:
        raise _unknown(name)
    ((_, pids),) = found.items()
    init = min(pids, key=lambda pid: _rank(pid, pids))
    return ContainerProcesses("cgroups", init, (init, *(pid for pid in pids if pid != init)))


def _rank(pid: int, among: Iterable[int]) -> tuple[bool, bool, int, int]:
    """What a container's first process has least of: it is 1 in its namespace, or was started from outside."""
    found = status(pid)
    ids = found.get("NSpid", "").split()
    inside = found.get("PPid", "").isdigit() and int(found["PPid"]) in among
    return len(ids) < 2 or ids[-1] != "1", inside, len(ids), pid


def _pid_namespace(pid: int) -> int | None:
    with suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    return None


def _asked(name: str) -> Iterator[_Told]:
    """What each engine that is installed says of a name; also to who called sudo, who may have others."""
    for engine, ask in _ENGINES.items():
        if find_program(engine) is None:
            continue
        for user in dict.fromkeys((None, invoking_user())):

            def say(*words: str, engine: str = engine, user: User | None = user) -> Any:
                return _parsed(_said(engine, words, user))

            yield from (attrs.evolve(told, engine=engine) for told in ask(say, name))


def _said(engine: str, words: Sequence[str], user: User | None = None) -> bytes:
    """What an engine prints; nothing if it can't be run, or if root under sudo shouldn't run it."""
    path = find_program(engine)
    # Under sudo, root goes by none of the user's settings.
    settings = () if user is None and invoking_user() is not None else _SETTINGS
    with suppress(EngineError, EngineMissingError, PrivilegeError, OSError):
        if path is not None:
            return output([trusted(path) if user is None else path, *words], _SECONDS, user, settings)
    return b""


def _parsed(said: bytes) -> Any:
    """JSON, or the last word of a line such as ``Leader=77``."""
    text = said.decode("utf-8", "replace").strip()
    try:
        return json.loads(text)
    except ValueError:
        return int(text.rpartition("=")[2]) if text.rpartition("=")[2].isdecimal() else None


_Say = Callable[..., Any]


def _docker(say: _Say, name: str) -> Iterator[_Told]:
    for found in _rows(say("inspect", "--type", "container", name)):
        yield _Told("", _number(_rows(found.get("State")), "Pid"), str(found.get("Id", "")))


def _crictl(say: _Say, name: str) -> Iterator[_Told]:
    # Names are patterns there, and only ids can be inspected.
    listed = _rows(_in(say("ps", "--name", f"^{re.escape(name)}$", "--output", "json"), "containers"))
    for container in [str(c.get("id", "")) for c in listed] or [name]:
        found = say("inspect", "--output", "json", container)
        if pid := _number(_rows(_in(found, "info")), "pid"):
            yield _Told("", pid, str(_in(_in(found, "status"), "id") or ""))


def _machinectl(say: _Say, name: str) -> Iterator[_Told]:
    if isinstance(pid := say("show", "--property=Leader", name), int) and pid:
        yield _Told("", pid)


def _lxc_info(say: _Say, name: str) -> Iterator[_Told]:
    if isinstance(pid := say("--name", name, "--pid", "--no-humanize"), int) and pid > 0:
        yield _Told("", pid)


def _lxd(say: _Say, name: str) -> Iterator[_Told]:
    if pid := _number(_rows(say("query", f"/1.0/instances/{name}/state")), "pid"):
        yield _Told("", pid)


_ENGINES: Final[dict[str, Callable[[_Say, str], Iterator[_Told]]]] = {
    "docker": _docker,
    "podman": _docker,
    "nerdctl": _docker,
    "crictl": _crictl,
    "machinectl": _machinectl,
    "lxc-info": _lxc_info,
    "lxc": _lxd,
    "incus": _lxd,
}


def _rows(found: Any) -> list[dict[str, Any]]:
    """The objects of a JSON array, or the one that there is."""
    return [row for row in (found if isinstance(found, list) else [found]) if isinstance(row, dict)]


def _in(found: Any, key: str) -> Any:
    return found.get(key) if isinstance(found, dict) else None


def _number(rows: list[dict[str, Any]], key: str) -> int:
    return next((row[key] for row in rows if isinstance(row.get(key), int) and row[key] > 0), 0)


def _ambiguous(name: str, candidates: Iterable[str]) -> UsageError:
    lines = "".join(f"\n  {line}" for line in candidates)
    return UsageError(f"several containers are meant by {name}", f"Give the whole id, or -p PID:{lines}")


def _unknown(name: str) -> TargetError:
    there = {full for pid in processes() for path in cgroups(pid) for full, _ in container_names(path)}
    names = sorted({*_listed(), *(full[:_SHORT] if len(full) == _ID_DIGITS else full for full in there)})
    close = near(name, names)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    hint += (
        f"There are {', '.join(names[:_LISTED])}{more}." if names else "None is seen; -p PID names a process."
    )
    return TargetError(f"there is no container {name} here", hint)


def _listed() -> Iterator[str]:
    """The names of the containers that run, by those engines that have a list that is easy to read."""
    for engine in ("docker", "podman", "nerdctl"):
        said = _said(engine, ("ps", "--format", "{{.Names}}")).decode("utf-8", "replace")
        yield from (line for line in said.split() if _NAME.fullmatch(line))
